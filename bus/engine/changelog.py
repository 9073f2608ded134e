"""Brings a partition's local store up to date from its changelog topic."""

import time
from typing import NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from bus.cluster import connection
from bus.engine.store import Store
from bus.errors import BusUnavailableError
from bus.settings import Settings

S = TypeVar("S")

_BATCH = 5000
_FETCH_BYTES = 4 * 1024 * 1024
_PATIENCE_SECONDS = 30.0


class Restored(NamedTuple):
    """What a restore did."""

    records: int
    seconds: float
    end: int
    """The changelog offset that the store now stands at."""
    discarded: str
    """Why a local store was thrown away; empty if none was."""


async def restore(settings: Settings, topic: str, partition: int, store: Store[S]) -> Restored:
    """Replay the committed changelog of ``partition`` into ``store``, from its checkpoint to the present end.

    The caller has fenced every earlier owner, so nobody writes to this partition any more and the end
    stays where it is. ``topic`` is the physical name.
    """
    started = time.monotonic()
    place = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(
        **connection(settings, f"restore-{partition}"),
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=100,
    )
    try:
        await consumer.start()
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        opened = store.open(end)
        records = await _replay(consumer, place, store, opened.offset, end)
    finally:
        await consumer.stop()
    return Restored(records, time.monotonic() - started, end, opened.discarded)


async def _replay(
    consumer: AIOKafkaConsumer, place: TopicPartition, store: Store[S], offset: int, end: int
) -> int:
    if offset >= end:
        store.apply((), end)
        return 0
    if offset:
        consumer.seek(place, offset)
    else:
        await consumer.seek_to_beginning(place)
    count = 0
    silent_since = time.monotonic()
    while (position := await consumer.position(place)) < end:
        found = await consumer.getmany(place, timeout_ms=50, max_records=_BATCH)
        records = found.get(place, ())
        if records:
            count += len(records)
            store.apply([(record.key, record.value) for record in records], records[-1].offset + 1)
        if records or await consumer.position(place) > position:
            silent_since = time.monotonic()
        elif time.monotonic() - silent_since > _PATIENCE_SECONDS:
            raise BusUnavailableError(
                f"the changelog of partition {place.partition} could not be read to its end"
            )
    store.apply((), end)
    return count
