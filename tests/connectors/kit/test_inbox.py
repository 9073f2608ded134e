"""The inbox on a real Kafka, with an agency's system that each test makes as bad as it likes."""

import asyncio
from pathlib import Path

import pytest

from bus.errors import MissingTopicError
from bus.logs import get_logger
from bus.settings import ConnectorSettings, Settings
from connectors.kit import times
from connectors.kit.carrier import AwayError, InboxSettings, Reply
from connectors.kit.inbox import Inbox
from connectors.kit.runtime import ConnectorContext
from connectors.kit.testing import MemoryBus, memory_publisher
from schemas.errors import PoisonError, RetriableError
from schemas.records import AgencyRequest
from tests.connectors.kit.inbox_rig import (
    CITIZEN,
    HOUR,
    answers,
    ask,
    common,
    make_topics,
    outcomes,
    read,
    request,
    settings_for,
)
from tests.connectors.kit.serving import (
    PSEUDONYMS,
    PUBLISHED,
    QUICK,
    System,
    all_ended,
    opened,
    read_again,
    running,
)
from tests.waiting import until


@pytest.fixture
async def settings(broker: str, topic_prefix: str, tmp_path: Path) -> Settings:
    made = settings_for(broker, topic_prefix, tmp_path)
    await make_topics(made)
    return made


async def test_a_request_is_carried_once_and_answered_at_once_or_later(settings: Settings) -> None:
    system, quick, slow = System(), request(), request()

    async def then(asked: AgencyRequest) -> Reply | None:
        return Reply("HELD") if asked["request_id"] == quick["request_id"] else None

    system.then = then
    await ask(settings, quick, slow)
    async with running(settings, system) as inbox:
        assert await all_ended(settings, 2) == {PUBLISHED: 2}
        assert await inbox.find(slow["request_id"]) == slow
        with pytest.raises(PoisonError) as unknown:
            await inbox.find("none")
    assert unknown.value.reason == "request.unknown"
    assert system.tries() == {quick["request_id"]: 1, slow["request_id"]: 1}
    ((key, _, fact),) = await read(settings, "appointment")
    assert key == CITIZEN == fact["meta"]["subject"]["key"]
    assert (fact["request_id"], fact["answer"], fact["reason"]) == (quick["request_id"], "HELD", None)
    assert (fact["meta"]["sensitivity"], fact["meta"]["protection"]) == ("SENSITIVE", "NONE")
    kinds = [value["kind"] for _, _, value in await read(settings, "inputs")]
    assert kinds == ["AgencyRequest.HOLD"] * 2

    async with running(settings, system) as inbox:  # nothing is carried again, and answers are understood
        assert await read_again(inbox, slow) == slow
        await ask(settings, third := request())
        await all_ended(settings, 3)
    assert system.tries() == {each["request_id"]: 1 for each in (quick, slow, third)}


async def test_a_request_that_is_not_taken_holds_up_no_other(settings: Settings) -> None:
    system, stuck, others = System(), request(), [request() for _ in range(5)]

    async def then(asked: AgencyRequest) -> None:
        if asked["request_id"] == stuck["request_id"]:
            raise RetriableError("away")

    system.then = then
    async with running(settings, system, at_once=1):
        await ask(settings, stuck, *others)
        assert await all_ended(settings, 5) == {PUBLISHED: 5}
        await until(lambda: system.tries()[stuck["request_id"]] > 3)
    carried = {message for message, _, _ in await outcomes(settings)}
    assert carried == {each["request_id"] for each in others}
    system.then = None
    async with running(settings, system):  # a restart goes on with the one that is left, and with no other
        assert await all_ended(settings, 6) == {PUBLISHED: 6}
    assert all(system.tries()[each["request_id"]] == 1 for each in others)


