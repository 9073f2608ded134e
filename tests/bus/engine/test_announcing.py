"""What a transaction will write to is said as it begins, so that its commit does not wait for that."""

from pathlib import Path

from aiokafka import TopicPartition

from bus.engine.transaction import TransactionalWriter
from tests.bus.engine.harness import make_topics, read, settings_for
from tests.bus.engine.ledger import INPUT, OUTPUT, Ledger
from tests.faults.proxy import Api, Proxy
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
