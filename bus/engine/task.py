"""One partition's work: its own producer, state and transactions, independent of every other partition."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from bus.engine.changelog import restore
from bus.engine.names import Names
from bus.engine.processor import Processor, in_time_order
from bus.engine.stage import Stage
from bus.engine.store import Store, encode_positions
from bus.engine.transaction import TransactionalWriter
from bus.engine.value import POSITIONS
from bus.engine.watch import Watch
from bus.errors import FencedError, LostRecordsError, translate
from bus.logs import Event, error_class, get_logger
from bus.registry.codec import codec_of
from bus.settings import Settings
from schemas.errors import RetriableError, SambandError

S = TypeVar("S")
E = TypeVar("E")

SLICE = 200
"""Records between two looks at the event loop, so that heartbeats and other partitions are not held up."""
_IDLE_SECONDS = 0.5
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_FENCED_PAUSE = 1.0
"""After being fenced: time for the group to say that the partition has gone elsewhere."""
_PACE = 3.0
"""Commits take at most one part in `_PACE` + 1 of the time, unless the commit interval is shorter."""


class Place(NamedTuple):
    """What a task works with, shared by all tasks of an engine."""

    settings: Settings
    consumer: AIOKafkaConsumer
    names: Names
    hot_states: int
    """How many decoded states each task may keep."""


class PartitionTask(Generic[S, E]):
    """Works on one partition number of all input topics for as long as the group leaves it here."""

    def __init__(self, stage: Stage[S, E], place: Place, partition: int) -> None:
        """Nothing happens before `run`."""
        self.partition = partition
        self.ready = False
        self._place = place
        self._names = place.names
        self._settings = place.settings
        self._consumer = place.consumer
        self._inputs = {TopicPartition(place.names.physical(t), partition): t for t in stage.inputs}
        self._places = {place.topic: place for place in self._inputs}
        self._watch = Watch(place.names.stage, partition, self._inputs)
        self._log = get_logger("engine")
        engine = place.settings.engine
        self._store = Store(place.names.store_path(partition), stage, place.hot_states)
        self._processor = Processor(stage, self._store, place.names, codec_of(place.settings))
        self._interval = engine.commit_interval_ms / 1000
        self._most = engine.max_batch_records
        self._writer: TransactionalWriter | None = None
        self._positions: dict[str, int] = {}
        self._changed: set[TopicPartition] = set()
        self._checkpoint = 0
        self._stopping = asyncio.Event()
        self._stop_seen: asyncio.Future[Any]
        self._last_commit = 0.0
        self._commit_seconds = 0.0

    def stop(self) -> None:
        """Ask for an end after the running transaction."""
        self._stopping.set()

    async def run(self) -> None:
        """Take over, work, begin again after each doubtful answer, until `stop`. Raises FatalError only."""
        attempt = 0
        self._stop_seen = asyncio.ensure_future(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                try:
                    await self._take_over()
                    attempt = 0
                    while not self._stopping.is_set():
                        await self._transact()
                except (RetriableError, KafkaError, TimeoutError, OSError) as error:
                    attempt += 1
                    await self._give_up(translate(error, "working on a partition"), attempt)
        finally:
            self.ready = False
            self._stop_seen.cancel()
            await self._close_writer()
            self._store.close()

    async def _give_up(self, error: SambandError, attempt: int) -> None:
        """The running transaction may or may not have been committed: forget everything and look again."""
        if not isinstance(error, RetriableError):
            raise error
        self.ready = False
        self._store.rollback()
        self._watch.gave_up(error)
        self._log.emit(
            Event.ENGINE_RECOVERING,
            stage=self._names.stage,
            partition=self.partition,
            error=error_class(error.__cause__ or error),
            attempt=attempt,
        )
        await self._close_writer()
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
        await self._rest(_FENCED_PAUSE if isinstance(error, FencedError) else pause)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _take_over(self) -> None:
        """Fence, restore, read the positions again, seek, resume: in this order nothing can slip between."""
        self._consumer.pause(*self._inputs)
        writer = TransactionalWriter(
            self._settings, self._names.transactional_id(self.partition), self._names.group
        )
        self._writer = writer
        await writer.start()
        restored = await restore(self._settings, self._names.changelog, self.partition, self._store)
        self._checkpoint = restored.end
        self._changed.clear()
        await self._seek()
        await self._processor.use(writer)
        self._consumer.resume(*self._inputs)
        self.ready = True
        self._watch.took_over(restored, self._store.estimate())

    async def _seek(self) -> None:
        """Go to where the state stands.

        The changelog holds the input positions in the same transaction as the state, and the group's
        committed offsets were written with them, so they agree. Where they do not (offsets expire after
        a week of silence, or were moved by hand), the changelog is right: it is what the state was made
        from. Offsets without a changelog mean that state was lost, which must not pass silently.
        """
        known = self._store.positions()
        for place, topic in self._inputs.items():
            committed = await self._consumer.committed(place)
            if known is None and committed:
                raise LostRecordsError(
                    f"group {self._names.group} stands at offset {committed} of "
                    f"{place.topic}/{place.partition}, "
                    "but its changelog is empty",
                    fix="restore the changelog topic, or delete the consumer group to begin from the start",
                )
            position = (known or {}).get(topic)
            if position is None:
                position = (await self._consumer.beginning_offsets([place]))[place]
            elif committed is not None and committed != position:
                self._log.emit(
                    Event.ENGINE_OFFSETS_DIFFER,
                    stage=self._names.stage, topic=topic, partition=self.partition,
                    offset=position, committed=committed,
                )  # fmt: skip
            self._consumer.seek(place, position)
            self._positions[topic] = position

    async def _fetch(self, seconds: float, most: int) -> list[ConsumerRecord]:
        """The next records, after at most ``seconds``; none as soon as `stop` is called."""
        fetching = asyncio.ensure_future(
            self._consumer.getmany(*self._inputs, timeout_ms=int(seconds * 1000), max_records=most)
        )
        await asyncio.wait((fetching, self._stop_seen), return_when=asyncio.FIRST_COMPLETED)
        if not fetching.done():
            # Records leave the client's buffer only in the step that returns them, so none is lost here.
            fetching.cancel()
            await asyncio.wait((fetching,))
        if fetching.cancelled():
            return []
        try:
            found = fetching.result()
        except NoOffsetForPartitionError:
            return []  # the client looked for a position before it was told one
        except OffsetOutOfRangeError as error:
            raise LostRecordsError(
                f"an input of partition {self.partition} no longer has the records that come next",
                fix=(
                    "they were deleted before they were read; lengthen the topic's retention, then "
                    "delete the group and changelog to begin again"
                ),
            ) from error
        except ConsumerStoppedError:
            self.stop()
            return []
        return in_time_order(found)

    async def _transact(self) -> None:
        """Wait for records and carry what comes within one interval through one transaction."""
        records = await self._fetch(_IDLE_SECONDS, self._most)
        writer = self._writer
        if not records or writer is None:
            return
        began = time.monotonic()
        limit = began + self._interval
        # A lone record is committed at once; under a steady flow, commits are spaced so that they stay cheap.
        due = min(limit, self._last_commit + _PACE * self._commit_seconds)
        await writer.begin()
        count = 0
        while records:
            await self._process(records)
            count += len(records)
            if count >= self._most or time.monotonic() >= limit or self._stopping.is_set():
                break
            records = await self._fetch(0, self._most - count)
            if not records and (left := due - time.monotonic()) > 0:
                records = await self._fetch(left, self._most - count)
        await self._commit(writer, began, count)

    async def _process(self, records: Sequence[ConsumerRecord]) -> None:
        for start in range(0, len(records), SLICE):
            self._processor.process(records[start : start + SLICE])
            await self._processor.flush()
            await asyncio.sleep(0)
        positions, places, logical = self._positions, self._places, self._names.logical
        for record in records:
            positions[logical[record.topic]] = record.offset + 1
        self._changed.update(places[topic] for topic in {record.topic for record in records})

    async def _commit(self, writer: TransactionalWriter, began: float, count: int) -> None:
        asked = time.monotonic()
        outputs = writer.written
        positions = encode_positions(self._positions)
        changes = self._store.changes()
        self._processor.write_changelog([*changes, (POSITIONS, positions)], self.partition)
        offsets = {place: self._positions[self._inputs[place]] for place in self._changed}
        sent = await writer.commit(offsets)
        self._last_commit = time.monotonic()
        self._commit_seconds += 0.2 * (self._last_commit - asked - self._commit_seconds)
        self._checkpoint = sent.get((self._names.changelog, self.partition), self._checkpoint)
        self._store.committed(positions, self._checkpoint)
        self._changed.clear()
        self._watch.committed(began, count, outputs)
        self._watch.lag(self._consumer, offsets.items())
        self._watch.dead_lettered(*self._processor.take_dead())

    async def _close_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
