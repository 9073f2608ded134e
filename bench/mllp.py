"""MLLP messages a second, each acknowledged after Kafka has confirmed it (acks=all).

The connector, the load generator and the broker are processes of their own.
"""

import asyncio
import json
import sys
from collections import Counter
from dataclasses import asdict

from bench.figures import Figure, Goal, WrongAnswerError
from bench.mllp_load import Load, Outcome
from bench.plan import Plan
from bench.system import Kafka, Measured, MeasuredSystem, kafka
from bus.reader import decoded, read_to_end

_MESSAGES = {1: 3000, 32: 20_000}
_WARM_UP = 200
_RECORD = "AppointmentScheduled"


def one_connection(plan: Plan) -> list[Figure]:
    """A single sender that waits for each acknowledgement."""
    return _run(plan, 1, Goal(at_least=400))


def many_connections(plan: Plan) -> list[Figure]:
    """32 senders that each wait for their own."""
    return _run(plan, 32, Goal(at_least=2500))


def _run(plan: Plan, connections: int, goal: Goal) -> list[Figure]:
    plan.tell("Starting Kafka")
    with kafka() as broker:
        return asyncio.run(_measure(plan, broker, connections, goal))


async def _measure(plan: Plan, broker: Kafka, connections: int, goal: Goal) -> list[Figure]:
    rates, middles, tails, cpu = [], [], [], []
    async with broker.system("mllp") as system:
        connector = await system.connector()
        sent = 0
        for number in range(-1, plan.runs):
            warming = number < 0
            plan.tell("Warming up" if warming else f"Sending, run {number + 1} of {plan.runs}")
            wanted = plan.count(_WARM_UP if warming else _MESSAGES[connections])
            used = connector.cpu_seconds()
            outcome = await generate(connector, Load(connector.endpoints["mllp"], connections, wanted, sent))
            sent += outcome.acknowledged
            if warming:
                continue
            rates.append(outcome.acknowledged / outcome.seconds)
            waits = sorted(outcome.waits_ms)
            middles.append(waits[len(waits) // 2])
            tails.append(waits[len(waits) * 99 // 100])
            cpu.append((connector.cpu_seconds() - used) / outcome.acknowledged * 1e6)
        plan.tell("Counting what lies on the topics")
        await check(system, sent)
    name, many = f"mllp-{connections}", f"{connections} connection{'s' if connections > 1 else ''}"
    return [
        Figure(
            f"{name}.acknowledged", f"acknowledged after acks=all, {many}", "messages/s", tuple(rates), goal
        ),
        Figure(f"{name}.p50", f"from sending to acknowledgement, {many}, median", "ms", tuple(middles)),
        Figure(f"{name}.p99", f"from sending to acknowledgement, {many}, 99 of 100", "ms", tuple(tails)),
        Figure(f"{name}.cpu", f"processor time of the connector, {many}", "µs/message", tuple(cpu)),
    ]


async def generate(connector: Measured, load: Load) -> Outcome:
    """Send ``load`` from a process of its own.

    Raises:
        WrongAnswerError: not every message was acknowledged.
    """
    generator = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.mllp_load", json.dumps(asdict(load)), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await generator.communicate()
    if generator.returncode:
        raise WrongAnswerError(f"the load generator ended with {generator.returncode}; see {connector.log}")
    outcome = Outcome(**json.loads(said))
    if outcome.acknowledged != load.messages:
        raise WrongAnswerError(f"{outcome.acknowledged} of {load.messages} messages were acknowledged")
    return outcome


async def check(system: MeasuredSystem, messages: int) -> None:
    """Every acknowledged message is on the topic once, and its outcome too.

    Raises:
        WrongAnswerError: something is missing, or there twice.
    """
    numbers: Counter[str] = Counter()
    ids: set[str] = set()
    async for _, read, _ in decoded(read_to_end(system.settings, "appointment")):
        if read is None or read.record != _RECORD:
            raise WrongAnswerError("something else than a booked appointment is on the topic")
        numbers[read.value["meta"]["source"]["message_id"]] += 1
        ids.add(read.value["meta"]["event_id"])
    if numbers != Counter({f"M{number:08}": 1 for number in range(messages)}) or len(ids) != messages:
        raise WrongAnswerError(f"{messages} messages became {numbers.total()} facts with {len(ids)} ids")
    outcomes: Counter[str] = Counter()
    async for _, read, _ in decoded(read_to_end(system.settings, "inputs")):
        outcomes[read.value["outcome"] if read is not None else "unreadable"] += 1
    if outcomes != {"PUBLISHED": messages}:
        raise WrongAnswerError(f"the outcomes are {dict(outcomes)}, not {messages} published")
