"""Compares what a foreign client read with the example that was written, field by field."""

from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def differences(document: Any, read: Any, path: str = "") -> list[str]:
    """Where ``read`` is not what ``document`` says. Instants may come as datetimes or as microseconds."""
    if isinstance(document, dict) and isinstance(read, dict):
        missing = [f"{path}.{name} is on one side only" for name in sorted(document.keys() ^ read.keys())]
        shared = sorted(document.keys() & read.keys())
        return missing + [
            d for name in shared for d in differences(document[name], read[name], f"{path}.{name}")
        ]
    if isinstance(document, list) and isinstance(read, list) and len(document) == len(read):
        pairs = enumerate(zip(document, read, strict=True))
        return [d for number, pair in pairs for d in differences(*pair, f"{path}[{number}]")]
    return [] if _plain(read, document) == document else [f"{path}: {document!r} was read as {read!r}"]


def _plain(read: Any, document: Any) -> Any:
    if isinstance(read, bytes):
        return read.decode("latin-1")
    if isinstance(document, str) and isinstance(read, datetime | int):
        instant = read if isinstance(read, datetime) else _EPOCH + timedelta(microseconds=read)
        return document if instant == datetime.fromisoformat(document) else instant.isoformat()
    return read
