"""Fills topics with made facts, and sees how far a consumer group has come."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.figures import WrongAnswerError
from bench.traffic import Made
from bus.cluster import admin_client, connection
from bus.settings import Settings
from samband.supervisor import Supervisor

_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 300.0

Offsets = Mapping[TopicPartition, int]


async def preload(settings: Settings, facts: Sequence[Made]) -> Offsets:
    """Write ``facts``, each under its key; the end of every partition written to."""
    topics = sorted({fact.topic for fact in facts})
    async with AIOKafkaProducer(
        **connection(settings, "bench"),
        acks="all",
        enable_idempotence=True,
        linger_ms=20,
        max_batch_size=512 * 1024,
    ) as producer:
        for number, fact in enumerate(facts, 1):
            await producer.send(settings.topic(fact.topic), fact.data, fact.key)
            if not number % 10_000:
                await producer.flush()
        await producer.flush()
        places = [
            TopicPartition(settings.topic(topic), number)
            for topic in topics
            for number in await producer.partitions_for(settings.topic(topic))
        ]
    ends = await _ends(settings, places)
    if sum(ends.values()) != len(facts):
        raise WrongAnswerError(f"{len(facts)} facts were written, the topics hold {sum(ends.values())}")
    return ends


async def _ends(settings: Settings, places: Sequence[TopicPartition]) -> Offsets:
    consumer = AIOKafkaConsumer(**connection(settings, "bench"))
    await consumer.start()
    try:
        ends: Offsets = await consumer.end_offsets(places)
        return ends
    finally:
        await consumer.stop()


async def consumed(settings: Settings, group: str, ends: Offsets, supervisor: Supervisor) -> float:
    """Wait until ``group`` has committed ``ends``; the time (seconds since the epoch) at which it had.

    The offsets are part of the transactions, so by then every output can be read by read_committed readers.

    Raises:
        TimeoutError: after five minutes.
        ChildDiedError: the process that is measured has ended.
    """
    wanted = {place: end for place, end in ends.items() if end}
    async with admin_client(settings, "bench") as admin, asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            found = await admin.list_consumer_group_offsets(settings.topic(group), partitions=list(wanted))
            if all(found[place].offset >= end for place, end in wanted.items()):
                return time.time()
            supervisor.check()
            await asyncio.sleep(_POLL_SECONDS)
