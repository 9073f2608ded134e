"""How far the restore of a partition's state is, for operators."""

import time

from bus import metrics
from bus.logs import Event, get_logger

_EVERY_SECONDS = 5.0
_MANY = 1000
"""Fewer records are restored before anybody has read a line about it."""


class Progress:
    """Counts one partition's restores: metrics at each step, a log line every few seconds."""

    def __init__(self, stage: str, partition: int) -> None:
        """Nothing is under way yet."""
        self._stage = stage
        self._partition = partition
        self._log = get_logger("engine")
        self._restored = metrics.ENGINE_RESTORED.labels(stage)
        self._remaining = metrics.ENGINE_RESTORE_REMAINING.labels(stage, str(partition))
        self._start = self._position = self._end = 0
        self._told = 0.0
        self.records = 0
        """Changelog records taken in since `begin`."""

    @property
    def percent(self) -> int:
        """How much of the way is done, from 0 to 100."""
        way = self._end - self._start
        return 100 if way <= 0 else (self._position - self._start) * 100 // way

    def begin(self, start: int, end: int) -> None:
        """A restore from offset ``start`` to ``end`` begins."""
        self._start, self._position, self._end = start, start, end
        self.records = 0
        self._told = 0.0
        self.advance(0, start)

    def advance(self, records: int, position: int) -> None:
        """So many more records were taken in; the next offset is ``position``."""
        self.records += records
        self._position = position
        left = max(0, self._end - position)
        self._restored.inc(records)
        self._remaining.set(left)
        now = time.monotonic()
        if left >= _MANY and now - self._told >= _EVERY_SECONDS:
            self._told = now
            self._log.emit(
                Event.ENGINE_RESTORING, stage=self._stage, partition=self._partition,
                records=self.records, remaining=left, percent=self.percent,
            )  # fmt: skip
