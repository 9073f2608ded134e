"""Which minutes of a partition are to be written as tick records: every one, in order, each once."""

import time
from collections.abc import Callable
from struct import Struct

MINUTE = 60_000_000
"""Microseconds."""
NAME = b"t"
"""Of the note that holds the last minute that was written."""

_INSTANT = Struct(">q")
_MOST = 5_000
"""Minutes in one transaction."""


def missing(last: int | None, now: int, most: int = _MOST) -> range:
    """The full minutes up to ``now`` that come after ``last``, oldest first, at most ``most`` of them.

    All instants in microseconds since the epoch, UTC. Where none was written before, time begins with the
    present minute. A clock that went back gives none until it has come up again.
    """
    present = now - now % MINUTE
    first = present if last is None else last + MINUTE
    return range(first, min(present, first + (most - 1) * MINUTE) + 1, MINUTE)


class Clock:
    """Asks this machine's clock, so seldom that it costs nothing."""

    def __init__(self) -> None:
        """It looks at once."""
        self._next = 0

    def missing(self, last: Callable[[], int | None]) -> range:
        """The minutes that are to be written now; ``last`` gives the last one that was."""
        now = present()
        if now < self._next <= now + 2 * MINUTE:
            return range(0)
        minutes = missing(last(), now)
        self._next = 0 if minutes else now - now % MINUTE + MINUTE
        return minutes

    def refused(self) -> None:
        """The broker did not take them: leave it alone for a minute."""
        self._next = present() + MINUTE


def present() -> int:
    """This machine's clock, in microseconds since the epoch, UTC."""
    return int(time.time() * 1_000_000)


def encode(minute: int) -> bytes:
    """The note of the last minute."""
    return _INSTANT.pack(minute)


def decode(note: bytes | None) -> int | None:
    """The last minute of `encode`; None before any."""
    if note is None:
        return None
    (minute,) = _INSTANT.unpack(note)
    return int(minute)
