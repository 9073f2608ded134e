"""Tells one citizen's odd record from a fault of ours: when many keys fail, the worker has to stop. Pure.

It never makes an outcome. What becomes of a record is decided by the record and the state alone; the breaker
only says that the work must not go on, so that it may count as it likes without a replay seeing it.
"""

from collections import deque
from collections.abc import Iterable
from math import ceil


class Breaker:
    """Counts the keys of one partition that failed among the records that were tried last."""

    def __init__(self, keys: int, share: float) -> None:
        """It trips when ``keys`` keys have failed and they are at least ``share`` of the records tried."""
        self._window = ceil(keys / share)
        self.said = f"on {keys} keys within {self._window} records, at last "
        """What to say when it has tripped."""
        self._failures: deque[int] = deque(maxlen=keys)
        self.tried = 0
        """Records that went through the stage so far; records that wait do not count."""

    def begin(self, failures: Iterable[int]) -> None:
        """Begin again after the last committed of ``failures`` (values of `tried`), e.g. after a restart.

        What was tried since is forgotten, which makes the breaker trip earlier, not later. A worker that is
        started again and again with the same fault does not park a few more keys each time.
        """
        self._failures.clear()
        self._failures.extend(sorted(failures))
        self.tried = self._failures[-1] if self._failures else 0

    def failed(self, at: int) -> bool:
        """A key failed on the record that was tried as number ``at``; whether it is one too many."""
        failures = self._failures
        failures.append(at)
        return len(failures) == failures.maxlen and at - failures[0] < self._window
