"""Brings a partition's local store up to date from its changelog topic."""

import asyncio
import time
from typing import NamedTuple, TypeVar

from aiokafka.errors import OffsetOutOfRangeError

from bus.engine.log_reader import LogReader
from bus.engine.progress import Progress
from bus.engine.store import Store
from bus.errors import BusUnavailableError, translated
from bus.settings import Settings

S = TypeVar("S")

_WAIT_MS = 100
_PATIENCE_SECONDS = 30.0


class Restored(NamedTuple):
    """What a restore did."""

    records: int
    seconds: float
    end: int
    """The changelog offset that the store now stands at."""
    discarded: str
    """Why a local store was thrown away; empty if none was."""


async def restore(
    settings: Settings, topic: str, partition: int, store: Store[S], progress: Progress
) -> Restored:
    """Replay the committed changelog of ``partition`` into ``store``, from its checkpoint to the present end.

    The caller has fenced every earlier owner, so nobody writes to this partition any more and the end
    stays where it is. ``topic`` is the physical name.

    Raises:
        BusUnavailableError: Kafka is away.
        LocalStoreError: the disk failed, or store and changelog do not fit; the next try begins anew.
        LostRecordsError: the changelog lacks records.
        UnknownFormatError: another version wrote the changelog.
    """
    started = time.monotonic()
    with translated("restoring a partition"):
        async with LogReader(settings, topic, f"restore-{partition}") as reader:
            end = (await reader.ends([partition]))[partition]
            opened = store.open(end)
            progress.begin(opened.offset, end)
            await _replay(reader, partition, store, progress, opened.offset, end)
    store.check()
    return Restored(progress.records, time.monotonic() - started, end, opened.discarded)


async def _replay(
    reader: LogReader, partition: int, store: Store[S], progress: Progress, offset: int, end: int
) -> None:
    moved = time.monotonic()
    while offset < end:
        try:
            fetched = (await reader.fetch({partition: offset}, _WAIT_MS))[partition]
        except OffsetOutOfRangeError:  # the log begins later: what is missing is forgotten for good
            store.discard()
            store.open(end)
            offset = (await reader.beginnings([partition]))[partition]
            continue
        if fetched.next_offset > offset:
            moved = time.monotonic()
            store.apply(fetched.records, fetched.next_offset)
            progress.advance(len(fetched.records), fetched.next_offset)
            offset = fetched.next_offset
        elif time.monotonic() - moved > _PATIENCE_SECONDS:
            raise BusUnavailableError(f"the changelog of partition {partition} could not be read to its end")
        await asyncio.sleep(0)
    store.apply((), end)
    progress.advance(0, end)


async def has_grown(settings: Settings, topic: str, partition: int, end: int) -> bool:
    """Whether somebody has written to ``partition`` from ``end`` on, be it committed or not.

    Offsets of a transaction can be seen a moment before its records can, so what is not decided yet counts.
    BusUnavailableError if Kafka is away.
    """
    with translated("looking at a changelog's end"):
        async with LogReader(settings, topic, f"look-{partition}") as reader:
            return (await reader.high_watermarks([partition]))[partition] > end
