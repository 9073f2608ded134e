"""Compares what two runs wrote into one partition: equal records, and the order of each writer kept.

Several writers write into one partition, each in an order that follows from its input, but how they fall
between each other is chance. So a live partition equals a replay when it is an interleaving of what the
replay wrote for each writer on its own: at every record of the live partition, one writer's next is the same.
Pure but for the streams that it reads.
"""

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import NamedTuple

from aiokafka import ConsumerRecord

WINDOW = 2000
"""How far ahead of each writer's next record an equal one is looked for once two differ."""
_LENGTHS = Struct(">qii")
_LENGTH = Struct(">i")


class Item(NamedTuple):
    """A record to compare."""

    digest: bytes
    """Of all that must be equal: key, value, headers, timestamp."""
    record: ConsumerRecord


def item(record: ConsumerRecord) -> Item:
    """``record`` with its digest."""
    key, value = record.key, record.value
    digest = hashlib.blake2b(
        _LENGTHS.pack(record.timestamp, -1 if key is None else len(key), -1 if value is None else len(value)),
        digest_size=16,
    )
    digest.update(key or b"")
    digest.update(value or b"")
    for name, content in record.headers:
        encoded = name.encode()
        digest.update(_LENGTH.pack(len(encoded)) + encoded)
        digest.update(_LENGTH.pack(-1 if content is None else len(content)) + (content or b""))
    return Item(digest.digest(), record)


@dataclass(frozen=True)
class First:
    """The first difference of a partition."""

    side: str
    """``live``: a record there has no equal in the replay. ``replay``: the other way about."""
    offset: int
    """In the partition of that side."""


class Thing(NamedTuple):
    """What a record is about; two different records about the same are one that changed."""

    record: str
    """The type of record."""
    about: bytes


@dataclass
class Outcome:
    """How many records of a partition are equal, and what the others are."""

    equal: int = 0
    first: First | None = None
    newer: int = 0
    """Live records that were written after the replay began."""
    expired: int = 0
    """Replayed records that are older than anything that the live topic still holds."""
    only_live: Counter[Thing] = field(default_factory=Counter)
    only_replay: Counter[Thing] = field(default_factory=Counter)
    _live: Counter[bytes] = field(default_factory=Counter)
    _replay: Counter[bytes] = field(default_factory=Counter)

    @property
    def different(self) -> bool:
        """Whether anything differs."""
        return self.first is not None

    def differs(self, side: str, item: Item, thing: Thing) -> None:
        """Note a record without its equal."""
        if self.first is None:
            self.first = First(side, item.record.offset)
        things, digests = (self.only_live, self._live) if side == "live" else (self.only_replay, self._replay)
        things[thing] += 1
        digests[item.digest] += 1

    def by_record(self) -> dict[str, dict[str, int]]:
        """Per type of record: how many ``changed``, and how many are on one side alone."""
        counts: dict[str, dict[str, int]] = {}
        for thing in {**self.only_live, **self.only_replay}:
            live, replay = self.only_live[thing], self.only_replay[thing]
            changed = min(live, replay)
            for kind, count in (
                ("changed", changed), ("only_live", live - changed), ("only_replay", replay - changed)
            ):  # fmt: skip
                counts.setdefault(thing.record, dict.fromkeys(KINDS, 0))[kind] += count
        return counts

    @property
    def moved(self) -> int:
        """Of the differences: equal records in another order."""
        return (self._live & self._replay).total()


KINDS = ("changed", "only_live", "only_replay")


class _Writer:
    """What the replay wrote for one writer, with as much of it in memory as was looked ahead."""

    def __init__(self, items: AsyncIterator[Item]) -> None:
        self._items = items
        self._ahead: deque[Item] = deque()
        self._counts: Counter[bytes] = Counter()
        self._ended = False
        self.matched = False

    async def next(self) -> Item | None:
        """The next item, left where it is."""
        await self.look(1)
        return self._ahead[0] if self._ahead else None

    async def look(self, count: int | None) -> None:
        """Have ``count`` items in memory, or all that are left."""
        while not self._ended and (count is None or len(self._ahead) < count):
            try:
                found = await anext(self._items)
            except StopAsyncIteration:
                self._ended = True
                return
            self._ahead.append(found)
            self._counts[found.digest] += 1

    def distance(self, digest: bytes) -> int | None:
        """How many items in memory come before an equal one."""
        if not self._counts[digest]:
            return None
        return next(place for place, ahead in enumerate(self._ahead) if ahead.digest == digest)

    def pop(self) -> Item:
        """Take the next item."""
        taken = self._ahead.popleft()
        left = self._counts[taken.digest] - 1
        if left:
            self._counts[taken.digest] = left
        else:
            del self._counts[taken.digest]
        return taken


class Comparison:
    """Compares one live partition with what a replay wrote for each writer."""

    def __init__(self, about: "About", live_end: int, *, cut: bool = False) -> None:
        """``live_end``: records of the live partition from there on are newer than the replay.

        ``cut``: the live partition has lost its oldest records to its retention.
        """
        self._about = about
        self._live_end = live_end
        self._cut = cut
        self.outcome = Outcome()

    async def run(self, live: AsyncIterator[Item], writers: Sequence[AsyncIterator[Item]]) -> Outcome:
        """Read all streams to their ends."""
        waiting = [_Writer(items) for items in writers]
        await asyncio.gather(*(writer.look(1) for writer in waiting))
        async for found in live:
            for writer in waiting:
                ahead = await writer.next()
                if ahead is not None and ahead.digest == found.digest:
                    self._equal(waiting, writer)
                    break
            else:
                await self._search(waiting, found)
        for writer in waiting:
            while await writer.next() is not None:
                self._without_equal(writer)
        return self.outcome

    def _equal(self, waiting: list[_Writer], writer: _Writer) -> None:
        writer.pop()
        writer.matched = True
        self.outcome.equal += 1
        if waiting[0] is not writer:  # the next record is most often the same writer's
            waiting.remove(writer)
            waiting.insert(0, writer)

    async def _search(self, waiting: list[_Writer], found: Item) -> None:
        """No writer's next record is the one that was found: look further ahead."""
        nearest: tuple[int, _Writer] | None = None
        for writer in waiting:
            await writer.look(None if self._cut and not writer.matched else WINDOW)
            distance = writer.distance(found.digest)
            if distance is not None and (nearest is None or distance < nearest[0]):
                nearest = distance, writer
        if nearest is None:
            if found.record.offset >= self._live_end:
                self.outcome.newer += 1
            else:
                self.outcome.differs("live", found, self._about(found.record))
            return
        distance, writer = nearest
        for _ in range(distance):
            self._without_equal(writer)
        self._equal(waiting, writer)

    def _without_equal(self, writer: _Writer) -> None:
        passed = writer.pop()
        if self._cut and not writer.matched:
            self.outcome.expired += 1
        else:
            self.outcome.differs("replay", passed, self._about(passed.record))


class About:
    """Says what a record is about; overridden by who can read it."""

    def __call__(self, record: ConsumerRecord) -> Thing:
        """The thing, by key alone."""
        return Thing("record", record.key or b"")
