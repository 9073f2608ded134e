"""Where the running router spends its time, by samples of its stack: a flame graph and a share for each part.

py-spy looks at the process from outside, without stopping it. The figures beside this one are timed in runs
that nobody looks at.
"""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_SPY = Path(sys.executable).with_name("py-spy")
_RATE = "200"
"""Samples a second."""
_END_SECONDS = 30.0

PARTS: Final = {
    "decode": "decode",
    "step": "step",
    "encode": "encode",
    "state": "local store and encoding of states",
    "commit": "commit (changelog, offsets, end of the transaction)",
    "client": "Kafka client (fetching, sending)",
    "engine": "engine, batches of outputs, event loop",
}


class NoProfileError(Exception):
    """The process could not be looked at; the text says why."""


class Profile:
    """What the samples say."""

    def __init__(self, stacks: str) -> None:
        """``stacks``: a line for each stack, its frames from the outermost on, and how often it was seen."""
        seen: Counter[str] = Counter()
        for line in stacks.splitlines():
            frames, _, count = line.rpartition(" ")
            seen[part_of(frames)] += int(count)
        self.samples = seen.total()
        self.shares: Mapping[str, float] = {part: seen[part] / max(1, self.samples) for part in PARTS}


def part_of(stack: str) -> str:
    """The part that a stack belongs to: the first that one of its frames speaks of."""
    for part, marks in _MARKS.items():
        if any(mark in stack for mark in marks):
            return part
    return "engine"


_MARKS: Final = {
    "decode": ("decode (router/stage.py",),
    "step": ("step (router/step.py",),
    "encode": ("encode (schemas/codec.py", "step (router/stage.py", "tick (router/stage.py"),
    "state": (
        " (bus/engine/store.py",
        " (bus/engine/value.py",
        " (bus/engine/disk.py",
        "dump (router/stage.py",
    ),
    "commit": ("_commit (bus/engine/", "commit (bus/engine/"),
    "client": ("aiokafka/",),
}
"""Function and file of frames, in the order in which they are asked for: a part in another comes first."""


@contextmanager
def profiled(pid: int, flames: Path) -> Iterator[list[Profile]]:
    """Look at process ``pid`` while the block runs; afterwards the list has one profile.

    ``flames`` becomes the flame graph (SVG).

    Raises:
        NoProfileError: py-spy is missing, or may not look.
    """
    flames.parent.mkdir(parents=True, exist_ok=True)
    stacks = flames.with_suffix(".txt")
    found: list[Profile] = []
    spies = [_spy(pid, "flamegraph", flames), _spy(pid, "raw", stacks)]
    try:
        yield found
    finally:
        said = [_end(spy) for spy in spies]
    if not (flames.exists() and stacks.exists()):
        raise NoProfileError(next((words for words in said if words), "py-spy wrote nothing"))
    found.append(Profile(stacks.read_text(encoding="utf-8")))
    stacks.unlink()


def _spy(pid: int, form: str, target: Path) -> subprocess.Popen[str]:
    target.unlink(missing_ok=True)
    options = ("--nonblocking", "-r", _RATE, "-d", "unlimited", "-f", form)
    try:
        return subprocess.Popen(
            (str(_SPY), "record", "-p", str(pid), *options, "-o", str(target)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as error:
        raise NoProfileError(f"py-spy could not be started: {type(error).__name__}") from None


def _end(spy: subprocess.Popen[str]) -> str:
    """Let it write its file; its last words if it failed."""
    with suppress(ProcessLookupError):
        spy.send_signal(signal.SIGINT)
    try:
        _, said = spy.communicate(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        spy.kill()
        _, said = spy.communicate()
    return said.strip().splitlines()[-1] if spy.returncode and said.strip() else ""
