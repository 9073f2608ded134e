"""What a transaction will write to is said as it begins, so that its commit does not wait for that."""

from pathlib import Path

import pytest
from aiokafka import TopicPartition

from bus.engine.transaction import TransactionalWriter
from schemas.errors import RetriableError
from tests.bus.engine.harness import make_topics, read, settings_for
from tests.bus.engine.ledger import INPUT, OUTPUT, Ledger
from tests.faults.proxy import Api, Harm, Proxy
from tests.waiting import until

GROUP = "announcing"
ANNOUNCE = (Api.ADD_PARTITIONS_TO_TXN, Api.ADD_OFFSETS_TO_TXN)


async def test_the_next_transaction_is_announced_before_anything_is_written(
    broker: str, topic_prefix: str, tmp_path: Path
):
    direct = settings_for(broker, topic_prefix, tmp_path)
    await make_topics(direct)
    async with Proxy(broker) as proxy:
        through = direct.model_copy(update={"bootstrap_servers": proxy.address})
        writer = TransactionalWriter(through, f"{topic_prefix}{Ledger.name}.0", f"{topic_prefix}{GROUP}")
        try:
            await writer.start()
            target = await writer.target(OUTPUT)
            for number in range(3):
                before = dict(proxy.seen)
                await writer.begin()

                def announced(before: dict[Api, int] = before) -> bool:
                    return all(proxy.seen[api] > before.get(api, 0) for api in ANNOUNCE)

                if number:
                    _: bool = await until(announced, what="the announcement")
                    assert proxy.seen[Api.PRODUCE] == before[Api.PRODUCE]
                writer.place(target, 1, b"key", b"%d" % number, (), 1_700_000_000_000)
                await writer.commit({TopicPartition(direct.topic(INPUT), 1): number + 1})
        finally:
            await writer.close()
    assert [record.value for record in await read(direct, OUTPUT)] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("api", ANNOUNCE)
async def test_an_announcement_whose_answer_is_lost_ends_the_transaction(
    broker: str, topic_prefix: str, tmp_path: Path, api: Api
):
    direct = settings_for(broker, topic_prefix, tmp_path)
    await make_topics(direct)
    async with Proxy(broker) as proxy:
        through = direct.model_copy(update={"bootstrap_servers": proxy.address})
        writer = TransactionalWriter(through, f"{topic_prefix}{Ledger.name}.0", f"{topic_prefix}{GROUP}")
        try:
            await writer.start()
            target = await writer.target(OUTPUT)
            await writer.begin()
            writer.place(target, 1, b"key", b"0", (), 1_700_000_000_000)
            await writer.commit({TopicPartition(direct.topic(INPUT), 1): 1})
            aim = proxy.aim(api, Harm.CUT_AFTER)
            await writer.begin()
            await aim.hit.wait()
            ended: bool = await until(
                lambda: not writer._producer._txn_manager.is_in_transaction(),  # noqa: SLF001 - shows nowhere else
                what="the end of the producer",
            )
            assert ended
            writer.place(target, 1, b"key", b"1", (), 1_700_000_000_000)
            with pytest.raises(RetriableError):
                await writer.commit({TopicPartition(direct.topic(INPUT), 1): 2})
            with pytest.raises(RetriableError):
                await writer.begin()
        finally:
            await writer.close()
    assert [record.value for record in await read(direct, OUTPUT)] == [b"0"]
