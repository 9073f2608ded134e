"""Runs a stage in a consumer group: one task for each partition number that the group gives us."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

from bus import metrics
from bus.cluster import connection
from bus.engine.assignor import StickyAssignor
from bus.engine.fetching import tune
from bus.engine.membership import lost
from bus.engine.names import Names
from bus.engine.pace import Dues, Load
from bus.engine.stage import Stage
from bus.engine.standby import Standby
from bus.engine.store import Store
from bus.engine.task import PartitionTask, Place
from bus.errors import MissingTopicError, TopicMismatchError, translated
from bus.logs import Event, error_class, get_logger
from bus.settings import Settings
from bus.topics import partition_counts
from schemas.errors import RetriableError

S = TypeVar("S")
E = TypeVar("E")

_REVOKE_SECONDS = 3.0
"""A running transaction may take so long to end when the group shares out anew; then it is given up."""
_REJOIN_SECONDS = 10.0
"""The group waits at most this long for its members before it shares out without those that are silent."""
_HEARTBEAT_SECONDS = 0.5
"""How often a member asks; how soon it hears that the group shares out anew, while others wait for it."""
_REJOIN_PAUSE_SECONDS = 1.0
"""Before a member that lost its place in the group asks for a new one."""
_END_SECONDS = 5.0
_MAX_POLL_MS = 24 * 3600 * 1000
"""Restoring may take long; that a process is alive is what heartbeats tell."""


class Engine(ConsumerRebalanceListener, Generic[S, E]):  # type: ignore[misc]  # the client has no types
    """One member of a stage's group. More members: more processes, nothing else."""

    def __init__(self, stage: Stage[S, E], settings: Settings) -> None:
        """Nothing happens before `run`."""
        self._stage = stage
        self._settings = settings
        self._names = Names.of(settings, stage)
        self._log = get_logger("engine")
        self._tasks: dict[int, PartitionTask[S, E]] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        unwritten = settings.engine.unwritten_bytes
        self._standby = Standby(
            settings, self._names, lambda path: Store(path, stage, hot_limit=1, unwritten_bytes=unwritten)
        )
        self._assignor = StickyAssignor(self._tasks.keys, self._standby.lags, settings.engine.standbys)
        self._load, self._dues = Load(), Dues()
        self._failed: asyncio.Future[None] | None = None
        self._started = False
        self._assigned = False
        self._ending = False
        self._consumer: AIOKafkaConsumer
        self._partitions = metrics.ENGINE_PARTITIONS.labels(stage.name)
        self._rejoined = metrics.ENGINE_REJOINED.labels(stage.name)

    def not_ready(self) -> Sequence[str]:
        """Why this member does not do its work yet; empty when it does."""
        if not self._assigned:
            return ("waiting for the consumer group",)
        return tuple(
            f"partition {number} is being restored, {task.progress.percent} % done"
            for number, task in self._tasks.items()
            if not task.ready
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; then end the running transactions and leave the group.

        Raises:
            FatalError: StageError, LostRecordsError, MissingTopicError, NotAllowedError.
            BusUnavailableError: Kafka could not be reached at start. Later absences are waited out.
            TopicMismatchError: the inputs are not co-partitioned.
        """
        while not stop.is_set():
            try:
                await self._be_member(stop)
            except RetriableError as error:
                if not self._started:
                    raise
                self._assigned = False
                self._rejoined.inc()
                cause = error_class(error.__cause__ or error)
                self._log.emit(Event.ENGINE_REJOINING, stage=self._stage.name, error=cause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _REJOIN_PAUSE_SECONDS)

    async def _be_member(self, stop: asyncio.Event) -> None:
        """Join the group and work in it until ``stop``, or until the client can no longer go on."""
        self._failed = asyncio.get_running_loop().create_future()
        self._ending = False
        self._consumer = self._new_consumer()
        try:
            with translated(f"starting stage {self._stage.name}"):
                await self._consumer.start()
                tune(self._consumer, self._settings.engine, self._dues)
                lost(self._consumer).add_done_callback(self._lost)
                await self._check_topics()
            self._started = True
            self._consumer.subscribe(sorted(self._names.logical), listener=self)
            stopped = asyncio.ensure_future(stop.wait())
            await asyncio.wait((stopped, self._failed), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
        finally:
            self._ending = True
            await self._end(list(self._tasks))
            await self._standby.stop()
            # In a task of its own: of connections that were just cut, the client may pass on a cancellation
            # of its own tasks, which would end ours and hide why the engine ended.
            stopping = asyncio.ensure_future(self._consumer.stop())
            await asyncio.wait((stopping,))
        if self._failed.done():
            with translated(f"working as a member of the group of stage {self._stage.name}"):
                self._failed.result()
        if not stopping.cancelled():
            stopping.result()

    def _new_consumer(self) -> AIOKafkaConsumer:
        settings = self._settings
        return AIOKafkaConsumer(
            **connection(settings, self._stage.name),
            group_id=self._names.group,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="none",
            partition_assignment_strategy=(self._assignor,),
            group_instance_id=settings.engine.instance_id or None,
            session_timeout_ms=int(settings.kafka.session_timeout_seconds * 1000),
            heartbeat_interval_ms=int(_HEARTBEAT_SECONDS * 1000),
            rebalance_timeout_ms=int(_REJOIN_SECONDS * 1000),
            max_poll_interval_ms=_MAX_POLL_MS,
            fetch_min_bytes=settings.engine.fetch_min_bytes,
            fetch_max_wait_ms=settings.engine.fetch_max_wait_ms,
        )

    def _lost(self, failed: asyncio.Future[None]) -> None:
        if (error := failed.exception()) and not self._ending:
            self._fail(error)

    async def _check_topics(self) -> None:
        """All inputs, and what goes with each partition of them, have the same number of partitions."""
        names = self._names
        order = [names.physical(names.order_topic)] if names.order_topic else []
        parked = [names.physical(names.parked)] if names.parks else []
        needed = (*names.logical, names.changelog, *order, *parked)
        counts = await partition_counts(self._settings, needed)
        for topic in needed:
            if topic not in counts:
                raise MissingTopicError(
                    f"topic {topic} is missing", fix="create the topics with `samband topics apply`"
                )
        if len(set(counts.values())) > 1:
            raise TopicMismatchError(
                f"the inputs, order and changelog of stage {self._stage.name} differ in partitions: "
                + ", ".join(f"{topic} {count}" for topic, count in counts.items()),
                fix="give them the same number; the same key must have the same partition in all of them",
            )

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by the client before partitions may go elsewhere; it waits for the end of this.

        All partitions are asked back at each change of the group, and most of them come back at once. So
        their transactions are ended, and everything else is kept.
        """
        tasks = self._tasks
        if not tasks:
            return
        self._log.emit(Event.ENGINE_REVOKED, stage=self._stage.name, partitions=len(tasks))
        waits = {}
        for number, task in tasks.items():
            task.hold()
            waits[asyncio.ensure_future(task.quiet())] = number
        _, late = await asyncio.wait(waits, timeout=_REVOKE_SECONDS)
        for wait in late:
            wait.cancel()
            self._running[waits[wait]].cancel()
        await self._end([waits[wait] for wait in late])

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by the client when partitions have come. Must not raise: the client would swallow it."""
        try:
            await self._take(set(assigned))
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine ends with it
            self._fail(error)

    async def _take(self, places: set[TopicPartition]) -> None:
        """Go on with the partitions that were here before, begin with those that are new, end the others.

        An engine that ends takes none: the group may share them out anew before it has left.
        """
        if self._ending:
            return
        numbers = sorted({place.partition for place in places})
        self._consumer.pause(*places)
        await self._end([number for number in self._tasks if number not in numbers])
        self._standby.follow(set(self._assignor.follow) - set(numbers))
        kept = len(self._tasks)
        place = Place(self._settings, self._consumer, self._names, self._load, self._dues)
        hot_states = self._settings.engine.hot_states // max(1, len(numbers))
        for task in self._tasks.values():
            task.release(hot_states)
        for number in numbers:
            if number not in self._tasks:
                self._begin(number, PartitionTask(self._stage, place, number, hot_states))
        self._assigned = True
        self._partitions.set(len(numbers))
        self._log.emit(
            Event.ENGINE_ASSIGNED, stage=self._stage.name, partitions=len(numbers), partitions_kept=kept
        )

    def _begin(self, number: int, task: PartitionTask[S, E]) -> None:
        running = asyncio.create_task(task.run(), name=f"{self._stage.name}-{number}")
        running.add_done_callback(self._ended)
        self._tasks[number] = task
        self._running[number] = running

    def _ended(self, running: asyncio.Task[None]) -> None:
        error = None if running.cancelled() else running.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def _end(self, numbers: Iterable[int]) -> None:
        """Let these tasks end their transactions; give up those that take too long."""
        running = []
        for number in numbers:
            self._tasks.pop(number).stop()
            running.append(self._running.pop(number))
        self._partitions.set(len(self._tasks))
        if running:
            _, late = await asyncio.wait(running, timeout=_END_SECONDS)
            for one in late:
                one.cancel()
            if late:
                await asyncio.wait(late, timeout=_END_SECONDS)
