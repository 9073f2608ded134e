"""One partition's state: committed values on disk, decoded values in memory for as long as they are hot.

Nothing here is durable by itself: the changelog is. Whatever happened to the folder or the process,
replaying the changelog from the checkpoint on disk gives the present.
"""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from bus.engine.disk import Disk, Opened, Wakes, Waking
from bus.engine.notes import Notes
from bus.engine.unwritten import MOST_BYTES
from bus.engine.value import (
    SLOTS,
    Change,
    Head,
    Replayed,
    UnknownFormatError,
    body_of,
    difference,
    has_wake,
    head_of,
    is_plain,
    pack,
    slot_key,
)
from bus.errors import LocalStoreError, LostRecordsError
from schemas.errors import FatalError

S = TypeVar("S")

_LARGE = 1024
_LEAST_INSTANT, _LARGEST_INSTANT = -(1 << 63), (1 << 63) - 1
_positions = msgspec.msgpack.Decoder(dict[str, int])


class StateFormat(Protocol[S]):
    """What a store asks of a stage."""

    state_version: int

    def dump(self, state: S) -> bytes:
        """See `Stage.dump`."""

    def load(self, data: bytes, version: int) -> S:
        """See `Stage.load`."""

    def wake(self, state: S) -> int | None:
        """See `Stage.wake`."""


class NewerStateError(FatalError):
    """A state was written by a newer version of the stage."""


