"""Ending the broker's processes: asked first, forced after a while, and never left behind."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable

STOP_SECONDS = 30.0
"""Kafka closes its log segments in one or two seconds; a killed one has to check them at the next start."""
_KILL_SECONDS = 5.0
_POLL = 0.05

Process = subprocess.Popen[bytes]


def end(process: Process) -> None:
    """End a child of this process that leads a session, and wait for it."""
    if process.poll() is None:
        end_group(process.pid, has_ended=lambda: process.poll() is not None)
    if process.stdin:
        process.stdin.close()
    process.wait(_KILL_SECONDS)


def end_group(leader: int, *, has_ended: Callable[[], bool]) -> bool:
    """SIGTERM to the leader, SIGKILL to its whole group after `STOP_SECONDS`; whether it ended."""
    try:
        os.kill(leader, signal.SIGTERM)
    except ProcessLookupError:
        return _wait(has_ended, _KILL_SECONDS)
    if _wait(has_ended, STOP_SECONDS):
        return True
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
    return _wait(has_ended, _KILL_SECONDS)


def _wait(has_ended: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not has_ended():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True
