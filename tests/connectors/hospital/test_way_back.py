"""The way from the agency's inbox on a real Kafka to a hospital on real sockets, and back."""

from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import pytest

from connectors.hospital.testing_calendar import GOOD, Asked, AskedHospital, Habit
from schemas.records import AgencyRequest
from tests.connectors.hospital.desk_rig import calendar, request
from tests.connectors.hospital.kafka_rig import Connected, connected
from tests.connectors.hospital.messages import AGENCY
from tests.waiting import until

QUICK = {"first_pause_seconds": 0.05, "longest_pause_seconds": 0.2, "at_once": 1}


def ours(action: str, sequence: int, **fields: Any) -> AgencyRequest:
    return request(action, sequence, agency=AGENCY, **fields)


def way(hospital: AskedHospital, **fields: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": hospital.port, **QUICK, **fields}


async def answered(bus: Connected, *expected: tuple[str, str]) -> None:
    async def there() -> list[tuple[str, str]]:
        found = await bus.answers()
        return found if set(found) >= set(expected) else []

    told: list[tuple[str, str]] = await until(there, what=f"the answers {expected}")
    assert sorted(set(told)) == sorted(expected)


@pytest.mark.parametrize("mode", ["original", "enhanced"])
async def test_a_proposal_is_held_confirmed_and_released(broker, topic_prefix, tmp_path, mode):
    async with AskedHospital(calendar()) as hospital:
        inbox = way(hospital, acknowledgements=mode)
        async with connected(broker, topic_prefix, tmp_path, inbox=inbox) as bus:
            await bus.ask(ours("HOLD", 1))
            await answered(bus, ("r1", "HELD"))
            assert len(hospital.calendar.pencilled) == 2
            await bus.ask(ours("CONFIRM", 2))
            await answered(bus, ("r1", "HELD"), ("r2", "CONFIRMED"))
            assert hospital.calendar.pencilled == {}
            await bus.ask(ours("RELEASE", 3))
            await answered(bus, ("r1", "HELD"), ("r2", "CONFIRMED"), ("r3", "RELEASED"))
        assert sorted(hospital.done) == sorted(hospital.received)


async def test_a_hospital_that_answers_later_by_siu(broker, topic_prefix, tmp_path):
    async with AskedHospital(calendar()) as hospital:
        inbox = way(hospital, message="SIU", answered_by="message")
        async with (
            connected(broker, topic_prefix, tmp_path, inbox=inbox) as bus,
            bus.sender() as sender,
        ):

            async def say(message: bytes) -> None:
                (answer,) = await sender.send(message)
                assert answer.code == "AA"

            await bus.ask(ours("HOLD", 1))
            await until(lambda: len(hospital.done) == 2, what="the messages")
            assert await bus.answers() == []
            await hospital.tell(say)
            assert await bus.answers() == [("r1", "HELD")]
            await bus.ask(ours("CONFIRM", 2))
            await until(lambda: len(hospital.done) == 4, what="the messages")
            await hospital.tell(say)
            assert await bus.answers() == [("r1", "HELD"), ("r2", "CONFIRMED")]
            names = [name for _, name, _ in await bus.records("appointment")]
            assert sorted(names) == ["AppointmentRescheduled"] * 2 + ["RequestAnswered"] * 2
            pencilled = [one for one in await bus.outcomes() if one[2] == "request.pencilled"]
            assert len(pencilled) == 1  # the other one completed the answer
        facts = [value for _, name, value in await bus.records("appointment") if name == "RequestAnswered"]
        assert {fact["meta"]["subject"]["key"] for fact in facts} == {"1.citizen"}
        assert {fact["meta"]["protection"] for fact in facts} == {"NONE"}


async def test_a_connector_that_is_stopped_in_the_middle_asks_once(broker, topic_prefix, tmp_path):
    habits = {"S01 T2": Habit(silent=True)}

    def habit(asked: Asked) -> Habit:
        return habits.get(f"{asked.trigger} {asked.filler}", GOOD)

    async with AskedHospital(calendar(), habit=habit) as hospital:
        inbox = way(hospital, answer_seconds=0.3)
        async with connected(broker, topic_prefix, tmp_path, inbox=inbox) as bus:
            await bus.ask(ours("HOLD", 1))
            await until(lambda: len(hospital.received) == 2, what="both messages")
            assert await bus.answers() == []
        habits.clear()
        async with connected(broker, topic_prefix, tmp_path, inbox=inbox) as bus:
            await answered(bus, ("r1", "HELD"))
            assert len(hospital.received) == 2
            assert sorted(hospital.done) == sorted(hospital.received)


async def test_answers_that_come_twice_count_once(broker, topic_prefix, tmp_path):
    async with AsyncExitStack() as stack:
        hospital = await stack.enter_async_context(
            AskedHospital(calendar(), habit=lambda _: Habit(twice=True))
        )
        running = connected(broker, topic_prefix, tmp_path, inbox=way(hospital))
        bus = await stack.enter_async_context(running)
        sender = await stack.enter_async_context(bus.sender())
        await bus.ask(ours("HOLD", 1))
        await answered(bus, ("r1", "HELD"))
        said = len(hospital.unsaid)
        await hospital.tell(sender.send)

        async def all_accounted() -> list[tuple[str, str, str]]:
            found = await bus.outcomes()
            return found if len(found) == 1 + 2 + said else []

        found: list[tuple[str, str, str]] = await until(
            all_accounted, what="the request, two acknowledgements and what was said"
        )
        assert await bus.answers() == [("r1", "HELD")]
        reasons = Counter(reason for _, _, reason in found)
        assert reasons["duplicate"] == said // 2
        assert len(hospital.done) == 2
