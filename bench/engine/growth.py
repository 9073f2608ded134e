"""The engine with 20,000, 200,000 and 2,000,000 citizens: what a record costs when most state lies on disk.

Each citizen begins with a full history of sixteen appointments, so that states are equally large however many
there are. First every citizen gets one appointment, which writes all states; then, by turns, each size gets
appointments of citizens at random, by a process that was started anew. What counts is the last third of them:
by then memory holds what it can hold, and the compiler of Kafka Streams, which is given the least and the
largest size too, has done its work.
"""

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.engine.job import Job
from bench.engine.kafka import Kafka
from bench.engine.measure import Running, running
from bench.engine.programs import NotHereError, Program, kafka_streams, ours
from bench.engine.work import APPOINTMENT, APPOINTMENT_FRAME, PARTITIONS, Appointments, Made, Oracle, write
from bench.figures import Figure, Goal, WrongAnswerError
from bench.plan import Plan
from bench.system import kafka

SIZES: Final = (20_000, 200_000, 2_000_000)
_RECORDS = 300_000
_COUNTED_FROM = 2 / 3
"""Part of a run's answers after which they count."""
_CHECKED = 20_000
"""Citizens whose answers are compared; of the others they are counted."""
_STAMP_SECONDS = 0.001
"""The least by which the broker's stamps differ."""
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 600.0
_LEAST_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Grown:
    """A system that is watched while it grows."""

    name: str
    """Begins the names of its figures."""
    label: str
    make: Callable[[], Program]
    sizes: tuple[int, ...]


OURS: Final = Grown("growth", "", ours, SIZES)
STREAMS: Final = Grown("growth.streams", "Kafka Streams, ", kafka_streams, (SIZES[0], SIZES[-1]))


