"""The hot path: decode, step, keep the state, write what comes out. No I/O but the local store."""

from collections import Counter
from collections.abc import Iterable, Sequence
from heapq import merge
from operator import attrgetter
from typing import Generic, TypeVar

from aiokafka import ConsumerRecord, TopicPartition

from bus.dead_letters import DeadLetters, dead_letter_topic
from bus.engine.names import Names
from bus.engine.stage import Stage
from bus.engine.store import Store
from bus.engine.transaction import Target, TransactionalWriter
from bus.engine.value import Change
from bus.errors import StageError
from bus.logs import Event, error_class, get_logger
from schemas.codec import Codec
from schemas.errors import PoisonError, RetriableError

S = TypeVar("S")
E = TypeVar("E")

_timestamp = attrgetter("timestamp")


class InvalidRecordError(PoisonError):
    """A record without a usable key or without a value: no stage could do anything with it."""


def in_time_order(found: dict[TopicPartition, list[ConsumerRecord]]) -> list[ConsumerRecord]:
    """The records of several topics as one sequence: each topic in its order, merged by time."""
    if len(found) <= 1:
        return next(iter(found.values()), [])
    return list(merge(*found.values(), key=_timestamp))


class Processor(Generic[S, E]):
    """Runs a stage over records within the running transaction of one partition."""

    def __init__(self, stage: Stage[S, E], store: Store[S], names: Names, codec: Codec | None = None) -> None:
        """`use` comes before anything else."""
        self._stage = stage
        self._store = store
        self._names = names
        self._dead_letters = DeadLetters(stage.name, codec)
        self._dead: Counter[tuple[str, str]] = Counter()
        self._first_dead = 0
        self._last_timestamp = 0
        self._log = get_logger("engine")
        self._writer: TransactionalWriter
        self._changelog: Target

    async def use(self, writer: TransactionalWriter) -> None:
        """Write through ``writer`` from now on."""
        self._writer = writer
        self._changelog = await writer.target(self._names.changelog_topic)
        writer.input_partitions = self._changelog.count
        self._dead.clear()

    def process(self, records: Sequence[ConsumerRecord]) -> None:
        """Carry ``records`` through the stage. StageError if it fails with anything but a PoisonError."""
        decode, step = self._stage.decode, self._stage.step
        get, put, write = self._store.get, self._store.put, self._writer.write
        logical = self._names.logical
        record = records[0]
        try:
            for record in records:
                key, value = record.key, record.value
                try:
                    if not key or value is None:
                        raise _invalid(key)
                    event = decode(logical[record.topic], key, value)
                    before = get(key)
                    after, outputs = step(key.decode(), before, event)
                except PoisonError as error:
                    self._bury(record, error)
                    continue
                except UnicodeDecodeError:
                    self._bury(record, InvalidRecordError("the key is not UTF-8", reason="key.invalid"))
                    continue
                if after is not None or before is not None:
                    put(key, after)
                for topic, out_key, out_value, headers in outputs:
                    home = record.partition if out_key == key else None
                    write(topic, out_key, out_value, headers, record.timestamp, home)
        except RetriableError:
            raise
        except Exception as error:
            raise self._stage_failed(record, error) from error
        self._last_timestamp = record.timestamp

    def _stage_failed(self, record: ConsumerRecord, error: Exception) -> StageError:
        self._log.emit(
            Event.ENGINE_STAGE_FAILED,
            stage=self._stage.name,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            error=error_class(error),
        )
        return StageError(
            f"stage {self._stage.name} failed with {error_class(error)} "
            f"at {record.topic}/{record.partition}, offset {record.offset}",
            fix="nothing was committed; mend the stage and start again",
        )

    def _bury(self, record: ConsumerRecord, error: PoisonError) -> None:
        topic = self._names.logical[record.topic]
        position = (record.partition, record.offset, record.timestamp)
        letter = self._dead_letters.encode(record.topic, position, record.key, record.value, error)
        self._writer.write(dead_letter_topic(topic), record.key or b"", letter, (), record.timestamp)
        if not self._dead:
            self._first_dead = record.offset
        self._dead[topic, error.reason] += 1

    async def flush(self) -> None:
        """Send what is full."""
        await self._writer.flush_full()

    def write_changelog(self, changes: Iterable[Change], partition: int) -> None:
        """Write each changed state once, into the changelog partition with the task's own number."""
        place, target, timestamp = self._writer.place, self._changelog, self._last_timestamp
        for key, value in changes:
            place(target, partition, key, value, (), timestamp)

    def take_dead(self) -> tuple[Counter[tuple[str, str]], int]:
        """Dead letters of the committed transaction by topic and reason, and the offset of the first."""
        dead, self._dead = self._dead, Counter()
        return dead, self._first_dead


def _invalid(key: bytes | None) -> InvalidRecordError:
    if not key:
        return InvalidRecordError("a record without a key belongs to nobody", reason="key.missing")
    return InvalidRecordError("a record without a value says nothing", reason="value.missing")
