"""The promise: every record has its effect exactly once, in order. Under fire: tests/faults."""

import asyncio
import random
import signal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bus.engine import Engine
from bus.errors import StageError
from bus.settings import Settings
from schemas.codec import Codec
from tests.bus.engine.harness import (
    PARTITIONS,
    Worker,
    assert_exactly_once,
    changelog_states,
    make_topics,
    numbered,
    outputs_reach,
    read,
    replay,
    send,
    settings_for,
    workers,
)
from tests.bus.engine.ledger import INPUT, NAME, Ledger
from tests.waiting import until


@pytest.fixture
async def settings(broker: str, topic_prefix: str, tmp_path: Path) -> Settings:
    settings = settings_for(broker, topic_prefix, tmp_path)
    await make_topics(settings)
    return settings


async def run_until_done(settings: Settings, outputs: int) -> None:
    """One engine in this process, until so many outputs are committed."""
    stop = asyncio.Event()
    engine = Engine(Ledger(), settings)
    running = asyncio.create_task(engine.run(stop))
    waiting = asyncio.create_task(outputs_reach(settings, outputs))
    await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await running
    await waiting


async def test_every_record_has_its_effect_once_and_in_order(settings: Settings):
    await send(settings, numbered(3000))
    await run_until_done(settings, 3000)
    await assert_exactly_once(settings)


async def test_a_second_run_goes_on_where_the_first_ended(settings: Settings):
    await send(settings, numbered(500))
    await run_until_done(settings, 500)
    await send(settings, [*numbered(500), ("key-1", "forget"), ("key-1", "7")])
    await run_until_done(settings, 1001)
    await assert_exactly_once(settings)


async def test_a_lost_local_store_is_rebuilt_from_the_changelog(settings: Settings, tmp_path: Path):
    await send(settings, numbered(500))
    await run_until_done(settings, 500)
    elsewhere = settings_for(str(settings.bootstrap_servers), settings.kafka.topic_prefix, tmp_path / "other")
    await send(settings, numbered(500))
    await run_until_done(elsewhere, 1000)
    await assert_exactly_once(settings)


async def test_a_damaged_local_store_is_thrown_away_and_rebuilt(settings: Settings):
    await send(settings, numbered(500))
    await run_until_done(settings, 500)
    damaged = 0
    for table in (settings.data_dir / "state").rglob("*"):
        if table.suffix in {".log", ".sst"} or table.name.startswith("MANIFEST"):
            table.write_bytes(b"\xff" * table.stat().st_size)
            damaged += 1
    assert damaged
    await send(settings, numbered(500))
    with capture_logs() as lines:
        await run_until_done(settings, 1000)
    await assert_exactly_once(settings)
    discarded = [line for line in lines if line["event"] == "engine_store_discarded"]
    assert [line["reason"] for line in discarded] == ["damaged"] * PARTITIONS


async def test_a_stale_local_store_is_brought_up_by_the_tail_of_the_changelog(
    settings: Settings, tmp_path: Path
):
    await send(settings, numbered(400))
    await run_until_done(settings, 400)
    other = settings_for(str(settings.bootstrap_servers), settings.kafka.topic_prefix, tmp_path / "other")
    await send(settings, [*numbered(400), ("key-3", "forget")])
    await run_until_done(other, 800)
    await send(settings, numbered(400))
    await run_until_done(settings, 1200)
    await assert_exactly_once(settings)


async def test_poison_is_dead_lettered_in_the_same_transaction_and_the_rest_goes_on(settings: Settings):
    await send(settings, [("a", "1"), ("a", "poison"), ("b", "2"), ("a", "3")])
    await run_until_done(settings, 3)
    await assert_exactly_once(settings)
    (letter,) = await read(settings, f"{INPUT}.dlq")
    assert letter.key == b"a"
    assert letter.headers == ()
    assert letter.value is not None
    value = Codec().decode(letter.value).value
    (source,) = [record for record in await read(settings, INPUT) if record.value == b"poison"]
    expected = {
        "origin": "STAGE", "component": NAME, "reason": "test.poison", "problem": "not a number",
        "where": "/0", "error": "PoisonError", "topic": settings.topic(INPUT), "partition": source.partition,
        "offset": source.offset, "schema_id": None, "payload": b"poison", "payload_key": b"a", "attempts": 1,
    }  # fmt: skip
    assert {name: value[name] for name in expected} == expected