async def test_when_many_wait_the_next_are_read_as_they_end(settings: Settings) -> None:
    system, taken = System(), asyncio.Event()

    async def then(_: AgencyRequest) -> None:
        await taken.wait()

    system.then = then
    async with running(settings, system, most_waiting=1):
        await ask(settings, request())
        await until(lambda: system.got)
        await ask(settings, request(), request())
        taken.set()
        assert await all_ended(settings, 3) == {PUBLISHED: 3}


async def test_one_that_hangs_is_given_up_and_tried_again(settings: Settings) -> None:
    system, first = System(), True

    async def then(_: AgencyRequest) -> None:
        nonlocal first
        if first:
            first = False
            await asyncio.Event().wait()

    system.then = then
    async with running(settings, system, attempt_seconds=0.1):
        await ask(settings, request())
        assert await all_ended(settings, 1) == {PUBLISHED: 1}
    assert len(system.got) == 2


async def test_what_is_too_late_is_not_carried_but_a_release_is(settings: Settings) -> None:
    system, late = System(), times.now() - 1
    hold, confirm = request(deadline=late), request("CONFIRM", deadline=late)
    release, ancient = request("RELEASE", deadline=late), request("RELEASE", deadline=late - 15 * 24 * HOUR)
    await ask(settings, hold, confirm, release, ancient)
    async with running(settings, system):
        found = await all_ended(settings, 4)
    assert found == {PUBLISHED: 2, ("IGNORED", "request.too_late"): 2}
    assert system.tries() == {release["request_id"]: 1}
    # Of a CONFIRM that came too late, nobody may say that nothing is held.
    assert await answers(settings) == [(hold["request_id"], "REFUSED", "AWAY")]


@pytest.mark.parametrize("error", [AwayError("nobody there"), RetriableError("no answer")])
async def test_one_that_waits_past_its_deadline_ends_there(settings: Settings, error: RetriableError) -> None:
    system = System()

    async def then(_: AgencyRequest) -> None:
        raise error

    system.then = then
    async with running(settings, system, first_pause_seconds=60, longest_pause_seconds=60):
        await ask(settings, asked := request(deadline=times.now() + 2_000_000))
        found = await all_ended(settings, 1)
    if isinstance(error, AwayError):
        assert found == {PUBLISHED: 1}
        assert await answers(settings) == [(asked["request_id"], "REFUSED", "AWAY")]
    else:  # it may have come: the agency is to be asked for a release
        assert found == {("IGNORED", "request.too_late"): 1}
        assert await answers(settings) == []


async def test_what_an_earlier_process_may_have_carried_is_not_answered_for(settings: Settings) -> None:
    system, reached = System(), asyncio.Event()

    async def then(_: AgencyRequest) -> None:
        reached.set()
        await asyncio.Event().wait()

    system.then = then
    await ask(settings, request(deadline=(deadline := times.now() + 3_000_000)))
    async with opened(settings, system) as inbox:
        task = asyncio.create_task(inbox.serve(asyncio.Event()))
        await asyncio.wait_for(reached.wait(), 20)
        task.cancel()  # in the middle of the only try
        await asyncio.wait([task])
    await until(lambda: times.now() > deadline)
    async with running(settings, System()):
        assert await all_ended(settings, 1) == {("IGNORED", "request.too_late"): 1}
    assert await answers(settings) == []


async def test_a_later_request_takes_the_place_of_one_that_waits(settings: Settings) -> None:
    system, hold = System(), request()
    release = request("RELEASE", proposal=hold["proposal_id"], sequence=2)

    async def then(asked: AgencyRequest) -> None:
        if asked["action"] == "HOLD":
            raise RetriableError("away")

    system.then = then
    async with running(settings, system, first_pause_seconds=60, longest_pause_seconds=60):
        await ask(settings, hold)
        await until(lambda: system.got)
        await ask(settings, release, hold)  # the second hold comes after a higher one: never carried
        assert await all_ended(settings, 3) == {
            PUBLISHED: 1, ("IGNORED", "request.superseded"): 1, ("IGNORED", "duplicate"): 1,
        }  # fmt: skip
    assert [asked["action"] for asked in system.got] == ["HOLD", "RELEASE"]


