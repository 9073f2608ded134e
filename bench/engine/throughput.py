"""Rounds of all systems over the same preloaded topics.

The broker stamps each answer when it takes it in, so the same clock times every system, from inside its run:
neither the start of a process nor the wait for its group is in the figure. Processor time is that between
the same two moments.
"""

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.engine.job import Job
from bench.engine.kafka import Kafka
from bench.engine.measure import EndedError, Running, running
from bench.engine.programs import NotHereError, Program
from bench.engine.rows import Row
from bench.engine.systems import LONG, MIDDLE, OURS, SHORT, SYSTEMS, Prepared, System, Window
from bench.engine.work import APPOINTMENT, APPOINTMENT_FRAME, CITIZENS, Appointments, Oracle, write
from bench.figures import WrongAnswerError
from bench.plan import Plan

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 240.0
_PER = 100_000


@dataclass(slots=True)
class Topics:
    """The preloaded topics, and what has to come out of each."""

    names: dict[int, str] = field(default_factory=dict)
    """By full number of records."""
    ends: dict[int, dict[int, int]] = field(default_factory=dict)
    counts: dict[int, Counter[bytes]] = field(default_factory=dict)
    """How many answers each key gets."""
    answers: dict[bytes, list[bytes]] = field(default_factory=dict)
    """Of the longest topic; a shorter one's are the first of them."""

    def is_right(self, records: int, found: dict[bytes, list[bytes]]) -> bool:
        """Whether ``found`` is what has to come out of the topic with so many records."""
        counts = self.counts[records]
        return found.keys() == counts.keys() and all(
            found[key] == self.answers[key][:count] for key, count in counts.items()
        )


def preload(plan: Plan, kafka: Kafka) -> Topics:
    """Make the records once, and write them to a topic of each length."""
    topics = Topics()
    lengths = {full: plan.count(full) for full in (LONG, MIDDLE, SHORT)}
    for full in lengths:
        topics.names[full] = f"{kafka.prefix}input-{full}"
        topics.counts[full] = Counter()
        kafka.create(topics.names[full])

    def records() -> Iterator[tuple[str, bytes, bytes]]:
        oracle = Oracle()
        for number, made in enumerate(Appointments(plan.count(CITIZENS)).some(lengths[LONG])):
            topics.answers.setdefault(made.key, []).append(oracle.answer(made))
            data = write(APPOINTMENT, APPOINTMENT_FRAME, made.value)
            for full, length in lengths.items():
                if number < length:
                    topics.counts[full][made.key] += 1
                    yield topics.names[full], made.key, data

    written = kafka.fill(records())
    topics.ends = {full: written[name] for full, name in topics.names.items()}
    return topics


class Bench:
    """Runs systems over the preloaded topics."""

    def __init__(self, kafka: Kafka, topics: Topics, folder: Path, prepared: Prepared) -> None:
        self._kafka = kafka
        self._topics = topics
        self._folder = folder
        self._prepared = prepared

    def run(self, system: System, rows: Sequence[Row]) -> None:
        """Run ``system`` once; add what it reached to ``rows``, one for each of its windows.

        Raises:
            WrongAnswerError: our own answer is wrong; of other systems the row says so.
        """
        try:
            self._run(system, self._prepared.program(system), rows)
        except (NotHereError, EndedError, TimeoutError) as error:
            if system.name.startswith(OURS):
                raise WrongAnswerError(f"{system.name} did not come to its end: {error}") from None
            for row in rows:
                row.not_run = str(error) or type(error).__name__

    def _run(self, system: System, program: Program, rows: Sequence[Row]) -> None:
        name = self._kafka.name("run")
        sink, source = f"{name}-answers", self._topics.names[system.records]
        job = Job(
            self._kafka.bootstrap_servers,
            name,
            source,
            sink,
            self._folder / name,
            threads=system.threads,
            variant=system.variant,
        )
        self._kafka.create(sink, message_timestamp_type="LogAppendTime")
        self._kafka.create(f"{name}.changelog", cleanup_policy="compact")
        try:
            with running(program, job, system.processes) as processes:
                self._wait(processes, system, job)
            self._take(system, sink, processes, rows)
        finally:
            self._kafka.delete(name)
            shutil.rmtree(job.state_dir, ignore_errors=True)

    def _wait(self, processes: Running, system: System, job: Job) -> None:
        wanted = self._topics.ends[system.records]
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with self._kafka.progress(job.name, job.source) as progress:
            while not progress.reached(wanted):
                processes.check()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not at the end of the topic after {_PATIENCE_SECONDS:.0f} s")
                time.sleep(_POLL_SECONDS)

    def _take(self, system: System, sink: str, processes: Running, rows: Sequence[Row]) -> None:
        found: dict[bytes, list[bytes]] = {}
        stamps = []
        for read in self._kafka.read(sink):
            found.setdefault(read.key, []).append(read.value)
            stamps.append(read.timestamp / 1000)
        right = self._topics.is_right(system.records, found)
        if not right and system.name.startswith(OURS):
            raise WrongAnswerError(f"{system.name}: {len(stamps)} answers, not those of the oracle")
        stamps.sort()
        for window, row in zip(system.windows, rows, strict=True):
            row.correct = row.correct and right
            row.resident.append(processes.peak_mb)
            if stamps:
                _add(row, window, stamps, processes)


def _add(row: Row, window: Window, stamps: Sequence[float], processes: Running) -> None:
    """The rate between the first and the last answer of a window; those of its first moment do not count."""
    begin = stamps[int((len(stamps) - 1) * window.begin)]
    end = stamps[int((len(stamps) - 1) * window.end)]
    count = sum(begin < stamp <= end for stamp in stamps)
    seconds = end - begin
    if count and seconds > 0:
        row.rates.append(count / seconds)
        row.cpu.append(processes.cpu_between(begin, end) / count * _PER)


def rounds(plan: Plan, bench: Bench, count: int) -> dict[System, list[Row]]:
    """So many rounds of all systems, by turns; each round begins with another one."""
    rows = {
        system: [Row(system.name, system.processes, system.threads, window.what) for window in system.windows]
        for system in SYSTEMS
    }
    for number in range(count):
        first = number % len(SYSTEMS)
        for system in (*SYSTEMS[first:], *SYSTEMS[:first]):
            if number >= system.most_rounds or any(row.not_run for row in rows[system]):
                continue
            shape = f"{system.processes} processes" if system.processes > 1 else f"{system.threads} threads"
            shape = shape if system.processes * system.threads > 1 else "alone"
            plan.tell(f"Round {number + 1} of {count}: {system.name}, {shape}")
            bench.run(system, rows[system])
            last = rows[system][0]
            if last.rates:
                wrong = "" if last.correct else ", wrong in this round or before"
                plan.tell(
                    f"{system.name}: {last.rates[-1]:,.0f} records/s, {last.cpu[-1]:.2f} CPU s/100k{wrong}"
                )
    return rows
