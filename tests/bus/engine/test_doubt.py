"""A request whose answer is lost is not sent again: the producer is given up, and all is looked at anew."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bus.engine import Engine
from tests.bus.engine.harness import (
    assert_exactly_once,
    make_topics,
    numbered,
    outputs_reach,
    send,
    settings_for,
)
from tests.bus.engine.ledger import Ledger
from tests.faults.proxy import Api, Harm, Proxy
from tests.waiting import until

TRANSACTIONAL = (
    Api.ADD_PARTITIONS_TO_TXN,
    Api.PRODUCE,
    Api.ADD_OFFSETS_TO_TXN,
    Api.TXN_OFFSET_COMMIT,
    Api.END_TXN,
)


@pytest.fixture
async def proxy(broker: str) -> AsyncIterator[Proxy]:
    async with Proxy(broker) as proxy:
        yield proxy


@pytest.mark.parametrize("api", TRANSACTIONAL)
async def test_a_lost_answer_ends_the_producer(
    broker: str, topic_prefix: str, tmp_path: Path, proxy: Proxy, api: Api
):
    direct = settings_for(broker, topic_prefix, tmp_path)
    await make_topics(direct)
    through = direct.model_copy(update={"bootstrap_servers": proxy.address})
    stop = asyncio.Event()
    with capture_logs() as lines:
        running = asyncio.create_task(Engine(Ledger(), through).run(stop))
        await send(direct, numbered(300))
        await outputs_reach(direct, 300)
        producers = proxy.seen[Api.INIT_PRODUCER_ID]
        aim = proxy.aim(api, Harm.CUT_AFTER)
        await send(direct, [("key-1", "1")])  # one partition alone is at work
        await aim.hit.wait()
        await outputs_reach(direct, 301)
        # one for the new producer, and as many more as the broker needs to end the transaction
        anew: bool = await until(
            lambda: proxy.seen[Api.INIT_PRODUCER_ID] > producers, what="the next producer"
        )
        assert anew
        stop.set()
        await running
    (recovering,) = [line for line in lines if line["event"] == "engine_recovering"]
    assert recovering["error"] == "KafkaError"
    await assert_exactly_once(direct)
