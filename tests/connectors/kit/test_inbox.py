"""The inbox on a real Kafka, with an agency's system that each test makes as bad as it likes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import MissingTopicError
from bus.logs import get_logger
from bus.producer import Producer
from bus.settings import ConnectorSettings, Settings
from bus.subscription import Progress
from connectors.kit import times
from connectors.kit.assembly import AssemblyContext
from connectors.kit.carrier import InboxSettings, Reply
from connectors.kit.inbox import Inbox
from connectors.kit.memory import Memory, restore
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.publisher import Publisher
from connectors.kit.runtime import ConnectorContext
from connectors.kit.testing import MemoryBus, memory_publisher
from schemas.errors import PoisonError, RetriableError
from schemas.records import AgencyRequest
from tests.connectors.kit.inbox_rig import (
    AGENCY,
    CITIZEN,
    HOUR,
    answers,
    ask,
    common,
    ended,
    make_topics,
    outcomes,
    read,
    request,
    settings_for,
)
from tests.waiting import until

QUICK = {"first_pause_seconds": 0.02, "longest_pause_seconds": 0.1}
PUBLISHED = ("PUBLISHED", "")
PSEUDONYMS = Pseudonyms(b"x" * 32, "1")


class System:
    """An agency's system: keeps what it was given, does what ``then`` says, and honours nothing."""

    def __init__(self) -> None:
        self.got: list[AgencyRequest] = []
        self.then: Callable[[AgencyRequest], Awaitable[Reply | None]] | None = None

    async def deliver(self, asked: AgencyRequest) -> Reply | None:
        self.got.append(asked)
        return None if self.then is None else await self.then(asked)

    def tries(self) -> Counter[str]:
        return Counter(asked["request_id"] for asked in self.got)


@asynccontextmanager
async def running(settings: Settings, system: System, **more: object) -> AsyncIterator[Inbox]:
    own = ConnectorSettings.model_validate(common("testing"))
    memory = Memory()
    async with Producer(settings, "test", linger_ms=0) as producer:
        await restore(memory, settings, "testing")
        publisher = Publisher(producer, AssemblyContext("testing", AGENCY, "basis", "purpose"), memory)
        context = ConnectorContext(
            "testing", own, publisher, PSEUDONYMS, Path(), get_logger("test"), bus=settings
        )
        inbox = Inbox(context, InboxSettings.model_validate({**QUICK, **more}), system.deliver)
        stop = asyncio.Event()
        task = asyncio.create_task(inbox.serve(stop))
        try:
            yield inbox
        finally:
            stop.set()
            await asyncio.wait([task], timeout=20)
        task.result()


@pytest.fixture
async def settings(broker: str, topic_prefix: str, tmp_path: Path) -> Settings:
    made = settings_for(broker, topic_prefix, tmp_path)
    await make_topics(made)
    return made


async def all_ended(settings: Settings, count: int) -> Counter[tuple[str, str]]:
    async def there() -> Counter[tuple[str, str]]:
        found = await ended(settings)
        return found if found.total() >= count else Counter()

    return await until(there, what=f"{count} outcomes")


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
        await until(
            lambda: inbox.requests.find(slow["request_id"]) == slow if list(inbox.requests.known()) else None
        )
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


async def test_what_is_too_late_is_answered_and_not_carried_but_a_release_is(settings: Settings) -> None:
    system, late = System(), times.now() - 1
    hold, release = request(deadline=late), request("RELEASE", deadline=late)
    await ask(settings, hold, release)
    async with running(settings, system):
        assert await all_ended(settings, 2) == {PUBLISHED: 2}
    assert system.tries() == {release["request_id"]: 1}
    assert await answers(settings) == [(hold["request_id"], "REFUSED", "AWAY")]


async def test_one_that_waits_past_its_deadline_ends_there(settings: Settings) -> None:
    system = System()

    async def then(_: AgencyRequest) -> None:
        raise RetriableError("away")

    system.then = then
    async with running(settings, system, first_pause_seconds=60, longest_pause_seconds=60):
        await ask(settings, asked := request(deadline=times.now() + HOUR // 3600 * 2))
        assert await all_ended(settings, 1) == {PUBLISHED: 1}
    assert await answers(settings) == [(asked["request_id"], "REFUSED", "AWAY")]


async def test_without_a_clock_of_this_machine_nothing_is_too_late(settings: Settings) -> None:
    system = System()
    await ask(settings, request(deadline=1))
    async with running(settings, system, deadlines=False):
        assert await all_ended(settings, 1) == {PUBLISHED: 1}
    assert len(system.got) == 1


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

    async def then(asked: AgencyRequest) -> Reply | None:
        if asked["request_id"] == rejected["request_id"]:
            raise PoisonError("no such appointment", reason="request.rejected", where="status 422")
        if asked["request_id"] == broken["request_id"]:
            raise KeyError("very private words")
        return Reply("HELD")

    system.then = then
    async with running(settings, system):
        await ask(settings, rejected, broken, odd)
        found = await all_ended(settings, 3)
    reasons = ("request.rejected", "request.undeliverable", "request.answer")
    assert found == {("DEAD_LETTERED", reason): 1 for reason in reasons}
    assert await answers(settings) == sorted(
        [
            (rejected["request_id"], "REFUSED", "OTHER"),
            (broken["request_id"], "REFUSED", "AWAY"),
            (odd["request_id"], "REFUSED", "AWAY"),
        ]
    )
    letters = [value for _, _, value in await read(settings, "inputs.dlq")]
    assert {letter["reason"] for letter in letters} == set(reasons)
    assert not [letter for letter in letters if "private" in letter["problem"]]
    events = {event for _, _, value in await read(settings, "inputs") for event in value["events"]}
    assert events == {fact["meta"]["event_id"] for _, _, fact in await read(settings, "appointment")}

    before = list(system.got)
    async with running(settings, system) as inbox:  # answered as refused: the system is never asked again
        await until(lambda: len(list(inbox.requests.known())) == 3)
    assert system.got == before


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


@given(
    begin=st.integers(0, 10**9),
    gaps=st.lists(st.integers(1, 3), max_size=40),
    done=st.sets(st.integers(0, 39)),
    tail=st.integers(0, 3),
)
def test_progress_survives_a_restart(begin: int, gaps: list[int], done: set[int], tail: int) -> None:
    progress, offsets, offset = Progress(begin), [], begin
    for gap in gaps:
        offset += gap
        offsets.append(offset)
        progress.read(offset)
    progress.reach(max(progress.position, offset + tail))
    for number in done & set(range(len(offsets))):
        progress.pending.discard(offsets[number])
    again = Progress.decode(progress.low, progress.encode())
    for number, offset in enumerate(offsets):
        assert (offset in progress) == (offset in again) == (number in done)


def test_what_has_no_room_in_a_commit_counts_as_not_done() -> None:
    progress = Progress()
    for offset in range(10_000):
        progress.read(offset)
    progress.pending -= {1, 9_998}
    text = progress.encode()
    again = Progress.decode(progress.low, text)
    assert len(text) <= 4000
    assert (1 in again, 9_998 in again) == (True, False)
    assert not [offset for offset in progress.pending if offset in again]


@pytest.mark.parametrize("text", ["", "x", "5:y", "5"])
def test_metadata_of_others_is_no_progress(text: str) -> None:
    assert 7 not in Progress.decode(7, text)
