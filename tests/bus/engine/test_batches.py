"""Transactions are bounded in records and bytes; fetches go slow while nothing comes, and leave none out."""

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from bus.cluster import connection
from bus.engine import Engine
from bus.engine.value import POSITIONS
from bus.settings import Settings
from tests.bus.engine.harness import (
    PARTITIONS,
    assert_exactly_once,
    make_topics,
    numbered,
    outputs_reach,
    read,
    send,
    settings_for,
)
from tests.bus.engine.ledger import INPUT, NAME, Ledger
from tests.waiting import until

MIB = 1024 * 1024


async def work(settings: Settings, outputs: int) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(Engine(Ledger(), settings).run(stop))
    await outputs_reach(settings, outputs)
    stop.set()
    await running


async def largest_transaction(settings: Settings) -> int:
    """Input records of the largest transaction, from the positions that each left in the changelog."""
    positions: dict[int, list[int]] = {}
    for record in await read(settings, f"{NAME}.changelog"):
        if record.key == POSITIONS:
            assert record.value is not None
            at: int = msgspec.msgpack.decode(record.value)[INPUT]
            positions.setdefault(record.partition, [0]).append(at)
    return max(after - before for stood in positions.values() for before, after in pairwise(stood))


@pytest.fixture
def settings(broker: str, topic_prefix: str, tmp_path: Path) -> Settings:
    return settings_for(broker, topic_prefix, tmp_path, commit_interval_ms=10_000, max_batch_bytes=MIB)


async def test_a_transaction_has_no_more_records_than_allowed(settings: Settings):
    small = settings.model_copy(
        update={"engine": settings.engine.model_copy(update={"max_batch_records": 50})}
    )
    await make_topics(small)
    await send(small, numbered(2000))
    await work(small, 2000)
    assert await largest_transaction(small) == 50
    await assert_exactly_once(small)


async def test_what_is_late_goes_through_in_large_transactions(
    broker: str, topic_prefix: str, tmp_path: Path
):
    settings = settings_for(
        broker, topic_prefix, tmp_path,
        commit_interval_ms=1, max_commit_interval_ms=10_000, max_batch_records=1000,
    )  # fmt: skip
    await make_topics(settings)
    an_hour_ago = int((time.time() - 3600) * 1000)
    async with AIOKafkaProducer(**connection(settings, "late")) as producer:
        for number in range(3000):
            await producer.send(settings.topic(INPUT), b"%d" % number, b"key-1", timestamp_ms=an_hour_ago)
    await work(settings, 3000)
    assert await largest_transaction(settings) == 1000  # a slice of work has 500 at most
    await assert_exactly_once(settings)


async def test_a_transaction_has_no_more_bytes_than_allowed(settings: Settings):
    await make_topics(settings)
    size = 40_000
    await send(settings, [(f"key-{number % 40}", f"{number}{'x' * size}") for number in range(400)])
    await work(settings, 400)
    # what was fetched at once, 1 MiB for a topic, may come on top
    assert MIB // size // 2 <= await largest_transaction(settings) <= 2 * MIB // size + 1
    await assert_exactly_once(settings)


async def test_fetching_goes_slow_while_nothing_comes_and_quick_when_something_does(settings: Settings):
    await make_topics(settings)
    stop = asyncio.Event()
    engine = Engine(Ledger(), settings)
    running = asyncio.create_task(engine.run(stop))
    fast = settings.engine.fetch_max_wait_ms

    def wait_ms() -> int:
        fetcher = getattr(getattr(engine, "_consumer", None), "_fetcher", None)
        waits: int = getattr(fetcher, "_fetch_max_wait_ms", 0)
        return waits

    slow: bool = await until(lambda: wait_ms() > fast, what="fetches to slow down")
    assert slow
    await send(settings, numbered(1))
    quick: bool = await until(lambda: wait_ms() <= fast, what="fetches to quicken")
    assert quick
    await outputs_reach(settings, 1)
    stop.set()
    await running


async def test_the_next_fetch_asks_again_for_what_just_brought_something(settings: Settings):
    await make_topics(settings)
    stop = asyncio.Event()
    engine = Engine(Ledger(), settings)
    running = asyncio.create_task(engine.run(stop))
    ready: bool = await until(lambda: not engine.not_ready(), what="the engine")
    assert ready
    fetcher = engine._consumer._fetcher  # noqa: SLF001 - what is asked for shows nowhere else
    fetch = fetcher._proc_fetch_request  # noqa: SLF001 - as above
    brought = False
    asked_then: list[int] = []

    async def watch(assignment: Any, node: int, request: Any) -> Any:
        nonlocal brought
        if brought:
            asked_then.append(sum(len(partitions) for _, partitions in request.topics))
        brought = await fetch(assignment, node, request)
        return brought

    fetcher._proc_fetch_request = watch  # noqa: SLF001 - as above
    for number in range(10):
        await send(settings, [("key-1", str(number))])
        await outputs_reach(settings, number + 1)
    stop.set()
    await running
    assert PARTITIONS in asked_then
