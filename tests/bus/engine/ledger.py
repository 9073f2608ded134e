"""A stage whose every mistake shows: it numbers each key's records and chains them into a checksum.

A record that is missing, doubled or out of order changes all that follow for its key. Run as a program it
is one worker, so that tests can kill it.
"""

import asyncio
import os
import signal
import sys
import time
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer

from bus import process
from bus.engine import Output, StageRunner
from bus.engine.inputs import Inputs
from bus.engine.names import Names
from bus.logs import configure
from bus.settings import load_settings
from schemas.errors import PoisonError

NAME = "test.ledger"
INPUT = "numbers"
OUTPUT = "copies"
TOLD = "these were all tasks"
"""Ends what a worker writes to its log when it gets SIGUSR2."""


class Account(NamedTuple):
    """State of one key."""

    records: int
    checksum: int


class Ledger:
    """``value`` becomes ``value:count:checksum``; ``forget`` empties the account."""

    name = NAME
    inputs: tuple[str, ...] = (INPUT,)
    state_version = 1

    def decode(self, topic: str, key: bytes, value: bytes) -> str:
        if value == b"poison":
            raise PoisonError("not a number", reason="test.poison", where="/0")
        return value.decode()

    def step(self, key: str, state: Account | None, event: str) -> tuple[Account | None, Sequence[Output]]:
        if event == "bug":
            raise ZeroDivisionError("secret text of a citizen")
        if event == "forget":
            return None, ()
        before = state or Account(0, 0)
        after = Account(before.records + 1, zlib.crc32(event.encode(), before.checksum))
        return after, (Output(OUTPUT, key.encode(), f"{event}:{after.records}:{after.checksum}".encode()),)

    def dump(self, state: Account) -> bytes:
        return msgspec.msgpack.encode(state)

    def wake(self, state: Account) -> int | None:
        return None

    def load(self, data: bytes, version: int = 1) -> Account:
        return msgspec.msgpack.decode(data, type=Account)


def fence_nobody() -> None:
    """The fence broken on purpose: transactional ids of the process's own."""
    shared = Names.transactional_id

    def own(names: Names, partition: int) -> str:
        return f"{shared(names, partition)}-{os.getpid()}"

    Names.transactional_id = own  # type: ignore[assignment,method-assign]  # broken on purpose


def fence_everybody() -> None:
    """The fence broken on purpose: one transactional id for all partitions of all workers."""

    def everybodys(names: Names, partition: int) -> str:
        return names.group

    Names.transactional_id = everybodys  # type: ignore[assignment,method-assign]  # broken on purpose


def seek_once() -> None:
    """The seek after a restore broken on purpose: done for the first one only."""
    seek = Inputs.seek
    done = set()

    def maybe(inputs: Inputs) -> None:
        if inputs not in done:
            done.add(inputs)
            seek(inputs)

    Inputs.seek = maybe  # type: ignore[assignment]  # broken on purpose


def stop_before_commit() -> None:
    """Stop this process when everything of its third transaction is sent but the commit."""
    commit = AIOKafkaProducer.commit_transaction
    seen = 0

    async def stop_and_commit(producer: AIOKafkaProducer) -> None:
        nonlocal seen
        seen += 1
        if seen == 3:
            os.kill(os.getpid(), signal.SIGSTOP)
        await commit(producer)

    AIOKafkaProducer.commit_transaction = stop_and_commit


def jump(*_: object) -> None:
    """The wall clock now goes wrong by as many seconds as stand in the file ``clock`` of the data folder."""
    seconds = float((load_settings().data_dir / "clock").read_text())
    time.time = lambda: time.time_ns() / 1e9 + seconds


def tell_tasks(*_: object) -> None:
    """Write where each task of this process waits to its log."""
    lines = []
    for task in asyncio.all_tasks():
        lines.append(f"{task.get_name()} waits in")
        waiting: Any = task.get_coro()
        while frame := getattr(waiting, "cr_frame", None):
            lines.append(f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}")
            waiting = waiting.cr_await
        lines.append(f"  {waiting!r}")
    print(*lines, TOLD, sep="\n", file=sys.stderr, flush=True)  # noqa: T201 - no line of the program's log


FLAGS = {
    "--no-fence": fence_nobody,
    "--one-fence": fence_everybody,
    "--no-seek": seek_once,
    "--stop-before-commit": stop_before_commit,
}


def main() -> int:
    settings = load_settings()
    configure(settings.log)
    signal.signal(signal.SIGUSR1, jump)
    signal.signal(signal.SIGUSR2, tell_tasks)
    for flag in sys.argv[1:]:
        FLAGS[flag]()
    return process.run("worker", StageRunner([Ledger()], settings).run)


if __name__ == "__main__":
    sys.exit(main())
