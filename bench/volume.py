"""How much room facts and citizens take: in Kafka's topics and in the router's local store."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from bench.figures import Figure
from bench.plan import Plan
from bench.router import GROUP
from bench.system import Kafka, kafka
from bench.topics import consumed, preload
from bench.traffic import Traffic
from schemas.errors import RefusedError

_FACTS, _CITIZENS = 60_000, 2_000
"""Thirty facts to a citizen: what a citizen gathers in about half a year."""
_ROUTER_TOPICS = ("timeline", "coordination", "router.moves")
_UNIFIED = ("person", "appointment", "stay", "case", "education")


def run(plan: Plan) -> list[Figure]:
    """Bytes on disk for each fact and for each citizen."""
    plan.tell("Starting Kafka")
    with kafka() as broker:
        logs = broker.folder / "broker" / "kafka"
        if not logs.is_dir():
            raise RefusedError(
                "the size of topics is read from the broker's own folder",
                fix="unset SAMBAND_BOOTSTRAP_SERVERS, so that the embedded broker is measured",
            )
        return asyncio.run(_measure(plan, broker, logs))


async def _measure(plan: Plan, broker: Kafka, logs: Path) -> list[Figure]:
    facts, citizens = plan.count(_FACTS), plan.count(_CITIZENS)
    made = list(Traffic(citizens).facts(facts))
    unified, routed, state = [], [], []
    for number in plan.each_run("Measuring sizes"):
        async with broker.system(f"volume{number}") as system:
            ends = await preload(system.settings, made)
            await system.router()
            await consumed(system.settings, GROUP, ends, system.supervisor)
            await system.supervisor.stop()
            topic = system.settings.topic
            unified.append(_topics(logs, map(topic, _UNIFIED)) / facts)
            routed.append(_topics(logs, map(topic, _ROUTER_TOPICS)) / facts)
            state.append(_bytes((system.settings.data_dir / "state").rglob("*.*")) / citizens)
    mix = f"{facts:,} facts of all families about {citizens:,} citizens"
    return [
        Figure("volume.unified", f"the unified topics, {mix}, one replica", "bytes/fact", tuple(unified)),
        Figure("volume.router", "what the router says of them, one replica", "bytes/fact", tuple(routed)),
        Figure("volume.state", "the router's local store", "bytes/citizen", tuple(state)),
    ]


def _topics(logs: Path, names: Iterable[str]) -> int:
    """Bytes of the segments of the topics ``names``, without their preallocated indexes."""
    return sum(_bytes(logs.glob(f"{name}-*/*.log")) for name in names)


def _bytes(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.is_file())
