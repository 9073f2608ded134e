"""Memory that a process holds after its work, as the operating system counts it (resident set)."""

import asyncio

from bench.figures import Figure, Goal
from bench.mllp import check, generate
from bench.mllp_load import Load
from bench.plan import Plan
from bench.router import GROUP
from bench.system import Kafka, kafka
from bench.topics import consumed, preload
from bench.traffic import Traffic

_MESSAGES, _CONNECTIONS = 10_000, 32
_CITIZENS = 100_000


def run(plan: Plan) -> list[Figure]:
    """A connector after 10,000 messages, and the router with 100,000 citizens."""
    plan.tell("Starting Kafka")
    with kafka() as broker:
        return asyncio.run(_measure(plan, broker))


async def _measure(plan: Plan, broker: Kafka) -> list[Figure]:
    messages, citizens = plan.count(_MESSAGES), plan.count(_CITIZENS)
    connector = [
        await _connector(broker, number, messages) for number in plan.each_run("Memory of a connector")
    ]
    plan.tell(f"Making a fact for each of {citizens:,} citizens")
    traffic = Traffic(citizens)
    facts = list(traffic.one_each("AppointmentScheduled"))
    router = []
    for number in plan.each_run("Memory of the router"):
        async with broker.system(f"router{number}") as system:
            ends = await preload(system.settings, facts)
            measured = await system.router()
            await consumed(system.settings, GROUP, ends, system.supervisor)
            router.append(measured.resident_mb())
    return [
        Figure(
            "memory.connector",
            f"a connector after {messages:,} messages",
            "MB",
            tuple(connector),
            Goal(below=120),
        ),
        Figure(
            "memory.router", f"the router with {citizens:,} citizens", "MB", tuple(router), Goal(below=600)
        ),
    ]


async def _connector(broker: Kafka, number: int, messages: int) -> float:
    async with broker.system(f"connector{number}") as system:
        measured = await system.connector()
        await generate(measured, Load(measured.endpoints["mllp"], _CONNECTIONS, messages, 0))
        resident = measured.resident_mb()
        await check(system, messages)
    return resident
