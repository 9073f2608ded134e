"""Time after states were restored by a replay: no minute is missing, and none is told twice."""

import time
from pathlib import Path

import pytest

from bus.engine import ticks as engine_ticks
from bus.engine.ticks import MINUTE
from bus.replay import cluster
from bus.replay.run import Plan, Replay
from bus.settings import Settings
from tests.bus.engine.diary import NAME, OUTPUT, Diary
from tests.bus.engine.diary_rig import Running, make_topics, replies, ticks, write
from tests.bus.engine.harness import PARTITIONS, settings_for

CHANGELOG = f"{NAME}.changelog"


async def until_told(running: Running, settings: Settings, minute: int) -> None:
    async def told() -> bool:
        found = await ticks(settings)
        return len(found) == PARTITIONS and all(minutes[-1] >= minute for minutes in found.values())

    await running.until(told, f"minute {minute}")


async def test_time_goes_on_without_a_gap_after_states_were_restored(
    broker: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(broker, topic_prefix, tmp_path)
    await make_topics(settings)
    first = now = int(time.time() // 60) - 100
    monkeypatch.setattr(engine_ticks, "present", lambda: now * MINUTE)
    async with Running(settings) as running:
        await until_told(running, settings, first)
        await write(settings, [("a", f"alarm {first + 2}"), ("b", f"alarm {first + 6}")])

        async def answered(count: int = 2) -> bool:
            return sum(map(len, (await replies(settings)).values())) == count

        await running.until(answered, "both alarms to be set")
        now = first + 4
        await until_told(running, settings, now)
        await running.until(lambda: answered(3), "the first alarm to ring")
    await cluster.delete(settings, [CHANGELOG])
    await make_topics(settings)
    plan = Plan(settings, settings, {OUTPUT: "delete", CHANGELOG: "compact"}, frozenset({CHANGELOG}))
    await Replay(Diary(), plan, lambda *_: None).run()
    now = first + 8
    async with Running(settings) as running:
        await until_told(running, settings, now)
        await running.until(lambda: answered(4), "the second alarm to ring")
    told = list(range(first, now + 1))
    assert await ticks(settings) == dict.fromkeys(range(PARTITIONS), told)
    assert (await replies(settings))["b"] == [f"alarm {first + 6}:1", f"rang {first + 6}:2"]
