"""A group that Kafka has not loaded yet is asked for again, and not taken for one that has done nothing."""

from pathlib import Path

import pytest

from bus import groups
from bus.errors import BusUnavailableError
from bus.replay.cluster import group_positions, is_worked_in
from bus.settings import Settings
from bus.subscription import Subscription
from tests.bus.engine.harness import make_topics, numbered, outputs_reach, send, settings_for
from tests.bus.engine.ledger import INPUT, Ledger
from tests.bus.engine.members import running
from tests.bus.loading import Loading


@pytest.fixture
async def settings(broker: str, topic_prefix: str, tmp_path: Path) -> Settings:
    settings = settings_for(broker, topic_prefix, tmp_path)
    await make_topics(settings)
    await send(settings, numbered(50))
    return settings


async def test_what_is_done_is_not_read_again(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    async with Subscription(settings, INPUT, "reader", since=2**62) as first:
        while not first.caught_up:
            for record in await first.poll():
                first.done(record)
        await first.commit()
    loading = Loading(monkeypatch)
    async with Subscription(settings, INPUT, "reader", since=2**62) as second:
        assert second.caught_up
    assert loading.answers == 1


async def test_a_group_is_not_taken_for_one_without_positions_or_members(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    group = settings.topic(Ledger.name)
    async with running(settings):
        await outputs_reach(settings, 50)
        loading = Loading(monkeypatch)
        assert await is_worked_in(settings, group)
        assert loading.answers == 1
    assert not await is_worked_in(settings, group)
    loading = Loading(monkeypatch)
    assert sum((await group_positions(settings, group)).values()) == 50
    assert loading.answers == 1


async def test_a_group_that_is_never_loaded_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(groups, "_PATIENCE_SECONDS", 0.0)
    Loading(monkeypatch, 10**6)
    with pytest.raises(BusUnavailableError, match="looking at a group: GroupLoadInProgressError"):
        await is_worked_in(settings, settings.topic(Ledger.name))
    with pytest.raises(BusUnavailableError, match="reading a group's offsets: GroupLoadInProgressError"):
        await group_positions(settings, settings.topic(Ledger.name))
