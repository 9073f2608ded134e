"""Confirmed writes, read back by the reader, on a real broker."""

import asyncio
import os
import signal
import socket
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from aiokafka.partitioner import DefaultPartitioner

from bus.embedded.server import EmbeddedBroker
from bus.errors import BusUnavailableError, MissingTopicError, RecordTooLargeError, TopicMismatchError
from bus.producer import Producer
from bus.reader import decoded, follow, read_to_end
from bus.setting_groups import RouterSettings, user_cache
from bus.settings import Settings, load_settings
from bus.topics import Action, Wanted, apply, plan, wanted
from schemas.catalogue import catalogue


@pytest.fixture
def settings(broker: str, topic_prefix: str) -> Settings:
    return load_settings(bootstrap_servers=broker, kafka={"topic_prefix": topic_prefix})


def topic(
    settings: Settings, partitions: int = 2, configs: Mapping[str, str] = MappingProxyType({})
) -> Wanted:
    return Wanted(settings.topic("one"), partitions, {"cleanup.policy": "delete", **configs})


async def read(settings: Settings, **arguments) -> list[tuple[bytes | None, bytes | None]]:
    return [(record.key, record.value) async for record in read_to_end(settings, "one", **arguments)]


async def test_what_is_confirmed_is_there_with_key_and_headers(settings):
    await apply(settings, [topic(settings)])
    async with Producer(settings) as producer:
        sent = await producer.send("one", key=b"k", value=b"v", headers=[("ce_id", b"1")])
        metadata = await sent
    assert metadata.topic == settings.topic("one")
    (record,) = [record async for record in read_to_end(settings, "one")]
    assert (record.topic, record.key, record.value, record.headers) == ("one", b"k", b"v", (("ce_id", b"1"),))
    assert (record.partition, record.offset) == (metadata.partition, metadata.offset)


async def test_a_record_that_is_too_large_is_refused_and_the_next_one_goes_through(settings):
    await apply(settings, [topic(settings, 1)])
    async with Producer(settings) as producer:
        await (await producer.send("one", key=b"k", value=b"1"))
        with pytest.raises(RecordTooLargeError):
            await (await producer.send("one", key=b"k", value=b"x" * 2_000_000))
        await (await producer.send("one", key=b"k", value=b"2"))
    assert await read(settings) == [(b"k", b"1"), (b"k", b"2")]


async def test_records_that_must_wait_for_a_batch_to_leave_arrive_all_and_in_order(settings):
    await apply(settings, [topic(settings, 1)])
    numbers = [b"%03d" % number for number in range(60)]
    async with Producer(settings) as producer:  # 60 times 50 kB are more than ten batches
        confirmed = [await producer.send("one", key=b"k", value=number + b"x" * 50_000) for number in numbers]
        offsets = [metadata.offset for metadata in await asyncio.gather(*confirmed)]
    assert offsets == list(range(60))
    assert [value[:3] for _, value in await read(settings) if value] == numbers


async def test_a_record_that_waits_for_a_batch_to_leave_can_be_given_up(settings):
    await apply(settings, [topic(settings, 1)])
    async with Producer(settings) as producer:
        await (await producer.send("one", key=b"k", value=b"first"))

        async def send_on() -> None:
            while True:
                await producer.send("one", key=b"k", value=b"x" * 50_000)

        sending = asyncio.create_task(send_on())
        await asyncio.sleep(0)
        assert not sending.done()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (await (await producer.send("one", key=b"k", value=b"last"))).offset > 0


@pytest.mark.parametrize("partitions", [1, 2, 3, 8])
async def test_a_key_is_placed_where_every_kafka_client_places_it(settings, partitions):
    await apply(settings, [topic(settings, partitions)])
    keys = [b"", b"1.abc", b"hospital.oslo", "ærlig".encode(), b"\xff" * 7]
    place = DefaultPartitioner()
    async with Producer(settings) as producer:
        for key in keys:
            metadata = await (await producer.send("one", key=key, value=b"v"))
            assert metadata.partition == place(key, list(range(partitions)), [])


