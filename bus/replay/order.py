"""Gives a partition's input records in the order in which the stage took them."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord

from bus.engine.order import decode, in_time_order
from bus.errors import LostRecordsError
from bus.replay.cursor import Cursor

_CHUNK = 1000


@dataclass
class Inputs:
    """One partition number of all inputs of a stage."""

    cursors: Mapping[str, Cursor]
    """By logical topic, in the stage's order of inputs."""
    order: Cursor | None
    """Of the order topic; None for a stage with a single input, which needs none."""
    end: Mapping[str, int] = field(default_factory=dict)
    """Up to where the live stage is known to have come, by logical topic; where the order topic ends earlier
    or says nothing, the rest is taken by time."""
    incomplete: bool = False
    """Go on where records are gone whose order is noted."""
    by_time: int = 0
    """Records whose order was not noted: counted while they are taken."""

    @property
    def positions(self) -> dict[str, int]:
        """The next offset of each input."""
        return {topic: cursor.position for topic, cursor in self.cursors.items()}

    async def records(self) -> AsyncIterator[list[ConsumerRecord]]:
        """All records up to the end, in lists that are never empty.

        Raises:
            LostRecordsError: records are gone.
            UnreadableOrderError: the order was written by another version.
        """
        while self.order is not None and (noted := await self.order.next()) is not None:
            order = decode(noted.value or b"")
            if not self._known(order.start):
                continue
            async for records in self._up_to(order.start):
                yield records
            for counts in order.rounds:
                batches = [
                    await self.cursors[topic].take(count)
                    for topic, count in zip(order.start, counts, strict=True)
                ]
                yield in_time_order(batches)
        async for records in self._up_to(self.end):
            yield records

    def _known(self, start: Mapping[str, int]) -> bool:
        """Whether all records that a transaction took are still there."""
        for topic, offset in start.items():
            if topic not in self.cursors:
                raise LostRecordsError(
                    f"the stage no longer reads {topic}, which it once did",
                    fix="replay with a version that reads it",
                )
            if offset > self.cursors[topic].end:
                raise LostRecordsError(
                    f"records of {topic} up to {offset} were taken, and it ends at {self.cursors[topic].end}",
                    fix="the topic was made anew; without its records there is no replay",
                )
            if offset < self.cursors[topic].position:
                if self.incomplete:
                    return False
                raise LostRecordsError(
                    f"the order of {topic} begins at {offset}, its records at {self.cursors[topic].position}",
                    fix="the topic was cut or made anew; --incomplete goes on with what is left",
                )
        return True

    async def _up_to(self, until: Mapping[str, int]) -> AsyncIterator[list[ConsumerRecord]]:
        """What lies before ``until``, as if all of it had been fetched at once: the order was not noted."""
        behind = {
            topic: min(offset, self.cursors[topic].end)
            for topic, offset in until.items()
            if offset > self.cursors[topic].position
        }
        chunk: list[ConsumerRecord] = []
        while behind:
            oldest: Cursor | None = None
            time = 0
            for topic in [name for name in self.cursors if name in behind]:
                cursor = self.cursors[topic]
                head = cursor.ready() or await cursor.peek()
                if head is None or head.offset >= behind[topic]:
                    cursor.position = max(cursor.position, behind.pop(topic))
                elif oldest is None or head.timestamp < time:
                    oldest, time = cursor, head.timestamp
            if oldest is not None and (record := await oldest.next()) is not None:
                chunk.append(record)
                self.by_time += 1
            if chunk and (len(chunk) >= _CHUNK or oldest is None):
                yield chunk
                chunk = []
