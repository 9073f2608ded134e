"""Members that come and go: what stays goes on without a restore, and the fence keeps it safe."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from structlog.testing import capture_logs

from bus.cluster import admin_client, connection
from bus.engine import Engine
from bus.engine import engine as engine_module
from bus.engine import task as task_module
from bus.engine.changelog import Restored, restore
from bus.engine.inputs import Inputs
from bus.engine.names import Names
from bus.engine.pace import Dues, Load
from bus.engine.task import PartitionTask, Place
from bus.engine.watch import Watch
from bus.errors import LostRecordsError
from bus.partitioning import key_hash
from bus.settings import Settings
from tests.bus.engine.harness import (
    PARTITIONS,
    assert_exactly_once,
    make_topics,
    numbered,
    outputs_reach,
    send,
)
from tests.bus.engine.ledger import Account, Ledger
from tests.bus.engine.members import other, running, shared, shares
from tests.waiting import until

Lines = list[Any]


def restored(lines: Lines) -> Counter[int]:
    """How often each partition was restored."""
    return Counter(line["partition"] for line in lines if line["event"] == "engine_restored")


async def test_what_stays_with_a_member_goes_on_without_a_restore(settings: Settings):
    with capture_logs() as lines:
        async with running(settings) as first:
            await send(settings, numbered(1000))
            await shared([PARTITIONS], first)
            async with running(other(settings, "second")) as second:
                await send(settings, numbered(1000))
                await shared([PARTITIONS // 2] * 2, first, second)
                kept = set(first._tasks)  # noqa: SLF001 - as above
                await send(settings, numbered(1000))
                await outputs_reach(settings, 3000)
            await shared([PARTITIONS], first)
            await send(settings, numbered(1000))
            await outputs_reach(settings, 4000)
    assert {number: count for number, count in restored(lines).items() if number in kept} == dict.fromkeys(
        kept, 1
    )
    assert [line["partitions_kept"] for line in lines if line["event"] == "engine_assigned"].count(2) == 2
    assert not [line for line in lines if line["event"] == "engine_recovering"]
    await assert_exactly_once(settings)


async def test_a_named_member_that_restarts_gets_its_partitions_back_unnoticed(settings: Settings):
    named = other(settings, "named", instance_id="pod-1")
    with capture_logs() as lines:
        async with running(settings) as first:
            async with running(named) as second:
                await shared([PARTITIONS // 2] * 2, first, second)
                had = set(second._tasks)  # noqa: SLF001 - as above
            before = [line for line in lines if line["event"] == "engine_revoked"]
            await send(settings, numbered(1000))
            async with running(named) as second:
                await shared([PARTITIONS // 2] * 2, first, second)
                assert set(second._tasks) == had  # noqa: SLF001 - as above
                await outputs_reach(settings, 1000)
            assert [line for line in lines if line["event"] == "engine_revoked"] == before
    await assert_exactly_once(settings)


@asynccontextmanager
async def intruder(settings: Settings) -> AsyncIterator[None]:
    """Work on all partitions as a member that the group gave them to, unknown to those that had them."""
    names = Names(settings, Ledger.name, Ledger.inputs)
    consumer = AIOKafkaConsumer(
        **connection(settings, "intruder"),
        group_id=names.group,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="none",
    )
    await consumer.start()
    tasks = []
    try:
        place = Place(settings, consumer, names, Load(), Dues())
        tasks = [PartitionTask(Ledger(), place, number, 1000) for number in range(PARTITIONS)]
        consumer.assign([where for task in tasks for where in task._inputs.places])  # noqa: SLF001 - as above
        works = [asyncio.create_task(task.run()) for task in tasks]
        yield
        for task in tasks:
            task.stop()
        await asyncio.gather(*works)
    finally:
        await consumer.stop()


@pytest.mark.parametrize("looked_up", [True, False], ids=["offsets looked up", "the fence alone"])
async def test_a_partition_that_was_elsewhere_unnoticed_is_taken_over_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, looked_up: bool
):
    if not looked_up:

        async def never(_: Inputs) -> bool:
            return False

        monkeypatch.setattr(Inputs, "overtaken", never)
    with capture_logs() as lines:
        async with running(settings) as engine:
            await send(settings, numbered(400))
            await outputs_reach(settings, 400)
            tasks = list(engine._tasks.values())  # noqa: SLF001 - as above
            for task in tasks:
                task.hold()
                await task.quiet()
            async with intruder(other(settings, "intruder")):
                await send(settings, numbered(400))
                await outputs_reach(settings, 800)
            for task in tasks:
                task.release(1000)
            await send(settings, numbered(400))
            await outputs_reach(settings, 1200)
    recovering = [line for line in lines if line["event"] == "engine_recovering"]
    assert {line["partition"] for line in recovering} == set(range(PARTITIONS))
    await assert_exactly_once(settings)


async def test_a_partition_that_goes_elsewhere_while_its_state_is_restored_is_no_lost_changelog(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """The changelog was found empty; when the offsets are looked at, another member has committed."""
    late = asyncio.Event()

    async def restore_late(*arguments: Any) -> Restored:
        found = await restore(*arguments)
        if not late.is_set():
            late.set()
            async with intruder(other(settings, "intruder")):
                await outputs_reach(settings, 400)
        return found

    monkeypatch.setattr(task_module, "restore", restore_late)
    await send(settings, numbered(400))
    with capture_logs() as lines:
        async with running(settings):
            await late.wait()
            await outputs_reach(settings, 400)
            await send(settings, numbered(400))
            await outputs_reach(settings, 800)
    assert "FencedError" in {line["error"] for line in lines if line["event"] == "engine_recovering"}
    await assert_exactly_once(settings)


async def test_offsets_without_a_changelog_end_the_engine(settings: Settings):
    await send(settings, numbered(400))
    async with running(settings):
        await outputs_reach(settings, 400)
    changelog = settings.topic(f"{Ledger.name}.changelog")
    async with admin_client(settings, "test") as admin:
        await admin.delete_topics([changelog])
        gone: bool = await until(lambda: topic_is_gone(admin, changelog), what="the changelog's end")
        assert gone
    await make_topics(settings)
    with pytest.raises(LostRecordsError, match="changelog is empty"):
        await asyncio.wait_for(Engine(Ledger(), settings).run(asyncio.Event()), 60)


async def topic_is_gone(admin: AIOKafkaAdminClient, topic: str) -> bool:
    return topic not in await admin.list_topics()


async def test_an_error_while_partitions_come_ends_the_engine(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    class Broken:
        def __init__(self, *_: object) -> None:
            raise ZeroDivisionError

    monkeypatch.setattr(engine_module, "PartitionTask", Broken)
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(30):
            await Engine(Ledger(), settings).run(asyncio.Event())


async def test_a_partition_that_is_stuck_in_its_commit_holds_up_no_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    free = asyncio.Event()
    commit = PartitionTask._commit  # noqa: SLF001 - as above

    async def stuck(task: PartitionTask[Account, str], *arguments: Any) -> None:
        if task.partition == 0:
            await free.wait()
        await commit(task, *arguments)

    monkeypatch.setattr(PartitionTask, "_commit", stuck)
    records = numbered(2000)
    async with running(settings) as engine:
        await shared([PARTITIONS], engine)
        await send(settings, records)
        await send(settings, records)
        others = 2 * sum(key_hash(key.encode()) % PARTITIONS != 0 for key, _ in records)
        await outputs_reach(settings, others)
        free.set()
        await outputs_reach(settings, 4000)
    await assert_exactly_once(settings)


async def test_an_engine_that_ends_takes_no_partitions_any_more(settings: Settings):
    """The group may share them out anew before it has left."""
    async with running(settings) as engine:
        await shared([PARTITIONS], engine)
    await engine.on_partitions_assigned([TopicPartition(settings.topic("numbers"), 0)])
    assert shares(engine) == [0]
    assert engine._failed is not None  # noqa: SLF001 - what would have ended the process
    assert not engine._failed.done()  # noqa: SLF001 - as above


async def test_a_transaction_may_end_after_its_partition_has_gone(settings: Settings):
    """Its lag is nobody's to say any more, and no reason to end the process."""
    place, other_place = (TopicPartition(settings.topic("numbers"), number) for number in (0, 1))
    consumer = AIOKafkaConsumer(**connection(settings, "watcher"))
    await consumer.start()
    try:
        consumer.assign([other_place])
        await consumer.position(other_place)
        Watch("test.ledger", 0, {place: "numbers"}).lag(consumer, [(place, 3)])
    finally:
        await consumer.stop()
