"""CloudEvents attributes of a record as Kafka headers, so that a reader can filter without decoding.

CloudEvents Kafka protocol binding 1.0, binary content mode: attributes are headers that begin with ``ce_``.
"""

from schemas.catalogue import RecordType

Header = tuple[str, bytes]


def constant_headers(kind: RecordType, source: str) -> tuple[Header, ...]:
    """The headers that all records of one type from one ``source`` (a URI reference) share."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_source", source.encode()),
        ("ce_type", f"{kind.full_name}.v{kind.version}".encode()),
        ("content-type", b"application/avro"),
    )