class Town:
    """So many citizens of one system, their topics, the right answers, and what was measured."""

    def __init__(self, kafka: Kafka, folder: Path, system: Grown, program: Program, citizens: int) -> None:
        self.system = system
        self.citizens = citizens
        self.made = Appointments(citizens)
        self.per_core: list[float] = []
        """Records for each processor second."""
        self.rates: list[float] = []
        self.resident: list[float] = []
        self._kafka = kafka
        self._program = program
        name = kafka.name(f"town-{citizens}")
        self._job = Job(
            kafka.bootstrap_servers,
            name,
            f"{name}-input",
            f"{name}-answers",
            folder / name,
            variant="history",
        )
        kafka.create(self._job.source)
        kafka.create(self._job.sink, message_timestamp_type="LogAppendTime")
        kafka.create(f"{name}.changelog", cleanup_policy="compact")
        self._oracle = Oracle()
        self._checked = {
            made.key for made in Appointments(citizens).one_each(every=max(1, citizens // _CHECKED))
        }
        self._right: defaultdict[bytes, list[bytes]] = defaultdict(list)
        self._ends = dict.fromkeys(range(PARTITIONS), 0)

    def live(self, appointments: Iterable[Made]) -> None:
        """Write ``appointments``, and let a process work on them that ends when it has.

        Raises:
            WrongAnswerError: the answers are not those of the oracle.
        """
        self._right.clear()
        before = self._kafka.ends(self._job.sink)
        (written,) = self._kafka.fill(self._records(appointments)).values()
        self._ends = {number: end + written[number] for number, end in self._ends.items()}
        with running(self._program, self._job) as process:
            self._wait(process)
        self._take(process, before, sum(written.values()))

    def _records(self, appointments: Iterable[Made]) -> Iterator[tuple[str, bytes, bytes]]:
        for made in appointments:
            if made.key in self._checked:
                self._right[made.key].append(self._oracle.answer(made))
            yield self._job.source, made.key, write(APPOINTMENT, APPOINTMENT_FRAME, made.value)

    def _wait(self, process: Running) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with self._kafka.progress(self._job.name, self._job.source) as progress:
            while not progress.reached(self._ends):
                process.check()
                if time.monotonic() > deadline:
                    raise WrongAnswerError(
                        f"{self.citizens:,} citizens: not done in {_PATIENCE_SECONDS:.0f} s"
                    )
                time.sleep(_POLL_SECONDS)

    def _take(self, process: Running, before: dict[int, int], count: int) -> None:
        stamps = []
        found: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for read in self._kafka.read(self._job.sink, before):
            stamps.append(read.timestamp / 1000)
            if read.key in self._checked:
                found[read.key].append(read.value)
        if len(stamps) != count or found != self._right:
            raise WrongAnswerError(
                f"{self.citizens:,} citizens: {len(stamps)} answers, not the oracle's {count}"
            )
        stamps.sort()
        end = stamps[-1]
        begin = min(stamps[int((count - 1) * _COUNTED_FROM)], end - _STAMP_SECONDS)
        counted = sum(begin < stamp for stamp in stamps)
        self.rates.append(counted / (end - begin))
        self.per_core.append(counted / max(process.cpu_between(begin, end), 0.001))
        self.resident.append(process.peak_mb)

    def clear(self) -> None:
        """Forget the first life, in which all states were made."""
        for values in (self.rates, self.per_core, self.resident):
            values.clear()

    def end(self) -> None:
        """Remove what it left."""
        self._kafka.delete(self._job.name)
        shutil.rmtree(self._job.state_dir, ignore_errors=True)


def run(plan: Plan, streams: Grown = STREAMS) -> list[Figure]:
    """Records a processor second at each size and what is left at the largest; ``streams`` beside it."""
    plan.tell("Building Kafka Streams' program where it is not there yet, and starting Kafka")
    with kafka() as broker:
        cluster = Kafka(broker.bootstrap_servers)
        own, beside = (_towns(plan, system, cluster, broker.folder) for system in (OURS, streams))
        towns = [*own, *beside]
        for town in towns:
            plan.tell(f"{town.system.label}the first appointment of {town.citizens:,} citizens")
            town.live(town.made.one_each())
            town.clear()
        for number in plan.each_run("Appointments at random"):
            for town in towns if number % 2 else towns[::-1]:
                town.live(town.made.some(plan.count(_RECORDS)))
                rate = f"{town.per_core[-1]:,.0f} records/s a core"
                plan.tell(f"{town.system.label}{town.citizens:,} citizens: {rate}")
        for town in towns:
            town.end()
    return _figures(own, beside)


def _towns(plan: Plan, system: Grown, cluster: Kafka, folder: Path) -> list[Town]:
    """Its towns; none where the system is not to be had on this machine."""
    try:
        program = system.make()
    except NotHereError as error:
        plan.tell(f"{system.label}not run: {error}")
        return []
    return [Town(cluster, folder, system, program, plan.count(size)) for size in system.sizes]


def _figures(own: Sequence[Town], beside: Sequence[Town]) -> list[Figure]:
    """Of each system and size; then what is left of it, and ours beside Kafka Streams at the largest."""
    figures = [figure for town in (*own, *beside) for figure in _of(town)]
    figures.append(_left(own, Goal(at_least=_LEAST_SHARE)))
    if beside:
        mine, theirs = own[-1], beside[-1]
        cpu = f"ours to the processor time of Kafka Streams, {mine.citizens:,} citizens"
        figures += [
            _left(beside),
            Figure("growth.cpu", cpu, "times", _ratio(theirs.per_core, mine.per_core), Goal(below=0.7)),
        ]
    return figures


def _of(town: Town) -> list[Figure]:
    what = f"{town.system.label}{town.citizens:,} citizens"
    return [
        Figure(f"{town.system.name}.{part}.{town.citizens}", f"{what}: {said}", unit, tuple(values))
        for part, said, unit, values in (
            ("core", "records for each second of processor time", "records/s", town.per_core),
            ("rate", "records each second, one process", "records/s", town.rates),
            ("memory", "the most memory", "MB", town.resident),
        )
    ]


def _left(towns: Sequence[Town], goal: Goal | None = None) -> Figure:
    least, most = towns[0], towns[-1]
    what = f"of the smallest's records for each second of processor time, {most.citizens:,} citizens keep"
    left = _ratio(most.per_core, least.per_core)
    return Figure(f"{most.system.name}.left", f"{most.system.label}{what}", "times", left, goal)


def _ratio(one: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    """Round by round, since machines drift between rounds."""
    return tuple(mine / theirs for mine, theirs in zip(one, other, strict=True))
