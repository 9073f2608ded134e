"""The router in the engine on a real Kafka: facts in, timeline and findings out, a restart in the middle."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bus.producer import Producer
from bus.reader import read_to_end
from bus.settings import Settings, load_settings
from bus.topics import apply
from router.events import Output
from router.rules import load_rules
from router.run import run_router
from schemas.codec import Decoded
from tests.router.building import (
    CODEC,
    appointment,
    exam,
    identifier,
    merged,
    person,
    place,
    pupil,
    retracted,
    step_done,
)
from tests.router.world import Reader, World
from tests.waiting import until

REGISTER = Path(__file__).with_name("register.yaml")


def settings_for(broker: str, prefix: str, data_dir: Path) -> Settings:
    return load_settings(
        bootstrap_servers=broker,
        data_dir=data_dir,
        kafka={"topic_prefix": prefix, "session_timeout_seconds": 6},
        router={"institutions": REGISTER},
    )


@asynccontextmanager
async def running(settings: Settings):
    """A router that ends in order; its own error is raised where the block ends."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_router(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)


VERSIONS = {"TimelineEntry": 2, "Finding": 2, "EntryChanged": 2}
"""Of the record types that have more than one."""


async def publish(settings: Settings, events) -> None:
    async with Producer(settings) as producer:
        sent = [
            await producer.send(event.topic, key=event.key.encode(), value=event.data) for event in events
        ]
        await asyncio.gather(*sent)


def check_headers(headers: dict[str, bytes], key: bytes, decoded: Decoded) -> None:
    """CloudEvents 1.0, Kafka binding: the four required attributes, and what the contract adds."""
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_source"] == b"urn:samband:router"
    area = "coordination" if decoded.record == "Finding" else "timeline"
    version = VERSIONS.get(decoded.record, 1)
    assert headers["ce_type"] == f"samband.{area}.{decoded.record}.v{version}".encode()
    assert headers["ce_id"].endswith(f".{decoded.value['revision']}".encode())
    assert headers["ce_subject"] == key
    assert headers["content-type"] == b"application/avro"
    assert headers.get("samband_protection", b"").decode() == decoded.value.get("protection", "")


async def what_is_read(settings: Settings) -> Reader:
    reader = Reader()
    for topic in ("timeline", "coordination"):
        async for record in read_to_end(settings, topic):
            assert record.value is not None
            assert record.key is not None
            decoded = CODEC.decode(record.value)
            assert decoded.value["citizen"].encode() == record.key
            check_headers(dict(record.headers), record.key, decoded)
            reader.read(Output(topic, record.key.decode(), decoded.record, decoded.value))
    return reader


async def reads(settings: Settings, enough: Callable[[Reader], bool], what: str) -> None:
    """Wait until a reader of the router's topics has read enough."""

    async def look() -> bool:
        return enough(await what_is_read(settings))

    await until(look, timeout=60, what=what)  # type: ignore[arg-type]  # the plain form is meant to it


def week():
    """A child that the hospital knows by its own number first, and that school and municipality know too."""
    booked = [
        appointment("L1", name, start, where=place("hospital"), national=False)
        for name, start in (
            ("a1", "2026-03-02 09:00"),
            ("a2", "2026-03-04 10:00"),
            ("a3", "2026-03-06 12:00"),
        )
    ]
    wrong = step_done("N1", "c2", "READ", recorded="2026-03-02 09:00")
    before = [*booked, pupil("N1"), exam("N1", "x1", "2026-03-04 09:00", "2026-03-04 11:00"), wrong]
    after = [
        person("N1", also=(identifier("L1"),), recorded="2026-03-02 12:00"),
        step_done("N1", "c1", "READ", recorded="2026-03-02 10:05"),
        retracted("N1", "CaseStepCompleted", wrong),
        appointment("L2", "a4", "2026-03-04 10:10", where=place("clinic"), national=False),
        merged("L1", "L2", national=False),
    ]
    return before, after


async def test_facts_become_timeline_and_findings_across_a_restart(broker, topic_prefix, tmp_path):
    before, after = week()
    world = World(rules=load_rules(institutions=REGISTER))
    world.put([*before, *after])
    expected = world.run().reader.picture()
    settings = settings_for(broker, topic_prefix, tmp_path / "first")
    await apply(settings)
    async with running(settings):
        await publish(settings, before)
        await reads(settings, lambda reader: len(reader.entries) == len(before), "the first half")
    # Another folder: the state comes from the changelog alone.
    elsewhere = settings_for(broker, topic_prefix, tmp_path / "second")
    async with running(elsewhere):
        await publish(elsewhere, [*after, *before])  # what is read twice changes nothing
        await reads(elsewhere, lambda reader: reader.picture() == expected, "what the core alone says")


async def test_what_cannot_be_read_is_dead_lettered_and_the_rest_goes_on(broker, topic_prefix, tmp_path):
    settings = settings_for(broker, topic_prefix, tmp_path)
    await apply(settings)
    good = person("N1")
    misplaced = person("N2")
    async with running(settings):
        async with Producer(settings) as producer:
            await (await producer.send("person", key=b"N1", value=b"\x00garbage"))
            await (await producer.send("person", key=b"N1", value=misplaced.data))
        await publish(settings, [good])
        await reads(settings, lambda reader: len(reader.entries) == 1, "the good fact's entry")
    letters = [
        CODEC.decode(record.value or b"").value async for record in read_to_end(settings, "person.dlq")
    ]
    assert [letter["reason"] for letter in letters] == ["schema.unknown", "key.mismatch"]
    assert letters[1]["payload"] == misplaced.data
