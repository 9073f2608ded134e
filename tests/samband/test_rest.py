"""Whether everything was taken, where transactions leave marks that no position comes after."""

import pytest
from aiokafka import AIOKafkaProducer

from bus.settings import Settings, load_settings
from bus.topics import Wanted, apply
from samband.simulation.rest import Logs
from tests.waiting import until


@pytest.fixture
async def settings(broker: str, topic_prefix: str) -> Settings:
    settings = load_settings(bootstrap_servers=broker, kafka={"topic_prefix": topic_prefix})
    await apply(settings, [Wanted(settings.topic("one"), 2, {}), Wanted(settings.topic("other"), 1, {})])
    return settings


async def write(settings: Settings, *partitions: int, commit: bool = True) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap_servers, transactional_id=settings.topic("rest")
    )
    async with producer:
        await producer.begin_transaction()
        for partition in partitions:
            await producer.send_and_wait(settings.topic("one"), b"v", partition=partition)
        await (producer.commit_transaction() if commit else producer.abort_transaction())


async def becomes_taken(logs: Logs, positions: dict[tuple[str, int], int]) -> None:
    _: bool = await until(lambda: logs.all_taken(["one", "other"], positions), what="a transaction's end")


async def test_what_was_read_to_the_last_record_is_taken_and_a_transactions_end_is_nothing_to_take(settings):
    one, other = settings.topic("one"), settings.topic("other")
    async with Logs(settings, ["one", "other"]) as logs:
        assert await logs.all_taken(["one", "other"], {})  # nothing is there
        await write(settings, 0, 0, 1)  # two records and a mark in one partition, one and a mark in the other
        assert not await logs.all_taken(["one"], {})
        assert not await logs.all_taken(["one"], {(one, 0): 2})
        assert not await logs.all_taken(["one"], {(one, 0): 1, (one, 1): 1})
        await becomes_taken(logs, {(one, 0): 2, (one, 1): 1})
        assert await logs.all_taken(["other"], {(other, 0): 0})


async def test_what_was_given_up_is_nothing_to_take(settings):
    one = settings.topic("one")
    async with Logs(settings, ["one", "other"]) as logs:
        await write(settings, 0, commit=False)
        await becomes_taken(logs, {})
        await write(settings, 0)
        assert not await logs.all_taken(["one"], {(one, 0): 1})
        await becomes_taken(logs, {(one, 0): 3})  # after the record given up, its mark, and the other record