async def test_what_the_system_refuses_for_good_is_kept_and_answered(settings: Settings) -> None:
    system, rejected, broken, odd = System(), request(), request(), request("RELEASE")
    unconfirmed = request("CONFIRM")

    async def then(asked: AgencyRequest) -> Reply | None:
        if asked["request_id"] in (rejected["request_id"], unconfirmed["request_id"]):
            raise PoisonError("no such appointment", reason="request.rejected", where="status 422")
        if asked["request_id"] == broken["request_id"]:
            raise KeyError("very private words")
        return Reply("HELD")

    system.then = then
    async with running(settings, system):
        await ask(settings, rejected, broken, odd, unconfirmed)
        found = await all_ended(settings, 4)
    reasons = ("request.rejected", "request.undeliverable", "request.answer")
    assert found == {("DEAD_LETTERED", reason): 1 + (reason == reasons[0]) for reason in reasons}
    # What the others may hold, they are asked to release; a refusal would say that they hold nothing.
    assert await answers(settings) == [(rejected["request_id"], "REFUSED", "OTHER")]
    letters = [value for _, _, value in await read(settings, "inputs.dlq")]
    assert {letter["reason"] for letter in letters} == set(reasons)
    assert not [letter for letter in letters if "private" in letter["problem"]]
    events = {event for _, _, value in await read(settings, "inputs") for event in value["events"]}
    assert events == {fact["meta"]["event_id"] for _, _, fact in await read(settings, "appointment")}

    before = list(system.got)
    async with running(settings, system) as inbox:  # answered as refused: the system is never asked again
        await read_again(inbox, unconfirmed)
    assert system.got == before


async def test_an_outcome_that_kafka_does_not_take_is_written_later_and_nothing_is_carried_again(
    settings: Settings,
) -> None:
    system, bus = System(), MemoryBus(away=True)
    own = ConnectorSettings.model_validate(common("testing"))
    context = ConnectorContext(
        "testing", own, memory_publisher(bus), PSEUDONYMS, Path(), get_logger("test"), bus=settings
    )
    inbox, stop = Inbox(context, InboxSettings.model_validate(QUICK), system.deliver), asyncio.Event()
    task = asyncio.create_task(inbox.serve(stop))
    await ask(settings, request(), request())
    await until(lambda: len(system.got) == 2)
    bus.away = False
    await until(lambda: len(bus.on("inputs")) == 2)
    stop.set()
    await asyncio.wait_for(task, 20)
    assert len(system.got) == 2


async def test_what_is_no_request_of_ours_is_kept_and_nothing_waits_for_it(settings: Settings) -> None:
    system = System()
    async with running(settings, system):
        await ask(settings, b"", b"\x00\x00\x00\x00\x01rubbish", request(agency="agency.other"), request())
        found = await all_ended(settings, 4)
    assert found == {
        PUBLISHED: 1, ("DEAD_LETTERED", "request.unreadable"): 2, ("DEAD_LETTERED", "request.not_ours"): 1,
    }  # fmt: skip
    assert len(system.got) == 1
    assert await answers(settings) == []


async def test_an_agency_without_an_inbox_is_told_what_to_do(settings: Settings) -> None:
    other = settings.model_copy(update={"connectors": {}})
    own = ConnectorSettings.model_validate({**common("testing"), "agency": "agency.other"})
    context = ConnectorContext(
        "testing", own, memory_publisher(MemoryBus()), PSEUDONYMS, Path(), get_logger("test"), bus=other
    )
    with pytest.raises(MissingTopicError, match=r"inbox\.agency\.other") as missing:
        await Inbox(context, InboxSettings(), System().deliver).serve(asyncio.Event())
    assert "router.inboxes" in missing.value.fix
