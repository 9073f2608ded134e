from schemas.fast import Read, Unread
from schemas.sources import Schema

def reader(schema: Schema, unread: Unread) -> Read: ...
