"""Makes the client's fetching fit an engine whose partitions go their own ways.

aiokafka offers no settings for this, so some private attributes of its fetcher are used;
``tests/bus/engine/test_batches.py`` notices when they change.
"""

import time
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult

from bus.engine.pace import Dues
from bus.settings import EngineSettings

_DRAIN_SECONDS = 0.005
"""So long the next fetch waits for the partitions that have not taken what the last one brought."""
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


def tune(consumer: AIOKafkaConsumer, settings: EngineSettings, dues: Dues) -> None:
    """Set up a ``consumer`` that was started and has no assignment yet.

    - A partition whose records wait while it commits keeps no other from being asked for, but for the few
      milliseconds in which the others take theirs. (aiokafka asks a broker for nothing more until all that
      it gave is consumed, for 100 ms at most; were it to ask at once, it would ask for those alone that got
      nothing, then for the rest, by turns, and each would wait for two fetches.)
    - While nothing comes, fetches are answered by the first byte and otherwise rarely, since each costs a
      millisecond with many partitions; as soon as something comes, soon and for more at a time.
    - A fetch is answered just before the next commit, which then has all that had come by then.
    - Records come as `Fetched`.
    """
    fetcher: Any = consumer._fetcher  # noqa: SLF001 - see above
    fetcher._prefetch_backoff = _DRAIN_SECONDS  # noqa: SLF001 - see above
    fetch, ask = fetcher._proc_fetch_request, fetcher._get_actions_per_node  # noqa: SLF001 - see above
    last_records = time.monotonic()

    async def fetch_and_shape(*request: Any) -> bool:
        nonlocal last_records
        found: bool = await fetch(*request)
        if found:
            last_records = time.monotonic()
            for result in fetcher._records.values():  # noqa: SLF001 - see above
                if isinstance(result, FetchResult) and result.has_more():
                    result._partition_records._consumer_record = _fetched  # noqa: SLF001 - see above
        return found

    def adapt_and_ask(assignment: Any) -> Any:
        quiet = time.monotonic() - last_records > _QUIET_AFTER_SECONDS
        fetcher._fetch_min_bytes = 1 if quiet else settings.fetch_min_bytes  # noqa: SLF001 - see above
        wait = _QUIET_WAIT_MS if quiet else wait_ms(settings.fetch_max_wait_ms, dues.left())
        fetcher._fetch_max_wait_ms = wait  # noqa: SLF001 - see above
        return ask(assignment)

    fetcher._proc_fetch_request = fetch_and_shape  # noqa: SLF001 - see above
    fetcher._get_actions_per_node = adapt_and_ask  # noqa: SLF001 - see above


def wait_ms(usual: int, left: float | None) -> int:
    """How long a fetch may wait when its records are needed in ``left`` seconds, if that is known."""
    return usual if left is None else max(1, min(usual, int(left * 1000)))
