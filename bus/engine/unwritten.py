"""What a local store was given and its database was not yet: of each key the last. Pure.

A citizen in the midst of something changes many times within seconds. What was overwritten meanwhile never
costs the database a write, nor its tables a merge.
"""

from collections.abc import Mapping

Entries = Mapping[bytes, bytes | None]
"""None deletes."""

MOST_BYTES = 4 * 1024 * 1024
"""As much as a database's own write buffer would hold, whose place this takes."""
_ENTRY_BYTES = 100
"""Of Python's own for each entry, about."""
_OVERWRITTEN_BYTES = MOST_BYTES // 2


class Unwritten:
    """The changes since the last `clear`, found under their keys."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """It `is_full` at ``most_bytes``, overwritten values not counted."""
        self.states: dict[bytes, bytes | None] = {}
        """By the states' own keys."""
        self.others: dict[bytes, bytes | None] = {}
        """By the database's keys."""
        self._most = most_bytes
        self._counted = 0

    def take(self, states: Entries, others: Entries) -> None:
        """Remember these on top."""
        self.states.update(states)
        self.others.update(others)
        self._counted += _size(states) + _size(others)

    def is_full(self) -> bool:
        """Whether the database should have it now."""
        if self._counted < self._most + _OVERWRITTEN_BYTES:
            return False
        self._counted = _size(self.states) + _size(self.others)
        return self._counted >= self._most

    def clear(self) -> None:
        """Forget everything."""
        self.states.clear()
        self.others.clear()
        self._counted = 0


def _size(entries: Entries) -> int:
    return len(entries) * _ENTRY_BYTES + sum(map(len, filter(None, entries.values())))
