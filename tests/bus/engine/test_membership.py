"""A member that the Kafka client would leave without a place in its group joins anew."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from structlog.testing import capture_logs

from bus import metrics
from bus.engine import Engine
from bus.engine import engine as engine_module
from bus.errors import NotAllowedError
from bus.settings import Settings
from tests.bus.engine.harness import (
    PARTITIONS,
    assert_exactly_once,
    numbered,
    outputs_reach,
    send,
)
from tests.bus.engine.ledger import INPUT, Ledger
from tests.bus.engine.members import other, running, shared, shares
from tests.bus.loading import Loading
from tests.waiting import until

HALF = [PARTITIONS // 2] * 2


class Once:
    """Puts a failure in the place of a method's next call, when it is asked to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, error: Exception) -> None:
        whole = getattr(owner, name)
        self._error: Exception | None = None

        def call(*arguments: Any) -> Any:
            error, self._error = self._error, None
            if error is not None:
                raise error
            return whole(*arguments)

        async def call_async(*arguments: Any) -> Any:
            return await call(*arguments)

        self.arm: Callable[[], None] = lambda: setattr(self, "_error", error)
        monkeypatch.setattr(owner, name, call_async if asyncio.iscoroutinefunction(whole) else call)

    @property
    def armed(self) -> bool:
        """It has not failed yet."""
        return self._error is not None


async def test_a_member_that_is_refused_while_the_group_shares_out_joins_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    refused = Once(monkeypatch, CoordinatorGroupRebalance, "perform_group_join", KafkaError("not now"))
    with capture_logs() as lines:
        async with running(settings) as first:
            await shared([PARTITIONS], first)
            await send(settings, numbered(200))
            refused.arm()
            first._consumer._coordinator.request_rejoin()  # noqa: SLF001 - as a heartbeat does
            await until(lambda: not refused.armed, what="the refusal")
            async with running(other(settings, "second")) as second:
                await shared(HALF, first, second)
                await send(settings, numbered(200))
                await outputs_reach(settings, 400)
    assert [line["error"] for line in lines if line["event"] == "engine_rejoining"] == ["KafkaError"]
    await assert_exactly_once(settings)


async def test_a_member_that_is_refused_at_first_asks_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    Once(monkeypatch, CoordinatorGroupRebalance, "perform_group_join", KafkaError("not now")).arm()
    async with running(settings) as engine:
        await shared([PARTITIONS], engine)
        await send(settings, numbered(200))
        await outputs_reach(settings, 200)


async def test_a_leader_that_has_not_heard_of_the_topics_yet_joins_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    look = AIOKafkaClient._metadata_update  # noqa: SLF001 - the look that fails where Kafka ends meanwhile
    join = CoordinatorGroupRebalance.perform_group_join
    joins = 0

    async def join_and_count(rebalance: CoordinatorGroupRebalance) -> Any:
        nonlocal joins
        try:
            return await join(rebalance)
        finally:
            joins += 1

    async def fail_before(client: AIOKafkaClient, cluster: ClusterMetadata, topics: set[str] | None) -> bool:
        of_the_stage = topics == {settings.topic(INPUT)}
        answer: bool = False if of_the_stage and not joins else await look(client, cluster, topics)
        return answer

    monkeypatch.setattr(CoordinatorGroupRebalance, "perform_group_join", join_and_count)
    monkeypatch.setattr(AIOKafkaClient, "_metadata_update", fail_before)
    async with running(settings) as engine:
        await shared([PARTITIONS], engine)
        await send(settings, numbered(200))
        await outputs_reach(settings, 200)
    assert joins == 2


@pytest.mark.parametrize(
    ("owner", "name", "error"),
    [
        (GroupCoordinator, "_do_heartbeat", KafkaError("an answer that nobody expects")),
        (GroupCoordinator, "_maybe_refresh_commit_offsets", KafkaError("an answer that nobody expects")),
        (Fetcher, "_get_actions_per_node", ZeroDivisionError()),
    ],
)
async def test_a_member_whose_client_has_given_up_joins_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, error: Exception
):
    given_up = Once(monkeypatch, owner, name, error)
    async with running(settings) as only:
        await shared([PARTITIONS], only)
        await send(settings, numbered(200))
        await outputs_reach(settings, 200)
        given_up.arm()
        async with running(other(settings, "second")) as second:
            await shared(HALF, only, second)
            await send(settings, numbered(200))
            await outputs_reach(settings, 400)
            assert not given_up.armed
        await shared([PARTITIONS], only)
        await send(settings, numbered(200))
        await outputs_reach(settings, 600)
    await assert_exactly_once(settings)


def rejoined() -> float:
    return next(iter(metrics.ENGINE_REJOINED.labels(Ledger.name).collect())).samples[0].value


async def test_without_its_place_it_is_not_ready(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine_module, "_REJOIN_PAUSE_SECONDS", 60.0)
    given_up = Once(monkeypatch, GroupCoordinator, "_do_heartbeat", KafkaError("an answer nobody expects"))
    async with running(settings) as engine:
        await shared([PARTITIONS], engine)
        before = rejoined()
        given_up.arm()
        await until(lambda: not shares(engine)[0], what="the loss of all partitions")
        await until(lambda: rejoined() == before + 1, what="the count")
        assert await until(engine.not_ready) == ("waiting for the consumer group",)


async def test_a_member_that_may_not_be_in_its_group_ends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    refused = GroupAuthorizationFailedError("a group")
    Once(monkeypatch, CoordinatorGroupRebalance, "perform_group_join", refused).arm()
    with pytest.raises(NotAllowedError):
        await asyncio.wait_for(Engine(Ledger(), settings).run(asyncio.Event()), 30)


async def test_committed_offsets_are_asked_for_until_the_group_is_loaded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    async with running(settings) as engine:
        await shared([PARTITIONS], engine)
        await send(settings, numbered(200))
        await outputs_reach(settings, 200)
        place = TopicPartition(settings.topic(INPUT), 0)
        consumer = engine._consumer  # noqa: SLF001 - that of the engine is the one in question
        known = await consumer.committed(place)
        loading = Loading(monkeypatch)
        assert await consumer.committed(place) == known > 0
    assert loading.answers == 1
