"""Parked keys on a real broker: what waits survives whatever happens, and is carried out once."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bus import metrics
from bus.engine import Engine
from bus.errors import StageError
from bus.partitioning import key_hash
from bus.replay.run import Plan, Replay
from bus.settings import Settings
from tests.bus.engine.diary import INPUT, NAME, OUTPUT, Diary
from tests.bus.engine.diary_rig import (
    CODEC,
    PARKED,
    TICKS,
    DiaryWorker,
    Running,
    decide,
    make_topics,
    parked,
    replies,
    tell,
    waiting,
    write,
)
from tests.bus.engine.harness import PARTITIONS, read, settings_for, workers
from tests.waiting import until


@pytest.fixture
async def settings(broker: str, topic_prefix: str, tmp_path: Path) -> Settings:
    settings = settings_for(broker, topic_prefix, tmp_path, write_ticks=False)
    await make_topics(settings)
    return settings


def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    """The same system on a machine that has no local stores."""
    return settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})


def gauge(name: str) -> float:
    """A metric of this process over all partitions."""
    family = next(family for family in metrics.REGISTRY.collect() if family.name == name)
    return sum(sample.value for sample in family.samples if sample.labels["stage"] == NAME)


async def test_what_waits_survives_restart_and_loss_of_the_store_and_goes_through_in_order(
    settings: Settings, tmp_path: Path
) -> None:
    await write(settings, [("a", "one"), ("a", "bug 1"), ("a", "two"), ("b", "one"), ("a", "poison")])
    async with Running(settings) as running:

        async def all_wait() -> bool:
            return await waiting(settings) == {"a": 3} and (await replies(settings)).get("b") == ["one:1"]

        await running.until(all_wait, "three records to wait")
        assert (gauge("samband_engine_parked_keys"), gauge("samband_engine_parked_records")) == (1, 3)
    assert gauge("samband_engine_parked_keys") == 0
    status = (await parked(settings))["a"]
    (source,) = [record for record in await read(settings, INPUT) if record.value == b"bug 1"]
    assert status == {
        "topic": INPUT, "partition": source.partition, "offset": source.offset, "error": "ZeroDivisionError",
        "since": source.timestamp, "waiting": 3, "decision_id": None, "applied": 0, "discarded": 0,
    }  # fmt: skip
    await write(settings, [("a", "three"), ("b", "two")])
    await decide(settings, "a", "REPLAY")
    async with Running(elsewhere(settings, tmp_path), mended=True) as running:

        async def released() -> bool:
            return len((await replies(settings)).get("a", [])) == 4

        await running.until(released, "what waited to go through")
    assert (await replies(settings))["a"] == ["one:1", "bug 1:2", "two:3", "three:4"]
    assert await parked(settings) == {}
    (letter,) = await read(settings, f"{INPUT}.dlq")
    assert CODEC.decode(letter.value or b"").value["reason"] == "test.poison"


async def test_a_discarded_record_is_a_dead_letter_and_the_rest_goes_through(settings: Settings) -> None:
    await write(settings, [("a", "bug 1"), ("a", "one"), ("a", "bug 2"), ("a", "two")])
    async with Running(settings) as running:

        async def wait(count: int) -> bool:
            return await waiting(settings) == ({"a": count} if count else {})

        await running.until(lambda: wait(4), "four records to wait")
        with capture_logs() as lines:
            await decide(settings, "a", "DISCARD_FIRST")
            await running.until(lambda: wait(2), "the second failure")
            await decide(settings, "a", "DISCARD_FIRST")
            await running.until(lambda: wait(0), "nobody to wait")
    assert await replies(settings) == {"a": ["one:1", "two:2"]}
    letters = [CODEC.decode(record.value or b"").value for record in await read(settings, f"{INPUT}.dlq")]
    assert [(each["reason"], each["payload"], each["error"]) for each in letters] == [
        ("parked.discarded", b"bug 1", "DiscardedError"),
        ("parked.discarded", b"bug 2", "DiscardedError"),
    ]
    decided = [line for line in lines if line["event"] == "engine_decided"]
    assert [(line["reason"], line["count"]) for line in decided] == [("DISCARD_FIRST", 1)] * 2


async def test_when_many_keys_fail_the_worker_stops_and_nobody_is_parked(settings: Settings) -> None:
    careful = settings.model_copy(
        update={"engine": settings.engine.model_copy(update={"breaker_keys": 2, "breaker_share": 0.5})}
    )
    together = [key for key in map("key-{}".format, range(40)) if key_hash(key.encode()) % PARTITIONS == 1][
        :3
    ]
    await write(settings, [(key, "bug 1") for key in together])
    with pytest.raises(StageError, match="failed on 2 keys within 4 records") as failure:
        await asyncio.wait_for(Engine(Diary(), careful).run(asyncio.Event()), 60)
    assert "secret" not in str(failure.value)
    assert len(await parked(settings)) < 2


async def by_partition(settings: Settings, topic: str) -> list[tuple[object, ...]]:
    """Everything of each record that a replay has to repeat, in the order of each partition."""
    records = sorted(await read(settings, topic), key=lambda record: record.partition)
    return [(each.partition, each.timestamp, each.key, each.value) for each in records]


async def test_a_replay_repeats_decisions_and_ticks(settings: Settings, tmp_path: Path) -> None:
    letters = ["bug 1", "alarm 3", "bug 2", "two", "poison"]
    await write(settings, [(key, said) for said in letters for key in ("a", "b", "c")])
    async with Running(settings) as running:

        async def wait(count: int) -> bool:
            return list((await waiting(settings)).values()) == [count] * 3

        await running.until(lambda: wait(5), "all letters to wait")
        for key in ("a", "b", "c"):
            await decide(settings, key, "DISCARD_FIRST")
        await running.until(lambda: wait(3), "the next failure")
        await tell(settings, range(1, 5))
        await decide(settings, "a", "DISCARD_ALL")
        await decide(settings, "b", "DISCARD_FIRST")
        await decide(settings, "c", "REPLAY")
        await tell(settings, range(5, 8))

        async def rung() -> bool:
            found = await replies(settings)
            return all(any("rang" in reply for reply in found.get(key, ())) for key in ("a", "b"))

        await running.until(rung, "the alarms to ring")
    kafka = settings.kafka.model_copy(update={"topic_prefix": f"again.{settings.kafka.topic_prefix}"})
    into = settings.model_copy(update={"kafka": kafka, "data_dir": tmp_path / "again"})
    await make_topics(into)
    written = [OUTPUT, PARKED, f"{NAME}.changelog", *(f"{topic}.dlq" for topic in (INPUT, TICKS))]
    await Replay(Diary(), Plan(settings, into, dict.fromkeys(written, "delete")), lambda *_: None).run()
    for topic in (OUTPUT, PARKED, f"{INPUT}.dlq"):
        assert await by_partition(into, topic) == await by_partition(settings, topic)
    assert len(await read(settings, f"{INPUT}.dlq")) > 5


@pytest.mark.slow
async def test_killed_workers_lose_nothing_that_waits_and_carry_it_out_once(
    settings: Settings, tmp_path: Path
) -> None:
    keys = [f"key-{number}" for number in range(30)]
    bad = keys[::6]
    letters = [(key, f"letter-{number}") for number in range(40) for key in keys]
    letters[300:300] = [(key, "bug 1") for key in bad]
    with workers() as started:
        for part in range(4):
            started.append(worker := DiaryWorker(settings, tmp_path / f"worker-{part}.log"))
            await until(worker.ready, timeout=40, what="a partition")
            await write(settings, letters[part * 300 : part * 300 + 300])

            async def progress(least: int = part * 200) -> bool:
                return sum(map(len, (await replies(settings)).values())) >= least

            _: bool = await until(progress, timeout=60, what="some progress")
            worker.kill()
        await write(settings, letters[1200:])
        started.append(DiaryWorker(settings, tmp_path / "last.log"))

        async def all_wait() -> bool:
            return sum((await waiting(settings)).values()) == 5 * 31

        _ = await until(all_wait, timeout=60, what="all letters of the parked keys to wait")
        started[-1].kill()
        for key in bad:
            await decide(settings, key, "REPLAY")
        started.append(mended := DiaryWorker(settings, tmp_path / "mended.log", "--mended"))

        async def done() -> bool:
            return sum(map(len, (await replies(settings)).values())) >= len(letters)

        _ = await until(done, timeout=60, what="all replies")
        assert mended.stop() == 0
    expected: dict[str, list[str]] = {}
    for key, said in letters:
        entries = expected.setdefault(key, [])
        entries.append(f"{said}:{len(entries) + 1}")
    assert await replies(settings) == expected
    assert await parked(settings) == {}
