"""How long records wait because a member joins the group or leaves it, while they come at a steady rate.

Two processes work; a third joins, and leaves again. The answers are read by a read_committed reader. A
record's wait is counted from the time at which it was to be sent, so a partition on which nobody works shows.
"""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.engine.job import Job
from bench.engine.kafka import Follower, Kafka
from bench.engine.latency import Answered, answered
from bench.engine.measure import running
from bench.engine.offer import Offer, Phase
from bench.engine.programs import ROOT, ours
from bench.engine.work import CITIZENS
from bench.figures import Figure, Goal, WrongAnswerError
from bench.plan import Plan
from bench.system import kafka

_RATE = 1_000
_MEMBERS = 2
_SETTLING_SECONDS, _EACH_SECONDS = 10.0, 15.0
"""Until the members are warm, and between two changes."""
_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.02


def run(plan: Plan) -> list[Figure]:
    """The longest wait of a record: while nobody comes or goes, after a member joined, after it left."""
    plan.tell("Starting Kafka")
    with kafka() as broker:
        cluster = Kafka(broker.bootstrap_servers)
        waits = [
            _Group(cluster, broker.folder, number).waits()
            for number in plan.each_run("A member joins and leaves")
        ]
    quiet, joined, left = zip(*waits, strict=True)
    rate = f"{_RATE:,} records/s, {_MEMBERS} members"
    return [
        Figure("pause.quiet", f"{rate}: longest wait of a record while nobody comes or goes", "s", quiet),
        Figure("pause.join", "longest wait of a record when a member joins", "s", joined, Goal(below=3)),
        Figure("pause.leave", "longest wait of a record when it leaves again", "s", left, Goal(below=3)),
    ]


class _Group:
    """Members that work on one set of topics."""

    def __init__(self, cluster: Kafka, folder: Path, number: int) -> None:
        name = f"{cluster.prefix}pause-{number}"
        self._cluster = cluster
        self._job = Job(cluster.bootstrap_servers, name, f"{name}-input", f"{name}-answers", folder / name)
        for topic in (self._job.source, self._job.sink):
            cluster.create(topic)
        cluster.create(f"{name}.changelog", cleanup_policy="compact")

    def waits(self) -> tuple[float, float, float]:
        """The longest waits in seconds: in quiet, after a member joined, after it left.

        Raises:
            WrongAnswerError: not every record was answered once.
        """
        job = self._job
        try:
            with (
                running(ours(), job, _MEMBERS) as members,
                self._cluster.following(job.sink) as follower,
                _reading(follower) as answers,
            ):
                joins, leaves, ends = self._change(answers)
                members.check()
        finally:
            self._cluster.delete(job.name)
            shutil.rmtree(job.state_dir, ignore_errors=True)
        settled = joins - _SETTLING_SECONDS / 2
        return (
            _longest(answers, settled, joins),
            _longest(answers, joins, leaves),
            _longest(answers, leaves, ends),
        )

    def _change(self, answers: Sequence[Answered]) -> tuple[float, float, float]:
        """Offer records while a member comes and goes; when it came, when it went and when all ended."""
        job = self._job
        began = time.time()
        _all_answered(answers, self._send(Phase(_RATE, began, began + 2)))
        first = len(answers)
        began = time.time() + 1
        joins, leaves, ends = (began + _SETTLING_SECONDS + number * _EACH_SECONDS for number in range(3))
        offer, sender = self._send(Phase(_RATE, began, ends))
        _until(joins)
        with running(ours(), replace(job, state_dir=job.state_dir / "third")) as third:
            _until(leaves)
            third.check()
        _all_answered(answers, (offer, sender), first)
        return joins, leaves, ends

    def _send(self, phase: Phase) -> tuple[Offer, subprocess.Popen[bytes]]:
        offer = Offer(self._job.bootstrap_servers, self._job.source, CITIZENS, (phase,))
        command = [sys.executable, "-m", "bench.engine.offer", offer.as_json()]
        return offer, subprocess.Popen(command, cwd=ROOT)


def _until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


def _all_answered(
    answers: Sequence[Answered], sending: tuple[Offer, subprocess.Popen[bytes]], before: int = 0
) -> None:
    """Wait until everything was sent and answered once."""
    offer, sender = sending
    undelivered = sender.wait()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while len(answers) < before + offer.records and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    found = answers[before:]
    if undelivered or len(found) != offer.records or len({each.event_id for each in found}) != len(found):
        raise WrongAnswerError(f"{offer.records} offered, {len(found)} answered")


def _longest(answers: Sequence[Answered], begin: float, end: float) -> float:
    within = range(int(begin * 1e6), int(end * 1e6))
    return max(answer.waited_ms for answer in answers if answer.recorded in within) / 1000


@contextmanager
def _reading(follower: Follower) -> Iterator[list[Answered]]:
    """The answers, added as they come while the block runs."""
    answers: list[Answered] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            values, now = follower.some(_LOOK_SECONDS), time.time()
            answers.extend(answered(value, now) for value in values)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield answers
    finally:
        ended.set()
        reader.join()
