"""What a local store was given and its database was not yet: of each key the last. Pure.

A citizen in the midst of something changes many times within seconds. What was overwritten meanwhile never
costs the database a write, nor its tables a merge.
"""

from collections.abc import Mapping

Entries = Mapping[bytes, bytes | None]
"""None deletes."""

MOST_BYTES = 4 * 1024 * 1024
"""Where nobody says otherwise; also the default of ``engine.unwritten_bytes``."""
_ENTRY_BYTES = 100
"""Of Python's own for each entry, about."""


class Unwritten:
    """The changes since the last `clear`, found under their keys."""

    def __init__(self, most_bytes: int) -> None:
        """It `is_full` at ``most_bytes``, or half as many again when some were overwritten."""
        self.states: dict[bytes, bytes | None] = {}
        """By the states' own keys."""
        self.others: dict[bytes, bytes | None] = {}
        """By the database's keys."""
        self._most = most_bytes
        self.size = 0
        """Bytes, of what was overwritten too."""

    def take(self, states: Entries, others: Entries) -> None:
        """Remember these on top."""
        self.states.update(states)
        self.others.update(others)
        self.size += _size(states) + _size(others)

    def is_full(self) -> bool:
        """Whether the database should have it now."""
        if self.size < self._most + self._most // 2:
            return False
        self.size = _size(self.states) + _size(self.others)
        return self.size >= self._most

    def clear(self) -> None:
        """Forget everything."""
        self.states.clear()
        self.others.clear()
        self.size = 0


def _size(entries: Entries) -> int:
    return len(entries) * _ENTRY_BYTES + sum(map(len, filter(None, entries.values())))
