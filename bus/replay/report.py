"""What a replay says of itself beside its topics, so that a comparison knows what to expect where."""

import sys

import msgspec
from aiokafka import TopicPartition

from schemas.errors import RefusedError

KEY = b"replayed"
"""Of the one record that ends a replay, on partition 0 of its order topic."""
FORMAT = 1


class NoReplayError(RefusedError):
    """There is no finished replay under a prefix."""


class Report(msgspec.Struct, array_like=True, frozen=True):
    """Written when a replay has ended."""

    live: dict[str, list[int]]
    """Where the live partitions ended when it began, by logical topic: what lies behind may be missing."""
    positions: dict[str, list[int]]
    """How far it read each input, by logical topic."""
    writers: list[dict[str, list[int]]]
    """For each partition of the input, where the replay's partitions ended when it was done: the replay does
    one after the other, so these are the bounds between what the live stage's writers write side by side."""

    def newer_from(self, topic: str, partition: int) -> int:
        """From which offset on live records may be newer than the replay."""
        ends = self.live.get(topic, [])
        return ends[partition] if partition < len(ends) else 0

    def of_all(self) -> "Report":
        """The same for a live system that stands where the replay ended: nothing in it is newer."""
        everything = {topic: [sys.maxsize] * len(ends) for topic, ends in self.writers[-1].items()}
        return msgspec.structs.replace(self, live=everything)


_decoder = msgspec.msgpack.Decoder(Report)


def encode(report: Report) -> bytes:
    """The value of the record."""
    return bytes((FORMAT,)) + msgspec.msgpack.encode(report)


def decode(data: bytes) -> Report:
    """The report that `encode` was given. NoReplayError if it is none that this version knows."""
    try:
        if data and data[0] == FORMAT:
            return _decoder.decode(memoryview(data)[1:])
    except msgspec.DecodeError:
        pass
    raise NoReplayError("the replay was made by another version", fix="make it again with this one")


def by_topic(ends: dict[TopicPartition, int], prefix: str) -> dict[str, list[int]]:
    """Ends as a report has them; ``prefix`` is taken off the names."""
    found: dict[str, list[int]] = {}
    for place in sorted(ends):
        found.setdefault(place.topic.removeprefix(prefix), []).append(ends[place])
    return found
