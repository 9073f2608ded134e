"""Keeps copies of the state of partitions that other members work on, so that taking one over is quick."""

import asyncio
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Generic, TypeVar

from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from bus import metrics
from bus.engine.disk import InUseError
from bus.engine.log_reader import Fetched, LogReader
from bus.engine.names import Names
from bus.engine.store import Store
from bus.errors import LocalStoreError
from bus.logs import Event, error_class, get_logger
from bus.settings import Settings
from schemas.errors import FatalError

S = TypeVar("S")

_WAIT_MS = 500
_PAUSE_SECONDS = 5.0
_FRESH_SECONDS = 600.0
"""A store that stands at the end says so again after this time; an old one would not be believed."""
_UNKNOWN_END = 1 << 62


class _Copy(Generic[S]):
    """One followed partition."""

    def __init__(self, store: Store[S]) -> None:
        self.store = store
        self.offset = 0
        self.lag: int | None = None
        self.written = 0.0


class Standby(Generic[S]):
    """Follows changelog partitions into local stores.

    A store is open here or in the task that works on the partition, never in both: `follow` closes those
    that it is not told, before it returns.
    """

    def __init__(self, settings: Settings, names: Names, store: Callable[[Path], Store[S]]) -> None:
        """``store`` makes the store of a folder, not yet open."""
        self._settings = settings
        self._names = names
        self._stage = names.stage
        self._store = store
        self._running: asyncio.Task[None] | None = None
        self._copies: dict[int, _Copy[S]] = {}
        self._log = get_logger("engine")
        self._changed = asyncio.Event()

    def follow(self, partitions: Collection[int]) -> None:
        """Follow these partitions and no others from now on."""
        for partition in self._copies.keys() - set(partitions):
            self._copies.pop(partition).store.close()
            metrics.ENGINE_STANDBY_LAG.remove(self._stage, str(partition))
        for partition in set(partitions) - self._copies.keys():
            self._copies[partition] = _Copy(self._store(self._names.store_path(partition)))
        if not self._copies:
            return
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name=f"{self._stage}-standby")
            self._running.add_done_callback(self._ended)
        self._changed.set()
        self._log.emit(Event.ENGINE_STANDBY, stage=self._stage, partitions=len(self._copies))

    def lags(self) -> dict[int, int]:
        """How many changelog records each followed partition is behind; those not known yet are left out."""
        return {partition: copy.lag for partition, copy in self._copies.items() if copy.lag is not None}

    async def stop(self) -> None:
        """Follow nothing any more, and close all stores."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.wait((running,))
        self.follow(())

    def _ended(self, running: asyncio.Task[None]) -> None:
        """The work goes on without copies, but not without a word."""
        error = None if running.cancelled() else running.exception()
        if error is not None:
            self._failed(error, 1)

    async def _run(self) -> None:
        """Follow until cancelled. Kafka's absence and a bad disk are waited out."""
        attempt = 0
        while True:
            try:
                async with LogReader(
                    self._settings, self._names.changelog, f"{self._stage}-standby"
                ) as reader:
                    while True:
                        await self._step(reader)
                        attempt = 0
            except (KafkaError, TimeoutError, OSError, LocalStoreError, FatalError) as error:
                attempt += 1
                self._begin_again()
                self._failed(error, attempt)
                await asyncio.sleep(_PAUSE_SECONDS)

    def _failed(self, error: BaseException, attempt: int) -> None:
        self._log.emit(
            Event.ENGINE_STANDBY_FAILED, stage=self._stage, error=error_class(error), attempt=attempt
        )

    def _begin_again(self) -> None:
        """Open every store anew, since one of them failed: one that cannot be used is then thrown away."""
        for partition, copy in self._copies.items():
            copy.store.close()
            self._copies[partition] = _Copy(copy.store)

    async def _step(self, reader: LogReader) -> None:
        """One fetch of all that is followed."""
        if not self._copies:
            self._changed.clear()
            await self._changed.wait()
        await self._open(reader)
        copies = dict(self._copies)
        behind = any(copy.lag for copy in copies.values())
        offsets = {number: copy.offset for number, copy in copies.items() if copy.lag is not None}
        try:
            fetched = await reader.fetch(offsets, 0 if behind else _WAIT_MS)
        except OffsetOutOfRangeError:
            await self._discard_outside(reader, copies)
            return
        for number, found in fetched.items():
            if self._copies.get(number) is copies[number]:
                self._take(number, copies[number], found)
                await asyncio.sleep(0)

    async def _open(self, reader: LogReader) -> None:
        copies = {number: copy for number, copy in self._copies.items() if copy.lag is None}
        ends = await reader.ends(list(copies))
        for number, copy in copies.items():
            if self._copies.get(number) is copy:
                try:
                    copy.offset = copy.store.open(ends[number], seize=False).offset
                except InUseError as error:  # by its owner on this machine: it will be warm without us
                    del self._copies[number]
                    self._failed(error, 1)
                    continue
                copy.lag = ends[number] - copy.offset

    async def _discard_outside(self, reader: LogReader, copies: dict[int, _Copy[S]]) -> None:
        """Begin anew with the partitions whose log begins after what we have."""
        beginnings = await reader.beginnings(list(copies))
        for number, copy in copies.items():
            if self._copies.get(number) is copy and copy.offset < beginnings[number]:
                copy.store.discard()
                copy.store.open(_UNKNOWN_END)
                copy.offset = beginnings[number]

    def _take(self, number: int, copy: _Copy[S], found: Fetched) -> None:
        now = time.monotonic()
        if found.next_offset > copy.offset or now - copy.written > _FRESH_SECONDS:
            copy.store.apply(found.records, found.next_offset)
            copy.offset, copy.written = found.next_offset, now
        copy.lag = max(0, found.end - copy.offset)
        metrics.ENGINE_STANDBY_LAG.labels(self._stage, str(number)).set(copy.lag)
