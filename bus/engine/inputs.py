"""The input partitions of one task: where the work stands in them, and the records that come next."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, NoOffsetForPartitionError, OffsetOutOfRangeError

from bus.engine.names import Names
from bus.engine.order import OrderNotes, in_time_order
from bus.errors import LostRecordsError
from bus.logs import Event, get_logger


class Inputs:
    """One partition number of all input topics. Records that were fetched and not worked on wait here."""

    def __init__(
        self, consumer: AIOKafkaConsumer, names: Names, topics: Sequence[str], partition: int
    ) -> None:
        """``topics`` are logical names."""
        self.places = {TopicPartition(names.physical(topic), partition): topic for topic in topics}
        self.positions: dict[str, int] = {}
        """The next offset to be worked on, by logical topic."""
        self.order = OrderNotes(self.places)
        self._consumer = consumer
        self._names = names
        self._partition = partition
        self._by_topic = {place.topic: place for place in self.places}
        self._changed: set[str] = set()
        self._waiting: list[ConsumerRecord] = []
        self._next = 0

    def pause(self) -> None:
        """Ask for no more records, and forget those that wait."""
        self._forget()
        self._consumer.pause(*self.places)

    def seek(self) -> None:
        """Go to ``positions`` in the assignment that is now."""
        self._forget()
        for place, topic in self.places.items():
            self._consumer.seek(place, self.positions[topic])

    def resume(self) -> None:
        """Ask for records again."""
        self._consumer.resume(*self.places)

    def _forget(self) -> None:
        self._waiting, self._next = [], 0
        self._changed.clear()

    async def find(self, known: Mapping[str, int] | None) -> None:
        """Find the positions to begin from; ``known`` are those in the changelog, None if it is empty.

        The changelog holds the input positions in the same transaction as the state, and the group's
        committed offsets were written with them, so they agree. Where they do not (offsets expire after
        a week of silence, or were moved by hand), the changelog is right: it is what the state was made
        from. Offsets without a changelog mean that state was lost, which must not pass silently.
        """
        for place, topic in self.places.items():
            committed = await self._consumer.committed(place)
            if known is None and committed:
                raise LostRecordsError(
                    f"group {self._names.group} stands at offset {committed} of "
                    f"{place.topic}/{place.partition}, "
                    "but its changelog is empty",
                    fix="restore the changelog topic, or delete the consumer group to begin from the start",
                )
            position = (known or {}).get(topic)
            if position is None:
                position = (await self._consumer.beginning_offsets([place]))[place]
            elif committed is not None and committed != position:
                get_logger("engine").emit(
                    Event.ENGINE_OFFSETS_DIFFER,
                    stage=self._names.stage, topic=topic, partition=self._partition,
                    offset=position, committed=committed,
                )  # fmt: skip
            self.positions[topic] = position

    async def overtaken(self) -> bool:
        """Whether the group has come further than we stand: then another member worked here meanwhile."""
        for place, topic in self.places.items():
            committed = await self._consumer.committed(place)
            if committed is not None and committed > self.positions[topic]:
                return True
        return False

    async def next(self, seconds: float, most: int, end: asyncio.Future[Any]) -> list[ConsumerRecord]:
        """At most ``most`` records, waited for at most ``seconds``; none as soon as ``end`` is done."""
        if self._next >= len(self._waiting):
            self._waiting, self._next = await self._fetch(seconds, end), 0
        records = self._waiting[self._next : self._next + most]
        self._next += len(records)
        return records

    async def _fetch(self, seconds: float, end: asyncio.Future[Any]) -> list[ConsumerRecord]:
        fetching = asyncio.ensure_future(
            self._consumer.getmany(*self.places, timeout_ms=int(seconds * 1000), max_records=_FETCHED)
        )
        await asyncio.wait((fetching, end), return_when=asyncio.FIRST_COMPLETED)
        if not fetching.done():
            # Records leave the client's buffer only in the step that returns them, so none is lost here.
            fetching.cancel()
            await asyncio.wait((fetching,))
        if fetching.cancelled():
            return []
        try:
            found = fetching.result()
            return in_time_order([found.get(place, ()) for place in self.places])
        except (NoOffsetForPartitionError, ConsumerStoppedError):
            return []  # it looked for a position before it was told one, or ends with its engine
        except OffsetOutOfRangeError as error:
            raise LostRecordsError(
                f"an input of partition {self._partition} no longer has the records that come next",
                fix=(
                    "they were deleted before they were read; lengthen the topic's retention, then "
                    "delete the group and changelog to begin again"
                ),
            ) from error

    def done(self, records: Sequence[ConsumerRecord]) -> None:
        """These were worked on; they are what `next` gave."""
        self.order.took(records)
        missing = set(self._by_topic)
        for record in reversed(records):  # of each topic its last; with one topic that is the first look
            physical = record.topic
            if physical in missing:
                missing.remove(physical)
                self.positions[self.places[self._by_topic[physical]]] = record.offset + 1
                self._changed.add(physical)
                if not missing:
                    break

    def offsets(self) -> dict[TopicPartition, int]:
        """The positions that changed since `committed`."""
        places = (self._by_topic[physical] for physical in self._changed)
        return {place: self.positions[self.places[place]] for place in places}

    def committed(self) -> None:
        """What `offsets` gave is committed."""
        self._changed.clear()


_FETCHED = 4000
"""Records taken from the client at once, to put those of several topics in order."""
