"""`samband answer` as people run it, and an agreement from the offer to its end on a real Kafka."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bus.engine.ticks import MINUTE
from bus.producer import Producer
from bus.reader import decoded, read_to_end
from bus.settings import Settings, load_settings
from bus.topics import apply
from router.agreement import desk
from router.events import Event, Output
from router.run import run_router
from router.state import Citizen
from router.stored import dump
from samband.wishes import WishError, wish
from tests.router.agreement.building import agency_says, citizen_says, move, proposal
from tests.router.building import CODEC, HOSPITAL, SCHOOL, appointment, at
from tests.waiting import until

AGENCIES = (HOSPITAL[0], SCHOOL[0])
PROPOSAL = "7f1b6f52-7f7e-5d0c-9d55-4c1f0c1e7a01"
OTHER = "7f1b6f52-7f7e-5d0c-9d55-4c1f0c1e7a02"
NOW = at("2026-03-02 08:00")


@pytest.mark.parametrize(
    ("text", "kind", "weight", "weekdays", "minute"),
    [
        ("must not Tuesday", "NOT_ON", "MUST", [1], None),
        ("not friday, monday", "NOT_ON", "IMPORTANT", [0, 4], None),
        ("wish not before 10:05", "NOT_BEFORE", "WISH", [], 605),
        ("not after 14:00 wednesday", "NOT_AFTER", "IMPORTANT", [2], 840),
        ("must one day", "ONE_DAY", "MUST", [], None),
        ("same person", "SAME_RESOURCE", "IMPORTANT", [], None),
    ],
)
def test_a_wish_is_understood(text, kind, weight, weekdays, minute):
    assert wish(text) == {"kind": kind, "weight": weight, "weekdays": weekdays, "minute": minute}


@pytest.mark.parametrize(
    "text", ["", "mornings", "not", "not someday", "not before 25:00", "must", "not after 9"]
)
def test_a_wish_that_is_not_understood_says_how_to_write_it(text):
    with pytest.raises(WishError) as error:
        wish(text)
    assert "not before HH:MM" in str(error.value.fix)


@pytest.fixture
def environment(broker: str, topic_prefix: str, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SAMBAND_BOOTSTRAP_SERVERS": broker,
        "SAMBAND_KAFKA__TOPIC_PREFIX": topic_prefix,
        "SAMBAND_DATA_DIR": str(tmp_path / "data"),
        "COLUMNS": "160",
    }


@pytest.fixture
async def settings(broker: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """A router that takes requests for two agencies, and the time from this test."""
    made = load_settings(
        bootstrap_servers=broker,
        data_dir=tmp_path / "data",
        kafka={"topic_prefix": topic_prefix, "session_timeout_seconds": 6},
        router={"inboxes": AGENCIES},
        engine={"write_ticks": False},
    )
    await apply(made)
    stop = asyncio.Event()
    task = asyncio.create_task(run_router(made, stop))
    yield made
    stop.set()
    await asyncio.wait_for(task, 30)


async def write(settings: Settings, *records: tuple[str, str, bytes]) -> None:
    async with Producer(settings) as producer:
        for topic, key, value in records:
            await (await producer.send(topic, key=key.encode(), value=value))


async def facts(settings: Settings, *events: Event) -> None:
    await write(settings, *((event.topic, event.key, event.data) for event in events))


async def offer(settings: Settings) -> None:
    """A citizen comes here with an open proposal: what is stored of it, and what was said."""
    moves = [
        move(AGENCIES[0], "a1", at("2026-03-09 09:00"), "s1", at("2026-03-11 12:00")),
        move(AGENCIES[1], "a2", at("2026-03-10 09:00"), "s2", at("2026-03-11 13:00")),
    ]
    offered: list[Output] = []
    citizen = Citizen()
    citizen.records.members["N1"] = 1
    desk.offer(citizen.records, proposal(PROPOSAL, moves, NOW, key="N1"), offered)
    arrival = {
        "kind": "STATE", "from_key": "L1", "to_key": "N1", "cause": "e0", "source_topic": None,
        "payload": dump(citizen), "from_national": False, "hops": 1,
    }  # fmt: skip
    booked = [
        appointment("N1", "a1", "2026-03-09 09:00"),
        appointment("N1", "a2", "2026-03-10 09:00", source=SCHOOL),
    ]
    await facts(settings, *booked)
    await waited(lambda: entries(settings, 2), "the router")
    said = [(output.topic, output.key, CODEC.encode(output.record, output.value)) for output in offered]
    await write(settings, ("router.moves", "N1", CODEC.encode("Move", arrival)), *said)


async def waited(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    await until(condition, timeout=60, what=what)  # type: ignore[arg-type]  # the plain form is meant to it


async def values(settings: Settings, topic: str, record: str) -> list[Any]:
    return [
        found.decoded.value
        async for found in decoded(read_to_end(settings, topic), CODEC)
        if found.decoded is not None and found.decoded.record == record
    ]


async def entries(settings: Settings, count: int) -> bool:
    return len(await values(settings, "timeline", "TimelineEntry")) >= count


async def requests(settings: Settings, action: str) -> list[Any]:
    """What the agencies were asked, once both were."""
    found: list[Any] = []

    async def both() -> bool:
        found[:] = [
            request
            for agency in AGENCIES
            for request in await values(settings, f"inbox.{agency}", "AgencyRequest")
            if request["action"] == action
        ]
        return len(found) == len(AGENCIES)

    await waited(both, f"both agencies to be asked to {action}")
    return found


def samband(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "samband", *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


async def test_a_citizen_accepts_and_all_agencies_confirm(settings, environment):
    await offer(settings)
    shown = await asyncio.to_thread(samband, environment, "answer", "N1", "--language", "en")
    assert "Mon 9 Mar 09:00" in shown.stdout, shown.stderr
    assert "Wed 11 Mar 13:00" in shown.stdout
    assert "Answer by Thu 5 Mar 08:00" in " ".join(shown.stdout.split())

    accepted = await asyncio.to_thread(samband, environment, "answer", "N1", "accept", "--wait", "60")
    assert (accepted.returncode, accepted.stderr) == (0, "")
    tick = CODEC.encode("Tick", {"minute": NOW + MINUTE})
    await write(settings, *(("router.citizen.ticks", str(key), tick) for key in range(100)))
    for action, said in (("HOLD", "HELD"), ("CONFIRM", "CONFIRMED")):
        for request in await requests(settings, action):
            await facts(settings, agency_says(request, said, NOW + MINUTE))

    async def settled() -> bool:
        return [value["status"] for value in await values(settings, "coordination", "Proposal")] == [
            "OPEN", "ACCEPTED", "SETTLED",
        ]  # fmt: skip

    await waited(settled, "the proposal to be settled")
    again = await asyncio.to_thread(samband, environment, "answer", "N1", "accept")
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)
    await facts(settings, citizen_says(OTHER, "ACCEPTED", NOW, key="N1"))

    async def refused() -> bool:
        return [value["reason"] for value in await values(settings, "refusals", "Refusal")] == [
            "proposal.unknown"
        ]

    await waited(refused, "the refusal")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("N1", "accept", "--wish", "one day"), "--wish belongs to counter"),
        (("N1", "counter"), "counter needs at least one --wish"),
        (("N1", "counter", "--wish", "mornings"), "a wish is not understood"),
        (("N1", "perhaps"), "perhaps"),
    ],
)
def test_what_cannot_be_said_is_one_line(arguments, says, environment):
    done = samband({**environment, "SAMBAND_BOOTSTRAP_SERVERS": "127.0.0.1:9"}, "answer", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
