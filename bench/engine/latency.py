"""How long an answer takes at an offered rate: from the time its record was to be sent until it can be read.

Read by a read_committed reader, so the wait for the transaction is in it. Every system meets the same:
a burst that warms it up, then each rate for some seconds, of which the first do not count.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.engine.job import Job
from bench.engine.kafka import Follower, Kafka
from bench.engine.measure import EndedError, Running, running
from bench.engine.offer import Offer, Phase
from bench.engine.programs import ROOT, NotHereError, Program
from bench.engine.rows import HIGH, LOW, Row
from bench.engine.systems import BY_HAND, OURS, OWN_PACE, QUIX, STREAMS, Prepared, System
from bench.engine.work import CITIZENS, OVERLAP, read
from bench.figures import WrongAnswerError
from bench.plan import Plan

OFTEN: Final = (OURS, STREAMS)
ONCE: Final = (BY_HAND, QUIX)
"""Measured in the first round alone: no goal holds them against others."""
_IDLE_SECONDS, _WARM_SECONDS = 5.0, 4.0
_SECONDS: Final = {LOW: 7.0, HIGH: 5.0}
_SETTLING_SECONDS = 1.5
"""At the start of each rate; what comes then does not count."""
_START_SECONDS = 60.0
_AHEAD_SECONDS = 1.0
_LAST_SECONDS = 15.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that was read."""

    event_id: str
    recorded: int
    waited_ms: float


class Waits:
    """Measures systems at an offered rate."""

    def __init__(self, plan: Plan, kafka: Kafka, folder: Path, prepared: Prepared) -> None:
        self._plan = plan
        self.tell = plan.tell
        self._kafka = kafka
        self._folder = folder
        self._prepared = prepared

    def run(self, system: System, rates: Sequence[int], row: Row) -> None:
        """Offer ``rates`` to ``system`` by turns, and add what it reached to ``row``."""
        try:
            self._run(system, self._prepared.program(system), rates, row)
        except (NotHereError, EndedError, TimeoutError) as error:
            if system.name.startswith(OURS):
                raise WrongAnswerError(f"{system.name} did not come to its end: {error}") from None
            row.not_run = str(error)

    def _run(self, system: System, program: Program, rates: Sequence[int], row: Row) -> None:
        name = self._kafka.name("waits")
        source, sink = f"{name}-input", f"{name}-answers"
        state_dir = self._folder / name
        job = Job(self._kafka.bootstrap_servers, name, source, sink, state_dir, variant=system.variant)
        for topic in (source, sink):
            self._kafka.create(topic)
        self._kafka.create(f"{name}.changelog", cleanup_policy="compact")
        try:
            with running(program, job) as processes, self._kafka.following(sink) as follower:
                self._awake(job, processes, follower)
                if system.name == OWN_PACE:
                    idle = time.time()
                    time.sleep(self._long(_IDLE_SECONDS))
                    row.share[0].append(_share(processes, idle, time.time()))
                self._offer(job, rates, follower, processes, row)
        finally:
            self._kafka.delete(name)
            shutil.rmtree(state_dir, ignore_errors=True)

    def _long(self, seconds: float) -> float:
        """A try takes less; below half a second there is nothing to see."""
        return max(0.5, seconds * min(1.0, self._plan.scale * 5))

    def _awake(self, job: Job, processes: Running, follower: Follower) -> None:
        """Wait until a first record of each partition was answered."""
        now = time.time()
        offer = Offer(job.bootstrap_servers, job.source, 64, (Phase(640, now, now + 0.1),))
        _send(offer).wait()
        left = offer.records
        deadline = time.monotonic() + _START_SECONDS
        while left:
            processes.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"did not answer within {_START_SECONDS:.0f} s")
            left -= len(follower.some(_LOOK_SECONDS))

    def _offer(
        self, job: Job, rates: Sequence[int], follower: Follower, processes: Running, row: Row
    ) -> None:
        begin = time.time() + _AHEAD_SECONDS
        phases = [Phase(max(rates), begin, begin + self._long(_WARM_SECONDS))]
        for rate in rates:
            phases.append(Phase(rate, phases[-1].end, phases[-1].end + self._long(_SECONDS[rate])))
        offer = Offer(job.bootstrap_servers, job.source, CITIZENS, tuple(phases))
        sender = _send(offer)
        answers: list[Answered] = []
        deadline = phases[-1].end + _LAST_SECONDS
        while len(answers) < offer.records and time.time() < deadline:
            values, now = follower.some(_LOOK_SECONDS), time.time()
            answers += [answered(value, now) for value in values]
        processes.check()
        if sender.wait():
            raise EndedError("the sender could not deliver all records")
        right = len(answers) == offer.records == len({answer.event_id for answer in answers})
        row.correct = row.correct and right
        if not right and row.system.startswith(OURS):
            raise WrongAnswerError(f"{row.system}: {offer.records} offered, {len(answers)} answered")
        for phase in phases[1:]:
            _add(row, phase, answers, processes)


def _send(offer: Offer) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "bench.engine.offer", offer.as_json()], cwd=ROOT)


def answered(value: bytes, now: float) -> Answered:
    """The answer in a record that was read at ``now`` (seconds since the epoch)."""
    found = read(OVERLAP, value)
    return Answered(found["event_id"], found["recorded"], now * 1000 - found["recorded"] / 1000)


def _add(row: Row, phase: Phase, answers: Sequence[Answered], processes: Running) -> None:
    settling = min(_SETTLING_SECONDS, (phase.end - phase.begin) / 4)
    begin = phase.begin + settling
    counted = range(int(begin * 1e6), int(phase.end * 1e6))
    waits = sorted(answer.waited_ms for answer in answers if answer.recorded in counted)
    if waits:
        row.p50[phase.rate].append(waits[len(waits) // 2])
        row.p99[phase.rate].append(waits[len(waits) * 99 // 100])
    row.share[phase.rate].append(_share(processes, begin, phase.end))


def _share(processes: Running, begin: float, end: float) -> float:
    """Percent of a core."""
    return processes.cpu_between(begin, end) / (end - begin) * 100


def rounds(waits: Waits, systems: Mapping[str, System], rows: Mapping[str, Row], count: int) -> None:
    """So many rounds at both rates, by turns; ours at its own pace too."""
    for number in range(count):
        names = [*OFTEN, OWN_PACE, *(name for name in ONCE if number == 0 and name in rows)]
        if number % 2:
            names.reverse()
        for name in names:
            if rows[name].not_run:
                continue
            waits.tell(f"Waits, round {number + 1} of {count}: {name}")
            waits.run(systems[name], (LOW, HIGH), rows[name])
