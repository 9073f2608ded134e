"""S24 and S23: times that can be booked, and times that no longer can."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.hospital.testing import FreeTime, slot
from connectors.kit.assembly import AssemblyContext, assemble
from schemas.codec import Codec
from tests.connectors.hospital.messages import (
    AGENCY,
    FNR,
    MORNING,
    described,
    envelope,
    facts,
    ignored,
    letter,
    raw,
    reading,
)

NINE = 1_794_816_000_000_000
MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
FREE = FreeTime(
    number="T7", start=MORNING + timedelta(days=1), minutes=45, service="MR-KNE", department="RAD",
    room="MR1", practitioner="BERG",
)  # fmt: skip
SHELF = f"slots|{AGENCY}|SYKEHUS|RAD|:MR-KNE"
WHERE = {"system": AGENCY, "id": "SYKEHUS", "department": "RAD"}
SERVICE = {"code": "MR-KNE", "system": "", "mapped": "UNKNOWN"}


def message(trigger: str = "S24", **changes: Any) -> bytes:
    return slot(trigger, envelope(), replace(FREE, **changes))


def test_a_time_that_is_opened_is_offered():
    (fact,) = facts(message())
    assert (fact.record, fact.key, fact.identifiers) == ("SlotsOffered", SHELF, ())
    assert (fact.sensitivity, fact.protection) == ("INTERNAL", "NONE")
    assert fact.occurred["instant"] == NINE
    (offered,) = fact.body["slots"]
    assert {**fact.body, "slots": []} == {"institution": WHERE, "service": SERVICE, "slots": []}
    assert (offered["id"], offered["resource"], offered["place"]) == ("T7", "BERG", "RAD/MR1")
    assert offered["start"]["instant"] == NINE + DAY
    assert offered["end"]["instant"] == NINE + DAY + 45 * MINUTE
    assert offered["valid_until"] is None


@pytest.mark.parametrize(
    ("status", "reason", "mapped"),
    [("Blocked", "S23", "CLOSED"), ("Booked", "S23", "TAKEN"), ("", "MOVED", "MOVED"), ("", "?", "UNKNOWN")],
)
def test_a_time_that_is_blocked_is_withdrawn(status, reason, mapped):
    sent = (
        message("S23")
        .replace(b"|Blocked", f"|{status}".encode())
        .replace(b"||||S23|", f"||||{reason}|".encode())
    )
    (fact,) = facts(sent)
    assert (fact.record, fact.key) == ("SlotWithdrawn", SHELF)
    assert fact.body == {
        "institution": WHERE,
        "service": SERVICE,
        "slot": "T7",
        "reason": {"code": status or reason, "system": "HL70278" if status else "", "mapped": mapped},
    }


def test_a_time_in_the_past_can_still_be_withdrawn():
    (fact,) = facts(message("S23", start=MORNING - timedelta(days=400)))
    assert fact.record == "SlotWithdrawn"


AIS = "AIS|{0}|A|{1}|202611{2}0900+0100|||30|min"


def test_several_services_are_several_slots_on_their_shelves():
    found = facts(
        raw(
            "SCH||W1", "RGS|1", AIS.format(1, "MR", 17), AIS.format(2, "CT", 18),
            "AIL|1|A|RAD^MR1", "AIP|1|A|BERG", "RGS|2", AIS.format(3, "MR", 19),
            "AIL|1|A|RAD^MR2", "AIG|1|A|SCANNER2",
            kind="SIU^S24",
        )
    )  # fmt: skip
    told = {
        fact.key: [(one["id"], one["place"], one["resource"]) for one in fact.body["slots"]] for fact in found
    }
    assert told == {
        f"slots|{AGENCY}|SYKEHUS|RAD|:MR": [("W1/1", "RAD/MR1", "BERG"), ("W1/3", "RAD/MR2", "SCANNER2")],
        f"slots|{AGENCY}|SYKEHUS|RAD|:CT": [("W1/2", "RAD/MR1", "BERG")],
    }
    withdrawn = facts(
        raw(
            "SCH||W1",
            "RGS|1",
            AIS.format(1, "MR", 17),
            AIS.format(2, "CT", 18),
            "AIL|1|A|RAD",
            kind="SIU^S23",
        )
    )
    assert [(fact.key[-2:], fact.body["slot"]) for fact in withdrawn] == [("MR", "W1/1"), ("CT", "W1/2")]


def test_where_one_slot_is_meant_its_times_may_stand_in_the_schedule():
    times = "SCH||T7|||||||||^^^202611170900+0100^202611170945+0100"
    (fact,) = facts(raw(times, "RGS|1", "AIS|1|A|MR", kind="SIU^S24"))
    (offered,) = fact.body["slots"]
    assert (offered["start"]["instant"], offered["end"]["instant"]) == (NINE + DAY, NINE + DAY + 45 * MINUTE)
    assert letter(raw(times, "RGS|1", "AIS|1|A|MR", "AIS|2|A|CT", kind="SIU^S24")) == (
        "slot.no_start",
        "AIS-4",
    )


def no_length(payload: bytes) -> bytes:
    return (
        payload.replace(b"|||45|min", b"")
        .replace(b"^20261117094500+0100", b"")
        .replace(b"|20261117094500+0100", b"")
    )


@pytest.mark.parametrize(
    ("payload", "reason", "place"),
    [
        (message(number=""), "slot.no_id", "SCH-2"),
        (message(service=""), "slot.no_service", "AIS-3"),
        (raw("SCH||T7", kind="SIU^S24"), "slot.no_service", "AIS"),
        (raw("RGS|1", AIS.format(1, "MR", 17), kind="SIU^S24"), "slot.no_id", "SCH-2"),
        (raw("SCH||T7", "RGS|1", "AIS|1|A|MR", kind="SIU^S24"), "slot.no_start", "AIS-4"),
        (raw("SCH||T7", "RGS|1", AIS.format(1, "MR", 31), kind="SIU^S24"), "time.unreadable", "AIS-4"),
        (
            message()
            .replace(b"202611170900", b"20261117")
            .replace(b"20261117094500+0100", b"")
            .replace(b"2026111700+0100", b"20261117"),
            "slot.no_start",
            "AIS-4",
        ),
        (no_length(message()), "slot.no_end", "AIS-7"),
        (message(start=MORNING - timedelta(days=400)), "slot.past", "AIS-4"),
        (message(minutes=24 * 60 + 1), "slot.length", "AIS-7"),
        (message("S23", number=""), "slot.no_id", "SCH-2"),
        (message("S23", service=""), "slot.no_service", "AIS-3"),
    ],
)
def test_what_cannot_be_offered_says_where(payload, reason, place):
    assert letter(payload) == (reason, place)


def test_one_bad_slot_names_its_place_among_several():
    payload = raw("SCH||W1", "RGS|1", AIS.format(1, "MR", 17), AIS.format(2, "", 18), kind="SIU^S24")
    assert letter(payload) == ("slot.no_service", "AIS[2]-3")


def test_a_day_is_not_too_long_and_the_very_minute_is_too_late():
    assert facts(message(minutes=24 * 60))[0].record == "SlotsOffered"
    assert letter(message(start=MORNING)) == ("slot.past", "AIS-4")  # by the message's own time, MSH-7
    assert facts(message(start=MORNING + timedelta(seconds=1)))[0].record == "SlotsOffered"


@pytest.mark.parametrize("trigger", ["S23", "S24"])
def test_a_hospital_that_means_something_else_by_them_may_say_so(trigger):
    assert ignored(message(trigger), reading(slots=False)) == "hl7.type_not_carried"


def test_they_fit_the_contract_and_lie_on_their_shelf():
    for trigger in ("S24", "S23"):
        payload = message(trigger)
        for made in assemble(facts(payload), described(payload), AssemblyContext("x", AGENCY, "b", "p")):
            Codec().encode(made.record, made.value)
            assert (made.topic, made.key) == ("slot", SHELF)


def test_a_number_of_a_person_leaves_as_a_digest():
    (fact,) = facts(message(number=f"T{FNR}", practitioner=FNR, room=FNR))
    assert FNR not in str(fact)
