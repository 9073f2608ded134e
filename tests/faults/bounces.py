"""In the manner of Apache Kafka's own group_mode_transactions_test.py.

Nine input and nine output partitions, three workers in one group, numbered messages, at most 750 to a
transaction. Workers and broker are ended again and again, each time after more progress.
"""

import asyncio
import os
import signal
from collections.abc import Iterable
from enum import Enum
from pathlib import Path

from bus.embedded.server import EmbeddedBroker
from tests.faults.rig import MEMBERS, Rig, rig

ROUNDS = 3


class Bounce(Enum):
    """Who is ended and begins again, and how it ends."""

    KILL_WORKER = "worker killed"
    STOP_WORKER = "worker ended in order"
    KILL_BROKER = "broker killed"
    STOP_BROKER = "broker ended in order"


async def bounce_broker(kafka: EmbeddedBroker, *, hard: bool) -> None:
    """Away and back, at the same address."""
    address = kafka.bootstrap_servers
    if hard:
        assert kafka.pid is not None
        os.killpg(kafka.pid, signal.SIGKILL)
    await asyncio.to_thread(kafka.stop)
    assert await asyncio.to_thread(kafka.start) == address


async def bounce(here: Rig, kafka: EmbeddedBroker | None, what: Bounce, member: int) -> None:
    if what in (Bounce.KILL_BROKER, Bounce.STOP_BROKER):
        assert kafka is not None
        await bounce_broker(kafka, hard=what is Bounce.KILL_BROKER)
        return
    if what is Bounce.KILL_WORKER:
        here.kill(member)
    else:
        await here.stop(member)
    here.start(member)


async def bounced(
    kafka: EmbeddedBroker, prefix: str, path: Path, messages: int, rounds: Iterable[Iterable[Bounce]]
) -> int:
    """Three members, ``messages``, and before each round a fifth of them; how many outputs were aborted."""
    async with rig(kafka.bootstrap_servers, prefix, path, total=messages) as here:
        await here.start_all()
        member = 0
        for bounces in rounds:
            await here.progress(messages // 5)
            for what in bounces:
                await bounce(here, kafka, what, member % MEMBERS)
                member += 1
        return await here.finish()
