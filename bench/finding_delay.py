"""How soon a collision is on the topic after its source was told that its message is safe.

One hospital books 1,000 appointments a second, and each twentieth collides with an earlier one. Connector,
router, broker and load generator are processes of their own; a read_committed reader reads the findings.
"""

import asyncio
import json
import re
import sys
import time
from contextlib import suppress
from dataclasses import asdict

from bench.figures import Figure, Goal, WrongAnswerError
from bench.paced_load import Acknowledged, PacedLoad, control_id
from bench.plan import Plan
from bench.system import Kafka, MeasuredSystem, kafka
from bus.reader import decoded, follow

_RATE, _SECONDS, _CONNECTIONS = 1_000, 20, 32
_WARM_SECONDS = 5
_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_BOOKED = re.compile(r"BK(\d+)")


def run(plan: Plan) -> list[Figure]:
    """From a message's acknowledgement to the finding that it makes."""
    plan.tell("Starting Kafka")
    with kafka() as broker:
        waits = [asyncio.run(_measure(plan, broker, number)) for number in plan.each_run("Booking")]
    what = f"from the ACK of a colliding message to its finding, {_RATE:,} messages/s"
    return [
        Figure("findings.p50", f"{what}, median", "ms", tuple(each[len(each) // 2] for each in waits)),
        Figure(
            "findings.p99", f"{what}, 99 of 100", "ms",
            tuple(each[len(each) * 99 // 100] for each in waits), Goal(below=500),
        ),
    ]  # fmt: skip


async def _measure(plan: Plan, broker: Kafka, number: int) -> list[float]:
    """The waits of one run, sorted, in milliseconds."""
    async with broker.system(f"findings{number}") as system:
        connector = await system.connector()
        await system.router()
        found: dict[str, float] = {}
        reading = asyncio.create_task(_read(system, found))
        try:
            messages = max(_RATE, plan.count(_RATE * _SECONDS))
            load = PacedLoad(connector.endpoints["mllp"], _CONNECTIONS, _RATE, messages)
            acknowledged = await _generate(load)
            await _until_found(found, len(acknowledged.collided), reading)
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
    return _waits(acknowledged, found, messages)


async def _generate(load: PacedLoad) -> Acknowledged:
    generator = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.paced_load", json.dumps(asdict(load)), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await generator.communicate()
    if generator.returncode:
        raise WrongAnswerError(f"the load generator ended with {generator.returncode}")
    outcome = Acknowledged(**json.loads(said))
    if outcome.count != load.messages:
        raise WrongAnswerError(f"{outcome.count} of {load.messages} messages were acknowledged")
    return outcome


async def _read(system: MeasuredSystem, found: dict[str, float]) -> None:
    """When each finding was there, by the message that made it."""
    async for _, read, _ in decoded(follow(system.settings, "coordination", from_beginning=True)):
        if read is not None and read.record == "Finding" and read.value["kind"] == "OVERLAP":
            booked = [_BOOKED.search(party["reference"]) for party in read.value["parties"]]
            message = control_id(max(int(each[1]) for each in booked if each))
            found.setdefault(message, time.time())


async def _until_found(found: dict[str, float], count: int, reading: asyncio.Task[None]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while len(found) < count and time.monotonic() < deadline and not reading.done():  # noqa: ASYNC110 - no event
        await asyncio.sleep(_LOOK_SECONDS)
    if len(found) != count:
        raise WrongAnswerError(f"{count} collisions were sent, {len(found)} found")


def _waits(acknowledged: Acknowledged, found: dict[str, float], messages: int) -> list[float]:
    if found.keys() != acknowledged.collided.keys():
        raise WrongAnswerError("other messages were found to collide than do")
    counted = max(
        0, min(messages - _RATE, _WARM_SECONDS * _RATE)
    )  # before, the processes are still warming up
    return sorted(
        (found[message] - when) * 1000
        for message, when in acknowledged.collided.items()
        if int(message[1:]) >= counted
    )
