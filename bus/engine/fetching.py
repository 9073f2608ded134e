"""Makes the client's fetching fit an engine whose partitions go their own ways.

aiokafka offers no settings for this, so some private attributes of its fetcher are used;
``tests/bus/engine/test_batches.py`` notices when they change.
"""

import time
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult

from bus.settings import EngineSettings

_QUIET_AFTER_SECONDS = 0.3
_QUIET_WAIT_MS = 200


class Fetched(msgspec.Struct, gc=False):
    """What the engine uses of a ConsumerRecord, made in a fourth of the time."""

    topic: str
    """Physical name."""
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since the epoch."""
    key: bytes | None
    value: bytes | None
    serialized_value_size: int
    """Bytes of the value; -1 without one."""


def _fetched(place: TopicPartition, record: Any) -> Fetched:
    value = record.value
    size = -1 if value is None else len(value)
    return Fetched(place[0], place[1], record.offset, record.timestamp, record.key, value, size)


def tune(consumer: AIOKafkaConsumer, settings: EngineSettings) -> None:
    """Set up a ``consumer`` that was started and has no assignment yet.

    - A partition whose records wait while it commits keeps no other from being asked for. (aiokafka asks a
      broker for nothing more until all that it gave is consumed, for 100 ms at most.)
    - While nothing comes, fetches are answered by the first byte and otherwise rarely, since each costs a
      millisecond with many partitions; as soon as something comes, soon and for more at a time.
    - Records come as `Fetched`.
    """
    fetcher: Any = consumer._fetcher  # noqa: SLF001 - see above
    fetcher._prefetch_backoff = 0  # noqa: SLF001 - see above
    fetch = fetcher._proc_fetch_request  # noqa: SLF001 - see above
    last_records = time.monotonic()

    async def fetch_and_adapt(*request: Any) -> bool:
        nonlocal last_records
        found: bool = await fetch(*request)
        now = time.monotonic()
        if found:
            last_records = now
            for result in fetcher._records.values():  # noqa: SLF001 - see above
                if isinstance(result, FetchResult) and result.has_more():
                    result._partition_records._consumer_record = _fetched  # noqa: SLF001 - see above
        quiet = now - last_records > _QUIET_AFTER_SECONDS
        fetcher._fetch_min_bytes = 1 if quiet else settings.fetch_min_bytes  # noqa: SLF001 - see above
        wait = _QUIET_WAIT_MS if quiet else settings.fetch_max_wait_ms
        fetcher._fetch_max_wait_ms = wait  # noqa: SLF001 - see above
        return found

    fetcher._proc_fetch_request = fetch_and_adapt  # noqa: SLF001 - see above
