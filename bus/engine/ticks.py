"""Which minutes of a partition are to be written as tick records: every one, in order, each once. Pure."""

from struct import Struct

MINUTE = 60_000_000
"""Microseconds."""
NAME = b"t"
"""Of the note that holds the last minute that was written."""

_INSTANT = Struct(">q")


def missing(last: int | None, now: int, most: int) -> range:
    """The full minutes up to ``now`` that come after ``last``, oldest first, at most ``most`` of them.

    All instants in microseconds since the epoch, UTC. Where none was written before, time begins with the
    present minute. A clock that went back gives none until it has come up again.
    """
    present = now - now % MINUTE
    first = present if last is None else last + MINUTE
    return range(first, min(present, first + (most - 1) * MINUTE) + 1, MINUTE)


def encode(minute: int) -> bytes:
    """The note of the last minute."""
    return _INSTANT.pack(minute)


def decode(note: bytes | None) -> int | None:
    """The last minute of `encode`; None before any."""
    if note is None:
        return None
    (minute,) = _INSTANT.unpack(note)
    return int(minute)
