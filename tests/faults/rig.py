"""Three workers in one group over nine partitions, fed and watched all the time, whatever is done to them."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from bus.settings import Settings
from tests.bus.engine.harness import Worker, differences, make_topics, read, settings_for
from tests.bus.engine.ledger import NAME, OUTPUT, TOLD
from tests.faults.feeder import PATIENCE, Feeder
from tests.faults.proxy import Proxy
from tests.faults.verdict import aborted, assert_sound, outputs_of
from tests.faults.witness import CommittedOffsets, CommittedReader
from tests.waiting import until

PARTITIONS = 9
MEMBERS = 3
TRANSACTION = 750
"""The most messages in one transaction."""
UNWRITTEN = 1500
"""Bytes: a few of an account's changes, so that the local stores have some while others wait."""
WINDOW = 4000
"""The most messages that wait for their output."""


class Rig:
    """Members by number, and what was sent and seen. Each member keeps its data folder for all its lives."""

    def __init__(self, settings: Settings, path: Path) -> None:
        self.settings = settings
        self.path = path
        self.workers: dict[int, Worker] = {}
        self.proxies: dict[int, Proxy] = {}
        """Between a member and the broker, if there is one."""
        self._lives = 0
        self.reader: CommittedReader
        self.offsets: CommittedOffsets
        self.feeder: Feeder

    def folder(self, member: int) -> Path:
        return self.path / f"member-{member}"

    def start(self, member: int, *arguments: str, within: Sequence[str] = ()) -> Worker:
        """A new life of a member; arguments as for `Worker`."""
        self._lives += 1
        proxy = self.proxies.get(member)
        address = proxy.address if proxy else self.settings.bootstrap_servers
        name = self.settings.engine.instance_id and f"{self.settings.engine.instance_id}-{member}"
        settings = self.settings.model_copy(
            update={
                "data_dir": self.folder(member),
                "bootstrap_servers": address,
                "engine": self.settings.engine.model_copy(update={"instance_id": name}),
            }
        )
        log = self.path / f"member-{member}-life-{self._lives}.log"
        worker = self.workers[member] = Worker(settings, log, *arguments, within=within)
        return worker

    async def start_all(self) -> None:
        """Start all members, and wait until each has its share."""
        for member in range(MEMBERS):
            self.start(member)
        await self.until(lambda: all(worker.ready() for worker in self.workers.values()), "all members")

    def kill(self, member: int) -> None:
        self.workers.pop(member).kill()

    async def stop(self, member: int) -> None:
        """End a member in order; its proxy, if it has one, needs this loop meanwhile."""
        worker = self.workers[member]
        code = await asyncio.to_thread(worker.stop)
        del self.workers[member]
        log = worker.log.read_text()
        # Python ends at once by a signal that comes before it has said what to do with it.
        assert code == 0 or (code == -signal.SIGTERM and "engine" not in log), log

    def check(self) -> None:
        """Nobody has ended by itself."""
        self.reader.check()
        self.offsets.check()
        self.feeder.check()
        for worker in self.workers.values():
            assert worker.process.poll() is None, worker.log.read_text()

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for ``condition`` while nobody ends by itself; if it does not come, say how things stand."""
        try:
            await self.watched(condition, what, PATIENCE)
        except TimeoutError as error:
            await self._tell_what_workers_do()
            error.add_note(self._standing())
            raise

    async def watched(self, condition: Callable[[], bool], what: str, timeout: float) -> None:
        """Wait for ``condition`` while nobody ends by itself. TimeoutError after ``timeout`` seconds."""

        def reached() -> bool:
            self.check()
            return condition()

        _: bool = await until(reached, timeout=timeout, what=what)

    async def _tell_what_workers_do(self) -> None:
        """Each worker writes to its log what all of its tasks wait for."""
        for worker in self.workers.values():
            worker.signal(signal.SIGUSR2)
        with suppress(TimeoutError):
            await until(
                lambda: all(TOLD in worker.log.read_text() for worker in self.workers.values()), timeout=5
            )

    def _standing(self) -> str:
        seen = {partition: len(there) for partition, there in self.reader.seen.items()}
        lines = [
            f"committed, after {self.offsets.looks} looks: {dict(sorted(self.offsets.latest.items()))}",
            f"sent, next offsets: {dict(sorted(self.feeder.ends().items()))}",
            f"outputs expected: {dict(sorted(self.feeder.outputs.items()))}",
            f"outputs seen: {seen}",
        ]
        for member, worker in sorted(self.workers.items()):
            lines += [f"--- member {member}, {worker.log.name}", worker.log.read_text()[-20_000:]]
        return "\n".join(lines)

    async def progress(self, messages: int) -> None:
        """Wait until so many more outputs were seen, or all there will be."""
        goal = self.reader.count + messages
        await self.until(
            lambda: self.reader.count >= min(goal, self.feeder.most_outputs),
            f"output {goal}, from {self.reader.count} on",
        )

    async def caught_up(self) -> None:
        """Wait until everything that was sent before this has come out."""
        seen, goals = self.reader.seen, dict(self.feeder.outputs)
        await self.until(
            lambda: all(len(seen[partition]) >= goal for partition, goal in goals.items()),
            f"outputs by partition {goals}",
        )

    def compare(self) -> None:
        """What was seen so far is the beginning of what a replay of the inputs gives."""
        expected, found = outputs_of(self.feeder.fed), {}
        for partition, there in self.reader.seen.items():
            found[partition] = [(each.key, each.value) for each in there]
            # An output may be seen before the sender hears that its input was written, and the other way.
            known = min(len(there), len(expected.get(partition, ())))
            found[partition] = found[partition][:known]
            expected[partition] = expected.get(partition, [])[:known]
        wrong = differences(expected, found)
        assert not wrong, "\n".join(wrong)

    async def finish(self) -> int:
        """Send the rest, wait until all is committed, end everybody, judge; how many outputs were aborted."""
        await self.feeder.end()
        ends = self.feeder.ends()
        await self.until(lambda: self.offsets.latest == ends, f"the committed offsets {ends}")
        await asyncio.gather(*[self.stop(member) for member in list(self.workers)])
        final = await read(self.settings, OUTPUT)
        await self.until(lambda: self.reader.count >= len(final), "the reader")
        folders = [self.folder(member) for member in range(MEMBERS)]
        await assert_sound(self.settings, self.feeder.fed, self.reader.seen, folders)
        self.check()
        return await aborted(self.settings, len(final))


@asynccontextmanager
async def rig(
    broker: str,
    prefix: str,
    path: Path,
    *,
    total: int | None = None,
    proxied: bool = False,
    engine: Mapping[str, object] = MappingProxyType({}),
) -> AsyncIterator[Rig]:
    """A rig whose members are not started yet; everything is ended at the end. ``engine`` are settings."""
    usual = {"max_batch_records": TRANSACTION, "unwritten_bytes": UNWRITTEN}
    settings = settings_for(broker, prefix, path, **{**usual, **engine})
    await make_topics(settings, PARTITIONS)
    here = Rig(settings, path)
    async with AsyncExitStack() as stack:
        for member in range(MEMBERS) if proxied else ():
            here.proxies[member] = await stack.enter_async_context(Proxy(broker))
        here.reader = await stack.enter_async_context(CommittedReader(settings, OUTPUT, PARTITIONS))
        here.offsets = await stack.enter_async_context(CommittedOffsets(settings, NAME))
        # Of a number of messages, so few wait that there is work left for whatever is done last.
        window = WINDOW if total is None else min(WINDOW, total // 10)
        feeder = Feeder(settings, lambda: here.reader.count, window=window, total=total)
        here.feeder = await stack.enter_async_context(feeder)
        try:
            yield here
        finally:
            for worker in here.workers.values():
                if worker.process.poll() is None:
                    worker.signal(signal.SIGCONT)
                    worker.kill()