@pytest.mark.slow
@pytest.mark.skipif(
    "SAMBAND_BOOTSTRAP_SERVERS" in os.environ, reason="a Kafka of somebody else is not to be stopped"
)
async def test_every_record_that_is_not_confirmed_in_time_is_given_up(topic_prefix, tmp_path):
    with EmbeddedBroker(tmp_path / "kafka", cache_dir=user_cache()) as own:
        assert own.pid is not None
        kafka = {"topic_prefix": topic_prefix, "delivery_timeout_seconds": 1}
        settings = load_settings(bootstrap_servers=own.bootstrap_servers, kafka=kafka)
        await apply(settings, [topic(settings)])
        async with Producer(settings) as producer:
            await (await producer.send("one", key=b"k", value=b"confirmed"))
            os.killpg(own.pid, signal.SIGSTOP)
            try:
                waiting = [await producer.send("one", key=b"%d" % number, value=b"v") for number in range(9)]
                async with asyncio.timeout(15):  # the client itself would wait for 20 seconds, or for ever
                    answers = await asyncio.gather(*waiting, return_exceptions=True)
            finally:
                os.killpg(own.pid, signal.SIGCONT)
        assert [type(answer) for answer in answers] == [BusUnavailableError] * 9


async def test_a_broker_that_is_away_is_said_in_bounded_time():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        settings = load_settings(bootstrap_servers=f"127.0.0.1:{port}", kafka={"delivery_timeout_seconds": 1})
        async with asyncio.timeout(10):
            with pytest.raises(BusUnavailableError):
                async with Producer(settings):
                    pass


async def test_a_closed_producer_takes_nothing(settings):
    await apply(settings, [topic(settings)])
    async with Producer(settings) as producer:
        pass
    with pytest.raises(BusUnavailableError):
        await producer.send("one", key=b"k", value=b"v")


async def test_the_reader_takes_the_last_ones_only(settings):
    await apply(settings, [topic(settings, 1)])
    assert await read(settings) == []
    async with Producer(settings) as producer:
        for number in range(5):
            await (await producer.send("one", key=b"k", value=b"%d" % number))
    assert await read(settings, most=2) == [(b"k", b"3"), (b"k", b"4")]


async def test_a_follower_sees_what_comes_and_what_cannot_be_decoded(settings):
    await apply(settings, [topic(settings, 1)])
    async with Producer(settings) as producer:
        await (await producer.send("one", key=b"k", value=b"not framed"))
        records = decoded(follow(settings, "one", from_beginning=True))
        async with asyncio.timeout(20):
            found = await anext(records)
            assert (found.record.offset, found.decoded) == (0, None)
            assert found.problem is not None
            assert found.problem.reason == "frame.magic"
            await (await producer.send("one", key=b"k", value=b""))
            assert (await anext(records)).record.offset == 1
        await records.aclose()


async def test_a_topic_that_is_missing_is_named(settings):
    with pytest.raises(MissingTopicError, match=settings.topic("one")):
        await read(settings)


async def test_the_plan_creates_then_finds_nothing_to_do_then_mends_drift(settings):
    assert [step.action for step in (await plan(settings, [topic(settings)])).steps] == [Action.CREATE]
    await apply(settings, [topic(settings)])
    assert [step.action for step in (await plan(settings, [topic(settings)])).steps] == [Action.UNCHANGED]
    other = topic(settings, configs={"retention.ms": "1000"})
    (step,) = (await plan(settings, [other])).steps
    assert step.action is Action.RECONFIGURE
    assert "should be 1000" in step.reason
    await apply(settings, [other])
    assert [
        step.action
        for step in (
            await plan(
                settings,
                [
                    other,
                ],
            )
        ).steps
    ] == [Action.UNCHANGED]
    # What is not mentioned stays as it was set.
    last = topic(settings, configs={"max.message.bytes": "5000"})
    await apply(settings, [last])
    assert [step.action for step in (await plan(settings, [other])).steps] == [Action.UNCHANGED]


async def test_the_number_of_partitions_is_never_changed(settings):
    await apply(settings, [topic(settings, 2)])
    new = Wanted(settings.topic("two"), 1, {})
    with pytest.raises(TopicMismatchError, match="has 2 partitions, the catalogue says 3"):
        await apply(settings, [topic(settings, 3), new])
    assert [step.action for step in (await plan(settings, [new])).steps] == [Action.CREATE]


async def test_all_topics_of_the_catalogue_can_be_made(settings):
    asked = settings.model_copy(update={"router": RouterSettings(inboxes=("school.north", "clinic.east"))})
    await apply(asked)
    assert {step.action for step in (await plan(asked)).steps} == {Action.UNCHANGED}
    names = catalogue().topics.keys() - {"inbox"} | {"inbox.school.north", "inbox.clinic.east"}
    assert {one.name for one in wanted(asked)} == {settings.topic(name) for name in names}
