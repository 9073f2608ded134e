"""Compares a finished replay with the live topics, partition by partition."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Self

from aiokafka import TopicPartition

from bus.replay import cluster, report
from bus.replay.compare import About, Comparison, First, Item, Outcome, item
from bus.replay.cursor import Cursor, Offsets, Reader
from bus.settings import Settings
from bus.topics import partition_counts


@dataclass(frozen=True)
class Difference:
    """How one partition of one topic compares. It holds no key and nothing else of a record."""

    topic: str
    partition: int
    equal: int
    different: int
    newer: int = 0
    """Written after the replay began, so not compared."""
    expired: int = 0
    """Replayed, but no longer in the live topic."""
    moved: int = 0
    """Of those that differ: equal, but in another order."""
    first: First | None = None
    by_record: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Per type of record: ``changed``, ``only_live``, ``only_replay``."""


class Diff:
    """Compares what lies under two prefixes; a context."""

    def __init__(self, live: Settings, replayed: Settings, about: About) -> None:
        """``about`` says what a record is about."""
        self.live = live
        self.replayed = replayed
        self._about = about
        self._open = AsyncExitStack()
        self._readers: list[Reader] = []

    async def __aenter__(self) -> Self:
        """Connections are opened as they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def finished(self, stage: str) -> report.Report:
        """What the replay of ``stage`` says of itself. NoReplayError if there is none that has ended."""
        name = self.replayed.topic(f"{stage}.order")
        if name in await partition_counts(self.replayed, [name]):
            place = TopicPartition(name, 0)
            end = (await (await self._reader(0)).ends([place]))[place]
            cursor = await self._cursor(0, place, 0, end)
            while (record := await cursor.next()) is not None:
                if record.key == report.KEY:
                    return await self._bounded(stage, report.decode(record.value or b""))
        raise report.NoReplayError(
            f"there is no finished replay under {self.replayed.kafka.topic_prefix}",
            fix="make one with `samband replay --into PREFIX`",
        )

    async def _bounded(self, stage: str, said: report.Report) -> report.Report:
        """Where the live stage has done nothing since, nothing that it wrote is newer than the replay."""
        positions = await cluster.group_positions(self.live, self.live.topic(stage))
        replayed = {
            TopicPartition(self.live.topic(topic), number): offset
            for topic, offsets in said.positions.items()
            for number, offset in enumerate(offsets)
        }
        stands = positions and all(replayed.get(place) == offset for place, offset in positions.items())
        return said.of_all() if stands else said

    async def appended(self, topic: str, said: report.Report) -> AsyncIterator[Difference]:
        """Compare a topic that keeps every record."""
        begins, ends = await self._bounds(self.live.topic(topic), len(said.writers[-1].get(topic, [])))
        for place in sorted(begins):
            twin = TopicPartition(self.replayed.topic(topic), place.partition)
            bounds = [0, *(written[topic][place.partition] for written in said.writers)]
            stretches = [(begin, end) for begin, end in pairwise(bounds) if begin < end]
            if not stretches and begins[place] == ends[place]:
                continue
            live = _items(await self._cursor(0, place, begins[place], ends[place]))
            writers = [
                _items(await self._cursor(number, twin, begin, end))
                for number, (begin, end) in enumerate(stretches, 1)
            ]
            newer_from = said.newer_from(topic, place.partition)
            comparison = Comparison(self._about, newer_from, cut=begins[place] > 0)
            yield _difference(topic, place.partition, await comparison.run(live, writers))

    async def latest(self, topic: str, said: report.Report) -> AsyncIterator[Difference]:
        """Compare a compacted topic: the last record of each key."""
        for number in range(len(said.writers[-1].get(topic, []))):
            live = await self._latest(TopicPartition(self.live.topic(topic), number))
            replayed = await self._latest(TopicPartition(self.replayed.topic(topic), number))
            newer_from = said.newer_from(topic, number)
            outcome = Outcome()
            for key in {**live, **replayed}:
                found, twin = live.get(key), replayed.get(key)
                if found is not None and twin is not None and found.digest == twin.digest:
                    outcome.equal += 1
                elif found is not None and found.record.offset >= newer_from:
                    outcome.newer += 1
                else:
                    for side, one in (("live", found), ("replay", twin)):
                        if one is not None:
                            outcome.differs(side, one, self._about(one.record))
            yield _difference(topic, number, outcome)

    async def _latest(self, place: TopicPartition) -> dict[bytes, Item]:
        reader = await self._reader(0)
        begins, ends = await reader.begins([place]), await reader.ends([place])
        found: dict[bytes, Item] = {}
        async for one in _items(await self._cursor(0, place, begins[place], ends[place])):
            if one.record.value is None:
                found.pop(one.record.key or b"", None)
            else:
                found[one.record.key or b""] = one
        return found

    async def _bounds(self, topic: str, partitions: int) -> tuple[Offsets, Offsets]:
        """Where the partitions of a live topic begin and end."""
        reader = await self._reader(0)
        places = [TopicPartition(topic, number) for number in range(partitions)]
        return await reader.begins(places), await reader.ends(places)

    async def _cursor(self, reader: int, place: TopicPartition, begin: int, end: int) -> Cursor:
        """A cursor of one of our readers, which forgets its earlier one."""
        return (await self._reader(reader)).cursors({place: begin}, {place: end})[place]

    async def _reader(self, number: int) -> Reader:
        while len(self._readers) <= number:
            self._readers.append(await self._open.enter_async_context(Reader(self.live)))
        return self._readers[number]


async def _items(cursor: Cursor) -> AsyncIterator[Item]:
    while (record := await cursor.next()) is not None:
        yield item(record)


def _difference(topic: str, partition: int, outcome: Outcome) -> Difference:
    by_record = outcome.by_record()
    different = sum(sum(kinds.values()) for kinds in by_record.values())
    return Difference(
        topic, partition, outcome.equal, different, outcome.newer, outcome.expired,
        outcome.moved, outcome.first, by_record,
    )  # fmt: skip
