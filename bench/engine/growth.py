"""The engine with 20,000, 200,000 and 2,000,000 citizens: what a record costs when most state lies on disk.

Each citizen begins with a full history of sixteen appointments, so that states are equally large however many
there are. First every citizen gets one appointment, which writes all states; then, by turns, each size gets
appointments of citizens at random, by a process that was started anew.
"""

import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from bench.engine.job import Job
from bench.engine.kafka import Kafka
from bench.engine.measure import Running, running
from bench.engine.programs import ours
from bench.engine.work import APPOINTMENT, APPOINTMENT_FRAME, PARTITIONS, Appointments, Made, Oracle, write
from bench.figures import Figure, Goal, WrongAnswerError
from bench.plan import Plan
from bench.system import kafka

SIZES: Final = (20_000, 200_000, 2_000_000)
_RECORDS = 100_000
_CHECKED = 20_000
"""Citizens whose answers are compared; of the others they are counted."""
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 600.0
_LEAST_SHARE = 0.7


class Town:
    """So many citizens, their topics, the right answers, and what was measured."""

    def __init__(self, kafka: Kafka, folder: Path, citizens: int) -> None:
        self.citizens = citizens
        self.made = Appointments(citizens)
        self.per_core: list[float] = []
        """Records for each processor second."""
        self.rates: list[float] = []
        self.resident: list[float] = []
        self._kafka = kafka
        name = f"{kafka.prefix}town-{citizens}"
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
        with running(ours(), self._job) as process:
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
        begin, end = min(stamps), max(stamps)
        counted = sum(begin < stamp for stamp in stamps)
        if counted and end > begin:
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


def run(plan: Plan) -> list[Figure]:
    """Records a processor second at each size, and how much is left of it at the largest."""
    plan.tell("Starting Kafka")
    with kafka() as broker:
        cluster = Kafka(broker.bootstrap_servers)
        towns = [Town(cluster, broker.folder, plan.count(size)) for size in SIZES]
        for town in towns:
            plan.tell(f"The first appointment of {town.citizens:,} citizens")
            town.live(town.made.one_each())
            town.clear()
        for number in plan.each_run("Appointments at random"):
            for town in towns if number % 2 else towns[::-1]:
                town.live(town.made.some(plan.count(_RECORDS)))
        for town in towns:
            town.end()
    return _figures(towns)


def _figures(towns: list[Town]) -> list[Figure]:
    figures = []
    for town in towns:
        what = f"{town.citizens:,} citizens"
        figures += [
            Figure(
                f"growth.core.{town.citizens}",
                f"{what}: records for each second of processor time",
                "records/s",
                tuple(town.per_core),
            ),
            Figure(
                f"growth.rate.{town.citizens}",
                f"{what}: records each second, one process",
                "records/s",
                tuple(town.rates),
            ),
            Figure(f"growth.memory.{town.citizens}", f"{what}: the most memory", "MB", tuple(town.resident)),
        ]
    least, most = towns[0], towns[-1]
    left = tuple(large / small for large, small in zip(most.per_core, least.per_core, strict=True))
    what = f"of the smallest's records for each second of processor time, {most.citizens:,} citizens keep"
    return [*figures, Figure("growth.left", what, "times", left, Goal(at_least=_LEAST_SHARE))]