async def test_a_bug_in_the_stage_stops_the_worker_and_nothing_is_lost(settings: Settings):
    await send(settings, [("a", "1"), ("a", "bug"), ("a", "2")])
    with pytest.raises(StageError) as failure:
        async with asyncio.timeout(30):
            await Engine(Ledger(), settings).run(asyncio.Event())
    (record,) = [record for record in await read(settings, INPUT) if record.value == b"bug"]
    assert f"{settings.topic(INPUT)}/{record.partition}, offset {record.offset}" in str(failure.value)
    assert "secret" not in str(failure.value)
    assert await changelog_states(settings) in ({}, replay([(await read(settings, INPUT))[0]])[0])


@pytest.mark.slow
async def test_workers_that_join_and_leave_share_the_work(settings: Settings, tmp_path: Path):
    with workers() as started:
        for number in range(2):
            started.append(worker := Worker(settings, tmp_path / f"worker-{number}.log"))
            await send(settings, numbered(2000))
            await until(worker.ready, timeout=40, what="the worker's first partition")
        await outputs_reach(settings, 4000)
        assert started[0].stop() == 0
        await send(settings, numbered(1000))
        await outputs_reach(settings, 5000)
        assert started[1].stop() == 0
    await assert_exactly_once(settings)


@pytest.mark.slow
async def test_a_zombie_that_wakes_up_writes_nothing(settings: Settings, tmp_path: Path):
    with workers() as started:
        started.append(zombie := Worker(settings, tmp_path / "zombie.log"))
        await send(settings, numbered(1000))
        await outputs_reach(settings, 300)
        zombie.signal(signal.SIGSTOP)
        started.append(heir := Worker(settings, tmp_path / "heir.log"))
        await until(heir.ready, timeout=40, what="the heir's first partition")
        await send(settings, numbered(1000))
        await outputs_reach(settings, 2000)
        zombie.signal(signal.SIGCONT)
        await send(settings, numbered(1000))
        await outputs_reach(settings, 3000)
        assert zombie.stop() == 0
        assert heir.stop() == 0
    await assert_exactly_once(settings)


async def wake_a_zombie(settings: Settings, tmp_path: Path, *arguments: str) -> None:
    """A worker stops between offsets and commit, another takes over and goes on, the first wakes up."""
    patient = settings_for(
        str(settings.bootstrap_servers), settings.kafka.topic_prefix, tmp_path, transaction_timeout_seconds=60
    )
    await send(settings, numbered(2000))
    with workers() as started:
        started.append(zombie := Worker(patient, tmp_path / "zombie.log", "--stop-before-commit", *arguments))
        await until(zombie.stopped, timeout=40, what="the worker to stop before its third commit")
        heirs = settings_for(
            str(settings.bootstrap_servers), settings.kafka.topic_prefix, tmp_path / "heir",
            transaction_timeout_seconds=60,
        )  # fmt: skip
        started.append(heir := Worker(heirs, tmp_path / "heir.log", *arguments))
        await until(lambda: heir.ready(PARTITIONS), timeout=60, what="the heir's partitions")
        zombie.signal(signal.SIGCONT)
        await outputs_reach(settings, 2000)
        await send(settings, numbered(500))
        await outputs_reach(settings, 2500)
        zombie.stop()
        heir.stop()
    await assert_exactly_once(settings)


@pytest.mark.slow
async def test_a_zombie_that_wakes_up_right_before_its_commit_is_fenced(settings: Settings, tmp_path: Path):
    await wake_a_zombie(settings, tmp_path)


@pytest.mark.slow
async def test_without_the_fence_the_same_test_goes_red(settings: Settings, tmp_path: Path):
    with pytest.raises(AssertionError):
        await wake_a_zombie(settings, tmp_path, "--no-fence")


async def test_state_is_a_pure_replay_of_the_input(settings: Settings):
    chance = random.Random(11)
    events = [
        (f"key-{chance.randrange(30)}", chance.choices([str(n), "forget", "poison"], [8, 1, 1])[0])
        for n in range(2000)
    ]
    await send(settings, events)
    await run_until_done(settings, sum(value.isdigit() for _, value in events))
    await assert_exactly_once(settings)
    assert len(await read(settings, f"{INPUT}.dlq")) == sum(value == "poison" for _, value in events)
