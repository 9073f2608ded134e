"""Reads a partition forward, a record at a time or many, up to a given end."""

import time
from collections import deque
from collections.abc import Sequence
from itertools import islice
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from bus.cluster import connection
from bus.errors import BusUnavailableError, LostRecordsError, translated
from bus.settings import Settings

_BATCH = 2000
_FETCH_BYTES = 1024 * 1024
_WAIT_MS = 200
_FETCH_WAIT_MS = 10
"""All that is asked for is there, so a broker need not wait for more; partitions at their end are paused."""
_BACKOFF_MS = 10
"""Also what the client waits for each topic that it hears of for the first time."""
_PATIENCE_SECONDS = 30.0

Offsets = dict[TopicPartition, int]


class Reader:
    """A client outside of any group that reads committed records of any number of partitions."""

    def __init__(self, settings: Settings, *, committed: bool = True) -> None:
        """Nothing happens before the context is entered. Without ``committed`` it sees open transactions."""
        self._consumer = AIOKafkaConsumer(
            **connection(settings, "replay"),
            enable_auto_commit=False,
            isolation_level="read_committed" if committed else "read_uncommitted",
            auto_offset_reset="none",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            retry_backoff_ms=_BACKOFF_MS,
        )

    async def __aenter__(self) -> Self:
        """Connect; BusUnavailableError if no broker answers."""
        with translated("connecting a reader"):
            await self._consumer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def begins(self, places: Sequence[TopicPartition]) -> Offsets:
        """The offset of the oldest record of each partition."""
        with translated("looking up where topics begin"):
            found: Offsets = await self._consumer.beginning_offsets(places) if places else {}
        return found

    async def ends(self, places: Sequence[TopicPartition]) -> Offsets:
        """The next offset of each partition."""
        with translated("looking up where topics end"):
            found: Offsets = await self._consumer.end_offsets(places) if places else {}
        return found

    def cursors(self, begins: Offsets, ends: Offsets) -> dict[TopicPartition, "Cursor"]:
        """A cursor for each partition of ``begins``; this reader's earlier ones must not be used any more."""
        self._consumer.assign(list(begins))
        for place, begin in begins.items():
            self._consumer.seek(place, begin)
            if begin >= ends[place]:
                self._consumer.pause(place)
        return {place: Cursor(self._consumer, place, begin, ends[place]) for place, begin in begins.items()}


class Cursor:
    """A place in a partition. ``end`` may be lowered; records from there on are not given."""

    def __init__(self, consumer: AIOKafkaConsumer, place: TopicPartition, begin: int, end: int) -> None:
        """Made by `Reader.cursors`, which has set the consumer to ``begin``."""
        self._consumer = consumer
        self._place = place
        self._read: deque[ConsumerRecord] = deque()
        self.position = begin
        """The offset to go on from."""
        self.begin = begin
        self.end = end
        self._last: ConsumerRecord | None = None

    async def peek(self) -> ConsumerRecord | None:
        """The next record, left where it is; None at the end."""
        if not self._read:
            await self._fill()
        return self._read[0] if self._read and self._read[0].offset < self.end else None

    async def next(self) -> ConsumerRecord | None:
        """The next record; None at the end."""
        found = await self.peek()
        if found is not None:
            self._read.popleft()
            self.position = found.offset + 1
            self._last = found
        return found

    async def some(self) -> list[ConsumerRecord]:
        """The next records, as many as are in memory; none at the end."""
        if await self.peek() is None:
            return []
        taken = [record for record in self._read if record.offset < self.end]
        self._read.clear()
        self.position = taken[-1].offset + 1
        return taken

    async def take(self, count: int) -> list[ConsumerRecord]:
        """The next ``count`` records. LostRecordsError if there are fewer."""
        taken: list[ConsumerRecord] = []
        while len(taken) < count:
            if not self._read:
                await self._fill()
            more = list(islice(self._read, count - len(taken)))
            if not more or more[-1].offset >= self.end:
                raise LostRecordsError(
                    f"{self._place.topic}/{self._place.partition} ends at {self.end}, "
                    "before records that were taken from it",
                    fix="the topic was made anew or cut; without its records there is no replay",
                )
            for _ in more:
                self._read.popleft()
            taken += more
            self.position = more[-1].offset + 1
            self._last = more[-1]
        return taken

    async def last(self) -> ConsumerRecord | None:
        """The last record before the end, read on to; ``position`` stays. Nothing can be read afterwards."""
        position = self.position
        while await self.next() is not None:
            pass
        self.position = position
        return self._last

    def ready(self) -> ConsumerRecord | None:
        """The next record if it is in memory."""
        return self._read[0] if self._read and self._read[0].offset < self.end else None

    async def _fill(self) -> None:
        """Read on, unless the end is reached."""
        waited_since = time.monotonic()
        while True:
            with translated("reading a topic"):
                at = await self._consumer.position(self._place)
                if at >= self.end:
                    self._consumer.pause(self._place)
                    return
                try:
                    found = await self._consumer.getmany(self._place, timeout_ms=_WAIT_MS, max_records=_BATCH)
                except OffsetOutOfRangeError as error:
                    raise LostRecordsError(
                        f"records of {self._place.topic}/{self._place.partition} were deleted while they "
                        "were read",
                        fix="their retention ended; try again",
                    ) from error
                moved = await self._consumer.position(self._place) > at
            if found.get(self._place):
                self._read.extend(found[self._place])
                return
            if moved:
                waited_since = time.monotonic()
            elif time.monotonic() - waited_since > _PATIENCE_SECONDS:
                raise BusUnavailableError(
                    f"{self._place.topic}/{self._place.partition} could not be read to its end"
                )
