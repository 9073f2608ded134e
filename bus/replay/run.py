"""Replays a stage: the same inputs in the same order through the same code, into topics of its own."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiokafka import TopicPartition

from bus.engine import ticks
from bus.engine.breaker import Breaker
from bus.engine.names import Names
from bus.engine.processor import Processor
from bus.engine.stage import Output, Stage
from bus.engine.store import Store, encode_positions
from bus.engine.transaction import TransactionalWriter
from bus.engine.value import POSITIONS
from bus.errors import LostRecordsError, MissingTopicError
from bus.registry.codec import codec_of
from bus.replay import cluster, report
from bus.replay.cursor import Offsets, Reader
from bus.replay.order import Inputs
from bus.settings import Settings
from bus.topics import partition_counts

S = TypeVar("S")
E = TypeVar("E")

_SLICE = 200
_BATCH = 5000
"""Records between two commits."""


@dataclass(frozen=True)
class Plan:
    """What is replayed and where to."""

    live: Settings
    """Of the live system."""
    into: Settings
    """The same with the replay's prefix, or the live ones where lost topics are written again."""
    outputs: Mapping[str, str]
    """Cleanup policy by logical name of each topic that the stage writes, its changelog among them."""
    only: frozenset[str] | None = None
    """Write these topics alone."""
    incomplete: bool = False
    """Go on although the oldest records of an input are gone."""


@dataclass(frozen=True)
class Replayed:
    """What a replay did with one partition."""

    partition: int
    records: int
    outputs: int
    by_time: int
    """Records whose order was not noted, and which were taken in the order of their times."""
    seconds: float


Progress = Callable[[int, int], None]
"""Told how many records are done, of how many."""


