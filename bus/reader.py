"""Reads a topic from some time on to where it ends now, outside of any consumer group."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from bus.cluster import connection
from bus.errors import MissingTopicError, translated
from bus.settings import Settings

_WAIT_MS = 500


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it lies in a topic."""

    partition: int
    offset: int
    timestamp: int
    """Microseconds since the epoch, of the producer."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


async def read_to_end(
    settings: Settings, topic: str, *, since: int = 0, most: int | None = None
) -> AsyncIterator[Record]:
    """The committed records of the logical ``topic``, each partition in order, up to its end at the call.

    ``since``: only records from this instant on (microseconds). ``most``: at most so many from each
    partition, the last ones.

    Raises:
        BusUnavailableError: Kafka is away.
        MissingTopicError: there is no such topic.
    """
    consumer = AIOKafkaConsumer(
        **connection(settings, f"reader-{topic}"),
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    try:
        with translated(f"reading {topic}"):
            await consumer.start()
            left = await _seek(consumer, settings.topic(topic), since, most)
        while left:
            with translated(f"reading {topic}"):
                batches = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=5000)
            for partition, batch in batches.items():
                for record in batch:
                    if partition in left and record.offset < left[partition]:
                        yield Record(
                            partition.partition,
                            record.offset,
                            record.timestamp * 1000,
                            record.key,
                            record.value,
                            tuple(record.headers),
                        )
            with translated(f"reading {topic}"):
                for partition in list(left):
                    if await consumer.position(partition) >= left[partition]:
                        del left[partition]
                        consumer.pause(partition)
    finally:
        await consumer.stop()


async def _seek(
    consumer: AIOKafkaConsumer, name: str, since: int, most: int | None
) -> dict[TopicPartition, int]:
    """Go to the first wanted record of each partition; the end offset of those that hold any."""
    numbers = consumer.partitions_for_topic(name) or await _partitions(consumer, name)
    partitions = [TopicPartition(name, number) for number in sorted(numbers)]
    consumer.assign(partitions)
    first = await consumer.beginning_offsets(partitions)
    end = await consumer.end_offsets(partitions)
    recent = await consumer.offsets_for_times(dict.fromkeys(partitions, since // 1000)) if since else {}
    left = {}
    for partition in partitions:
        start = first[partition]
        if since:
            found = recent.get(partition)
            start = found.offset if found is not None else end[partition]
        if most is not None:
            start = max(start, end[partition] - most)
        consumer.seek(partition, start)
        if start < end[partition]:
            left[partition] = end[partition]
        else:
            consumer.pause(partition)
    return left


async def _partitions(consumer: AIOKafkaConsumer, name: str) -> set[int]:
    known = await consumer.topics()
    numbers: set[int] = consumer.partitions_for_topic(name) or set()
    if name not in known or not numbers:
        raise MissingTopicError(
            f"topic {name} is missing", fix="create the topics with `samband topics apply`"
        )
    return numbers
