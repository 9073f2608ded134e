"""Replays of a small stage with two inputs on a real Kafka: the order, gaps, losses, changed code."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from msgspec.structs import replace

from bus.cluster import connection
from bus.engine import Engine, Output
from bus.engine.names import Names
from bus.errors import LostRecordsError, TopicMismatchError
from bus.reader import read_to_end
from bus.replay import cluster
from bus.replay.compare import About
from bus.replay.diff import Difference
from bus.replay.differences import differences
from bus.replay.report import NoReplayError
from bus.replay.run import Plan, Replay, Replayed
from bus.settings import Settings
from bus.topics import Wanted, apply
from tests.bus.engine.harness import settings_for
from tests.bus.engine.ledger import Account, Ledger
from tests.waiting import until

PARTITIONS = 3
OUTPUTS = {"copies": "delete", "numbers.dlq": "delete", "test.pair.changelog": "compact"}
Sent = tuple[str, str, int]
"""Key, value, milliseconds since `BEGAN`."""
BEGAN = int(time.time() * 1000) - 2 * 3600 * 1000
"""Not in 1970: Kafka looks every few minutes for records that are a week old, and throws them away."""


class Pair(Ledger):
    """The ledger over two topics. It writes under another key, so that writers meet in a partition."""

    name = "test.pair"
    inputs: tuple[str, ...] = ("numbers", "letters")

    def step(self, key: str, state: Account | None, event: str) -> tuple[Account | None, Sequence[Output]]:
        after, outputs = super().step(key, state, event)
        return after, [replace(one, key=b"other " + one.key, headers=[("by", one.key)]) for one in outputs]


class Changed(Pair):
    """The same with another rule: every tenth record of a key says more."""

    def step(self, key: str, state: Account | None, event: str) -> tuple[Account | None, Sequence[Output]]:
        after, outputs = super().step(key, state, event)
        if after is not None and after.records % 10 == 0:
            outputs = [replace(one, value=(one.value or b"") + b"!") for one in outputs]
        return after, outputs


@pytest.fixture
async def live(broker: str, topic_prefix: str, tmp_path: Path) -> Settings:
    settings = settings_for(broker, topic_prefix, tmp_path)
    policies = {
        **OUTPUTS,
        **dict.fromkeys(("numbers", "letters", "letters.dlq", "test.pair.order"), "delete"),
    }
    await apply(
        settings,
        [Wanted(settings.topic(name), PARTITIONS, {"cleanup.policy": how}) for name, how in policies.items()],
    )
    return settings


async def send(settings: Settings, topic: str, records: Sequence[Sent]) -> None:
    async with AIOKafkaProducer(
        **connection(settings, "test"), acks="all", enable_idempotence=True, linger_ms=5
    ) as producer:
        for key, value, at in records:
            await producer.send(settings.topic(topic), value.encode(), key.encode(), timestamp_ms=BEGAN + at)
        await producer.flush()


def numbered(first: int, count: int, at: int) -> list[Sent]:
    return [(f"key {number % 7}", str(number), at + number) for number in range(first, first + count)]


async def work(settings: Settings, outputs: int) -> None:
    """Let a stage of its own work until it has written so many records in all."""

    async def written() -> bool:
        if running.done():
            running.result()  # what it ended with says more than that nothing came
        return len([record async for record in read_to_end(settings, "copies")]) >= outputs

    stop = asyncio.Event()
    running = asyncio.create_task(Engine(Pair(), settings).run(stop))
    _: bool = await until(written, timeout=60, what=f"{outputs} outputs")
    stop.set()
    await running


def into(settings: Settings) -> Settings:
    kafka = settings.kafka.model_copy(update={"topic_prefix": settings.kafka.topic_prefix + "again."})
    return settings.model_copy(update={"kafka": kafka})


def ignored(done: int, total: int) -> None:
    assert 0 < done <= total


async def replay(
    settings: Settings, stage: Pair | None = None, *, replace: bool = False, incomplete: bool = False
) -> list[Replayed]:
    topics = {name: (PARTITIONS, policy) for name, policy in OUTPUTS.items()}
    await cluster.make(into(settings), {**topics, "test.pair.order": (1, "delete")}, replace=replace)
    plan = Plan(settings, into(settings), OUTPUTS, None, incomplete)
    return await Replay(stage or Pair(), plan, ignored).run()


async def diff(settings: Settings) -> list[Difference]:
    compared = differences(settings, into(settings), OUTPUTS, Pair(), About())
    return [found async for found in compared]


async def against_time(settings: Settings) -> None:
    """Letters first, then numbers that are older by their times, so that times do not give the order."""
    await send(
        settings, "letters", [(f"key {n % 7}", "abcdefg"[n % 7] * 3, 5_000_000 + n) for n in range(100)]
    )
    await work(settings, 100)
    await send(settings, "numbers", [*numbered(0, 100, 1_000_000), ("key 1", "poison", 1_000_050)])
    await work(settings, 200)


async def test_records_are_taken_in_the_order_that_was_noted(live: Settings):
    await against_time(live)
    done = await replay(live)
    assert sum(one.records for one in done) == 201
    assert sum(one.by_time for one in done) == 0
    found = await diff(live)
    assert {one.topic: 0 for one in found if one.different} == {}
    assert sum(one.equal for one in found if one.topic == "copies") == 200
    assert sum(one.equal for one in found if one.topic == "numbers.dlq") == 1
    assert sum(one.equal for one in found if one.topic == "test.pair.changelog") == 7


async def test_without_the_order_the_same_comparison_goes_red(live: Settings):
    await against_time(live)
    await cluster.delete(live, ["test.pair.order"])
    done = await replay(live)
    assert sum(one.by_time for one in done) == 201
    assert {one.topic for one in await diff(live) if one.different} == {"copies", "test.pair.changelog"}


async def test_a_stretch_whose_order_was_not_noted_is_taken_by_time_and_counted(
    live: Settings, monkeypatch: pytest.MonkeyPatch
):
    await send(live, "letters", [("key 1", "a", 3_000), ("key 2", "b", 3_001)])
    await work(live, 2)
    await send(live, "numbers", numbered(0, 20, 1_000))
    with monkeypatch.context() as patch:
        patch.setattr(Names, "__init__", names_of_an_older_engine(Names.__init__))
        await work(live, 22)
    await send(live, "letters", [("key 1", "c", 2_000), ("key 2", "d", 2_001)])
    await work(live, 24)
    done = await replay(live)
    assert sum(one.records for one in done) == 24
    assert sum(one.by_time for one in done) == 20
    assert [one for one in await diff(live) if one.different] == []


def names_of_an_older_engine(init: Callable[..., None]) -> Callable[..., None]:
    """One that had no order topic."""

    def older(names: Names, *arguments: Any, **more: Any) -> None:
        init(names, *arguments, **more)
        names.order_topic = ""

    return older


async def test_aborted_inputs_and_the_gaps_that_transactions_leave_do_no_harm(live: Settings):
    async with AIOKafkaProducer(**connection(live, "test"), transactional_id=live.topic("test")) as producer:
        for number in range(30):
            await producer.begin_transaction()
            topic = live.topic("numbers" if number % 2 else "letters")
            for key in (b"key 1", b"key 2", b"key 3"):
                await producer.send(topic, b"%d" % number, key, timestamp_ms=BEGAN + 9_000 - number)
            if number % 3:
                await producer.commit_transaction()
            else:
                await producer.abort_transaction()
    await work(live, 60)
    assert sum(one.records for one in await replay(live)) == 60
    assert [one for one in await diff(live) if one.different] == []


async def test_changed_code_shows_what_it_changes(live: Settings):
    await send(live, "numbers", numbered(0, 140, 1_000))  # 20 of each of 7 keys: two of each change
    await work(live, 140)
    await replay(live, Changed())
    found = await diff(live)
    counts = [one.by_record["record"] for one in found if one.different]
    assert sum(kinds["changed"] for kinds in counts) == 14
    assert sum(kinds["only_live"] + kinds["only_replay"] for kinds in counts) == 0
    assert {one.topic for one in found if one.different} == {"copies"}
    assert sum(one.equal for one in found if one.topic == "copies") == 126


async def test_inputs_that_are_gone_end_the_replay_unless_it_may_be_incomplete(live: Settings):
    await send(live, "numbers", [("key 1", str(number), 1_000) for number in range(20)])
    await work(live, 20)
    (place,) = [
        TopicPartition(live.topic("numbers"), record.partition)
        async for record in read_to_end(live, "numbers")
        if record.offset == 0
    ]
    admin = AIOKafkaAdminClient(**connection(live, "test"))
    await admin.start()
    await admin.delete_records({place: RecordsToDelete(5)})
    await admin.close()
    with pytest.raises(LostRecordsError, match="begins at 5"):
        await replay(live)
    done = await replay(live, replace=True, incomplete=True)
    assert sum(one.records for one in done) == 15
    assert {one.topic for one in await diff(live) if one.different} == {"copies", "test.pair.changelog"}


async def test_an_unfinished_replay_is_none(live: Settings):
    await send(live, "numbers", numbered(0, 5, 1_000))
    await work(live, 5)
    with pytest.raises(NoReplayError):
        await diff(live)
    await cluster.make(into(live), {"test.pair.order": (1, "delete")}, replace=False)
    with pytest.raises(NoReplayError):
        await diff(live)
    await replay(live)
    with pytest.raises(TopicMismatchError):
        await replay(live)
