"""Reads one topic for work that does not end in the order in which it came.

The engine commits as it reads, record after record. Where one record may wait for hours while those after
it are done at once, a single offset does not say what is done. So what is committed for a partition is the
offset of the oldest record that is not done, and with it, as its metadata, which later ones are not: a
restart goes on with exactly these. One process reads the topic: partitions are not shared out.
"""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from bus.cluster import admin_client, connection
from bus.errors import MissingTopicError, translated
from bus.groups import committed_offsets
from bus.reader import Record
from bus.settings import Settings
from bus.topics import partition_counts

_MOST_METADATA: Final = 4000
"""Brokers take 4,096 characters (offset.metadata.max.bytes)."""
_KEEP_SECONDS: Final = 3600.0
"""Brokers forget the offsets of a group that commits nothing for a week, so they are written again sooner."""


class Progress:
    """What is done of one partition: all below ``position`` but ``pending``."""

    def __init__(self, position: int = 0, pending: Iterable[int] = ()) -> None:
        self.position = position
        self.pending = set(pending)

    def __contains__(self, offset: int) -> bool:
        return offset < self.position and offset not in self.pending

    @property
    def low(self) -> int:
        """The oldest offset that is not done."""
        return min(self.pending, default=self.position)

    def read(self, offset: int) -> None:
        """The record at ``offset`` is worked on from now on, unless it is done."""
        if offset not in self:
            self.pending.add(offset)
        self.reach(offset + 1)

    def reach(self, position: int) -> None:
        """There is nothing more below ``position``: offsets in between belong to no record."""
        self.position = max(self.position, position)

    def encode(self) -> str:
        """``<position>:<pending>,…``, pending ones counted from ``low``.

        What has no room counts as not done, and is done again: hundreds of requests must wait for that.
        """
        low, position, pending = self.low, self.position, sorted(self.pending)
        shown: list[str] = []
        room = _MOST_METADATA - len(str(position)) - 1
        for offset in pending:
            text = str(offset - low)
            room -= len(text) + 1
            if room < 0:
                position = offset
                break
            shown.append(text)
        return f"{position}:{','.join(shown)}"

    @classmethod
    def decode(cls, low: int, text: str) -> "Progress":
        """From a committed offset and its metadata; without that, nothing from ``low`` on is done."""
        position, _, pending = text.partition(":")
        try:
            return cls(int(position), (low + int(offset) for offset in pending.split(",") if offset))
        except ValueError:
            return cls(low)


class Subscription:
    """One topic from where ``group`` left. Use as an async context manager."""

    def __init__(self, settings: Settings, topic: str, group: str, *, since: int = 0) -> None:
        """``topic`` and ``group`` are logical names.

        ``since``: records from this instant on (microseconds) are read again even where all of them are
        done, since what they say is still needed. `is_done` tells them from those that are to be worked on.
        """
        self._settings = settings
        self._topic = topic
        self._group = settings.topic(group)
        self._since = since
        self._progress: dict[int, Progress] = {}
        self._began: dict[int, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._committed: dict[int, tuple[int, str]] = {}
        self._kept = time.monotonic()
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        """Find the places to begin from.

        Raises:
            BusUnavailableError: Kafka is away.
            MissingTopicError: there is no such topic.
        """
        name = self._settings.topic(self._topic)
        counts = await partition_counts(self._settings, [name])
        if name not in counts:
            raise MissingTopicError(
                f"topic {self._topic} is missing",
                fix="name the agency in router.inboxes, and create its topic with `samband topics apply`",
            )
        places = [TopicPartition(name, number) for number in range(counts[name])]
        doing = f"reading {self._topic}"
        consumer = AIOKafkaConsumer(
            **connection(self._settings, "subscription"),
            group_id=self._group,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        try:
            with translated(doing):
                await consumer.start()
                consumer.assign(places)
                await self._begin(consumer, places)
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading; what was not committed is not."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    @property
    def caught_up(self) -> bool:
        """Whether all that lay in the topic at the start was read."""
        return not self._ends

    async def poll(self, seconds: float = 0.2, most: int = 500) -> list[Record]:
        """The next records of all partitions, each partition in order; waits ``seconds`` for some.

        Those that are not done count as worked on until `done` is called. BusUnavailableError if Kafka is
        away.
        """
        consumer = self._open()
        with translated(f"reading {self._topic}"):
            found = await consumer.getmany(timeout_ms=int(seconds * 1000), max_records=most)
            for place, records in found.items():
                for record in records:
                    self._progress[place.partition].read(record.offset)
                self._progress[place.partition].reach(await consumer.position(place))
            for place, end in list(self._ends.items()):
                if await consumer.position(place) >= end:
                    del self._ends[place]
        return [_record(self._topic, record) for records in found.values() for record in records]

    def is_done(self, record: Record) -> bool:
        """Whether ``record`` was done before."""
        return record.offset in self._progress[record.partition]

    def was_read(self, record: Record) -> bool:
        """Whether a process before this one has read ``record``, and may have begun with it."""
        return record.offset < self._began[record.partition]

    def done(self, record: Record) -> None:
        """``record`` has an outcome; `commit` makes that known."""
        self._progress[record.partition].pending.discard(record.offset)

    async def commit(self) -> None:
        """Commit what changed since the last commit; BusUnavailableError if Kafka is away.

        What was polled before a commit counts as read (`was_read`) for the process that comes after this one.
        """
        places = {number: (had.low, had.encode()) for number, had in self._progress.items()}
        if time.monotonic() - self._kept < _KEEP_SECONDS:
            places = {number: place for number, place in places.items() if self._committed[number] != place}
        if not places:
            return
        name = self._settings.topic(self._topic)
        with translated(f"committing {self._topic}"):
            await self._open().commit(
                {TopicPartition(name, number): OffsetAndMetadata(*place) for number, place in places.items()}
            )
        self._committed.update(places)
        self._kept = time.monotonic()

    def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("enter the subscription first")
        return self._consumer

    async def _begin(self, consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> None:
        async with admin_client(self._settings, "subscription") as admin:
            committed = await committed_offsets(admin, self._group)
        first = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        recent = await consumer.offsets_for_times(dict.fromkeys(places, self._since // 1000))
        for place in places:
            had = committed.get(place)
            progress = Progress.decode(had.offset, had.metadata) if had else Progress(first[place])
            self._progress[place.partition] = progress
            self._began[place.partition] = progress.position
            self._committed[place.partition] = (had.offset, had.metadata) if had else (-1, "")
            needed = recent[place].offset if recent.get(place) is not None else ends[place]
            begin = max(first[place], min(progress.low, needed))
            # What retention has deleted can be neither done nor waited for any more.
            progress.pending = {offset for offset in progress.pending if offset >= first[place]}
            consumer.seek(place, begin)
            if begin < ends[place]:
                self._ends[place] = ends[place]


def _record(topic: str, record: ConsumerRecord) -> Record:
    return Record(
        topic, record.partition, record.offset, record.timestamp * 1000,
        record.key, record.value, tuple(record.headers),
    )  # fmt: skip
