"""Reads committed records outside of any consumer group: for commands, memories restored at start, tests."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from bus.cluster import connection
from bus.errors import MissingTopicError, translated
from bus.settings import Settings
from bus.topics import partition_counts
from schemas.codec import Codec, Decoded
from schemas.errors import PoisonError

_WAIT_MS = 200
_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it lies in a topic."""

    topic: str
    """Logical name."""
    partition: int
    offset: int
    timestamp: int
    """Microseconds since the epoch, of the producer."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class DecodedRecord(NamedTuple):
    """A record and what is in it; ``decoded`` is None where ``problem`` says why."""

    record: Record
    decoded: Decoded | None
    problem: PoisonError | None


async def read_to_end(
    settings: Settings, *topics: str, since: int = 0, most: int | None = None
) -> AsyncIterator[Record]:
    """The committed records of the logical ``topics``, each partition in order, up to its end at the call.

    ``since``: only records from this instant on (microseconds). ``most``: at most so many from each
    partition, the last ones.

    Raises:
        BusUnavailableError: Kafka is away.
        MissingTopicError: there is no such topic.
    """
    async for records in _read(settings, topics, since=since, most=most, follow=False):
        for record in records:
            yield record


async def follow(settings: Settings, *topics: str, from_beginning: bool = False) -> AsyncIterator[Record]:
    """The committed records of the logical ``topics``, from now (or the beginning) on, without end.

    Raises as `read_to_end` does.
    """
    most = None if from_beginning else 0
    async for records in _read(settings, topics, since=0, most=most, follow=True):
        for record in records:
            yield record


async def read_one(settings: Settings, topic: str, partition: int, offset: int) -> AsyncIterator[Record]:
    """The committed record at one place of the logical ``topic``; none if it is gone or was aborted.

    Raises BusUnavailableError if Kafka is away.
    """
    place = TopicPartition(settings.topic(topic), partition)
    consumer = _consumer(settings)
    try:
        with translated(f"reading {topic}"):
            await consumer.start()
            consumer.assign([place])
            first = (await consumer.beginning_offsets([place]))[place]
            end = (await consumer.end_offsets([place]))[place]
            if not first <= offset < end:
                return
            consumer.seek(place, offset)
            while not (found := await consumer.getmany(place, timeout_ms=_WAIT_MS, max_records=1)):
                if await consumer.position(place) > offset:
                    return
        for record in found[place]:
            if record.offset == offset:
                yield _record(topic, record)
    finally:
        await consumer.stop()


async def decoded(
    records: AsyncIterator[Record], codec: Codec | None = None
) -> AsyncGenerator[DecodedRecord, None]:
    """``records`` with what is in them; a record that cannot be read is passed on with its problem."""
    codec = codec or Codec()
    async for record in records:
        try:
            yield DecodedRecord(record, codec.decode(record.value or b""), None)
        except PoisonError as problem:
            yield DecodedRecord(record, None, problem)


async def _read(
    settings: Settings, topics: Sequence[str], *, since: int, most: int | None, follow: bool
) -> AsyncIterator[list[Record]]:
    logical = {settings.topic(topic): topic for topic in topics}
    counts = await partition_counts(settings, logical)
    missing = logical.keys() - counts.keys()
    if missing:
        raise MissingTopicError(
            f"topic {', '.join(sorted(missing))} is missing",
            fix="create the topics with `samband topics apply`",
        )
    partitions = [TopicPartition(name, number) for name in sorted(counts) for number in range(counts[name])]
    doing = f"reading {', '.join(topics)}"
    consumer = _consumer(settings)
    try:
        with translated(doing):
            await consumer.start()
            consumer.assign(partitions)
            left = await _seek(consumer, partitions, since=since, most=most)
        while left or follow:
            with translated(doing):
                batches = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_BATCH)
            for place, batch in batches.items():
                end = None if follow else left.get(place, 0)
                yield [
                    _record(logical[place.topic], record)
                    for record in batch
                    if end is None or record.offset < end
                ]
            with translated(doing):
                for place in [] if follow else list(left):
                    if await consumer.position(place) >= left[place]:
                        del left[place]
                        consumer.pause(place)
    finally:
        await consumer.stop()


def _consumer(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **connection(settings, "reader"),
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_wait_ms=_WAIT_MS // 2,
    )


def _record(topic: str, record: ConsumerRecord) -> Record:
    return Record(
        topic, record.partition, record.offset, record.timestamp * 1000,
        record.key, record.value, tuple(record.headers),
    )  # fmt: skip


async def _seek(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], *, since: int, most: int | None
) -> dict[TopicPartition, int]:
    """Go to the first wanted record of each partition; the end offset of those that hold any."""
    first = await consumer.beginning_offsets(partitions)
    end = await consumer.end_offsets(partitions)
    recent = await consumer.offsets_for_times(dict.fromkeys(partitions, since // 1000)) if since else {}
    left = {}
    for place in partitions:
        start = first[place]
        if since:
            found = recent.get(place)
            start = found.offset if found is not None else end[place]
        if most is not None:
            start = max(start, end[place] - most)
        consumer.seek(place, start)
        if start < end[place]:
            left[place] = end[place]
    return left
