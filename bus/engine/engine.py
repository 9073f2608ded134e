"""Runs a stage in a consumer group: one task for each partition number that the group gives us."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from bus import metrics
from bus.cluster import connection
from bus.engine.names import Names
from bus.engine.stage import Stage
from bus.engine.task import PartitionTask, Place
from bus.errors import MissingTopicError, TopicMismatchError, translated
from bus.logs import Event, error_class, get_logger
from bus.settings import Settings
from bus.topics import partition_counts
from schemas.errors import RetriableError

S = TypeVar("S")
E = TypeVar("E")

_REVOKE_SECONDS = 5.0
"""A running transaction may take so long to end when partitions go elsewhere; then it is given up."""
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_MAX_POLL_MS = 24 * 3600 * 1000
"""Restoring may take long; that a process is alive is what heartbeats tell."""


class Engine(ConsumerRebalanceListener, Generic[S, E]):  # type: ignore[misc]  # the client has no types
    """One member of a stage's group. More members: more processes, nothing else."""

    def __init__(self, stage: Stage[S, E], settings: Settings) -> None:
        """Nothing happens before `run`."""
        self._stage = stage
        self._settings = settings
        self._names = Names(settings, stage.name, stage.inputs)
        self._log = get_logger("engine")
        self._tasks: dict[int, PartitionTask[S, E]] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._failed: asyncio.Future[None] | None = None
        self._assigned_once = False
        self._consumer: AIOKafkaConsumer
        self._partitions = metrics.ENGINE_PARTITIONS.labels(stage.name)

    def not_ready(self) -> Sequence[str]:
        """Why this member does not do its work yet; empty when it does."""
        if not self._assigned_once:
            return ("waiting for the consumer group",)
        return tuple(f"partition {n} is being restored" for n, task in self._tasks.items() if not task.ready)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; then end the running transactions and leave the group.

        Raises:
            FatalError: StageError, LostRecordsError, MissingTopicError, NotAllowedError.
            BusUnavailableError: Kafka could not be reached at start. Later absences are waited out.
            TopicMismatchError: the inputs are not co-partitioned.
        """
        self._failed = asyncio.get_running_loop().create_future()
        self._consumer = AIOKafkaConsumer(
            **connection(self._settings, self._stage.name),
            group_id=self._names.group,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="none",
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=int(self._settings.kafka.session_timeout_seconds * 1000),
            heartbeat_interval_ms=int(self._settings.kafka.session_timeout_seconds * 1000 / 10),
            rebalance_timeout_ms=int(_REVOKE_SECONDS * 4000),
            max_poll_interval_ms=_MAX_POLL_MS,
            fetch_min_bytes=self._settings.engine.fetch_min_bytes,
            fetch_max_wait_ms=self._settings.engine.fetch_max_wait_ms,
        )
        try:
            with translated(f"starting stage {self._stage.name}"):
                await self._consumer.start()
                await self._check_topics()
            self._consumer.subscribe(sorted(self._names.logical), listener=self)
            stopped = asyncio.ensure_future(stop.wait())
            await asyncio.wait((stopped, self._failed), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
        finally:
            await self._stop_tasks()
            await self._consumer.stop()
        if self._failed.done():
            self._failed.result()

    async def _check_topics(self) -> None:
        """All inputs and the changelog exist and have the same number of partitions."""
        needed = (*self._names.logical, self._names.changelog)
        counts = await partition_counts(self._settings, needed)
        for topic in needed:
            if topic not in counts:
                raise MissingTopicError(
                    f"topic {topic} is missing", fix="create the topics with `samband topics apply`"
                )
        if len(set(counts.values())) > 1:
            raise TopicMismatchError(
                f"the inputs and the changelog of stage {self._stage.name} differ in partitions: "
                + ", ".join(f"{topic} {count}" for topic, count in counts.items()),
                fix="give them the same number; the same key must have the same partition in all of them",
            )

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by the client before partitions may go elsewhere; it waits for the end of this."""
        if self._tasks:
            self._log.emit(Event.ENGINE_REVOKED, stage=self._stage.name, partitions=len(self._tasks))
        await self._stop_tasks()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by the client when partitions have come. Must not raise: the client would swallow it."""
        places = set(assigned)
        numbers = sorted({place.partition for place in places})
        self._consumer.pause(*places)
        hot_states = self._settings.engine.hot_states // max(1, len(numbers))
        place = Place(self._settings, self._consumer, self._names, hot_states)
        for number in numbers:
            task = PartitionTask(self._stage, place, number)
            running = asyncio.create_task(task.run(), name=f"{self._stage.name}-{number}")
            running.add_done_callback(self._ended)
            self._tasks[number] = task
            self._running[number] = running
        self._assigned_once = True
        self._partitions.set(len(numbers))
        self._log.emit(Event.ENGINE_ASSIGNED, stage=self._stage.name, partitions=len(numbers))

    def _ended(self, running: asyncio.Task[None]) -> None:
        error = None if running.cancelled() else running.exception()
        if error is not None and self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def _stop_tasks(self) -> None:
        """Let every task end its transaction; give up those that take too long."""
        tasks, running = self._tasks, list(self._running.values())
        self._tasks, self._running = {}, {}
        self._partitions.set(0)
        for task in tasks.values():
            task.stop()
        if running:
            _, late = await asyncio.wait(running, timeout=_REVOKE_SECONDS)
            for one in late:
                one.cancel()
            if late:
                await asyncio.wait(late, timeout=_REVOKE_SECONDS)


class StageRunner(Generic[S, E]):
    """Runs a stage until it is told to stop, waiting for Kafka as long as it takes."""

    def __init__(self, stage: Stage[S, E], settings: Settings) -> None:
        """Nothing happens before `run`."""
        self._stage = stage
        self._settings = settings
        self._engine: Engine[S, E] | None = None

    def not_ready(self) -> Sequence[str]:
        """Why the stage does not do its work yet, for /readyz."""
        return ["starting"] if self._engine is None else self._engine.not_ready()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop``. Raises what going on would do harm with (FatalError)."""
        log = get_logger("engine")
        attempt = 0
        while not stop.is_set():
            self._engine = Engine(self._stage, self._settings)
            try:
                await self._engine.run(stop)
            except RetriableError as error:
                attempt += 1
                log.emit(Event.BUS_UNAVAILABLE, error=error_class(error), attempt=attempt)
                with suppress(TimeoutError):
                    await asyncio.wait_for(
                        stop.wait(), min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt, 10))
                    )
            else:
                return
