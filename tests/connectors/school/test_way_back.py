"""What a school gets and gives: requests as CSV and iCalendar, answers, and sets of free slots."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from connectors.kit import times
from connectors.school.outbox import COLUMNS, calendar, into_outbox, table
from connectors.school.problems import SetRefusedError
from connectors.school.settings import SchoolSettings
from connectors.school.tables import kind_of, read_answers, read_slots
from connectors.school.testing import rows_of
from schemas.errors import PoisonError, RetriableError
from schemas.records import AgencyRequest
from tests.connectors.kit.inbox_rig import CITIZEN, HOUR, request
from tests.connectors.school.rig import AGENCY, SYSTEM, Rig

SETTINGS = SchoolSettings.model_validate({"drop": {"folder": "drop"}})
NOW = 1_772_450_000_123_456

printable = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])
words = st.text(printable | st.sampled_from(',;"\\ \n'), max_size=90)
seconds = st.integers(0, 4_000_000_000).map(lambda second: second * 1_000_000)


def moved(asked: AgencyRequest, **more: Any) -> AgencyRequest:
    move: dict[str, Any] = {**asked["moves"][0], **more}
    return request(asked["action"], proposal=asked["proposal_id"], moves=[move])


@settings(deadline=None)
@given(words, words.filter(bool), st.none() | words.filter(bool), seconds)
def test_the_csv_says_what_it_was_given(appointment: str, slot: str, place: str | None, start: int) -> None:
    asked = moved(request(), slot=slot, place=place, start=times.exact(start))
    asked["moves"][0]["appointment"] = {"system": "sys", "id": appointment}
    asked["moves"].append(asked["moves"][0])
    data = table(asked)
    text = data.decode("utf-8")
    assert text.endswith("\r\n")
    first, second = rows_of(data)
    assert tuple(first) == COLUMNS
    assert first == second
    assert (first["appointmentId"], first["slotId"], first["place"]) == (appointment, slot, place or "")
    assert times.iso(first["start"], SETTINGS.zone_info) == {
        "instant": start, "source": first["start"], "confidence": "EXACT",
    }  # fmt: skip
    assert (first["requestId"], first["action"], first["sequence"]) == (asked["request_id"], "HOLD", "1")


@settings(deadline=None)
@given(words, st.none() | words.filter(str.strip), seconds)
def test_the_calendar_says_what_it_was_given(appointment: str, place: str | None, start: int) -> None:
    asked = moved(request(), place=place, start=times.exact(start), end=times.exact(start + HOUR))
    asked["moves"][0]["appointment"] = {"system": "sys", "id": appointment}
    data = calendar(asked, NOW)
    lines = data.split(b"\r\n")
    assert lines[0] == b"BEGIN:VCALENDAR"
    assert not [line for line in lines if len(line) > 75 or b"\n" in line]  # RFC 5545, section 3.1
    (event,) = Calendar.from_ical(data).events
    assert event.start == times.to_datetime(start)
    assert event.end == times.to_datetime(start + HOUR)
    assert str(event["SUMMARY"]) == f"HOLD {appointment}"
    assert str(event.get("LOCATION", "")) == (place or "")


@pytest.mark.parametrize(
    ("action", "status"), [("HOLD", "TENTATIVE"), ("CONFIRM", "CONFIRMED"), ("RELEASE", "CANCELLED")]
)
def test_an_event_is_one_from_hold_to_the_end(action: Any, status: str) -> None:
    hold = request()
    later = request(action, proposal=hold["proposal_id"], sequence=7, protection="CONFIDENTIAL")
    (first,), (event,) = (Calendar.from_ical(calendar(each, NOW)).events for each in (hold, later))
    assert event["UID"] == first["UID"]
    assert (event["STATUS"], event["SEQUENCE"], event["CLASS"]) == (status, 7, "CONFIDENTIAL")
    assert event["X-SAMBAND-REQUEST"] == later["request_id"]
    assert Calendar.from_ical(calendar(request(), NOW)).events[0]["UID"] != first["UID"]


def test_neither_file_names_the_pupil() -> None:
    asked = request()
    assert CITIZEN.encode() not in table(asked) + calendar(asked, NOW)


async def test_the_outbox_holds_a_pair_for_each_request_however_often_it_comes(tmp_path: Path) -> None:
    asked, out = request(), tmp_path / "a" / "outbox"
    for _ in range(2):
        await into_outbox(out)(asked)
    name = asked["request_id"]
    assert sorted(file.name for file in out.iterdir()) == [f"{name}.csv", f"{name}.ics"]
    assert (out / f"{name}.csv").read_bytes() == table(asked)


async def test_an_id_that_is_no_name_of_a_file_leads_nowhere(tmp_path: Path) -> None:
    with pytest.raises(PoisonError) as refused:
        await into_outbox(tmp_path / "outbox")(request(request_id="../../elsewhere"))
    assert refused.value.reason == "request.undeliverable"
    assert list(tmp_path.iterdir()) == []


async def test_an_outbox_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("in the way")
    with pytest.raises(RetriableError):
        await into_outbox(tmp_path / "outbox")(request())


def file(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


def test_answers_are_read() -> None:
    data = file(
        "requestId,answer,reason,answeredAt,comment",
        "R-1,held,,2026-03-03T19:02:00+01:00,x",
        'R-2,"GONE",closed,,',
    )
    assert kind_of(data, SETTINGS) == "answers"
    first, second = read_answers(data, NOW, SETTINGS)
    assert (first.request_id, first.answer, first.reason) == ("R-1", "HELD", None)
    assert first.at["instant"] == 1_772_560_920_000_000
    assert (second.answer, second.at) == ("GONE", times.doubtful("", NOW))
    assert second.reason == {"code": "closed", "system": "samband:answer", "mapped": "CLOSED"}


SLOTS = "slotId,service,start,end"


def test_slots_are_read() -> None:
    data = file(
        f"{SLOTS},organisation,department,resource,place,validUntil,serviceSystem,serviceMapped",
        "S-1,SAMTALE,2026-03-11T13:00:00,2026-03-11T13:45:00,,,,,,,",
        "S-2,SAMTALE,2026-03-11 14:00,2026-03-11 14:45,974631768,PPT,T-7,B2,2026-03-09,sys,TALK",
    )
    assert kind_of(data, SETTINGS) == "slots"
    first, second = read_slots(data, AGENCY, SYSTEM, SETTINGS)
    assert first.institution == {"system": SYSTEM, "id": AGENCY, "department": None}
    assert first.service == {
        "code": "SAMTALE", "system": f"urn:samband:service:{AGENCY}", "mapped": "UNKNOWN",
    }  # fmt: skip
    assert first.slot["start"]["instant"] == 1_773_230_400_000_000  # 13:00 in Oslo is 12:00 in Greenwich
    assert (first.slot["resource"], first.slot["place"], first.slot["valid_until"]) == (None, None, None)
    assert second.institution == {
        "system": SETTINGS.institution_system,
        "id": "974631768",
        "department": "PPT",
    }
    assert second.service == {"code": "SAMTALE", "system": "sys", "mapped": "TALK"}
    assert (second.slot["resource"], second.slot["place"]) == ("T-7", "B2")


ROW = "S-1,X,2026-03-11T13:00:00,2026-03-11T13:45:00"


@pytest.mark.parametrize(
    ("lines", "reason", "where"),
    [
        (("slotId,service,start", "S,X,2026"), "csv.missing_column", "slots.csv:1:end"),
        ((SLOTS, ROW, ""), "", ""),
        ((SLOTS, ROW, ROW), "slot.repeated", "slots.csv:3"),
        ((SLOTS, ROW, "S-2,X,,2026-03-11T13:45:00"), "value.missing", "slots.csv:3:start"),
        ((SLOTS, "Per Hansen,X,2026-03-11T13:00,2026-03-11T14:00"), "value.wrong_type", "slots.csv:2:slotId"),
        ((SLOTS, "S-1,X,2026-02-30T13:00,2026-03-11T14:00"), "time.unreadable", "slots.csv:2:start"),
        ((SLOTS, "S-1,X,2026-03-11T13:00,2026-03-11T13:00"), "slot.length", "slots.csv:2"),
        ((SLOTS, "S-1,X,2026-03-11T13:00,2026-03-12T13:01"), "slot.length", "slots.csv:2"),
        ((SLOTS, "S-1,X,2026-03-11T13:00"), "csv.row_length", "slots.csv:2"),
        ((SLOTS, 'S-1,"X,2026'), "csv.quotes", "slots.csv:2"),
        (("requestId,answer", "R-1,MAYBE"), "request.answer", "answers.csv:2:answer"),
        (("requestId,answer", "R-1,"), "value.missing", "answers.csv:2:answer"),
        (("requestId,answer,reason", "R-1,GONE,Han er syk"), "value.wrong_type", "answers.csv:2:reason"),
        (("requestId,answer,answeredAt", "R-1,GONE,nå"), "time.unreadable", "answers.csv:2:answeredAt"),
        (("name,born", "x,y"), "csv.missing_column", "file.csv:1"),
        (("",), "csv.empty", "file.csv"),
    ],
)
def test_a_wrong_file_is_refused_with_its_places(lines: tuple[str, ...], reason: str, where: str) -> None:
    def read() -> None:
        data = file(*lines)
        if kind_of(data, SETTINGS) == "slots":
            read_slots(data, AGENCY, SYSTEM, SETTINGS)
        else:
            read_answers(data, NOW, SETTINGS)

    if not reason:
        read()
        return
    with pytest.raises(SetRefusedError) as refused:
        read()
    assert (refused.value.reason, refused.value.where) == (reason, where)


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"slotId,service,start,end\n", b"requestId,answer\n"]))
def test_no_bytes_break_the_reader(data: bytes, header: bytes) -> None:
    for read in (
        lambda given: read_slots(given, AGENCY, SYSTEM, SETTINGS),
        lambda given: read_answers(given, NOW, SETTINGS),
    ):
        with suppress(SetRefusedError):
            kind_of(header + data, SETTINGS)
            read(header + data)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_slots_go_over_the_bus_and_what_disappears_is_withdrawn(rig: Rig) -> None:
    first = "2099-03-11T13:00:00,2099-03-11T13:45:00"
    (rig.inbox / "free.csv").write_bytes(file(SLOTS, f"S-1,X,{first}", f"S-2,X,{first}"))
    offered = await rig.work()
    assert [fact.record for fact in offered] == ["SlotsOffered"]
    assert [slot["id"] for slot in offered[0].value["slots"]] == ["S-1", "S-2"]
    (rig.inbox / "free again.csv").write_bytes(file(SLOTS, f"S-2,X,{first}"))
    rig.restart()
    assert [(fact.record, fact.value["slot"]) for fact in await rig.work()] == [("SlotWithdrawn", "S-1")]
    assert rig.outcomes == [("PUBLISHED", ""), ("PUBLISHED", "")]
    assert sorted(rig.lying_in("archive")) == ["free again.csv", "free.csv"]


async def test_a_file_that_is_refused_lies_in_failed_and_its_content_nowhere_else(rig: Rig) -> None:
    (rig.inbox / "users.csv").write_bytes(file("givenName,familyName", "Petronella,Zetterqvist"))
    (rig.inbox / "answers.CSV").write_bytes(file("requestId,answer", "R-1,HELD"))
    assert await rig.work() == []
    assert sorted(rig.outcomes) == [
        ("DEAD_LETTERED", "csv.missing_column"),
        ("DEAD_LETTERED", "request.unknown"),
    ]
    assert sorted(rig.lying_in("failed")) == ["answers.CSV", "users.csv"]
    reports = "".join(report.read_text() for report in rig.path.rglob("*.report.txt"))
    assert "answers.csv:2:requestId" in reports
    assert "Petronella" not in reports + str([letter.value for letter in rig.bus.on("inputs.dlq")])
