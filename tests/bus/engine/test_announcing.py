"""What a transaction will write to is said as it begins, so that its commit does not wait for that.

Its commit then asks in an order in which no request is refused and asked again.
"""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ConcurrentTransactions
from aiokafka.producer.sender import AddPartitionsToTxnHandler
from aiokafka.protocol.transaction import AddPartitionsToTxnResponse_v0

from bus.engine.transaction import Target, TransactionalWriter
from bus.settings import Settings
from schemas.errors import RetriableError
from tests.bus.engine.harness import make_topics, read, settings_for
from tests.bus.engine.ledger import INPUT, OUTPUT, Ledger
from tests.faults.proxy import Api, Harm, Proxy
from tests.waiting import until

ANNOUNCE = (Api.ADD_PARTITIONS_TO_TXN, Api.ADD_OFFSETS_TO_TXN)


class Rig(NamedTuple):
    """A writer that reaches its broker through a proxy."""

    direct: Settings
    proxy: Proxy
    writer: TransactionalWriter
    target: Target

    async def write_and_commit(self, number: int) -> None:
        """One record and the offset after it."""
        self.writer.place(self.target, 1, b"key", b"%d" % number, (), 1_700_000_000_000)
        await self.writer.commit({TopicPartition(self.direct.topic(INPUT), 1): number + 1})

    async def outputs(self) -> list[bytes | None]:
        """What was committed."""
        return [record.value for record in await read(self.direct, OUTPUT)]


@pytest.fixture
async def rig(broker: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Rig]:
    direct = settings_for(broker, topic_prefix, tmp_path)
    await make_topics(direct)
    async with Proxy(broker) as proxy:
        through = direct.model_copy(update={"bootstrap_servers": proxy.address})
        writer = TransactionalWriter(through, f"{topic_prefix}{Ledger.name}.0", f"{topic_prefix}announcing")
        try:
            await writer.start()
            yield Rig(direct, proxy, writer, await writer.target(OUTPUT))
        finally:
            await writer.close()


async def test_the_next_transaction_is_announced_before_anything_is_written(rig: Rig):
    seen = rig.proxy.seen
    for number in range(3):
        before = dict(seen)
        await rig.writer.begin()

        def announced(before: dict[Api, int] = before) -> bool:
            return all(seen[api] > before.get(api, 0) for api in ANNOUNCE)

        if number:
            _: bool = await until(announced, what="the announcement")
            assert seen[Api.PRODUCE] == before[Api.PRODUCE]
        await rig.write_and_commit(number)
    assert await rig.outputs() == [b"0", b"1", b"2"]


@pytest.mark.parametrize("api", ANNOUNCE)
async def test_an_announcement_whose_answer_is_lost_ends_the_transaction(rig: Rig, api: Api):
    await rig.writer.begin()
    await rig.write_and_commit(0)
    aim = rig.proxy.aim(api, Harm.CUT_AFTER)
    await rig.writer.begin()
    await aim.hit.wait()

    def ended() -> bool:
        manager = rig.writer._producer._txn_manager  # noqa: SLF001 - it shows nowhere else
        return not manager.is_in_transaction()

    _: bool = await until(ended, what="the end of the producer")
    with pytest.raises(RetriableError):
        await rig.write_and_commit(1)
    with pytest.raises(RetriableError):
        await rig.writer.begin()
    assert await rig.outputs() == [b"0"]


async def test_a_batch_that_waits_for_its_announcement_leaves_no_failure_that_nobody_heard(
    rig: Rig, topic_prefix: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.CRITICAL, "aiokafka")  # what is kept of its log knows the failure
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    through = rig.direct.model_copy(update={"bootstrap_servers": rig.proxy.address})
    writer = TransactionalWriter(through, f"{topic_prefix}{Ledger.name}.1", f"{topic_prefix}announcing")
    await writer.start()
    writer.place(await writer.target(OUTPUT), 1, b"key", b"0", (), 1_700_000_000_000)
    rig.proxy.aim(Api.ADD_PARTITIONS_TO_TXN, Harm.CUT_AFTER)
    await writer.begin()
    with suppress(RetriableError):  # nothing was announced yet, so its batch waits for that
        await writer.commit({})
        pytest.fail("it was committed")
    await writer.close()
    del writer
    gc.collect()  # asyncio complains when nobody knows of a failure any more
    assert not unheard


async def test_offsets_are_sent_once_all_batches_are_confirmed(rig: Rig):
    seen = rig.proxy.seen
    await rig.writer.begin()
    await rig.write_and_commit(0)
    before = dict(seen)
    await rig.writer.begin()
    _: bool = await until(lambda: all(seen[api] > before[api] for api in ANNOUNCE), what="the announcement")
    aim = rig.proxy.aim(Api.PRODUCE, Harm.CUT_AFTER)
    with pytest.raises(RetriableError):
        await rig.write_and_commit(1)
    assert aim.hit.is_set()
    assert seen[Api.TXN_OFFSET_COMMIT] == before[Api.TXN_OFFSET_COMMIT]
    assert seen[Api.END_TXN] == before[Api.END_TXN]
    assert await rig.outputs() == [b"0"]


async def test_a_transaction_that_begins_too_soon_after_the_last_one_tries_again_soon(rig: Rig):
    handler = AddPartitionsToTxnHandler(rig.writer._producer._sender, [])  # noqa: SLF001 - as above
    refused = [(rig.target.name, [(1, ConcurrentTransactions.errno)])]
    assert handler.handle_response(AddPartitionsToTxnResponse_v0(0, refused)) == pytest.approx(0.005)
