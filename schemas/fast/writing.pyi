from schemas.fast import Write
from schemas.sources import Schema

def writer(schema: Schema) -> Write: ...
