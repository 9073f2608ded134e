"""Ticks on a real broker: every minute of every partition once, in order, whoever has the partition."""

import signal
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bus.engine import ticks as engine_ticks
from bus.engine.ticks import MINUTE
from bus.settings import Settings
from tests.bus.engine.diary_rig import DiaryWorker, Running, make_topics, replies, ticks, told_to, write
from tests.bus.engine.harness import PARTITIONS, settings_for, workers
from tests.waiting import until

THREE_WEEKS = 21 * 24 * 60


@pytest.fixture
async def settings(broker: str, topic_prefix: str, tmp_path: Path) -> Settings:
    settings = settings_for(broker, topic_prefix, tmp_path)
    await make_topics(settings)
    return settings


class Clock:
    """The engine's clock, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.minute = int(time.time() // 60) - THREE_WEEKS - 60
        monkeypatch.setattr(engine_ticks, "present", lambda: self.minute * MINUTE + 17)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def told(first: int, last: int) -> dict[int, list[int]]:
    return {partition: list(range(first, last + 1)) for partition in range(PARTITIONS)}


async def until_told(running: Running, settings: Settings, last: int, timeout: float = 60) -> None:
    await running.until(lambda: told_to(settings, last), f"minute {last}", timeout)


async def test_three_weeks_of_absence_are_caught_up_minute_by_minute(
    settings: Settings, clock: Clock
) -> None:
    first = clock.minute
    alarms = {f"key-{number}": first + 1 + number * 3001 for number in range(10)}
    async with Running(settings) as running:
        await until_told(running, settings, first)
        await write(settings, [(key, f"alarm {minute}") for key, minute in alarms.items()])

        async def set_all() -> bool:
            return len(await replies(settings)) == len(alarms)

        await running.until(set_all, "all alarms to be set")
    clock.minute += THREE_WEEKS
    async with Running(settings) as running:
        await until_told(running, settings, clock.minute)

        async def rung_all() -> bool:
            return sum(map(len, (await replies(settings)).values())) == 2 * len(alarms)

        await running.until(rung_all, "all alarms to ring")
    assert await ticks(settings) == told(first, first + THREE_WEEKS)
    assert await replies(settings) == {
        key: [f"alarm {minute}:1", f"rang {minute}:2"] for key, minute in alarms.items()
    }


async def test_a_clock_that_goes_back_stops_time_until_it_has_come_up_again(
    settings: Settings, clock: Clock
) -> None:
    first = clock.minute
    async with Running(settings) as running:
        await until_told(running, settings, first)
    clock.minute -= 300
    async with Running(settings) as running:
        await write(settings, [("a", "one")])

        async def answered() -> bool:
            return await replies(settings) == {"a": ["one:1"]}

        await running.until(answered, "a fact to be worked on all the same")
        assert await ticks(settings) == told(first, first)
        clock.minute += 302
        await until_told(running, settings, first + 2)
    assert await ticks(settings) == told(first, first + 2)


async def test_a_clock_far_ahead_of_the_brokers_is_refused_and_the_facts_go_on(
    settings: Settings, clock: Clock
) -> None:
    right = int(time.time() // 60)
    clock.minute = right
    async with Running(settings) as running:
        await until_told(running, settings, right)
    clock.minute = right + 120
    with capture_logs() as lines:
        async with Running(settings) as running:

            async def refused() -> bool:
                return len([line for line in lines if line["event"] == "engine_clock_refused"]) >= PARTITIONS

            await running.until(refused, "the broker to refuse")
            await write(settings, [("a", "one")])

            async def answered() -> bool:
                return await replies(settings) == {"a": ["one:1"]}

            await running.until(answered, "a fact to be worked on all the same")
            assert await ticks(settings) == told(right, right)
            clock.minute = right + 1
            await until_told(running, settings, right + 1)
    assert await ticks(settings) == told(right, right + 1)


@pytest.mark.slow
async def test_each_minute_is_told_once_whoever_is_killed_or_wakes_up_as_a_zombie(
    settings: Settings, tmp_path: Path
) -> None:
    begun, speed = time.time(), 1200.0
    shown = begun - THREE_WEEKS * 60
    clock = ["--clock", str(begun), str(shown), str(speed)]
    first = int(shown // 60)

    def minute() -> int:
        return int((shown + (time.time() - begun) * speed) // 60)

    async def passed(least: int) -> None:
        goal = minute() + least
        _: bool = await until(lambda: told_to(settings, goal), timeout=60, what=f"minute {goal}")

    alarms = {f"key-{number}": first + 400 + number * 10 for number in range(40)}
    with workers() as started:
        started.append(zombie := DiaryWorker(settings, tmp_path / "zombie.log", *clock))
        await passed(20)
        await write(settings, [(key, f"alarm {at}") for key, at in alarms.items()])
        zombie.signal(signal.SIGSTOP)
        heir_settings = settings.model_copy(update={"data_dir": tmp_path / "heir"})
        started.append(heir := DiaryWorker(heir_settings, tmp_path / "heir.log", *clock))
        await passed(20)
        zombie.signal(signal.SIGCONT)
        await passed(20)
        heir.kill()
        await passed(20)
        zombie.kill()
        started.append(last := DiaryWorker(heir_settings, tmp_path / "last.log", *clock))
        await passed(max(0, max(alarms.values()) - minute()) + 1)

        async def rang_all() -> bool:  # the last tick is told a little before it is heard
            return all(len(said) > 1 for said in (await replies(settings)).values())

        _: bool = await until(rang_all, what="the last alarm")
        assert last.stop() == 0
    for minutes in (await ticks(settings)).values():
        assert minutes == list(range(minutes[0], minutes[-1] + 1))
    found = await replies(settings)
    assert found.keys() == alarms.keys()
    for key, (was_set, rang) in found.items():
        assert was_set == f"alarm {alarms[key]}:1"
        assert rang == f"rang {alarms[key]}:2"
