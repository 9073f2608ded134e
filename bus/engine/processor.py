"""The hot path: decode, step, keep the state, write what comes out. No I/O but the local store."""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from aiokafka import ConsumerRecord

from bus.engine import ticks
from bus.engine.aside import Aside, unusable
from bus.engine.breaker import Breaker
from bus.engine.names import Names
from bus.engine.outbox import Happened, Outbox
from bus.engine.stage import Stage
from bus.engine.store import Store
from bus.engine.transaction import TransactionalWriter
from bus.engine.value import Change
from bus.errors import StageError
from schemas.codec import Codec
from schemas.errors import PoisonError, RetriableError

S = TypeVar("S")
E = TypeVar("E")


class Processor(Generic[S, E]):
    """Runs a stage over records within the running transaction of one partition."""

    def __init__(
        self,
        stage: Stage[S, E],
        store: Store[S],
        names: Names,
        partition: int,
        *,
        breaker: Breaker,
        codec: Codec | None = None,
    ) -> None:
        """`use` comes before anything else."""
        self._stage = stage
        self._store = store
        self._names = names
        self._outbox = Outbox(names, partition, codec)
        self._aside = Aside(stage, store, names, self._outbox, breaker, codec or Codec())
        self._write: Callable[..., None]

    async def use(self, writer: TransactionalWriter) -> None:
        """Write through ``writer`` from now on, and go on from what is committed."""
        self._write = writer.write
        await self._outbox.use(writer)
        self._aside.begin()

    async def process(self, records: Sequence[ConsumerRecord]) -> None:
        """Carry ``records`` through the stage. StageError where going on would do harm."""
        decode, step, write = self._stage.decode, self._stage.step, self._write
        get, hot, dirty = self._store.get, self._store.hot, self._store.dirty
        logical, own, parked = self._names.logical, self._names.aside, self._aside.parking.keys
        self._aside.comes(records)
        record = records[0]
        try:
            for record in records:
                key, value, topic = record.key, record.value, logical[record.topic]
                if key in parked or topic in own:
                    await self._aside.take(record, topic)
                    continue
                try:
                    if not key or value is None:
                        raise unusable(key)
                    event = decode(topic, key, value)
                    before = hot[key] if key in hot else get(key)
                    after, outputs = step(key.decode(), before, event)
                except PoisonError as error:
                    self._outbox.bury(topic, record, key, error)
                    continue
                except Exception as error:  # noqa: BLE001 - a stage may fail with anything
                    self._aside.failed(record, topic, error)
                    continue
                if after is not None or before is not None:
                    hot[key] = after
                    dirty[key] = None
                for output in outputs:
                    write(output, record.timestamp, record.partition if output.key == key else None)
        except (RetriableError, StageError):
            raise
        except Exception as error:
            raise self._aside.stage_error(logical[record.topic], record.offset, error) from error
        self._outbox.timestamp = record.timestamp

    async def write_ticks(self, minutes: Sequence[int]) -> None:
        """Write a tick for each of ``minutes``, and remember the last."""
        await self._outbox.write_ticks(minutes)
        self._store.notes.put(ticks.NAME, ticks.encode(minutes[-1]))

    def last_tick(self) -> int | None:
        """The last minute that was written as a tick; None before any."""
        return ticks.decode(self._store.notes.get(ticks.NAME))

    async def flush(self) -> None:
        """Send what is full."""
        await self._outbox.flush()

    def write_changelog(self, changes: Iterable[Change]) -> None:
        """Write each changed state once."""
        self._outbox.write_changelog(changes)

    def committed(self) -> Happened:
        """The transaction is committed; what it did."""
        self._aside.journal.clear()
        return self._outbox.take()

    def parked(self) -> tuple[int, int]:
        """How many keys are parked, and how many records wait behind them."""
        parking = self._aside.parking
        return len(parking.keys), parking.waiting
