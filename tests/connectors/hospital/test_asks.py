"""Requests as HL7 messages: written by us, read back by our own parser and by python-hl7."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import hl7 as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hospital.asks import Act, ask, message, placer_id, unaskable
from connectors.hospital.charset import codec_name, decode
from connectors.hospital.header import Header
from connectors.hospital.hl7 import Message
from connectors.hospital.settings import RequestSettings
from connectors.kit import times
from schemas.records import RequestedMove

OSLO = ZoneInfo("Europe/Oslo")
AT = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)
NINE = 1_794_816_000_000_000
"""2026-11-16 09:00 in Oslo."""
HOUR = 3_600_000_000
DAY = 24 * HOUR


def move(**fields: Any) -> RequestedMove:
    made: dict[str, Any] = {
        "appointment": {"system": "hospital.test:PAS", "id": "A1"},
        "institution": {"system": "hospital.test", "id": "SYKEHUS", "department": "NEVR"},
        "old_start": times.exact(NINE),
        "slot": "T7",
        "start": times.exact(NINE + DAY),
        "end": times.exact(NINE + DAY + HOUR // 2),
        "resource": "BERG",
        "place": "NEVR/R1",
        **fields,
    }
    return made  # type: ignore[return-value] # the fields of a RequestedMove


def delivery(**fields: Any) -> RequestSettings:
    return RequestSettings.model_validate({"host": "localhost", **fields})


def written(act: Act, wanted: RequestedMove, settings: RequestSettings, zone: ZoneInfo = OSLO) -> bytes:
    return message(ask(act, "r1", "p1", wanted), AT, settings, zone)


def read(payload: bytes) -> Message:
    header = Header.of(payload)
    assert header is not None
    return Message(decode(payload, header, "iso8859-1"))


PLACER = placer_id("p1", {"system": "hospital.test:PAS", "id": "A1"})
CONTROL = {act: ask(act, "r1", "p1", move()).control_id for act in Act}


def test_a_hold_as_srm():
    text = written(Act.HOLD, move(), delivery()).decode()
    assert text.split("\r") == [
        (
            "MSH|^~\\&|SAMBAND||||20261116090000+0100||SRM^S01^SRM_S01"
            f"|{CONTROL[Act.HOLD]}|P|2.5.1||||||UNICODE UTF-8"
        ),
        (
            f"ARQ|{PLACER}^SAMBAND|T7||p1^SAMBAND||HOLD^^SAMBAND||Tentative^^HL70277|30|min"
            "|20261117090000+0100^20261117093000+0100||||^SAMBAND||||^SAMBAND||||A1^PAS|r1^SAMBAND"
        ),
        "RGS|1|A",
        "AIL|1|A|NEVR^R1|||20261117090000+0100|||30|min",
        "AIP|1|A|BERG|||20261117090000+0100|||30|min",
        "",
    ]


def test_a_hold_as_siu():
    text = written(Act.HOLD, move(), delivery(message="SIU", resource_segment="AIG")).decode()
    assert text.split("\r")[1:] == [
        (
            f"SCH|{PLACER}^SAMBAND|T7||p1^SAMBAND||HOLD^^SAMBAND||Tentative^^HL70277|30|min"
            "|^^^20261117090000+0100^20261117093000+0100|||||^SAMBAND||||^SAMBAND||||A1^PAS|Pending^^HL70278|r1^SAMBAND"
        ),
        "TQ1|1||||||20261117090000+0100|20261117093000+0100",
        "RGS|1|A",
        "AIL|1|A|NEVR^R1|||20261117090000+0100|||30|min",
        "AIG|1|A|BERG|RESOURCE||||20261117090000+0100|||30|min",
        "",
    ]


@pytest.mark.parametrize(
    ("act", "srm", "siu", "filler", "start"),
    [
        (Act.HOLD, "S01", "S12", "T7", "20261117090000+0100"),
        (Act.MOVE, "S02", "S13", "A1", "20261117090000+0100"),
        (Act.LET_GO, "S04", "S15", "T7", "20261117090000+0100"),
        (Act.MOVE_BACK, "S02", "S13", "A1", "20261116090000+0100"),
    ],
)
def test_what_each_act_asks_for(act, srm, siu, filler, start):
    asked = read(written(act, move(), delivery()))
    told = read(written(act, move(), delivery(message="SIU")))
    arq, sch, tq1 = asked.first("ARQ"), told.first("SCH"), told.first("TQ1")
    assert arq is not None
    assert sch is not None
    assert tq1 is not None
    assert asked.first("MSH").values(9, 1, 2) == ["SRM", srm]  # type: ignore[union-attr] # every message has one
    assert told.first("MSH").values(9, 1, 2) == ["SIU", siu]  # type: ignore[union-attr] # every message has one
    assert arq.text(1) == sch.text(1) == PLACER
    assert arq.text(2) == sch.text(2) == filler
    assert arq.text(11) == sch.text(11, 4) == tq1.text(7) == start


def test_ids_are_the_same_each_time_and_differ_where_they_must():
    first = ask(Act.HOLD, "r1", "p1", move())
    assert first == ask(Act.HOLD, "r1", "p1", move())
    others = [
        ask(Act.HOLD, "r2", "p1", move()),
        ask(Act.LET_GO, "r1", "p1", move()),
        ask(Act.HOLD, "r1", "p1", move(appointment={"system": "hospital.test:PAS", "id": "A2"})),
        ask(Act.HOLD, "r1", "p1", move(appointment={"system": "hospital.test:RIS", "id": "A1"})),
    ]
    once_more = ask(Act.HOLD, "r1", "p1", move(), again=1)
    assert once_more.placer == first.placer
    others.append(once_more)
    assert len({first.control_id, *(one.control_id for one in others)}) == 6
    assert [one.placer == first.placer for one in others] == [True, True, False, False, True]
    assert len(first.control_id) == len(first.placer) == 20


@pytest.mark.parametrize(
    ("system", "written_as"),
    [("hospital.test:PAS", "A1^PAS"), ("urn:oid:1.2.3", "A1^^1.2.3^ISO"), ("hospital.test:", "A1")],
)
def test_an_appointment_is_named_as_the_hospital_did(system, written_as):
    wanted = move(appointment={"system": system, "id": "A1"})
    arq = read(written(Act.MOVE, wanted, delivery())).first("ARQ")
    assert arq is not None
    assert arq.raw(2) == written_as


def test_what_left_the_hospital_as_a_digest_cannot_go_back():
    assert unaskable([move()]) is None
    digest = {"system": "hospital.test:PAS", "id": "digest.0123"}
    assert unaskable([move(), move(appointment=digest)]) == "UNKNOWN_APPOINTMENT"
    assert unaskable([move(slot="digest.0123")]) == "UNKNOWN_SLOT"


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)
"""Anything that can stand in a code, separators, escape characters and emoji included."""
codes = texts.filter(lambda text: text.strip() == text and text != '""')
instants = st.integers(946_684_800, 4_102_444_800).map(lambda seconds: seconds * 1_000_000)
"""2000 to 2100, in whole seconds."""
zones = st.sampled_from([OSLO, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/St_Johns")])
charsets = st.sampled_from(["UNICODE UTF-8", "8859/1", "ASCII"])


@st.composite
def moves(draw: st.DrawFn) -> RequestedMove:
    start = draw(instants)
    return move(
        appointment={"system": f"hospital.test:{draw(codes)}", "id": draw(codes)},
        slot=draw(codes),
        old_start=times.exact(draw(instants)),
        start=times.exact(start),
        end=times.exact(start + draw(st.integers(1, 86_400)) * 1_000_000),
        resource=draw(codes.filter(lambda code: "/" not in code)),
        place="/".join(draw(st.lists(codes.filter(lambda code: "/" not in code), min_size=1, max_size=3))),
    )


@given(moves(), st.sampled_from(Act), st.sampled_from(["SRM", "SIU"]), zones, charsets)
def test_our_own_parser_reads_back_what_was_asked(wanted, act, kind, zone, charset):
    settings = delivery(message=kind, charset=charset)
    payload = written(act, wanted, settings, zone)
    found = read(payload)
    head, first = found.first("MSH"), found.first("ARQ" if kind == "SRM" else "SCH")
    assert head is not None
    assert first is not None
    header = Header.of(payload)
    assert header is not None
    assert codec_name(header.charset) == codec_name(charset)
    one = ask(act, "r1", "p1", wanted)
    assert head.text(10) == one.control_id
    assert first.values(1, 1, 2) == [one.placer, "SAMBAND"]
    pencilled = act in (Act.HOLD, Act.LET_GO)
    appointment, system = wanted["appointment"]["id"], wanted["appointment"]["system"].partition(":")[2]
    assert first.values(2, 1, 2) == ([wanted["slot"], ""] if pencilled else [appointment, system])
    parent = first.values(23 if kind == "SRM" else 24, 1, 2)
    assert parent == ([appointment, system] if pencilled else ["", ""])
    start, end = first.values(11, 1, 2) if kind == "SRM" else first.values(11, 4, 5)
    read_start, read_end = times.hl7(start, zone), times.hl7(end, zone)
    assert read_start is not None
    assert read_start["confidence"] == "EXACT"
    if act is Act.MOVE_BACK:
        assert (read_start["instant"], read_end) == (wanted["old_start"]["instant"], None)
        return
    assert read_end is not None
    assert (read_start["instant"], read_end["instant"]) == (
        wanted["start"]["instant"],
        wanted["end"]["instant"],
    )
    place, person = found.first("AIL"), found.first("AIP")
    assert place is not None
    assert person is not None
    parts = (wanted["place"] or "").split("/")
    assert place.values(3, *range(1, len(parts) + 1)) == parts
    assert person.text(3) == wanted["resource"]


plain = st.text("abcÅø 019|^~\\&", min_size=1, max_size=20).filter(lambda text: text.strip() == text)


@given(plain, plain, plain, st.sampled_from(Act), st.sampled_from(["SRM", "SIU"]))
def test_python_hl7_reads_the_same(slot, appointment, resource, act, kind):
    wanted = move(
        slot=slot, appointment={"system": "hospital.test:PAS", "id": appointment}, resource=resource
    )
    payload = written(act, wanted, delivery(message=kind))
    found = oracle.parse(payload.decode())
    one = ask(act, "r1", "p1", wanted)
    name = "ARQ" if kind == "SRM" else "SCH"

    def field(segment: str, number: int, component: int = 1) -> str:
        return str(found.extract_field(segment, 1, number, 1, component))

    assert found.extract_field("MSH", 1, 10) == one.control_id
    assert field(name, 1) == one.placer
    assert field(name, 2) == (slot if act in (Act.HOLD, Act.LET_GO) else appointment)
    assert field(name, 11, 1 if kind == "SRM" else 4) == (
        "20261116090000+0100" if act is Act.MOVE_BACK else "20261117090000+0100"
    )
    if act is not Act.MOVE_BACK:
        assert field("AIP", 3) == resource
        assert (field("AIL", 3, 1), field("AIL", 3, 2)) == ("NEVR", "R1")


def test_a_length_that_is_no_whole_minute_is_said_in_seconds():
    wanted = move(end=times.exact(NINE + DAY + 90_000_000))
    arq = read(written(Act.HOLD, wanted, delivery())).first("ARQ")
    assert arq is not None
    assert (arq.text(9), arq.text(10)) == ("90", "s")


def test_the_hospitals_own_names_and_enhanced_mode_stand_in_the_header():
    settings = delivery(
        application="BUSS",
        facility="FYLKE",
        receiving_application="DIPS",
        receiving_facility="SI",
        acknowledgements="enhanced",
        version="2.4",
        processing_id="T",
        charset="8859/1",
    )
    head = written(Act.HOLD, move(), settings).split(b"\r")[0].decode()
    assert head == (
        "MSH|^~\\&|BUSS|FYLKE|DIPS|SI|20261116090000+0100||SRM^S01^SRM_S01"
        f"|{CONTROL[Act.HOLD]}|T|2.4|||AL|AL||8859/1"
    )


def test_summer_time_is_written_with_its_own_offset():
    july = int(datetime(2026, 7, 1, 7, 0, tzinfo=UTC).timestamp()) * 1_000_000
    wanted = move(start=times.exact(july), end=times.exact(july + HOUR))
    arq = read(written(Act.HOLD, wanted, delivery())).first("ARQ")
    assert arq is not None
    assert arq.raw(11) == "20260701090000+0200^20260701100000+0200"
