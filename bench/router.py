"""The router as a process of its own on a real Kafka: decode, state, encode and transaction.

The topics are filled beforehand. The time runs from the moment at which the first partition is worked on to
the commit of the last fact's outputs.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from statistics import median

from bench.figures import Figure, Goal, WrongAnswerError
from bench.plan import Plan
from bench.router_profile import PARTS as PARTS_SEEN
from bench.router_profile import NoProfileError, profiled
from bench.router_replay import PARTS, Answer, Replay
from bench.system import Kafka, Measured, MeasuredSystem, kafka
from bench.topics import consumed, preload
from bench.traffic import Made, Traffic
from bus.process import search_garbage_rarely
from bus.reader import decoded, read_to_end

_FACTS, _CITIZENS = 60_000, 20_000
GROUP = "router.citizen"
_STARTED = "engine_restored"


def run(plan: Plan) -> list[Figure]:
    """Facts a second, and where the time goes."""
    plan.tell("Making facts")
    facts = list(Traffic(plan.count(_CITIZENS)).facts(plan.count(_FACTS)))
    search_garbage_rarely()  # as the process does whose parts are timed
    parts, right = _parts(plan, facts)
    plan.tell("Starting Kafka")
    with kafka() as broker:
        rates, cpu = asyncio.run(_measure(plan, broker, facts, right))
        sampled = asyncio.run(_profile(plan, broker, facts))
    mix = f"{len(facts):,} facts of all families about {plan.count(_CITIZENS):,} citizens, 8 partitions"
    figures = [
        Figure("router.facts", f"one process, {mix}", "facts/s", tuple(rates), Goal(at_least=10_000)),
        Figure("router.cpu", "processor time of that process", "µs/fact", tuple(cpu)),
    ]
    figures += [Figure(f"router.{part}", f"of it: {_SAYS[part]}", "µs/fact", parts[part]) for part in PARTS]
    pure = sum(median(parts[part]) for part in PARTS)
    rest = tuple(max(0.0, used - pure) for used in cpu)
    return [*figures, Figure("router.rest", f"of it: {_SAYS['rest']}", "µs/fact", rest), *sampled]


_SAYS = {
    "decode": "decode (frame and Avro to an event)",
    "step": "step (state and event to state and outputs)",
    "encode": "encode (outputs to Avro)",
    "state": "encode the changed states",
    "rest": "the rest (engine, client, local store, start of the process)",
}


def _parts(plan: Plan, facts: Sequence[Made]) -> tuple[dict[str, tuple[float, ...]], Answer]:
    runs = []
    answer = Answer()
    for _ in plan.each_run("Timing the router's parts"):
        replay = Replay()
        runs.append(replay.run(facts))
        answer = replay.answer
    return {part: tuple(run[part] for run in runs) for part in PARTS}, answer


async def _measure(
    plan: Plan, broker: Kafka, facts: Sequence[Made], right: Answer
) -> tuple[list[float], list[float]]:
    rates, cpu = [], []
    for number in plan.each_run("Filling topics"):
        async with broker.system(f"router{number}") as system:
            ends = await preload(system.settings, facts)
            plan.tell(f"Routing, run {number + 1}")
            router = await system.router()
            ended = await consumed(system.settings, GROUP, ends, system.supervisor)
            cpu.append(router.cpu_seconds() / len(facts) * 1e6)
            rates.append(len(facts) / (ended - started(router)))
            plan.tell(f"Comparing the answer of run {number + 1}")
            await _check(system, right)
    return rates, cpu


async def _profile(plan: Plan, broker: Kafka, facts: Sequence[Made]) -> list[Figure]:
    """One more run, looked at from outside: a flame graph, and each part's share of the processor time."""
    flames = plan.folder / "router.svg"
    plan.tell("Filling topics for the flame graph")
    async with broker.system("profile") as system:
        ends = await preload(system.settings, facts)
        router = await system.router()
        used = router.cpu_seconds()
        try:
            with profiled(router.process.pid, flames) as found:
                await consumed(system.settings, GROUP, ends, system.supervisor)
                used = router.cpu_seconds() - used
        except NoProfileError as error:
            plan.tell(f"No flame graph: {error}")
            return []
    (profile,) = found
    plan.tell(f"Flame graph of {profile.samples:,} samples: {flames}")
    cost = used / len(facts) * 1e6
    return [
        Figure(f"router.sampled.{part}", f"by samples: {what}", "µs/fact", (cost * profile.shares[part],))
        for part, what in PARTS_SEEN.items()
    ]


def started(router: Measured) -> float:
    """When the router began to work on a partition, in seconds since the epoch, by its own log."""
    for line in router.log.read_text(encoding="utf-8").splitlines():
        if _STARTED in line:
            return datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
    raise WrongAnswerError("the router did not say when it began")


async def _check(system: MeasuredSystem, right: Answer) -> None:
    """Every fact has its entry once, and the findings that stand are those of a replay."""
    found, count = Answer(), 0
    async for _, read, _ in decoded(read_to_end(system.settings, "timeline", "coordination")):
        if read is None:
            raise WrongAnswerError("the router wrote a record that cannot be read")
        count += read.record == "TimelineEntry"
        found.take(read.record, read.value)
    if found.entries != right.entries or count != len(right.entries):
        raise WrongAnswerError(
            f"{count} entries for {len(right.entries)} facts, {len(found.entries)} different"
        )
    wrong = len(found.open_findings ^ right.open_findings)
    if wrong:
        raise WrongAnswerError(f"{wrong} findings differ from the replay's {len(right.open_findings)}")
