"""Runs a program's processes, and keeps what they use while they run."""

import os
import subprocess
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.engine.job import Job
from bench.engine.programs import ROOT, Program

_LOOK_SECONDS = 0.05
_STOP_SECONDS = 20.0
_LAST_CHARACTERS = 600


class EndedError(Exception):
    """A process ended that should be running; the text is its last words."""


class Sample(NamedTuple):
    """What all processes together have used by a moment."""

    at: float
    """Seconds since the epoch."""
    cpu: float
    """Processor seconds."""
    resident: float
    """MB in memory at that moment."""


class Running:
    """The processes of one run."""

    def __init__(self, processes: Sequence[subprocess.Popen[bytes]], log: Path) -> None:
        self._processes = processes
        self._seen = [psutil.Process(process.pid) for process in processes]
        self._log = log
        self.samples: list[Sample] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.is_set():
            try:
                self.samples.append(self._sample())
            except psutil.NoSuchProcess:
                return
            self._ended.wait(_LOOK_SECONDS)

    def _sample(self) -> Sample:
        cpu = resident = 0.0
        for process in self._seen:
            with process.oneshot():
                times = process.cpu_times()
                cpu += times.user + times.system
                resident += process.memory_info().rss / 1e6
        return Sample(time.time(), cpu, resident)

    def check(self) -> None:
        """EndedError if a process has ended."""
        for process in self._processes:
            if process.poll() is not None:
                said = self._log.read_text(encoding="utf-8", errors="replace").strip()
                raise EndedError(
                    f"exit code {process.returncode}: {said.splitlines()[-1:]}"[:_LAST_CHARACTERS]
                )

    def cpu_between(self, begin: float, end: float) -> float:
        """Processor seconds used between two times (seconds since the epoch)."""
        return self._cpu_at(end) - self._cpu_at(begin)

    def _cpu_at(self, when: float) -> float:
        samples = self.samples
        after = bisect_left(samples, when, key=lambda sample: sample.at)
        if after == 0 or after == len(samples):
            return samples[min(after, len(samples) - 1)].cpu
        old, new = samples[after - 1], samples[after]
        return old.cpu + (new.cpu - old.cpu) * (when - old.at) / (new.at - old.at)

    @property
    def peak_mb(self) -> float:
        """The most memory that the processes held together."""
        return max(sample.resident for sample in self.samples)

    def stop(self) -> None:
        """End the processes, by force after 20 seconds."""
        for process in self._processes:
            process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for process in self._processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._ended.set()
        self._thread.join()


@contextmanager
def running(program: Program, job: Job, processes: int = 1) -> Iterator[Running]:
    """``processes`` times ``program`` on ``job``, each with a state folder of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SAMBAND_")}
    environment = {**inherited, **program.environment, **job.environment()}
    job.state_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=job.state_dir, suffix=".log", delete=False) as log:
        started = []
        for number in range(processes):
            folder = job.state_dir / str(number)
            folder.mkdir(exist_ok=True)
            started.append(
                subprocess.Popen(
                    program.command,
                    cwd=ROOT,
                    env={**environment, "BENCH_STATE_DIR": str(folder)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )
        watched = Running(started, Path(log.name))
        try:
            yield watched
        finally:
            watched.stop()
