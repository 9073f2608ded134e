"""What a municipality's system gets and gives: requests as JSON, answers, and sets of free slots."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.kit import times
from connectors.kit.carrier import AwayError
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.slot_sets import SlotSets
from connectors.kit.testing import MemoryBus, memory_publisher
from connectors.municipality.answers import read_answer, read_slots
from connectors.municipality.delivery import Posting
from connectors.municipality.documents import Documents
from connectors.municipality.node import Node
from connectors.municipality.requests import document
from connectors.municipality.settings import MunicipalitySettings, RequestSettings
from connectors.municipality.source import Cases
from connectors.municipality.state import StateStore
from connectors.municipality.subject import Context
from connectors.municipality.testing import Calendar, CaseFile
from schemas.errors import PoisonError, RetriableError
from tests.connectors.kit.inbox_rig import CITIZEN, request

RECEIVED = 1_772_450_000_000_000
SETTINGS = MunicipalitySettings.model_validate({"drop": {"folder": "drop"}, "institution": "GRANVIK"})
CONTEXT = Context("kommune.granvik", SETTINGS, Pseudonyms(b"x" * 32, "1"))
TOKEN = "a-token-of-a-test-system"

instants = st.integers(0, 4_000_000_000_000_000)
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


@examples(deadline=None)
@given(words, words, st.none() | words, instants, instants)
def test_a_request_says_what_it_was_given(
    slot: str, appointment: str, place: str | None, start: int, deadline: int
) -> None:
    asked = request(deadline=deadline or 1)
    move = asked["moves"][0]
    move["appointment"]["id"], move["slot"], move["place"] = appointment, slot, place
    move["start"] = times.exact(start)
    said = json.loads(document(asked))
    (told,) = said["moves"]
    assert (told["appointment"]["id"], told["slot"], told["place"]) == (appointment, slot, place)
    assert Node(told).time("start", CONTEXT.zone)["instant"] == start
    assert Node(said).time("deadline", CONTEXT.zone)["instant"] == (deadline or 1)
    assert (said["requestId"], said["action"], said["sequence"]) == (asked["request_id"], "HOLD", 1)


def test_a_request_does_not_name_the_citizen() -> None:
    assert CITIZEN.encode() not in document(request())


def settings(url: str, **more: Any) -> RequestSettings:
    return RequestSettings.model_validate({"url": url, "token": TOKEN, **more})


async def test_it_is_posted_with_its_key_and_taken_once() -> None:
    asked = request()
    async with Calendar(TOKEN) as system, Posting(settings(system.url)) as posting:
        await posting.deliver(asked)
        await posting.deliver(asked)
        assert system.calls == [(asked["request_id"], 202)] * 2
        assert system.taken == {asked["request_id"]: json.loads(document(asked))}


@pytest.mark.parametrize("status", [400, 410, 413, 415, 422])
async def test_what_the_system_refuses_for_good(status: int) -> None:
    async with Calendar(TOKEN) as system, Posting(settings(system.url)) as posting:
        system.statuses["HOLD"] = [status]
        with pytest.raises(PoisonError) as refused:
            await posting.deliver(request())
    assert (refused.value.reason, refused.value.where) == ("request.rejected", f"HTTP {status}")


@pytest.mark.parametrize("status", [302, 401, 403, 404, 408, 409, 425, 429, 500, 503])
async def test_what_is_tried_again(status: int) -> None:
    async with Calendar(TOKEN) as system, Posting(settings(system.url)) as posting:
        system.statuses["HOLD"] = [status]
        with pytest.raises(RetriableError) as later:
            await posting.deliver(request())
        assert not isinstance(later.value, AwayError)  # it may have the request all the same
        await posting.deliver(request())


async def test_nobody_there_has_nothing_and_a_connection_that_breaks_may() -> None:
    async with Calendar() as system:
        pass
    async with Posting(settings(system.url)) as posting:
        with pytest.raises(AwayError):
            await posting.deliver(request())

        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", system.port)
        async with server:
            with pytest.raises(RetriableError) as broken:
                await posting.deliver(request())
        assert not isinstance(broken.value, AwayError)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "either url or folder"),
        ({"url": "https://x/y", "folder": "out"}, "either url or folder"),
        ({"url": "http://example.org/y"}, "unencrypted"),
        ({"url": "ftp://example.org/y"}, "pattern"),
    ],
)
def test_a_way_out_that_is_unsafe_or_unclear_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        RequestSettings.model_validate(given)
    private = {"url": "http://example.org/y", "allow_plaintext": True}
    assert RequestSettings.model_validate(private).url == private["url"]


ANSWER = {"samband": "answer", "requestId": "R-1", "answer": "GONE", "reason": "taken"}


def test_an_answer_is_read() -> None:
    said = read_answer(Node({**ANSWER, "answeredAt": "2026-03-03T19:02:00+01:00"}), RECEIVED, CONTEXT)
    asked = request(request_id="R-1")
    fact = said.fact(asked)
    assert fact.key == CITIZEN
    assert fact.body["answer"] == "GONE"
    assert fact.body["reason"] == {"code": "taken", "system": "samband:answer", "mapped": "TAKEN"}
    assert fact.occurred["instant"] == 1_772_560_920_000_000
    without = read_answer(Node({**ANSWER, "reason": None}), RECEIVED, CONTEXT)
    assert without.at == times.doubtful("", RECEIVED)
    assert without.fact(asked).body["reason"] is None
    strange = read_answer(Node({**ANSWER, "reason": "FERIE"}), RECEIVED, CONTEXT).fact(asked)
    assert (strange.body["reason"]["mapped"], strange.remarks) == ("UNKNOWN", ("code.unknown",))


@pytest.mark.parametrize(
    ("change", "reason", "where"),
    [
        ({"answer": "MAYBE"}, "request.answer", "/answer"),
        ({"answer": None}, "request.answer", "/answer"),
        ({"answer": 1}, "value.wrong_type", "/answer"),
        ({"requestId": None}, "value.missing", "/requestId"),
        ({"requestId": "a b"}, "value.wrong_type", "/requestId"),
        ({"reason": "Pasienten er syk"}, "value.wrong_type", "/reason"),
        ({"answeredAt": "2026-02-30T10:00:00Z"}, "time.unreadable", "/answeredAt"),
    ],
)
def test_what_is_no_answer_is_refused_with_its_place(change: Any, reason: str, where: str) -> None:
    with pytest.raises(PoisonError) as refused:
        read_answer(Node({**ANSWER, **change}), RECEIVED, CONTEXT)
    assert (refused.value.reason, refused.value.where) == (reason, where)


SLOT = {"id": "S-1", "start": "2026-03-11T13:00:00+01:00", "end": "2026-03-11T13:45:00+01:00"}
SLOTS = {"samband": "slots", "service": {"code": "FYSIO"}, "slots": [SLOT]}


def test_slots_are_read() -> None:
    more = {**SLOT, "id": "S-2", "resource": "T-7", "place": "B2", "validUntil": "2026-03-09"}
    found = read_slots(Node({**SLOTS, "slots": [SLOT, more]}), RECEIVED, CONTEXT)
    first, second = found.offers
    assert first.institution == {"system": "urn:samband:institution", "id": "GRANVIK", "department": None}
    assert first.service == {
        "code": "FYSIO", "system": "urn:samband:service:kommune.granvik", "mapped": "UNKNOWN",
    }  # fmt: skip
    assert first.slot["start"]["instant"] == 1_773_230_400_000_000
    assert first.slot["end"]["instant"] - first.slot["start"]["instant"] == 45 * 60_000_000
    assert (first.slot["resource"], first.slot["place"], first.slot["valid_until"]) == (None, None, None)
    assert (second.slot["resource"], second.slot["place"]) == ("T-7", "B2")
    assert (second.slot["valid_until"] or first.slot["start"])["confidence"] == "DATE_ONLY"
    other = {
        "institution": {"orgnr": "974631768", "department": "HAB"},
        "service": {"code": "X", "mapped": "PHYSIOTHERAPY"},
    }
    named = read_slots(Node({**SLOTS, **other}), RECEIVED, CONTEXT)
    assert named.offers[0].institution["department"] == "HAB"
    assert named.name.endswith("974631768|HAB|PHYSIOTHERAPY")
    assert named.name != found.name


@pytest.mark.parametrize(
    ("change", "reason", "where"),
    [
        ({"service": None}, "value.missing", "/service"),
        ({"service": {}}, "value.missing", "/service/code"),
        ({"slots": None}, "value.missing", "/slots"),
        ({"slots": {}}, "value.wrong_type", "/slots"),
        ({"slots": [SLOT, 1]}, "value.wrong_type", "/slots/1"),
        ({"slots": [SLOT, SLOT]}, "slot.repeated", "/slots/1"),
        ({"slots": [{**SLOT, "id": None}]}, "value.missing", "/slots/0/id"),
        ({"slots": [{**SLOT, "id": "Per Hansen"}]}, "value.wrong_type", "/slots/0/id"),
        ({"slots": [{**SLOT, "start": "2026-02-30T10:00:00Z"}]}, "time.unreadable", "/slots/0/start"),
        ({"slots": [{**SLOT, "end": SLOT["start"]}]}, "slot.length", "/slots/0"),
        ({"slots": [{**SLOT, "end": "2026-03-12T13:00:01+01:00"}]}, "slot.length", "/slots/0"),
        ({"madeAt": "never"}, "time.unreadable", "/madeAt"),
    ],
)
def test_wrong_slots_are_refused_with_their_place(change: Any, reason: str, where: str) -> None:
    with pytest.raises(PoisonError) as refused:
        read_slots(Node({**SLOTS, **change}), RECEIVED, CONTEXT)
    assert (refused.value.reason, refused.value.where) == (reason, where)


async def test_documents_are_told_apart_and_all_accounted_for(tmp_path: Path) -> None:
    bus = MemoryBus()
    publisher = memory_publisher(bus)
    slots = SlotSets(publisher, CONTEXT.pseudonyms, tmp_path / "slots")
    cases = Cases(publisher, CONTEXT, StateStore(tmp_path / "cases"))
    documents = Documents(cases, publisher, CONTEXT, slots, None)

    async def accept(sent: Any) -> tuple[str, str, str]:
        payload = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        answer = await documents.accept(payload, "F-1", RECEIVED)
        return answer.outcome["kind"], answer.outcome["outcome"], answer.outcome["reason"]

    mentioned = CaseFile("F-1").add(
        {
            "type": "soknadsStatus",
            "status": "MOTTATT",
            "hendelsestidspunkt": "2026-03-02T09:00:00Z",
            "samband": "x",
        }
    )
    assert await accept(SLOTS) == ("slots", "PUBLISHED", "")
    assert await accept({**SLOTS, "slots": []}) == ("slots", "PUBLISHED", "")
    assert await accept({**SLOTS, "slots": [SLOT, SLOT]}) == ("slots", "DEAD_LETTERED", "slot.repeated")
    assert await accept(ANSWER) == ("answer", "DEAD_LETTERED", "request.unknown")
    assert await accept({"samband": "more"}) == ("", "DEAD_LETTERED", "value.wrong_type")
    assert await accept({"samband": 7}) == ("", "DEAD_LETTERED", "value.wrong_type")
    assert await accept(b'{"samband": "slots",') == ("digisos", "DEAD_LETTERED", "json.syntax")
    assert await accept(mentioned.payload()) == ("digisos", "PUBLISHED", "")
    assert [record.record for record in bus.on("slot")] == ["SlotsOffered", "SlotWithdrawn"]
    assert {record.key for record in bus.on("slot")} == {
        "slots|urn:samband:institution|GRANVIK||urn:samband:service:kommune.granvik:FYSIO"
    }
