"""Compares states: what the live changelog and a replayed one hold in the end, key by key."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Generic, TypeVar

from aiokafka import TopicPartition

from bus.engine.store import StateFormat, Store
from bus.engine.value import state_key
from bus.replay import report
from bus.replay.cursor import Reader
from bus.replay.diff import Difference
from bus.settings import Settings

S = TypeVar("S")


class StateDiff(Generic[S]):
    """Restores both sides to disk, so that memory does not grow with them."""

    def __init__(self, live: Settings, replayed: Settings, states: StateFormat[S]) -> None:
        """``states`` reads and writes the states."""
        self._live = live
        self._replayed = replayed
        self._states = states

    async def partition(self, topic: str, number: int, said: report.Report) -> Difference:
        """Compare one partition of the changelog with the logical name ``topic``."""
        newer = await self._written_since(topic, number, said)
        equal = different = passed = 0
        with TemporaryDirectory(prefix="samband-diff-") as folder:
            stores = [
                await self._restored(settings, topic, number, Path(folder, side))
                for side, settings in (("live", self._live), ("replay", self._replayed))
            ]
            try:
                for key, live, replayed in _side_by_side(*(iter(store.items()) for store in stores)):
                    if key in newer:
                        passed += 1
                    elif live == replayed:
                        equal += 1
                    else:
                        different += 1
            finally:
                for store in stores:
                    store.close()
        by_record = {"state": {"changed": different, "only_live": 0, "only_replay": 0}} if different else {}
        return Difference(topic, number, equal, different, newer=passed, by_record=by_record)

    async def _restored(self, settings: Settings, topic: str, number: int, path: Path) -> Store[S]:
        place = TopicPartition(settings.topic(topic), number)
        store = Store(path, self._states, 1)
        store.open(0)
        async with Reader(settings) as reader:
            cursor = reader.cursors(await reader.begins([place]), await reader.ends([place]))[place]
            while records := await cursor.some():
                store.apply([(record.key, record.value) for record in records], cursor.position)
        store.check()
        return store

    async def _written_since(self, topic: str, number: int, said: report.Report) -> set[bytes]:
        """Keys whose state was written after the replay began."""
        place = TopicPartition(self._live.topic(topic), number)
        found: set[bytes] = set()
        async with Reader(self._live) as reader:
            ends = await reader.ends([place])
            begin = min(said.newer_from(topic, number), ends[place])
            cursor = reader.cursors({place: begin}, ends)[place]
            while (record := await cursor.next()) is not None:
                found.add(state_key(record.key or b""))
        return found


def _side_by_side(
    live: Iterator[tuple[bytes, bytes]], replayed: Iterator[tuple[bytes, bytes]]
) -> Iterator[tuple[bytes, bytes | None, bytes | None]]:
    """Every key of two sequences in key order with its value on each side."""
    left, right = next(live, None), next(replayed, None)
    while left is not None or right is not None:
        if left is not None and (right is None or left[0] < right[0]):
            yield *left, None
            left = next(live, None)
        elif right is not None and (left is None or right[0] < left[0]):
            yield right[0], None, right[1]
            right = next(replayed, None)
        elif left is not None and right is not None:
            yield *left, right[1]
            left, right = next(live, None), next(replayed, None)