class Store(Generic[S]):
    """State by key for one partition. Not for use from several tasks at once."""

    def __init__(
        self,
        path: Path,
        states: StateFormat[S],
        hot_limit: int,
        difference_min_bytes: int = 1 << 62,
        unwritten_bytes: int = MOST_BYTES,
    ) -> None:
        """``path`` is a folder of its own; ``hot_limit`` bounds the decoded values in memory.

        A changed state of at least ``difference_min_bytes`` is written to the changelog as the difference,
        where that is much smaller. ``unwritten_bytes`` of changes wait in memory before the disk has them.
        """
        self._disk = Disk(path, unwritten_bytes)
        self.notes = Notes(self._disk)
        self._states = states
        self._plain = pack(Head(states.state_version), b"")
        """How a state begins of which there is nothing else to know."""
        self.hot_limit = hot_limit
        """Bounds the decoded values in memory, large ones counted by the KiB; may be changed at any time."""
        self._difference_min_bytes = difference_min_bytes
        self.hot: dict[bytes, S | None] = {}
        """Decoded values, with the running transaction's changes; the hot path looks here before it asks."""
        self._heads: dict[bytes, Head] = {}
        """Of hot committed states, where there is a wake time or a used slot to be remembered."""
        self._large: dict[bytes, int] = {}
        """KiB of hot committed states beyond the first."""
        self.dirty: dict[bytes, None] = {}
        """Keys that the running transaction changed; each is in ``hot``."""
        self._encoded: dict[bytes, bytes | None] = {}
        self._marked: list[bytes] = []
        """Keys in it whose head says something, or said it before."""
        self._unfinished: set[bytes] = set()
        self._began_empty = False
        self._next_wake = _LEAST_INSTANT
        """No committed state wants a tick before this instant."""

    def open(self, end_offset: int, *, seize: bool = True) -> Opened:
        """Open what an earlier owner left, see `Disk.open`."""
        self.rollback()
        self._unfinished.clear()
        self._next_wake = _LEAST_INSTANT
        opened = self._disk.open(end_offset, seize=seize)
        self._began_empty = opened.offset == 0
        return opened

    def get(self, key: bytes) -> S | None:
        """The state of ``key`` with this transaction's changes; None if there is none.

        Raises:
            LocalStoreError: the disk failed; opened again, the store is rebuilt.
            NewerStateError: a newer version of the stage wrote it.
        """
        hot = self.hot
        if key in hot:
            return hot[key]
        value = self._disk.get(key)
        if value is None:
            hot[key] = None
            return None
        head = None if value.startswith(self._plain) else self._head(value)  # as nearly all are
        version = self._states.state_version if head is None else head.version
        if version > self._states.state_version:
            raise NewerStateError(
                f"a state is of version {version}, this program knows {self._states.state_version}",
                fix="run the newer version, or rebuild the state with this one by a replay",
            )
        state = hot[key] = self._states.load(body_of(value), version)
        if head is not None and not is_plain(value):
            self._heads[key] = head
        if len(value) > _LARGE:
            self._large[key] = len(value) // _LARGE
        return state

    def put(self, key: bytes, state: S | None) -> None:
        """Change ``key`` within the running transaction."""
        if key not in self.hot:
            self.get(key)  # what stood there before has to be known at the commit
        self.hot[key] = state
        self.dirty[key] = None

    def revert(self, key: bytes) -> None:
        """Forget what the running transaction did to ``key``."""
        self.hot.pop(key, None)
        self._heads.pop(key, None)
        self._large.pop(key, None)
        self.dirty.pop(key, None)

    def changes(self) -> list[Change]:
        """What the running transaction changed, as the changelog takes it."""
        changes: list[Change] = []
        hot, heads, encoded, marked = self.hot, self._heads, self._encoded, self._marked
        dump, wake, version = self._states.dump, self._states.wake, self._states.state_version
        least, plain = self._difference_min_bytes, self._plain
        for key in self.dirty:
            state = hot[key]
            before = heads.get(key)
            if state is None:
                encoded[key] = None
                changes.append((key, None))
                if before is not None:
                    marked.append(key)
                    changes.extend((slot_key(key, slot), None) for slot in range(before.slots))
                continue
            body, at = dump(state), wake(state)
            change = self._difference(key, body, at) if len(body) >= least else None
            if change is None and before is None and at is None:  # as nearly all are
                value = encoded[key] = plain + body
                changes.append((key, value))
                continue
            marked.append(key)
            if change is None:
                value = pack(Head(version, 0, 0 if before is None else before.slots, at), body)
                encoded[key] = value
                change = key, value
            changes.append(change)
        changes.extend(self.notes.changes())
        return changes

    def _difference(self, key: bytes, body: bytes, wake: int | None) -> Change | None:
        """The difference to the committed state, if there is one and it is worth it."""
        base = self._disk.get(key)
        if base is None:
            return None
        _, slot, slots, _ = self._head(base)
        if slot == SLOTS:
            return None
        head = Head(self._states.state_version, slot + 1, max(slots, slot + 1), wake)
        change = difference(base, head, body)
        if change is None:
            return None
        self._encoded[key] = pack(head, body)
        return slot_key(key, slot), change

    def committed(self, positions: bytes, offset: int) -> None:
        """Write what `changes` gave and a transaction committed; the store now stands at ``offset``."""
        encoded, self._encoded = self._encoded, {}
        self._disk.write(encoded, positions, offset, self._remember(encoded), self.notes.take())
        hot, large = self.hot, self._large
        crowded = 2 * self._size() > self.hot_limit  # else nobody will soon ask which are the oldest
        for key, value in encoded.items():
            if value is None:
                del hot[key]
            elif crowded:
                hot[key] = hot.pop(key)  # to the young end
            if value is not None and len(value) > _LARGE:
                large[key] = len(value) // _LARGE
            elif large:
                large.pop(key, None)
        self.dirty.clear()
        self._cool()

    def _size(self) -> int:
        return len(self.hot) + sum(self._large.values())

    def _cool(self) -> None:
        """Forget the decoded values that were not changed for longest, down to the bound."""
        hot, large, cold = self.hot, self._large, []
        over = self._size() - self.hot_limit
        for key in hot:
            if over <= 0:
                break
            over -= 1 + large.get(key, 0)
            cold.append(key)
        for key in cold:
            del hot[key]
            self._heads.pop(key, None)
            large.pop(key, None)

    def _remember(self, encoded: dict[bytes, bytes | None]) -> Wakes:
        """Keep the heads that say something; returns the wake times that change with them."""
        marked, self._marked = self._marked, []
        heads, wakes = self._heads, Wakes([], [])
        for key in marked:
            value, before = encoded[key], heads.pop(key, None)
            head = None if value is None else head_of(value)
            if value is not None and head is not None and not is_plain(value):
                heads[key] = head
            if before is not None and before.wake is not None and (head is None or before.wake != head.wake):
                wakes.gone.append((before.wake, key))
            if head is not None and head.wake is not None:
                wakes.come.append((head.wake, key))
                self._next_wake = min(self._next_wake, head.wake)
        return wakes

    def rollback(self) -> None:
        """Forget what was not committed, and every decoded value with it."""
        self.dirty.clear()
        self._encoded.clear()
        self._marked.clear()
        self.hot.clear()
        self._heads.clear()
        self._large.clear()
        self.notes.take()

    def due(self, until: int, limit: int | None = None) -> list[bytes]:
        """Keys whose states want a tick at or before ``until`` (microseconds), by wake time, then key.

        The running transaction's changes count. ``limit`` cuts the list off.
        """
        wake, hot = self._states.wake, self.hot
        found: list[Waking] = []
        for key in self.dirty:
            state = hot[key]
            at = None if state is None else wake(state)
            if at is not None and at <= until:
                found.append((at, key))
        if until >= self._next_wake:
            found.extend(self._committed_due(until, limit))
        found.sort()
        return [key for _, key in found[:limit]]

    def _committed_due(self, until: int, limit: int | None) -> list[Waking]:
        """What is due of the states that this transaction has not changed."""
        dirty, first = self.dirty, _LARGEST_INSTANT
        found: list[Waking] = []
        with closing(self._disk.waking()) as all_waking:
            for waking in all_waking:
                first = min(first, waking[0])
                if waking[0] > until or len(found) == limit:
                    break
                if waking[1] not in dirty:
                    found.append(waking)
        self._next_wake = first
        return found

    def apply(self, records: Iterable[Change], offset: int) -> None:
        """Take changelog records in, and stand at ``offset`` then. UnknownFormatError for other records."""
        replayed = Replayed(self._disk.get)
        replayed.take(records)
        self._unfinished.difference_update(replayed.states)
        self._unfinished |= replayed.unfinished
        self._next_wake = _LEAST_INSTANT
        come = [
            (head_of(value).wake or 0, key)
            for key, value in replayed.states.items()
            if value is not None and has_wake(value)
        ]
        self._disk.write(replayed.states, replayed.positions, offset, Wakes([], come), replayed.notes)

    def check(self) -> None:
        """To be called at the end of a restore: do store and changelog fit?

        Raises:
            LocalStoreError: they do not; opened again, the store is rebuilt.
            LostRecordsError: the whole changelog was read, and records of it are missing.
        """
        if not self._unfinished:
            return
        self._disk.distrust()
        if self._began_empty:
            raise LostRecordsError(
                f"the changelog lacks records that {len(self._unfinished)} states are made from",
                fix="restore the changelog topic, or rebuild the state by a replay",
            )
        raise LocalStoreError("a local store does not fit the changelog", fix="it is rebuilt by itself")

    def _head(self, value: bytes) -> Head:
        try:
            head = head_of(value)
        except UnknownFormatError as error:
            self._disk.distrust()
            raise LocalStoreError("a local store is damaged", fix="it is rebuilt by itself") from error
        return head

    def positions(self) -> dict[str, int] | None:
        """The input positions that belong to this state (next offset by logical topic); None before any."""
        data = self._disk.positions()
        return None if not data else _positions.decode(data)

    def estimate(self) -> int:
        """About how many states there are."""
        return self._disk.estimate()

    def items(self) -> Iterable[tuple[bytes, bytes]]:
        """All committed states as the stage wrote them, in key order."""
        return ((key, body_of(value)) for key, value in self._disk.items())

    def discard(self) -> None:
        """Delete the local store."""
        self.rollback()
        self._disk.discard()

    def close(self) -> None:
        """Close the files; what is not committed is forgotten."""
        self.rollback()
        self._disk.close()


def encode_positions(positions: dict[str, int]) -> bytes:
    """Input positions as the changelog holds them."""
    return msgspec.msgpack.encode(positions)
