"""All systems side by side, as one benchmark: throughput, waits, and the goals as ratios within the run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.engine.kafka import Kafka
from bench.engine.latency import ONCE, Waits
from bench.engine.latency import rounds as rounds_of_waits
from bench.engine.rows import HIGH, LOW, Row
from bench.engine.systems import (
    BY_HAND,
    FAUST,
    FIRST,
    OURS,
    OWN_PACE,
    QUIX,
    STREAMS,
    SYSTEMS,
    WARM,
    WHOLE,
    Prepared,
    System,
)
from bench.engine.throughput import Bench, preload
from bench.engine.throughput import rounds as rounds_of_throughput
from bench.figures import Figure, Goal
from bench.plan import LEAST_RUNS, Plan
from bench.system import kafka

_LEAST_ROUNDS = 5

Found = Mapping[System, list[Row]]


def run(plan: Plan) -> list[Row]:
    """A row for each system and part of the work; ours, warm, has the goals."""
    count = max(plan.runs, _LEAST_ROUNDS) if plan.scale >= 1 else 1  # a part of the work is only a try
    prepared = Prepared()
    plan.tell("Building and installing the other systems where they are not there yet, and starting Kafka")
    with kafka() as broker:
        cluster = Kafka(broker.bootstrap_servers)
        plan.tell("Filling the topics")
        topics = preload(plan, cluster)
        found = rounds_of_throughput(plan, Bench(cluster, topics, broker.folder, prepared), count)
        cluster.delete(cluster.prefix)
        rows = {
            system.name: found[system][0]
            for system in reversed(SYSTEMS)
            if system.name in (OURS, OWN_PACE, STREAMS, *ONCE)
        }
        _wait(Waits(plan, cluster, broker.folder, prepared), rows, min(count, LEAST_RUNS))
    ours = rows[OURS]
    ours.goals = _goals(found, rows[OWN_PACE])
    return [row for system in SYSTEMS for row in found[system]]


def waits(plan: Plan) -> list[Figure]:
    """How long an answer takes, ours and Kafka Streams': what of ``run`` is done in minutes."""
    plan.tell("Building Kafka Streams' program where it is not there yet, and starting Kafka")
    rows = {name: Row(name, work="offered") for name in (OURS, STREAMS, OWN_PACE)}
    with kafka() as broker:
        cluster = Kafka(broker.bootstrap_servers)
        _wait(Waits(plan, cluster, broker.folder, Prepared()), rows, max(plan.runs, _LEAST_ROUNDS))
    said = [
        Figure(f"waits.{name}.{part}.{rate}", f"{row.system}, {rate:,}/s, {what}", "ms", tuple(values[rate]))
        for name, row in (("ours", rows[OURS]), ("streams", rows[STREAMS]), ("pace", rows[OWN_PACE]))
        for rate in (LOW, HIGH)
        for part, what, values in (("p50", "median", row.p50), ("p99", "99 of 100", row.p99))
        if values[rate]
    ]
    return [*said, *_of_waits(rows[OURS], rows[STREAMS], rows[OWN_PACE])]


def _wait(waiting: Waits, rows: Mapping[str, Row], count: int) -> None:
    systems = {system.name: system for system in reversed(SYSTEMS)}
    systems[OURS] = replace(systems[OURS], variant="steady")
    rounds_of_waits(waiting, systems, rows, count)


def _goals(found: Found, own_pace: Row) -> list[Figure]:
    row = {(row.system, row.processes, row.threads, row.work): row for rows in found.values() for row in rows}
    ours, first = row[OURS, 1, 1, WARM.what], row[OURS, 1, 1, FIRST.what]
    two = row[OURS, 2, 1, WARM.what]
    streams, by_hand = row[STREAMS, 1, 1, WARM.what], row[BY_HAND, 1, 1, WHOLE.what]
    (quix,), (faust,) = (
        [one for (name, *_), one in row.items() if name == wanted] for wanted in (QUIX, FAUST)
    )
    goals = [
        _ratio("streams", "records/s of Kafka Streams, warm", ours.rates, streams.rates, Goal(at_least=1)),
        _ratio("streams.cpu", "processor time of Kafka Streams", ours.cpu, streams.cpu, Goal(below=0.7)),
        _ratio("streams.memory", "memory of Kafka Streams", ours.resident, streams.resident,
               Goal(below=1 / 3)),
        _ratio("quix", "records/s of Quix Streams", first.rates, quix.rates, Goal(at_least=4)),
        _ratio("faust", "records/s of Faust", first.rates, faust.rates, Goal(at_least=15)),
        _ratio("by_hand", "records/s of aiokafka by hand", first.rates, by_hand.rates, Goal(at_least=0.85)),
        _ratio("two", "records/s of one process, by two", two.rates, ours.rates, Goal(at_least=1.4)),
    ]  # fmt: skip
    return [*(goal for goal in goals if goal is not None), *_of_waits(ours, streams, own_pace)]


def _of_waits(ours: Row, streams: Row, own_pace: Row) -> list[Figure]:
    goals = []
    for rate in (LOW, HIGH):
        for name, mine, theirs in (("p50", ours.p50, streams.p50), ("p99", ours.p99, streams.p99)):
            what = f"{name} of Kafka Streams at {rate:,}/s, commits each 100 ms"
            goals.append(_ratio(f"{name}.{rate}", what, mine[rate], theirs[rate], Goal(below=1.0)))
    goals += [
        _own("pace.p50", "at its own pace, 1,000/s, median", own_pace.p50[LOW], "ms", Goal(below=30)),
        _own("pace.p99", "at its own pace, 1,000/s, 99 of 100", own_pace.p99[LOW], "ms", Goal(below=90)),
        _own("pace.cpu", "at its own pace, 1,000/s", own_pace.share[LOW], "% of a core", Goal(below=50)),
        _own("idle", "idle", own_pace.share[0], "% of a core", Goal(below=3)),
        _own("steady.cpu", "1,000/s, commits each 100 ms", ours.share[LOW], "% of a core", Goal(below=25)),
    ]
    return [goal for goal in goals if goal is not None]


def _ratio(name: str, what: str, ours: Sequence[float], theirs: Sequence[float], goal: Goal) -> Figure | None:
    """Round by round, since machines drift between rounds; None where one was not measured."""
    found = tuple(one / other for one, other in zip(ours, theirs, strict=False) if other)
    return Figure(f"engine.{name}", f"ours to the {what}", "times", found, goal) if found else None


def _own(name: str, what: str, values: Sequence[float], unit: str, goal: Goal) -> Figure | None:
    return Figure(f"engine.{name}", f"ours {what}", unit, tuple(values), goal) if values else None
