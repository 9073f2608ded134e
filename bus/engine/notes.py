"""Small durable entries of the engine's own beside a partition's states, written in the same transaction."""

from collections.abc import Iterator, Mapping

from bus.engine.disk import Disk
from bus.engine.value import Change, note_key


class Notes:
    """Entries by name. In the changelog each is a record of its own, under a key that no state has."""

    def __init__(self, disk: Disk) -> None:
        """``disk`` holds the committed ones."""
        self._disk = disk
        self._changed: dict[bytes, bytes | None] = {}

    def get(self, name: bytes) -> bytes | None:
        """An entry with what the running transaction did to it; None if there is none. LocalStoreError."""
        return self._changed[name] if name in self._changed else self._disk.note(name)

    def put(self, name: bytes, value: bytes | None) -> None:
        """Write an entry within the running transaction; None removes it."""
        self._changed[name] = value

    def committed(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All committed entries whose name begins with ``prefix``, in the order of their names."""
        return self._disk.notes(prefix)

    def changes(self) -> list[Change]:
        """What the running transaction did, as the changelog takes it."""
        return [(note_key(name), value) for name, value in self._changed.items()]

    def take(self) -> Mapping[bytes, bytes | None]:
        """What the running transaction did, which is over."""
        changed, self._changed = self._changed, {}
        return changed
