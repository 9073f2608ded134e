"""One partition without Kafka: a processor on a real store, with its transactions kept in memory."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from aiokafka import ConsumerRecord

from bus.engine.breaker import Breaker
from bus.engine.names import Names
from bus.engine.processor import Processor
from bus.engine.stage import Output
from bus.engine.store import Store, encode_positions
from bus.engine.transaction import Target
from bus.engine.value import POSITIONS, Change
from bus.settings import load_settings
from schemas.codec import Codec
from tests.bus.engine.diary import Diary, Pages

CODEC = Codec()
Sent = tuple[str, bytes, bytes | None]
"""Topic, key and value of a record that was written."""


class Memory:
    """Where the records of transactions go, in place of a producer."""

    def __init__(self) -> None:
        self.open: list[Sent] = []
        self.committed: list[Sent] = []

    async def target(self, topic: str) -> Target:
        return Target(topic, 1)

    def write(self, output: Output, *rest: object) -> None:
        self.open.append((output.topic, output.key, output.value))

    def place(self, target: Target, partition: int, key: bytes, value: bytes | None, *rest: object) -> None:
        self.open.append((target.name, key, value))

    async def flush_full(self) -> None:
        """Nothing is ever full."""


class Partition:
    """Works as a task does; a crash forgets what was not committed."""

    def __init__(self, folder: Path, *, mended: bool = False, breaker: Breaker | None = None) -> None:
        self._folder = folder
        self._folders = count()
        self._breaker = breaker
        self.memory = Memory()
        self.changelog: list[Change] = []
        self.stage = Diary(mended=mended)
        self.store: Store[Pages]

    def close(self) -> None:
        """Close the files."""
        if hasattr(self, "store"):
            self.store.close()

    async def start(self, *, mended: bool, fresh_folder: bool = True) -> None:
        """Take over from what is committed, as another process does, or this one after a doubt."""
        self.memory.open.clear()
        self.stage.mended = mended
        if fresh_folder:
            self.close()
            self.store = Store(self._folder / str(next(self._folders)), self.stage, 3)
        else:
            self.store.rollback()
        opened = self.store.open(len(self.changelog))
        self.store.apply(self.changelog[opened.offset :], len(self.changelog))
        names = Names.of(load_settings(), self.stage)
        breaker = self._breaker or Breaker(1_000_000, 1.0)
        self.processor: Processor[Pages, str] = Processor(self.stage, self.store, names, 0, breaker=breaker)
        await self.processor.use(self.memory)  # type: ignore[arg-type]  # stands in for a producer

    async def process(self, records: Sequence[ConsumerRecord]) -> None:
        await self.processor.process(records)

    def commit(self) -> None:
        positions = encode_positions({})
        changes = [*self.store.changes(), (POSITIONS, positions)]
        self.processor.write_changelog(changes)
        self.changelog.extend(changes)
        self.store.committed(positions, len(self.changelog))
        self.processor.committed()
        self.memory.committed.extend(self.memory.open)
        self.memory.open.clear()

    def sent(self, topic: str) -> list[tuple[bytes, bytes | None]]:
        """Key and value of all records of a topic, committed or not."""
        return [(key, value) for to, key, value in (*self.memory.committed, *self.memory.open) if to == topic]


def record(topic: str, offset: int, key: bytes | None, value: bytes | None) -> ConsumerRecord:
    return ConsumerRecord(topic, 0, offset, 1000 + offset, 0, key, value, None, 0, 0, ())
