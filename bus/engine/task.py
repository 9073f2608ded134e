"""One partition's work: its own producer, state and transactions, independent of every other partition."""

import asyncio
import time
from collections.abc import Sequence
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import InvalidTimestampError, KafkaError

from bus.engine.breaker import Breaker
from bus.engine.changelog import has_grown, restore
from bus.engine.inputs import Inputs
from bus.engine.names import Names
from bus.engine.pace import Dues, Load, Pace, Slice
from bus.engine.processor import Processor
from bus.engine.progress import Progress
from bus.engine.stage import Stage
from bus.engine.store import Store, encode_positions
from bus.engine.ticks import Clock
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

_size = attrgetter("serialized_value_size")
_IDLE_SECONDS = 0.5
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_FENCED_PAUSE = 1.0
"""After being fenced: time for the group to say that the partition has gone elsewhere."""


class Place(NamedTuple):
    """What a task works with, shared by all tasks of an engine."""

    settings: Settings
    consumer: AIOKafkaConsumer
    names: Names
    load: Load
    dues: Dues


class PartitionTask(Generic[S, E]):
    """Works on one partition number of all input topics for as long as the group leaves it here.

    While the group shares the partitions out anew, the task is held: it has no open transaction and keeps
    its producer and state. Given the same partition again, it goes on; should another member have had it
    in between, that member's producer has fenced this one's, so that nothing of this task is committed.
    """

    def __init__(self, stage: Stage[S, E], place: Place, partition: int, hot_states: int) -> None:
        """Nothing happens before `run`. ``hot_states``: how many decoded states it may keep."""
        self.partition = partition
        self.ready = False
        self._names = place.names
        self._settings = place.settings
        self._inputs = Inputs(place.consumer, place.names, place.names.inputs, partition)
        self._watch = Watch(place.names.stage, partition, self._inputs.places)
        self.progress = Progress(place.names.stage, partition)
        self._consumer = place.consumer
        self._log = get_logger("engine")
        engine = place.settings.engine
        path = place.names.store_path(partition)
        self._store = Store(path, stage, hot_states, engine.difference_min_bytes, engine.unwritten_bytes)
        self._pace = Pace(engine.commit_interval_ms / 1000, engine.max_commit_interval_ms / 1000, place.load)
        self._dues = place.dues
        self._slice = Slice()
        self._clock = Clock() if place.names.timed and engine.write_ticks else None
        self._processor = Processor(
            stage, self._store, place.names, partition,
            breaker=Breaker(engine.breaker_keys, engine.breaker_share), codec=codec_of(place.settings),
        )  # fmt: skip
        self._most_records = engine.max_batch_records
        self._most_bytes = engine.max_batch_bytes
        self._writer: TransactionalWriter | None = None
        self._checkpoint = 0
        self._entered = False
        self._held = False
        self._stopping = asyncio.Event()
        self._interrupt: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._released = asyncio.Event()
        self._released.set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def stop(self) -> None:
        """Ask for an end after the running transaction."""
        self._stopping.set()
        self._interrupt_work()
        self._released.set()

    def hold(self) -> None:
        """Ask for a rest after the running transaction, until `release`. `quiet` waits for it."""
        if not self._stopping.is_set():
            self._held = True
            self._released.clear()
            self._interrupt_work()

    def release(self, hot_states: int) -> None:
        """Go on in a new assignment, in which it may keep so many decoded states."""
        self._store.hot_limit = hot_states
        if not self._stopping.is_set():
            self._interrupt = asyncio.get_running_loop().create_future()
            self._released.set()

    async def quiet(self) -> None:
        """Wait until no transaction is open."""
        await self._quiet.wait()

    def _called_off(self) -> bool:
        """Whether it must `_enter` before it works on, or end."""
        return self._held or self._stopping.is_set()

    def _interrupt_work(self) -> None:
        if not self._interrupt.done():
            self._interrupt.set_result(None)

    async def run(self) -> None:
        """Take over, work, begin again after each doubtful answer, until `stop`. Raises FatalError only."""
        attempt = 0
        try:
            while not self._stopping.is_set():
                try:
                    await self._released.wait()
                    await self._take_over()
                    attempt = 0
                    while await self._enter():
                        while not self._called_off():
                            await self._tell_time()
                            await self._transact()
                except (RetriableError, KafkaError, TimeoutError, OSError) as error:
                    attempt += 1
                    await self._give_up(translate(error, "working on a partition"), attempt)
        finally:
            self.ready = False
            await self._close_writer()
            self._store.close()
            self._watch.left()
            self._quiet.set()

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
        self._quiet.set()
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
        await self._rest(_FENCED_PAUSE if isinstance(error, FencedError) else pause)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _take_over(self) -> None:
        """Fence, restore, read the positions again; `_enter` seeks and resumes: nothing can slip between."""
        self._entered = False
        self._inputs.pause()
        writer = TransactionalWriter(
            self._settings, self._names.transactional_id(self.partition), self._names.group
        )
        self._writer = writer
        await writer.start()
        changelog = self._names.changelog
        restored = await restore(self._settings, changelog, self.partition, self._store, self.progress)
        self._checkpoint = restored.end
        try:
            await self._inputs.find(self._store.positions())
        except LostRecordsError:
            if await has_grown(self._settings, changelog, self.partition, restored.end):
                raise FencedError("another member took this partition over meanwhile") from None
            raise
        await self._processor.use(writer)
        self._watch.took_over(restored, self._store.estimate(), self._processor.parked())

    async def _enter(self) -> bool:
        """Go on from our positions in the assignment that is now. False when asked to stop."""
        await self._released.wait()
        if self._entered and not self._stopping.is_set() and await self._inputs.overtaken():
            raise FencedError("another member worked on this partition meanwhile")
        if self._stopping.is_set():
            return False
        if self._released.is_set():  # else it is held again already
            self._inputs.seek()  # nothing can come in between
            self._inputs.resume()
            self._held = False
            self._entered = self.ready = True
        return True

    async def _tell_time(self) -> None:
        """Write the minutes that have passed since the last one, in transactions of their own."""
        clock, writer = self._clock, self._writer
        while clock and writer and (minutes := clock.missing(self._processor.last_tick)):
            if self._called_off():
                break
            self._quiet.clear()
            self._pace.begin()
            await writer.begin()
            await self._processor.write_ticks(minutes)
            try:
                await self._commit(writer, 0)
            except RetriableError as error:
                if isinstance(error.__cause__, InvalidTimestampError):
                    clock.refused()
                    self._watch.clock_refused()
                raise
            self._quiet.set()
            self._watch.told(minutes[-1])

    async def _transact(self) -> None:
        """Wait for records and carry what comes within one interval through one transaction."""
        most = min(self._slice.size, self._most_records)
        records = await self._inputs.next(_IDLE_SECONDS, most, self._interrupt)
        writer = self._writer
        if not records or writer is None or self._called_off():
            return
        self._quiet.clear()
        pace = self._pace
        pace.begin(time.time() - records[0].timestamp / 1000)
        self._dues.note(self.partition, pace.due)
        await writer.begin()
        self._inputs.order.begin(self._inputs.positions)
        count = size = 0
        while records:
            await self._process(records)
            count += len(records)
            size += sum(map(_size, records))
            if (
                count >= self._most_records
                or size + writer.sent_bytes >= self._most_bytes
                or pace.over()
                or self._called_off()
            ):
                break
            most = min(self._slice.size, self._most_records - count)
            records = await self._inputs.next(pace.left(), most, self._interrupt)
        await self._commit(writer, count)
        self._quiet.set()

    async def _process(self, records: Sequence[ConsumerRecord]) -> None:
        self._slice.begin()
        await self._processor.process(records)
        self._slice.end(len(records))
        self._inputs.done(records)
        await self._processor.flush()
        await asyncio.sleep(0)

    async def _commit(self, writer: TransactionalWriter, count: int) -> None:
        asked = time.monotonic()
        outputs = writer.written
        positions = encode_positions(self._inputs.positions)
        changes = self._store.changes()
        self._processor.write_changelog([*changes, (POSITIONS, positions)])
        if self._names.order_topic and count:
            order = await writer.target(self._names.order_topic)
            writer.place(order, self.partition, *self._inputs.order.record(self.partition))
        offsets = self._inputs.offsets()
        sent = await writer.commit(offsets)
        self._pace.committed(time.monotonic() - asked)
        self._checkpoint = sent.get((self._names.changelog, self.partition), self._checkpoint)
        self._store.committed(positions, self._checkpoint)
        self._inputs.committed()
        self._watch.committed(self._pace.began, count, outputs)
        self._watch.lag(self._consumer, offsets.items())
        self._watch.happened(self._processor.committed(), self._processor.parked())

    async def _close_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
