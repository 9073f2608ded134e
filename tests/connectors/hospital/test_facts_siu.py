"""SIU: appointments."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.hospital.testing import Booking, siu
from tests.connectors.hospital.messages import (
    AGENCY,
    EMIL,
    FNR,
    FNR_SYSTEM,
    MORNING,
    envelope,
    facts,
    identifier,
    letter,
    raw,
)

NINE = 1_794_816_000_000_000
MINUTE = 60_000_000
PID = "PID|1||4711^^^SYKEHUS^MR"
BOOKING = Booking(
    number="A1", start=MORNING + timedelta(days=1), minutes=45, title="Kontroll & prøve", department="NEVR",
    room="R1", practitioner="Berg", note="Møt fastende",
)  # fmt: skip


def booked(trigger: str = "S12", **changes: Any) -> bytes:
    return siu(trigger, envelope(), EMIL, replace(BOOKING, **changes))


@pytest.mark.parametrize(
    ("trigger", "record"),
    [("S12", "AppointmentScheduled"), ("S13", "AppointmentRescheduled"), ("S14", "AppointmentModified")],
)
def test_booked_moved_and_modified(trigger, record):
    (fact,) = facts(booked(trigger))
    start = NINE + 24 * 60 * MINUTE
    assert fact.record == record
    assert dict(fact.identifiers[0]) == identifier(FNR_SYSTEM, FNR, national=True)
    assert fact.body["appointment"] == {"system": f"{AGENCY}:PAS", "id": "A1"}
    assert fact.body["institution"] == {"system": AGENCY, "id": "SYKEHUS", "department": "NEVR"}
    assert fact.body["start"]["instant"] == start
    assert fact.body["end"]["instant"] == start + 45 * MINUTE
    assert fact.body["place"] == "NEVR/R1"
    assert fact.body["status"] == {"code": "Booked", "system": "HL70278", "mapped": "BOOKED"}
    assert fact.body["details"] == {
        "title": "Kontroll & prøve", "practitioner": "Berg", "place": "R1", "instructions": "Møt fastende",
    }  # fmt: skip
    assert fact.occurred["instant"] == NINE


@pytest.mark.parametrize(
    ("trigger", "status", "reason"),
    [
        ("S15", "Cancelled", "CANCELLED"),
        ("S15", "Deleted", "ENTERED_IN_ERROR"),
        ("S15", "Booked", "CANCELLED"),
        ("S16", "Dc", "DISCONTINUED"),
        ("S17", "Deleted", "ENTERED_IN_ERROR"),
        ("S14", "Cancelled", "CANCELLED"),
        ("S14", "Dc", "DISCONTINUED"),
        ("S13", "Deleted", "ENTERED_IN_ERROR"),
    ],
)
def test_what_will_not_take_place(trigger, status, reason):
    (fact,) = facts(booked(trigger, status=status))
    assert fact.record == "AppointmentCancelled"
    assert fact.body["reason"] == {"code": status, "system": "HL70278", "mapped": reason}
    assert fact.body["start"]["instant"] == NINE + 24 * 60 * MINUTE


def test_a_cancellation_without_status_names_its_trigger():
    (fact,) = facts(raw("SCH||A1", PID, kind="SIU^S15"))
    assert fact.body["reason"] == {"code": "S15", "system": "HL70003", "mapped": "CANCELLED"}
    assert fact.body["start"] is None


@pytest.mark.parametrize("trigger", ["S26", "S14"])
def test_missed(trigger):
    (fact,) = facts(booked(trigger, status="Noshow"))
    assert fact.record == "AppointmentMissed"
    assert fact.occurred["instant"] == fact.body["start"]["instant"] == NINE + 24 * 60 * MINUTE
    assert fact.recorded["instant"] == NINE


@pytest.mark.parametrize(
    ("status", "mapped"),
    [("Pending", "PROPOSED"), ("Waitlist", "PROPOSED"), ("Started", "ARRIVED"), ("Complete", "FULFILLED"),
     ("BOOKED", "BOOKED"), ("Blocked", "UNKNOWN"), ("noe annet", "UNKNOWN"), ("", "BOOKED")],
)  # fmt: skip
def test_status(status, mapped):
    (fact,) = facts(booked(status=status))
    assert fact.body["status"]["mapped"] == mapped


SCH = "SCH||A1|||||||60|s|^^^202611170800+0100^202611170845+0100"
AIS = "AIS|1|A|X^Y|202611170900+0100|||50|min^Minutes^ISO"
TQ1 = "TQ1|||||||202611171000+0100|202611171020+0100"


@pytest.mark.parametrize(
    ("segments", "start", "end"),
    [
        ([SCH, TQ1, AIS], 25 * 60, 25 * 60 + 20),
        ([SCH, TQ1.rpartition("|")[0], AIS], 25 * 60, 25 * 60 + 50),
        ([SCH, AIS], 24 * 60, 24 * 60 + 50),
        ([SCH], 23 * 60, 23 * 60 + 1),
        ([SCH.replace("60|s", "|")], 23 * 60, 23 * 60 + 45),
        ([SCH.replace("60|s", "30|")], 23 * 60, 23 * 60 + 30),
        ([SCH.replace("60|s", "2|parsec")], 23 * 60, 23 * 60 + 45),
        ([SCH.replace("|60|s", "||").replace("^202611170845+0100", "")], 23 * 60, None),
        ([SCH, TQ1.replace("1020", "0930")], 25 * 60, None),
    ],
    ids=[
        "TQ1",
        "TQ1 and AIS duration",
        "AIS",
        "SCH",
        "SCH end",
        "no unit",
        "odd unit",
        "no end",
        "end first",
    ],
)
def test_start_and_end_follow_one_rule(segments, start, end):
    (fact,) = facts(raw(*segments, PID, kind="SIU^S12"))
    assert fact.body["start"]["instant"] == NINE + start * MINUTE
    assert (fact.body["end"] and fact.body["end"]["instant"]) == (
        None if end is None else NINE + end * MINUTE
    )


def test_the_placers_id_stands_in_for_the_fillers():
    (fact,) = facts(raw("SCH|P1^PLACER|", PID, TQ1, kind="SIU^S12"))
    assert fact.body["appointment"] == {"system": f"{AGENCY}:PLACER", "id": "P1"}
    (fact,) = facts(raw("SCH|P1|F1^^1.2.3^ISO", PID, TQ1, kind="SIU^S12"))
    assert fact.body["appointment"] == {"system": "urn:oid:1.2.3", "id": "F1"}


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([PID, TQ1], ("appointment.no_id", "SCH")),
        (["SCH|", PID, TQ1], ("appointment.no_id", "SCH-2")),
        (["SCH||A1", PID], ("appointment.no_start", "SCH-11.4")),
        (["SCH||A1", TQ1], ("subject.missing", "PID")),
        (["SCH||A1", PID, "TQ1|||||||20260230"], ("time.unreadable", "TQ1-7")),
        (["SCH||A1|||||||||^^^29990231", PID], ("time.unreadable", "SCH-11.4")),
        (["SCH||A1", PID, AIS.replace("202611170900", "202611172561")], ("time.unreadable", "AIS-4")),
    ],
)
def test_what_cannot_be_mapped_says_where(segments, expected):
    assert letter(raw(*segments, kind="SIU^S12")) == expected


def test_a_group_appointment_is_a_fact_for_each_patient():
    found = facts(raw(SCH, PID, "PID|2||4712^^^SYKEHUS^MR", AIS, kind="SIU^S12"))
    assert [dict(fact.identifiers[0]) for fact in found] == [
        identifier(f"{AGENCY}:SYKEHUS", "4711"), identifier(f"{AGENCY}:SYKEHUS", "4712"),
    ]  # fmt: skip


def test_only_notes_for_the_citizen_leave_the_hospital():
    notes = ("NTE|1||On the whole", "PID|1||4711", "RGS|1", AIS, "NTE|1||For staff", "NTE|2||Fast first|PI")
    (fact,) = facts(raw("SCH||A1", *notes, kind="SIU^S12"))
    assert fact.body["details"]["instructions"] == "On the whole\nFast first"


def test_an_appointment_under_adt_is_read_by_its_trigger():
    (fact,) = facts(raw(SCH, PID, kind="ADT^S12"))
    assert fact.record == "AppointmentScheduled"
