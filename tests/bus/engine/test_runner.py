"""Several stages in one process: all work, all say what they wait for, the first that fails ends all."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from bus.engine import Output, StageRunner
from bus.errors import StageError
from bus.settings import Settings
from bus.topics import Wanted, apply
from tests.bus.engine.harness import PARTITIONS, make_topics, numbered, read, send, settings_for
from tests.bus.engine.ledger import NAME, OUTPUT, Account, Ledger
from tests.waiting import until

SECOND = "test.second"
AGAIN = "copies.again"


class Second(Ledger):
    """Numbers the first stage's outputs."""

    name = SECOND
    inputs: tuple[str, ...] = (OUTPUT,)

    def step(self, key: str, state: Account | None, event: str) -> tuple[Account | None, Sequence[Output]]:
        after, outputs = super().step(key, state, event)
        return after, [replace(output, topic=AGAIN) for output in outputs]


@pytest.fixture
async def settings(broker: str, topic_prefix: str, tmp_path: Path) -> Settings:
    settings = settings_for(broker, topic_prefix, tmp_path)
    await make_topics(settings)
    policies = {AGAIN: "delete", f"{OUTPUT}.dlq": "delete", f"{SECOND}.changelog": "compact"}
    await apply(
        settings,
        [
            Wanted(settings.topic(name), PARTITIONS, {"cleanup.policy": policy})
            for name, policy in policies.items()
        ],
    )
    return settings


async def test_stages_in_one_process_feed_each_other_and_are_ready_together(settings: Settings):
    runner = StageRunner([Ledger(), Second()], settings)
    assert set(runner.not_ready()) == {f"{NAME}: starting", f"{SECOND}: starting"}
    stop = asyncio.Event()
    running = asyncio.create_task(runner.run(stop))
    await send(settings, numbered(500))

    async def through() -> bool:
        return len(await read(settings, AGAIN)) == 500

    _: bool = await until(through, timeout=60, what="500 records through both stages")
    ready: bool = await until(lambda: not runner.not_ready(), what="both stages to be ready")
    assert ready
    stop.set()
    await running


async def test_a_stage_that_fails_ends_all(settings: Settings):
    runner = StageRunner([Ledger(), Second()], settings)
    await send(settings, [("a", "1"), ("a", "bug")])
    with pytest.raises(StageError, match=NAME):
        async with asyncio.timeout(60):
            await runner.run(asyncio.Event())


def test_two_stages_of_one_name_are_refused(settings_alone: Settings):
    with pytest.raises(ValueError, match="same name"):
        StageRunner([Ledger(), Ledger()], settings_alone)


@pytest.fixture
def settings_alone(tmp_path: Path) -> Settings:
    return settings_for("127.0.0.1:1", "", tmp_path)
