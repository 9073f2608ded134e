"""What is not on the hot path: keys that are parked, operators' decisions about them, and time."""

import asyncio
from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast

from aiokafka import ConsumerRecord

from bus.engine.breaker import Breaker
from bus.engine.journal import Journal
from bus.engine.names import Names
from bus.engine.outbox import Failure, Outbox
from bus.engine.parking import Hands, Parking, Waiting
from bus.engine.stage import Output, Stage, Timed
from bus.engine.store import Store
from bus.errors import StageError
from bus.logs import Event, error_class, get_logger
from schemas.codec import Codec
from schemas.errors import FatalError, PoisonError, RetriableError
from schemas.records import ParkedDecision
from schemas.records import Tick as TickRecord

S = TypeVar("S")

_PAUSE = 100
"""Records or keys that one decision or tick sets in motion between two looks at the event loop."""


class InvalidRecordError(PoisonError):
    """A record without a usable key or without a value: no stage could do anything with it."""


class DiscardedError(PoisonError):
    """A record that waited behind a failure, and that an operator decided to do without."""


class Aside(Generic[S]):
    """Takes the records of one partition that the hot path passes on."""

    def __init__(
        self,
        stage: Stage[S, Any],
        store: Store[S],
        names: Names,
        outbox: Outbox,
        breaker: Breaker,
        codec: Codec,
    ) -> None:
        """`use` comes before anything else."""
        self._stage = stage
        self._timed: Timed[S] | None = stage if isinstance(stage, Timed) else None
        self._store = store
        self._names = names
        self._outbox = outbox
        self._breaker = breaker
        self._codec = codec
        self._log = get_logger("engine")
        self.journal = Journal(stage, store, names)
        self.parking = Parking(store.notes, outbox.partition, outbox.tell)

    def begin(self) -> None:
        """Take up what is committed, e.g. after a restart or a doubtful transaction."""
        self.journal.clear()
        self.parking.begin()
        self._breaker.begin(parked.tried for parked in self.parking.keys.values())

    def comes(self, records: Sequence[ConsumerRecord]) -> None:
        """These are worked on now."""
        if self._names.parks:
            self.journal.extend(records)
            self._breaker.tried += len(records)

    async def take(self, record: ConsumerRecord, topic: str) -> None:
        """A record of a parked key, or of an input of the engine's own."""
        self._breaker.tried -= 1
        self._outbox.timestamp = record.timestamp
        try:
            if topic == self._names.operations:
                await self._operate(record)
            elif topic == self._names.ticks:
                await self._tick(record)
            else:
                self.parking.wait(record.key, _waiting(record, topic))
        except PoisonError as error:
            self._outbox.bury(topic, record, record.key, error)

    def failed(self, record: ConsumerRecord, topic: str, error: Exception) -> None:
        """The stage failed on a fact: put the state back that was before it, and park the key."""
        if not _is_text(record.key):
            unreadable = InvalidRecordError("the key is not UTF-8", reason="key.invalid")
            self._outbox.bury(topic, record, record.key, unreadable)
            return
        if not self._names.parks or isinstance(error, RetriableError | FatalError):
            raise error
        self._outbox.timestamp = record.timestamp
        self.journal.remake(record.key, record)
        self._park(record.key, _waiting(record, topic), error, self._breaker.tried - self.journal.ago(record))

    def _park(self, key: bytes, record: Waiting, error: Exception, at: int) -> None:
        if self._breaker.failed(at):
            raise self.stage_error(record.topic, record.offset, error, self._breaker.said) from error
        self.parking.park(key, record, error_class(error), at)
        self._outbox.happened.parked.append(Failure(record.topic, record.offset, error_class(error)))

    def stage_error(self, topic: str, offset: int, error: Exception, often: str = "") -> StageError:
        """The error with which the worker stops, after a line in the log."""
        name, partition = self._names.stage, self._outbox.partition
        self._log.emit(
            Event.ENGINE_STAGE_FAILED,
            stage=name, topic=topic, partition=partition, offset=offset, error=error_class(error),
        )  # fmt: skip
        return StageError(
            f"stage {name} failed {often}with {error_class(error)} "
            f"at {self._names.physical(topic)}/{partition}, offset {offset}",
            fix="nothing of the transaction was committed; mend the stage and start again",
        )

    async def _operate(self, record: ConsumerRecord) -> None:
        if not record.key:
            raise unusable(record.key)
        decision = cast(ParkedDecision, self._read("ParkedDecision", record))
        steps = self.parking.carry_out(record.key, decision, Hands(self._carry, self._discard))
        for count, _ in enumerate(steps, 1):
            if count % _PAUSE == 0:
                await self._pause()
        self.journal.mark(record.key, record)
        self._outbox.happened.decisions[decision["action"]] += 1

    async def _tick(self, record: ConsumerRecord) -> None:
        minute = cast(TickRecord, self._read("Tick", record))["minute"]
        for count, key in enumerate(self._store.due(minute), 1):
            if key not in self.parking.keys:  # for a parked key time stands still
                waiting = _waiting(record, self._names.ticks)
                error = self._apply(key, waiting)
                if error is not None:
                    self._park(key, waiting, error, self._breaker.tried)
                if self._names.parks:
                    self.journal.mark(key, record)
            if count % _PAUSE == 0:
                await self._pause()

    async def _pause(self) -> None:
        await self._outbox.flush()
        await asyncio.sleep(0)

    def _carry(self, key: bytes, record: Waiting) -> str | None:
        error = self._apply(key, record)
        return None if error is None else error_class(error)

    def _apply(self, key: bytes, record: Waiting) -> Exception | None:
        """Carry one record of ``key`` through the stage; the error if it failed, with the state as before."""
        stage, store = self._stage, self._store
        before = store.get(key)
        saved = stage.dump(before) if before is not None and self._names.parks else None
        try:
            after, outputs = self._step(key, before, record)
        except PoisonError as error:
            self._outbox.bury(record.topic, record, key, error)
            return None
        except Exception as error:
            if not self._names.parks or isinstance(error, RetriableError | FatalError):
                raise
            if saved is not None:
                store.put(key, stage.load(saved, stage.state_version))
            return error
        if after is not None or before is not None:
            store.put(key, after)
        self._outbox.write(outputs, record.timestamp)
        return None

    def _step(self, key: bytes, before: S | None, record: Waiting) -> tuple[S | None, Sequence[Output]]:
        if record.topic == self._names.ticks:
            if self._timed is None or before is None:
                return before, ()
            return self._timed.tick(key.decode(), before, self._read("Tick", record)["minute"])
        if record.value is None:
            raise unusable(key)
        return self._stage.step(key.decode(), before, self._stage.decode(record.topic, key, record.value))

    def _discard(self, key: bytes, record: Waiting, error: str) -> None:
        discarded = DiscardedError(
            f"an operator discarded it after the stage had failed with {error}", reason="parked.discarded"
        )
        self._outbox.bury(record.topic, record, key, discarded)

    def _read(self, name: str, record: ConsumerRecord | Waiting) -> Any:
        decoded = self._codec.decode(record.value or b"")
        if decoded.record != name:
            raise PoisonError(f"{decoded.record} is not a {name}", reason="record.unknown", where="/1")
        return decoded.value


def unusable(key: bytes | None) -> InvalidRecordError:
    """What is wrong with a record that has no key, or a key and no value."""
    if not key:
        return InvalidRecordError("a record without a key belongs to nobody", reason="key.missing")
    return InvalidRecordError("a record without a value says nothing", reason="value.missing")


def _waiting(record: ConsumerRecord, topic: str) -> Waiting:
    return Waiting(topic, record.offset, record.timestamp, record.value)


def _is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True
