"""How large a piece of work is, and when a transaction is committed: small and soon, or large and cheap."""

import time
from collections.abc import Callable

Clock = Callable[[], float]

_LOOK_SECONDS = 0.2
_SHARE = 0.4
"""The share of a core up to which records are committed as soon as can be."""
_LEAST, _MOST = 0.5, 4.0
_LATE_SHARE = 0.25
"""What is late may become later by so much of it, for the sake of fewer commits."""
_SMOOTH = 0.2
_NEAR_SECONDS = 0.008
"""What is due so soon is due. A fetch for it is to be answered in the midst of that time."""
_SLICE_SECONDS = 0.02
_SLICE_MOST = 500


class Load:
    """How busy this process is, shared by all its partitions."""

    def __init__(self, clock: Clock = time.monotonic, used: Clock = time.process_time) -> None:
        """``used`` gives the processor seconds of the process."""
        self._clock = clock
        self._used = used
        self._at, self._spent = clock(), used()
        self._patience = _LEAST

    def patience(self) -> float:
        """How many commits' time is left between two commits, from 0.5 to 4.

        It grows while the process takes more than its share of a core and shrinks while it takes less.
        """
        now = self._clock()
        passed = now - self._at
        if passed >= _LOOK_SECONDS:
            spent = self._used()
            grow = (spent - self._spent) / passed > _SHARE
            self._patience = min(_MOST, max(_LEAST, self._patience * (1.3 if grow else 0.8)))
            self._at, self._spent = now, spent
        return self._patience


class Dues:
    """When each partition of a process commits next: fetches that are answered just before save a wait."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        """None is known yet."""
        self._clock = clock
        self._by_partition: dict[int, float] = {}

    def note(self, partition: int, due: float) -> None:
        """``partition`` commits at ``due``. A time that has passed counts no more."""
        self._by_partition[partition] = due

    def left(self) -> float | None:
        """Seconds until shortly before the next commit that a fetch can still be answered for, if one is."""
        earliest = self._clock() + _NEAR_SECONDS
        coming = [due for due in self._by_partition.values() if due > earliest]
        return min(coming) - earliest + _NEAR_SECONDS / 2 if coming else None


class Pace:
    """When one partition commits.

    While the process is not busy, commits end one interval after another: each begins as much earlier as
    commits take, but for half the interval at most. While it is busy, and the more so while what it works on
    is late, a transaction collects for longer, since each costs some milliseconds of its own.
    """

    def __init__(self, interval: float, longest: float, load: Load, clock: Clock = time.monotonic) -> None:
        """``interval``: from the end of a commit to that of the next, at most, while it is not busy.

        ``longest``: the time for which a transaction collects, at most, while it is.
        """
        self._interval = interval
        self._longest = max(interval, longest)
        self._load = load
        self._clock = clock
        self._committed_at = -interval
        self._commit_seconds = 0.0
        self.began = 0.0
        self.limit = 0.0
        """From here on no more records are taken."""
        self.due = 0.0
        """From here on nobody waits for more records."""

    def begin(self, late: float = 0.0) -> None:
        """A transaction begins with its first record, which was written ``late`` seconds ago."""
        patience = self._load.patience()
        self.began = self._clock()
        wanted = max(self._interval * max(1.0, patience), late * _LATE_SHARE)
        self.limit = self.began + min(wanted, self._longest)
        commit = self._commit_seconds
        collecting = self._interval - min(commit, self._interval / 2)
        self.due = self._committed_at + min(collecting, patience * commit)

    def over(self) -> bool:
        """Whether the time for collecting is over."""
        return self._clock() >= self.limit

    def left(self) -> float:
        """Seconds that may still be waited for more records; 0 when it is not worth it."""
        left = self.due - self._clock()
        return left if left > _NEAR_SECONDS else 0.0

    def committed(self, seconds: float) -> None:
        """A commit took so long."""
        self._committed_at = self._clock()
        self._commit_seconds += _SMOOTH * (seconds - self._commit_seconds)


class Slice:
    """How many records are worked on between two looks at the event loop.

    Heartbeats and other partitions wait for a slice, so it is bounded in time, whatever a step costs.
    """

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        """It begins with a single record."""
        self._clock = clock
        self._began = 0.0
        self.size = 1

    def begin(self) -> None:
        """A slice of work begins."""
        self._began = self._clock()

    def end(self, records: int) -> None:
        """It has ended: the next one gets the size that takes about 20 ms, at most twice this one's."""
        seconds = max(self._clock() - self._began, 1e-6)
        fitting = int(records * _SLICE_SECONDS / seconds)
        self.size = max(1, min(fitting, max(self.size, 2 * records), _SLICE_MOST))