class Replay(Generic[S, E]):
    """Carries out a plan."""

    def __init__(self, stage: Stage[S, E], plan: Plan, on_progress: Progress) -> None:
        """Nothing happens before `run`."""
        self._stage = stage
        self._plan = plan
        self._on_progress = on_progress
        self._names = Names.of(plan.live, stage)
        self._order = f"{stage.name}.order"
        self._counts: dict[str, int] = {}
        self._done = self._total = 0

    async def run(self) -> list[Replayed]:
        """Replay all partitions, one after the other.

        Raises:
            LostRecordsError: the logs no longer say what the stage did.
            TopicMismatchError: a topic to write to holds records.
            MissingTopicError: the live system has no such topics.
            StageError: the stage failed, as the live one would.
            BusUnavailableError: Kafka is away; what was written must be deleted.
        """
        plan, names = self._plan, self._names
        topics = [*names.inputs, *plan.outputs, self._order]
        self._counts = await partition_counts(plan.live, [names.physical(topic) for topic in topics])
        outputs = [plan.into.topic(topic) for topic in plan.outputs]
        written_to = cluster.places(plan.into, await partition_counts(plan.into, outputs), plan.outputs)
        for topic in names.inputs:
            if names.physical(topic) not in self._counts:
                raise MissingTopicError(
                    f"topic {names.physical(topic)} is missing", fix="check kafka.topic_prefix"
                )
        partitions = self._counts[names.physical(names.inputs[0])]
        async with Reader(plan.live) as reader, Reader(plan.into, committed=False) as written:
            live_ends = await reader.ends(cluster.places(plan.live, self._counts, plan.outputs))
            order_places = cluster.places(plan.live, self._counts, [self._order])
            order_ends = await cluster.settled_ends(plan.live, order_places)
            done_until = await cluster.group_positions(plan.live, names.group)
            self._total = await self._count(reader, partitions, done_until)
            done, writers = [], []
            ended: dict[str, list[int]] = {}
            for number in range(partitions):
                inputs = await self._inputs(reader, number, order_ends, done_until)
                done.append(await self._process(number, inputs))
                for topic, offset in inputs.positions.items():
                    ended.setdefault(topic, []).append(offset)
                ends = await written.ends(written_to)
                writers.append(report.by_topic(ends, plan.into.kafka.topic_prefix))
        if plan.only is None:
            live = report.by_topic(live_ends, plan.live.kafka.topic_prefix)
            await self._report(report.Report(live, ended, writers))
        return done

    async def _count(self, reader: Reader, partitions: int, done_until: Offsets) -> int:
        """About how many records there are to do."""
        wanted = [TopicPartition(topic, n) for topic in self._names.logical for n in range(partitions)]
        ends = await reader.ends(wanted)
        return sum(min(end, done_until.get(place, end)) for place, end in ends.items())

    async def _inputs(self, reader: Reader, number: int, order_ends: Offsets, done_until: Offsets) -> Inputs:
        """One partition of all inputs, from the beginning."""
        plan, names = self._plan, self._names
        places = {TopicPartition(physical, number): topic for physical, topic in names.logical.items()}
        order = TopicPartition(names.physical(self._order), number)
        wanted = [*places, *([order] if order in order_ends else [])]
        begins = await reader.begins(wanted)
        cursors = reader.cursors(begins, {**await reader.ends(list(places)), **order_ends})
        cut = [place for place in places if begins[place]]
        if cut and not plan.incomplete:
            raise LostRecordsError(
                f"the oldest records of {cut[0].topic}/{number} are gone: it begins at {begins[cut[0]]}",
                fix="--incomplete replays what is left; states that came of older records will differ",
            )
        end = {topic: done_until[place] for place, topic in places.items() if place in done_until}
        if not end and (order not in cursors or begins[order] == order_ends[order]):
            end = {topic: cursors[place].end for place, topic in places.items()}  # nothing says where it was
        by_topic = {topic: cursors[place] for place, topic in places.items()}
        return Inputs(by_topic, cursors.get(order), end, incomplete=plan.incomplete)

    async def _process(self, number: int, inputs: Inputs) -> Replayed:
        """Carry a partition's records through the stage."""
        plan, began = self._plan, time.monotonic()
        into = Names.of(plan.into, self._stage)
        writer = ReplayWriter(plan.into, f"{into.group}-replay-{number}", plan.only)
        path = plan.into.data_dir / "replay" / into.group / str(number)
        store: Store[S] = Store(path, self._stage, plan.live.engine.hot_states)
        records = waiting = outputs = 0
        try:
            await writer.start()
            store.discard()
            store.open(0)
            breaker = Breaker(plan.live.engine.breaker_keys, plan.live.engine.breaker_share)
            codec = codec_of(plan.live)
            processor = Processor(self._stage, store, self._names, number, breaker=breaker, codec=codec)
            await processor.use(writer)
            await writer.begin()
            async for taken in inputs.records():
                for start in range(0, len(taken), _SLICE):
                    await processor.process(taken[start : start + _SLICE])
                    await processor.flush()
                    await asyncio.sleep(0)
                records += len(taken)
                waiting += len(taken)
                if waiting >= _BATCH:
                    outputs += await self._commit(writer, processor, store, inputs)
                    self._progress(waiting)
                    await writer.begin()
                    waiting = 0
            if await self._remember_time(inputs, store) or waiting:
                outputs += await self._commit(writer, processor, store, inputs)
                self._progress(waiting)
        finally:
            await writer.close()
            store.discard()
        return Replayed(number, records, outputs, inputs.by_time, time.monotonic() - began)

    async def _remember_time(self, inputs: Inputs, store: Store[S]) -> bool:
        """Note the last minute that was told, so that whoever takes the states over goes on from there."""
        ticks_read = inputs.cursors.get(self._names.ticks)
        last = None if ticks_read is None else await ticks_read.last()
        if last is not None:
            store.notes.put(ticks.NAME, ticks.encode(last.timestamp * 1000))
        return last is not None

    async def _commit(
        self,
        writer: "ReplayWriter",
        processor: Processor[S, E],
        store: Store[S],
        inputs: Inputs,
    ) -> int:
        positions = encode_positions(inputs.positions)
        outputs = writer.written
        changes = store.changes()
        if writer.takes(self._names.changelog_topic):
            processor.write_changelog([*changes, (POSITIONS, positions)])
        await writer.commit({})
        store.committed(positions, 0)
        processor.committed()
        return outputs

    def _progress(self, count: int) -> None:
        self._done += count
        self._on_progress(self._done, max(self._total, self._done))

    async def _report(self, said: report.Report) -> None:
        """The last thing that is written: the replay is whole."""
        writer = ReplayWriter(self._plan.into, f"{self._plan.into.topic(self._stage.name)}-replay", None)
        try:
            await writer.start()
            await writer.begin()
            target = await writer.target(self._order)
            writer.place(target, 0, report.KEY, report.encode(said), (), int(time.time() * 1000))
            await writer.commit({})
        finally:
            await writer.close()


class ReplayWriter(TransactionalWriter):
    """Writes what a replay says, or of it some topics alone; commits no offsets."""

    def __init__(self, settings: Settings, transactional_id: str, only: frozenset[str] | None) -> None:
        """``only``: logical topics; what is for others is dropped."""
        super().__init__(settings, transactional_id, transactional_id)
        self._only = only

    def takes(self, topic: str) -> bool:
        """Whether records of a logical topic are written."""
        return self._only is None or topic in self._only

    def write(self, output: Output, timestamp: int, home: int | None = None) -> None:
        """See `TransactionalWriter.write`."""
        if self.takes(output.topic):
            super().write(output, timestamp, home)
