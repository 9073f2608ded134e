"""The order in which a stage took the records of its inputs: all that its input topics do not say themselves.

A stage with several inputs sees them interleaved as they happened to be fetched, and what it writes depends
on that. So each transaction writes one small record of it, and a replay takes the records in the same order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from heapq import merge
from operator import attrgetter

import msgspec
from aiokafka import ConsumerRecord, TopicPartition

from schemas.errors import FatalError

FORMAT = 1
_timestamp = attrgetter("timestamp")
_topic = attrgetter("topic")


class UnreadableOrderError(FatalError):
    """A record of the order topic is not one, or of a format that this version does not know."""


class Order(msgspec.Struct, array_like=True, frozen=True):
    """What one transaction of one partition took, and in which order."""

    start: dict[str, int]
    """The next offset of each input (logical name) before the transaction, in the stage's order of inputs."""
    rounds: list[list[int]]
    """How many records of each input were taken together, in the order of ``start``; what was taken together
    was taken `in_time_order`."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Order)


def encode(order: Order) -> bytes:
    """The value of an order record: one byte for the format, then msgpack."""
    return bytes((FORMAT,)) + _encoder.encode(order)


def decode(data: bytes) -> Order:
    """The order that `encode` was given. UnreadableOrderError if it is none that this version knows."""
    if not data or data[0] != FORMAT:
        raise UnreadableOrderError(
            f"an order of format {data[0] if data else 'none'}, this version knows {FORMAT}",
            fix="replay with the version that wrote it",
        )
    try:
        order = _decoder.decode(memoryview(data)[1:])
    except msgspec.DecodeError:
        order = None
    if order is None or any(len(counts) != len(order.start) for counts in order.rounds):
        raise UnreadableOrderError("a record of the order topic cannot be read")
    return order


def in_time_order(batches: Sequence[Sequence[ConsumerRecord]]) -> list[ConsumerRecord]:
    """The records of several inputs as one sequence: each input in its own order, merged by time.

    Of two with the same time the one of the earlier input comes first. Part of the order's format: another
    rule here needs another `FORMAT`.
    """
    filled = [batch for batch in batches if batch]
    if len(filled) == 1:
        return list(filled[0])
    return list(merge(*filled, key=_timestamp))


class OrderNotes:
    """Notes the order of one partition's running transaction."""

    def __init__(self, inputs: Mapping[TopicPartition, str]) -> None:
        """``inputs``: logical topic by partition, in the stage's order."""
        self._physical = [place.topic for place in inputs]
        self._logical = list(inputs.values())
        self._start: dict[str, int] = {}
        self._rounds: list[list[int]] = []
        self._last = 0

    def begin(self, positions: Mapping[str, int]) -> None:
        """A transaction begins at ``positions`` (next offset by logical topic)."""
        self._start = {topic: positions[topic] for topic in self._logical}
        self._rounds.clear()

    def took(self, records: Sequence[ConsumerRecord]) -> None:
        """These were processed: all that one fetch gave, or any stretch of it, `in_time_order`.

        A stretch of a merged sequence is the merged sequence of stretches, so counts are enough.
        """
        self._last = records[-1].timestamp
        if len(self._physical) == 1:
            self._rounds.append([len(records)])
            return
        counts = Counter(map(_topic, records))
        self._rounds.append([counts[topic] for topic in self._physical])

    def record(self, partition: int) -> tuple[bytes, bytes, tuple[()], int]:
        """Key, value, headers and timestamp (milliseconds) of the running transaction's record."""
        return b"%d" % partition, encode(Order(self._start, self._rounds)), (), self._last
