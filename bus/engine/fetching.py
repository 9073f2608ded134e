"""Makes the client's fetching fit an engine whose partitions go their own ways.

aiokafka offers no settings for this, so some private attributes of its fetcher are used;
``tests/bus/engine/test_batches.py`` notices when they change.
"""

import time
from collections.abc import Iterator
from operator import length_hint
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords

from bus.engine.committed import batches
from bus.engine.pace import Dues
from bus.settings import EngineSettings

_DRAIN_SECONDS = 0.005
"""So long the next fetch waits for the partitions that have not taken what the last one brought."""
_QUIET_AFTER_SECONDS = 0.3
_QUIET_WAIT_MS = 200


class Fetched(msgspec.Struct, gc=False):
    """What the engine uses of a ConsumerRecord, made in a fraction of the time."""

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


class Fetch:
    """What a fetch answer has of one partition, as `Fetched`: stands in for aiokafka's PartitionRecords.

    All are unpacked at once when the first is asked for.
    """

    def __init__(self, place: TopicPartition, found: Any) -> None:
        """``found``: PartitionRecords that nothing was taken of yet; they are used up by this."""
        self._place = place
        self._batches = batches(found._records, found._aborted_transactions)  # noqa: SLF001 - see the top
        found._records_iterator = None  # noqa: SLF001 - its frame has ``found``, so both would stay for long
        self._begin: int = found.next_fetch_offset
        self._end: int = self._begin
        self._records: list[Fetched] = []
        self._left: Iterator[Fetched] | None = None

    def __iter__(self) -> Iterator[Fetched]:
        """Those that were not taken yet. CorruptRecordException if the answer is damaged."""
        if self._left is None:
            self._left = iter(self._records)  # of a damaged one nothing, so that it is asked for again
            self._unpack()
        return self._left

    @property
    def next_fetch_offset(self) -> int:
        """Where the client stands after what was taken; it stands at the beginning before that."""
        if self._left is None:
            return self._begin
        left = length_hint(self._left)
        return self._records[-left - 1].offset + 1 if left else self._end

    def _unpack(self) -> None:
        topic, partition = self._place
        records, end = [], self._end
        for batch, counts in self._batches:
            if counts:
                records += [
                    Fetched(
                        topic, partition, record.offset, record.timestamp, record.key,
                        value := record.value, -1 if value is None else len(value),
                    )
                    for record in batch
                    if record.offset >= end
                ]  # fmt: skip
            end = max(end, batch.next_offset)
        self._records += records
        self._end = end


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
                if isinstance(result, FetchResult):
                    records = result._partition_records  # noqa: SLF001 - see above
                    if isinstance(records, PartitionRecords):
                        result._partition_records = Fetch(result._topic_partition, records)  # noqa: SLF001 - see above
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
