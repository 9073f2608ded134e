"""Reading a real changelog into local stores: all of it, the tail of it, and while others write it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from bus import metrics
from bus.cluster import connection
from bus.engine import Engine
from bus.engine.changelog import Restored, restore
from bus.engine.log_reader import LogReader
from bus.engine.names import Names
from bus.engine.progress import Progress
from bus.engine.standby import Standby
from bus.engine.store import Store, encode_positions
from bus.engine.value import POSITIONS, Change, Head, pack
from bus.settings import Settings
from bus.topics import Wanted, apply
from tests.bus.engine.harness import (
    assert_exactly_once,
    make_topics,
    numbered,
    outputs_reach,
    send,
    settings_for,
)
from tests.bus.engine.ledger import Account, Ledger
from tests.bus.engine.states import Numbers
from tests.waiting import until

STAGE = "test.numbers"
TOPIC = f"{STAGE}.changelog"


@pytest.fixture
async def settings(broker: str, topic_prefix: str, tmp_path: Path) -> Settings:
    settings = settings_for(broker, topic_prefix, tmp_path)
    await apply(settings, [Wanted(settings.topic(TOPIC), 2, {"cleanup.policy": "compact"})])
    return settings


@contextlib.asynccontextmanager
async def writer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**connection(settings, "test"), transactional_id=settings.topic("writer"))
    await producer.start()
    yield producer
    await producer.stop()


async def write(
    producer: AIOKafkaProducer, settings: Settings, changes: Iterable[Change], partition: int = 0
) -> None:
    for key, value in changes:
        await producer.send(settings.topic(TOPIC), key=key, value=value, partition=partition)
    await producer.flush()


def numbers(first: int, end: int) -> list[Change]:
    return [(b"key-%d" % n, pack(Head(1, wake=n), b"%d" % n)) for n in range(first, end)]


def store_in(folder: Path) -> Store[int]:
    return Store(folder, Numbers(), hot_limit=10)


async def restored(settings: Settings, store: Store[int], progress: Progress | None = None) -> Restored:
    """As a task does it: the last owner is fenced first, so that what it had committed is to be seen."""
    async with writer(settings):
        pass
    return await restore(settings, settings.topic(TOPIC), 0, store, progress or Progress(STAGE, 0))


async def test_only_what_was_committed_is_read(settings: Settings):
    async with writer(settings) as producer:
        async with producer.transaction():
            await write(producer, settings, numbers(0, 5))
        await producer.begin_transaction()
        await write(producer, settings, numbers(100, 300))
        await producer.abort_transaction()
        async with producer.transaction():
            await write(producer, settings, [*numbers(5, 8), (b"key-1", None)])
        async with LogReader(settings, settings.topic(TOPIC), "test") as reader:

            async def ended() -> bool:
                return (await reader.ends([0]))[0] == 5 + 200 + 4 + 3  # the last are the transactions' ends

            _: bool = await until(ended, what="the commit, which is answered before it is in the log")
            expected = [*numbers(0, 8), (b"key-1", None)]
            found = (await reader.fetch({0: 0}, 100))[0]
            assert (found.records, found.end) == (expected, found.next_offset)
            assert await reader.ends([0, 1]) == {0: found.end, 1: 0}
            assert (await reader.fetch({0: 3}, 100))[0].records == expected[3:]
            await producer.begin_transaction()
            await write(producer, settings, numbers(300, 301))
            open_ended = (await reader.fetch({0: found.end, 1: 0}, 100))[0]
            assert (open_ended.records, open_ended.end) == ([], found.end)
            await producer.abort_transaction()


async def test_a_restart_replays_the_tail_alone(settings: Settings, tmp_path: Path):
    store, progress = store_in(tmp_path / "0"), Progress(STAGE, 0)
    async with writer(settings) as producer, producer.transaction():
        await write(producer, settings, [*numbers(0, 3000), (POSITIONS, encode_positions({"in": 3}))])
    first = await restored(settings, store, progress)
    assert (first.records, first.discarded, progress.percent) == (3001, "", 100)
    store.close()
    async with writer(settings) as producer, producer.transaction():
        await write(producer, settings, [*numbers(3000, 3007), (b"key-2", None)])
    store = store_in(tmp_path / "0")
    assert (await restored(settings, store)).records == 8
    assert store.positions() == {"in": 3}
    assert dict(store.items()) == {b"key-%d" % n: b"%d" % n for n in range(3007) if n != 2}
    assert store.due(3) == [b"key-0", b"key-1", b"key-3"]
    assert (await restored(settings, store)).records == 0
    store.close()


async def test_progress_is_told(settings: Settings, tmp_path: Path):
    async with writer(settings) as producer, producer.transaction():
        await write(producer, settings, numbers(0, 1200))
    with capture_logs() as lines:
        await restored(settings, store_in(tmp_path / "0"), Progress("test.told", 0))
    (line,) = [line for line in lines if line["event"] == "engine_restoring"]
    assert (line["records"], line["remaining"], line["percent"]) == (0, 1201, 0)
    exposed = generate_latest(metrics.REGISTRY).decode()
    assert 'samband_engine_restored_records_total{stage="test.told"} 1200.0' in exposed
    assert 'samband_engine_restore_remaining_records{partition="0",stage="test.told"} 0.0' in exposed


async def test_a_log_that_begins_after_the_checkpoint_is_read_from_its_beginning(
    settings: Settings, tmp_path: Path
):
    topic, store = settings.topic(TOPIC), store_in(tmp_path / "0")
    await apply(settings, [Wanted(topic, 2, {"cleanup.policy": "compact,delete"})])  # else none may go
    async with writer(settings) as producer, producer.transaction():
        await write(producer, settings, numbers(0, 20))
    store.open(0)
    store.apply(numbers(500, 501), 2)
    admin = AIOKafkaAdminClient(**connection(settings, "admin"))
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=10)})
    await admin.close()
    await restored(settings, store)
    assert dict(store.items()) == {b"key-%d" % n: b"%d" % n for n in range(10, 20)}
    store.close()


async def test_a_standby_follows_until_the_partition_is_taken_over(settings: Settings):
    names = Names(settings, STAGE, ())
    standby = Standby(settings, names, store_in)
    standby.follow([0, 1])
    async with writer(settings) as producer:
        for first in range(0, 3000, 1000):
            async with producer.transaction():
                await write(producer, settings, numbers(first, first + 1000))
        # 3,000 records and three marks of the end of a transaction
        await until(lambda: standby._copies[0].offset == 3003, what="the copy has all")  # noqa: SLF001 - how far the copy is
        assert standby.lags() == {0: 0, 1: 0}
        standby.follow([1])
        async with producer.transaction():
            await write(producer, settings, numbers(3000, 3005))
    store = store_in(names.store_path(0))
    assert (await restored(settings, store)).records == 5
    assert len(dict(store.items())) == 3005
    assert standby.lags() == {1: 0}
    store.close()
    standby.follow([0, 1])
    await until(lambda: standby.lags() == {0: 0, 1: 0}, what="standby copies are up to date again")
    await standby.stop()


async def test_a_standby_leaves_a_store_alone_that_another_has_open(settings: Settings):
    names = Names(settings, STAGE, ())
    owner = store_in(names.store_path(0))
    owner.open(0)
    standby = Standby(settings, names, store_in)
    with capture_logs() as lines:
        standby.follow([0, 1])
        await until(lambda: standby.lags() == {1: 0}, what="the other partition is followed")
    assert [line["error"] for line in lines if line["event"] == "engine_standby_failed"] == ["InUseError"]
    owner.apply(numbers(0, 1), 1)
    assert dict(owner.items()) == {b"key-0": b"0"}
    await standby.stop()
    owner.close()


async def test_a_member_takes_over_from_the_copy_that_it_kept(settings: Settings, tmp_path: Path):
    await make_topics(settings)
    await send(settings, numbered(1500))
    members = []
    for number in range(2):
        own = settings_for(
            str(settings.bootstrap_servers), settings.kafka.topic_prefix, tmp_path / str(number), standbys=1
        )
        engine, stop = Engine(Ledger(), own), asyncio.Event()
        members.append((engine, stop, asyncio.create_task(engine.run(stop))))
    (one, stop_one, running_one), (other, stop_other, running_other) = members

    def share(engine: Engine[Account, str]) -> tuple[set[int], dict[int, int]]:
        ready = {number for number, task in engine._tasks.items() if task.ready}  # noqa: SLF001 - what the member knows of itself
        return ready, engine._standby.lags()  # noqa: SLF001 - what the member knows of itself

    def warm() -> bool:
        shares = [share(one), share(other)]
        return all(len(held) == 2 and lags == dict.fromkeys({0, 1, 2, 3} - held, 0) for held, lags in shares)

    await outputs_reach(settings, 1500)
    await until(warm, timeout=40, what="each member works on half and has a copy of the rest")
    copied = share(other)[1].keys()
    with capture_logs() as lines:
        stop_one.set()
        await running_one
        await until(lambda: share(other) == ({0, 1, 2, 3}, {}), what="the other member has all")
    restored = {line["partition"]: line for line in lines if line["event"] == "engine_restored"}
    assert restored.keys() == copied
    assert all(line["records"] == 0 and line["state_keys"] for line in restored.values())
    assert not [line for line in lines if line["event"] == "engine_store_discarded"]
    await send(settings, numbered(400))
    await outputs_reach(settings, 1900)
    stop_other.set()
    await running_other
    await assert_exactly_once(settings)
