"""What one partition writes besides a stage's own outputs: changelog, dead letters, statuses and ticks."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from aiokafka import ConsumerRecord

from bus.dead_letters import DeadLetters, dead_letter_topic
from bus.engine.names import Names
from bus.engine.parking import Waiting
from bus.engine.stage import Output
from bus.engine.transaction import Target, TransactionalWriter
from bus.engine.value import Change
from schemas.codec import Codec
from schemas.errors import PoisonError
from schemas.records import ParkedStatus


class Failure(NamedTuple):
    """A record that parked its key."""

    topic: str
    offset: int
    error: str


class Happened:
    """What a transaction did that operators hear of once it is committed."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.dead: Counter[tuple[str, str]] = Counter()
        """Dead letters by topic and reason."""
        self.first_dead = 0
        """The offset of the first."""
        self.parked: list[Failure] = []
        self.decisions: Counter[str] = Counter()
        """Operators' decisions that were carried out, by action."""


class Outbox:
    """Writes into the running transaction of one partition."""

    def __init__(self, names: Names, partition: int, codec: Codec | None = None) -> None:
        """`use` comes before anything else."""
        self._names = names
        self.partition = partition
        self._key = str(partition).encode()
        self._codec = codec or Codec()
        self._dead_letters = DeadLetters(names.stage, codec)
        self._writer: TransactionalWriter
        self._changelog: Target
        self.happened = Happened()
        self.timestamp = 0
        """Of the record that is worked on or was last, in milliseconds."""

    async def use(self, writer: TransactionalWriter) -> None:
        """Write through ``writer`` from now on."""
        self._writer = writer
        self._changelog = await writer.target(self._names.changelog_topic)
        writer.input_partitions = self._changelog.count
        self.happened = Happened()

    def write(self, outputs: Iterable[Output], timestamp: int) -> None:
        """Write what a step made."""
        for output in outputs:
            self._writer.write(output, timestamp)

    async def flush(self) -> None:
        """Send what is full."""
        await self._writer.flush_full()

    def bury(
        self, topic: str, record: ConsumerRecord | Waiting, key: bytes | None, error: PoisonError
    ) -> None:
        """Make ``record`` of the logical ``topic`` a dead letter."""
        position = (self.partition, record.offset, record.timestamp)
        physical = self._names.physical(topic)
        letter = self._dead_letters.encode(physical, position, key, record.value, error)
        self._writer.write(Output(dead_letter_topic(topic), key or b"", letter), record.timestamp)
        happened = self.happened
        if not happened.dead:
            happened.first_dead = record.offset
        happened.dead[topic, error.reason] += 1

    def tell(self, key: bytes, status: ParkedStatus) -> None:
        """Say how a parked key stands now."""
        value = self._codec.encode("ParkedStatus", status)
        self._writer.write(Output(self._names.parked, key, value), self.timestamp)
        if not status["waiting"]:
            self._writer.write(Output(self._names.parked, key, None), self.timestamp)

    async def write_ticks(self, minutes: Iterable[int]) -> None:
        """Write a tick for each of ``minutes`` (microseconds), stamped with it."""
        target = await self._writer.target(self._names.ticks)
        for minute in minutes:
            self.timestamp = minute // 1000
            value = self._codec.encode("Tick", {"minute": minute})
            self._writer.place(target, self.partition, self._key, value, (), self.timestamp)

    def write_changelog(self, changes: Iterable[Change]) -> None:
        """Write each changed state once, into the changelog partition with the task's own number."""
        place, target, timestamp = self._writer.place, self._changelog, self.timestamp
        for key, value in changes:
            place(target, self.partition, key, value, (), timestamp)

    def take(self) -> Happened:
        """What the transaction did, which is committed."""
        happened, self.happened = self.happened, Happened()
        return happened
