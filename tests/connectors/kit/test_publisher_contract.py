"""What a publisher promises, shown for the one in memory and for the one on a real Kafka."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from prometheus_client import generate_latest

from bus.errors import BusUnavailableError
from bus.metrics import REGISTRY
from bus.producer import Producer
from bus.reader import read_to_end
from bus.settings import Settings, load_settings
from connectors.kit import times
from connectors.kit.memory import Memory, restore
from connectors.kit.outcomes import DeadLetter, Fact, Ignore, Publish, SourceInput
from connectors.kit.publisher import Publisher
from connectors.kit.testing import CONTEXT, MemoryBus, Written, memory_publisher
from schemas.codec import Codec

CODE = {"code": "1", "system": "s", "mapped": "UNKNOWN"}
CASE = {"case": {"system": "s", "id": "1"}, "institution": {"system": "s", "id": "i"}}


def source(number: int = 1, payload: bytes = b"payload") -> SourceInput:
    return SourceInput(
        payload=payload, received=times.now(), kind="TEST", system="sys", message_id=str(number)
    )


def fact(record: str = "CaseStepCompleted", **body: Any) -> Fact:
    return Fact(
        record=record,
        identifiers=({"system": "urn:oid:1", "pseudonym": "1.abc", "national": True},),
        occurred=times.exact(1_538_660_220_134_000),
        recorded=times.exact(1_538_660_220_134_000),
        body={**CASE, "step": CODE, **body} if record == "CaseStepCompleted" else body,
    )


@dataclass
class Rig:
    """A publisher, a way to read back what was confirmed, and a way to start anew."""

    publisher: Publisher
    written: Callable[[], Awaitable[list[Written]]]
    restarted: Callable[[], Awaitable[Publisher]]


def _memory_rig() -> Rig:
    bus = MemoryBus()

    async def written() -> list[Written]:
        return bus.written

    async def restarted() -> Publisher:
        return memory_publisher(bus)

    return Rig(memory_publisher(bus), written, restarted)


async def _create_topics(settings: Settings) -> None:
    from bus.topics import apply  # noqa: PLC0415 - only where a broker is

    await apply(settings)


@pytest.fixture(params=["memory", "kafka"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    if request.param == "memory":
        yield _memory_rig()
        return
    broker = request.getfixturevalue("broker")
    prefix = request.getfixturevalue("topic_prefix")
    settings = load_settings(bootstrap_servers=broker, kafka={"topic_prefix": prefix})
    await _create_topics(settings)
    codec = Codec()

    async def written() -> list[Written]:
        found = []
        for topic in ("case", "inputs", "inputs.dlq"):
            async for record in read_to_end(settings, topic):
                decoded = codec.decode(record.value or b"")
                headers = {name: text.decode() for name, text in record.headers}
                key = (record.key or b"").decode()
                found.append(Written(topic, key, decoded.record, decoded.value, headers, record.value or b""))
        return found

    async with Producer(settings, "test", linger_ms=0) as producer:

        async def restarted() -> Publisher:
            memory = Memory()
            await restore(memory, settings, CONTEXT.connector)
            return Publisher(producer, CONTEXT, memory)

        yield Rig(Publisher(producer, CONTEXT), written, restarted)


def on(written: list[Written], topic: str) -> list[Written]:
    return [record for record in written if record.topic == topic]


async def test_facts_and_their_outcome(rig: Rig) -> None:
    given = source()
    outcome = await rig.publisher.publish(given, Publish((fact(), fact())))
    written = await rig.written()
    facts = on(written, "case")
    assert [record.value["meta"]["event_id"] for record in facts] == outcome["events"]
    assert {record.key for record in facts} == {"1.abc"}
    assert facts[0].headers["ce_id"] == outcome["events"][0]
    (told,) = on(written, "inputs")
    assert told.key == "testing"
    assert told.value == outcome
    assert outcome["outcome"] == "PUBLISHED"
    assert outcome["reason"] == ""
    assert outcome["content_hash"] == hashlib.sha256(b"payload").hexdigest()
    assert outcome["size"] == 7


async def test_an_ignored_input_has_only_an_outcome(rig: Rig) -> None:
    outcome = await rig.publisher.publish(source(), Ignore("not_carried"))
    assert (outcome["outcome"], outcome["reason"], outcome["events"]) == ("IGNORED", "not_carried", [])
    assert [record.record for record in await rig.written()] == ["InputOutcome"]


async def test_a_dead_letter_keeps_the_input_whole(rig: Rig) -> None:
    payload = b"\x00\xff bad" * 100
    letter = DeadLetter("input.unreadable", "not in the format", "MSH-9", "ParseError")
    outcome = await rig.publisher.publish(source(payload=payload), letter)
    assert (outcome["outcome"], outcome["reason"]) == ("DEAD_LETTERED", "input.unreadable")
    (kept,) = on(await rig.written(), "inputs.dlq")
    assert kept.value["payload"] == payload
    assert kept.value["where"] == "MSH-9"
    assert kept.value["origin"] == "CONNECTOR"
    assert kept.headers == {}


async def test_the_same_input_again_is_a_duplicate(rig: Rig) -> None:
    given = source()
    await rig.publisher.publish(given, Publish((fact(),)))
    again = await rig.publisher.publish(replace(given, received=given.received + 5), Publish((fact(),)))
    assert (again["outcome"], again["reason"]) == ("IGNORED", "duplicate")
    assert len(on(await rig.written(), "case")) == 1


async def test_the_same_id_with_other_content_is_another_input(rig: Rig) -> None:
    await rig.publisher.publish(source(), Publish((fact(),)))
    outcome = await rig.publisher.publish(source(payload=b"corrected"), Publish((fact(),)))
    assert outcome["outcome"] == "PUBLISHED"
    assert len({record.value["meta"]["event_id"] for record in on(await rig.written(), "case")}) == 2


async def test_the_same_input_at_the_same_time_is_published_once(rig: Rig) -> None:
    given = source()
    outcomes = await asyncio.gather(*(rig.publisher.publish(given, Publish((fact(),))) for _ in range(20)))
    assert sorted(outcome["outcome"] for outcome in outcomes) == ["IGNORED"] * 19 + ["PUBLISHED"]
    assert len(on(await rig.written(), "case")) == 1


async def test_what_was_handled_is_remembered_over_a_restart(rig: Rig) -> None:
    for number in range(30):
        await rig.publisher.publish(source(number), Publish((fact(),)))
    restarted = await rig.restarted()
    for number in range(30):
        outcome = await restarted.publish(source(number), Publish((fact(),)))
        assert outcome["reason"] == "duplicate"
    assert (await restarted.publish(source(99), Publish((fact(),))))["outcome"] == "PUBLISHED"


async def test_a_dead_lettered_input_is_tried_anew_when_it_is_sent_again(rig: Rig) -> None:
    given = source()
    await rig.publisher.publish(given, DeadLetter("input.unreadable", "not in the format"))
    again = await rig.publisher.publish(given, DeadLetter("input.unreadable", "not in the format"))
    assert again["outcome"] == "DEAD_LETTERED"
    mended = await rig.restarted()
    assert (await mended.publish(given, Publish((fact(),))))["outcome"] == "PUBLISHED"
    assert (await mended.publish(given, Publish((fact(),))))["reason"] == "duplicate"


async def test_a_fact_that_does_not_fit_the_contract_costs_no_input(rig: Rig) -> None:
    for number, wrong in enumerate((fact(step="not a code"), fact(record="NoSuchRecord"))):
        outcome = await rig.publisher.publish(source(number), Publish((fact(), wrong)))
        assert (outcome["outcome"], outcome["reason"]) == ("DEAD_LETTERED", "translate.failed")
    written = await rig.written()
    assert on(written, "case") == []
    assert len(on(written, "inputs.dlq")) == 2


async def test_a_fact_that_is_too_large_costs_no_input(rig: Rig) -> None:
    large = fact(details={"title": "x" * 2_000_000, "text": None, "items": []})
    outcome = await rig.publisher.publish(source(), Publish((large,)))
    assert (outcome["outcome"], outcome["reason"]) == ("DEAD_LETTERED", "input.too_large")


async def test_an_input_that_is_too_large_to_keep_is_still_accounted_for(rig: Rig) -> None:
    outcome = await rig.publisher.publish(
        source(payload=b"x" * 19_000_000), DeadLetter("input.too_large", "too large")
    )
    assert outcome["size"] == 19_000_000
    (kept,) = on(await rig.written(), "inputs.dlq")
    assert kept.value["payload"] == b""
    assert "too large to be kept" in kept.value["problem"]


async def test_every_input_is_accounted_for(rig: Rig) -> None:
    await rig.publisher.publish(source(1), Publish((fact(), fact())))
    await rig.publisher.publish(source(2), Ignore("not_carried"))
    await rig.publisher.publish(source(3), DeadLetter("input.unreadable", "no"))
    await rig.publisher.publish(source(1), Publish((fact(), fact())))
    counted = rig.publisher.accounting
    assert (counted.inputs, counted.published, counted.facts) == (4, 1, 2)
    assert dict(counted.ignored) == {"not_carried": 1, "duplicate": 1}
    assert dict(counted.dead_lettered) == {"input.unreadable": 1}
    assert counted.unaccounted == 0


# -- what only a bus that can be broken shows


async def test_while_the_bus_is_away_nothing_is_told_and_nothing_is_remembered() -> None:
    bus = MemoryBus(away=True)
    publisher = memory_publisher(bus)
    heard: list[bool] = []
    publisher.on_available = heard.append
    with pytest.raises(BusUnavailableError):
        await publisher.publish(source(), Publish((fact(),)))
    assert publisher.accounting.inputs == 0
    bus.away = False
    assert (await publisher.publish(source(), Publish((fact(),))))["outcome"] == "PUBLISHED"
    assert heard == [False, True]


@pytest.mark.parametrize("confirmed", range(4))
async def test_a_crash_between_any_two_confirmations_repeats_and_never_loses(confirmed: int) -> None:
    bus = MemoryBus(fail_after=confirmed)
    given, facts = source(), Publish((fact(), fact(), fact()))
    with pytest.raises(BusUnavailableError):
        await memory_publisher(bus).publish(given, facts)
    assert bus.on("inputs") == []  # the outcome never stands without all of its facts
    bus.fail_after = None
    outcome = await memory_publisher(bus).publish(given, facts)
    assert outcome["outcome"] == "PUBLISHED"
    assert {record.value["meta"]["event_id"] for record in bus.on("case")} == set(outcome["events"])
    assert len(bus.on("case")) == confirmed + 3


async def test_a_failure_of_the_first_lets_the_second_of_two_equal_inputs_try() -> None:
    bus = MemoryBus(fail_after=0)
    publisher = memory_publisher(bus)

    def repaired(available: bool) -> None:  # noqa: FBT001 - as the callback is called
        assert not available or bus.fail_after is None
        bus.fail_after = None

    publisher.on_available = repaired
    first = asyncio.ensure_future(publisher.publish(source(), Publish((fact(),))))
    second = asyncio.ensure_future(publisher.publish(source(), Publish((fact(),))))
    with pytest.raises(BusUnavailableError):
        await first
    assert (await second)["outcome"] == "PUBLISHED"


async def test_metrics_count_by_closed_labels() -> None:
    publisher = memory_publisher(MemoryBus())
    before = generate_latest(REGISTRY).decode()
    await publisher.publish(source(), Publish((fact(),)))
    after = generate_latest(REGISTRY).decode()
    line = 'samband_connector_inputs_total{connector="testing",outcome="PUBLISHED",reason=""}'
    assert _value(after, line) == _value(before, line) + 1
    line = 'samband_connector_facts_total{connector="testing",record="CaseStepCompleted"}'
    assert _value(after, line) == _value(before, line) + 1


def _value(exposition: str, line: str) -> float:
    return sum(float(found.split()[-1]) for found in exposition.splitlines() if found.startswith(line))
