"""A stage whose every mistake shows: it numbers each key's records and chains them into a checksum.

A record that is missing, doubled or out of order changes all that follow for its key. Run as a program it
is one worker, so that tests can kill it.
"""

import asyncio
import os
import signal
import sys
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer

from bus import process
from bus.engine import Engine, Output
from bus.engine.names import Names
from bus.logs import configure
from bus.settings import load_settings
from schemas.errors import PoisonError

NAME = "test.ledger"
INPUT = "numbers"
OUTPUT = "copies"


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


class UnfencedNames(Names):
    """The fence broken on purpose: a transactional id of the process's own, so that nobody is fenced."""

    def transactional_id(self, partition: int) -> str:
        return f"{super().transactional_id(partition)}-{os.getpid()}"


def stop_before_commit(number: int) -> None:
    """Stop this process when everything of transaction ``number`` is sent but the commit."""
    commit = AIOKafkaProducer.commit_transaction
    seen = 0

    async def stop_and_commit(producer: AIOKafkaProducer) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGSTOP)
        await commit(producer)

    AIOKafkaProducer.commit_transaction = stop_and_commit


def main() -> int:
    settings = load_settings()
    configure(settings.log)

    if "--stop-before-commit" in sys.argv:
        stop_before_commit(3)

    async def run(stop: asyncio.Event) -> None:
        engine = Engine(Ledger(), settings)
        if "--no-fence" in sys.argv:
            engine._names = UnfencedNames(settings, NAME, (INPUT,))  # noqa: SLF001 - broken on purpose
        await engine.run(stop)

    return process.run("worker", run)


if __name__ == "__main__":
    sys.exit(main())
