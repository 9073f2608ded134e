"""Three workers in one group over nine partitions, fed and watched all the time, whatever is done to them."""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bus.settings import Settings
from tests.bus.engine.harness import Worker, make_topics, settings_for
from tests.bus.engine.ledger import NAME, OUTPUT
from tests.faults.feeder import PATIENCE, Feeder
from tests.faults.verdict import aborted, assert_sound
from tests.faults.witness import CommittedOffsets, CommittedReader
from tests.waiting import until

PARTITIONS = 9
MEMBERS = 3
TRANSACTION = 750
"""The most messages in one transaction."""


class Rig:
    """Members by number, and what was sent and seen. Each member keeps its data folder for all its lives."""

    def __init__(self, settings: Settings, path: Path) -> None:
        self.settings = settings
        self.path = path
        self.workers: dict[int, Worker] = {}
        self.addresses: dict[int, str] = {}
        """Where a member finds Kafka, if not at the broker itself."""
        self._lives = 0
        self.reader: CommittedReader
        self.offsets: CommittedOffsets
        self.feeder: Feeder

    def folder(self, member: int) -> Path:
        return self.path / f"member-{member}"

    def start(self, member: int, *arguments: str) -> Worker:
        """A new life of a member."""
        self._lives += 1
        address = self.addresses.get(member, self.settings.bootstrap_servers)
        settings = self.settings.model_copy(
            update={"data_dir": self.folder(member), "bootstrap_servers": address}
        )
        log = self.path / f"member-{member}-life-{self._lives}.log"
        worker = self.workers[member] = Worker(settings, log, *arguments)
        return worker

    def kill(self, member: int) -> None:
        self.workers.pop(member).kill()

    def stop(self, member: int) -> None:
        """End a member in order."""
        worker = self.workers.pop(member)
        assert worker.stop() == 0, worker.log.read_text()

    def check(self) -> None:
        """Nobody has ended by itself."""
        self.reader.check()
        self.offsets.check()
        self.feeder.check()
        for worker in self.workers.values():
            assert worker.process.poll() is None, worker.log.read_text()

    async def until(self, condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
        """Wait for ``condition`` while nobody ends by itself."""

        def reached() -> bool:
            self.check()
            return condition()

        _: bool = await until(reached, timeout=timeout, what=what)

    async def progress(self, messages: int) -> None:
        """Wait until so many more outputs were seen, or all there will be."""
        goal = self.reader.count + messages
        await self.until(
            lambda: self.reader.count >= min(goal, self.feeder.most_outputs),
            f"output {goal}, from {self.reader.count} on",
        )

    async def caught_up(self) -> None:
        """Wait until everything that was sent before this has come out."""
        goal = self.feeder.outputs
        await self.until(lambda: self.reader.count >= goal, f"output {goal}")

    async def finish(self) -> int:
        """Send the rest, wait until all is committed, end everybody, judge; how many outputs were aborted."""
        await self.feeder.end()
        ends = self.feeder.ends()
        await self.until(lambda: self.offsets.latest == ends, f"the committed offsets {ends}")
        await self.until(lambda: self.reader.count >= self.feeder.outputs, "the last outputs")
        for member in list(self.workers):
            self.stop(member)
        folders = [self.folder(member) for member in range(MEMBERS)]
        await assert_sound(self.settings, self.feeder.fed, self.reader.seen, folders)
        self.check()
        return await aborted(self.settings, self.reader.count)


@asynccontextmanager
async def rig(
    broker: str, prefix: str, path: Path, *, total: int | None = None, window: int = 4000, **engine: object
) -> AsyncIterator[Rig]:
    """A rig whose members are not started yet; everything is ended at the end."""
    settings = settings_for(broker, prefix, path, **{"max_batch_records": TRANSACTION, **engine})
    await make_topics(settings, PARTITIONS)
    here = Rig(settings, path)
    async with AsyncExitStack() as stack:
        here.reader = await stack.enter_async_context(CommittedReader(settings, OUTPUT, PARTITIONS))
        here.offsets = await stack.enter_async_context(CommittedOffsets(settings, NAME))
        feeder = Feeder(settings, lambda: here.reader.count, window=window, total=total)
        here.feeder = await stack.enter_async_context(feeder)
        try:
            yield here
        finally:
            for worker in here.workers.values():
                if worker.process.poll() is None:
                    worker.signal(signal.SIGCONT)
                    worker.kill()
