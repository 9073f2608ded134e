"""The guarded process ends with whoever started it, and its exit code comes through."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bus.embedded import guard
from tests.waiting import wait_until

_WAIT = "import os, sys, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)"


def _start(*command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def guarded() -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A guard, and the process id of what it guards."""
    with _start(sys.executable, "-c", _WAIT) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
        process.kill()


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_closed_pipe_ends_it(guarded):
    process, pid = guarded
    process.stdin.close()
    assert process.wait(20) == 128 + signal.SIGTERM
    assert _gone(pid)


def test_termination_is_passed_on(guarded):
    process, pid = guarded
    process.terminate()
    assert process.wait(20) == 128 + signal.SIGTERM
    assert _gone(pid)


def test_interrupt_is_left_to_the_parent(guarded):
    process, pid = guarded
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)  # the interrupt came first, and was not what ended it
    assert process.wait(20) == 128 + signal.SIGTERM
    assert _gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_killed_guard_takes_it_along(guarded):
    process, pid = guarded
    process.kill()
    wait_until(lambda: _gone(pid), what="the guarded process to end")


@pytest.mark.parametrize("code", [0, 1, 77])
def test_exit_code_comes_through(code):
    with _start(sys.executable, "-c", f"raise SystemExit({code})") as process:
        assert process.wait(20) == code


def test_killed_parent_takes_it_along(tmp_path: Path):
    """Killed, not ended: no handler of the parent runs."""
    parent = f"""
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-I", "-S", {guard.__file__!r}, sys.executable, "-c", {_WAIT!r}], stdin=subprocess.PIPE
)
child.wait()
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: _gone(pid), what="the guarded process to end")
