"""ADT: expected facts are written down from the standard and the contract."""

from datetime import datetime
from typing import Any

import pytest

from connectors.hospital.testing import Patient, adt
from tests.connectors.hospital.messages import (
    AGENCY,
    EMIL,
    FNR,
    FNR_SYSTEM,
    MORNING,
    RECEIVED,
    ZONE,
    envelope,
    facts,
    identifier,
    ignored,
    letter,
    raw,
    reading,
)

NINE = 1_794_816_000_000_000
"""2026-11-16T08:00:00Z in microseconds, worked out with `date -d 2026-11-16T09:00:00+0100 +%s`."""
OWN = f"{AGENCY}:SYKEHUS"
HERE = {"system": AGENCY, "id": "SYKEHUS", "department": "MEDI"}
PID = "PID|1||4711^^^SYKEHUS^MR||Øvrebø^Emil^K||20170301"
VISIT = f"PV1|1|I|MEDI^12^2{'|' * 16}V1"
EMILS = [identifier(FNR_SYSTEM, FNR, national=True), identifier(OWN, "4711")]


def stay(trigger: str, patient: Patient = EMIL, **more: Any) -> bytes:
    return adt(trigger, envelope(), patient, visit="V1", department="MEDI", **more)


@pytest.mark.parametrize("trigger", ["A01", "A04"])
def test_admission(trigger):
    (fact,) = facts(stay(trigger))
    assert fact.record == "StayStarted"
    assert [dict(one) for one in fact.identifiers] == EMILS
    assert fact.body["stay"] == {"system": OWN, "id": "V1"}
    assert fact.body["institution"] == HERE
    assert fact.body["start"] == {
        "instant": NINE, "source": "20261116090000+0100", "confidence": "EXACT",
    }  # fmt: skip
    assert fact.body["kind"] == {"code": "I", "system": "HL70004", "mapped": "INPATIENT"}
    assert fact.body["ward"] == "MEDI"
    assert fact.occurred == fact.body["start"]
    assert fact.remarks == ()


def test_discharge():
    (fact,) = facts(stay("A03"))
    assert (fact.record, fact.body["end"]["instant"], fact.body["disposition"]) == ("StayEnded", NINE, None)


def test_leave_and_return():
    evn = "EVN|A21|20261116090000+0100||||20261115180000+0100"
    expected = "PV2" + "|" * 47 + "20261118"
    (fact,) = facts(raw(evn, PID, VISIT, expected, kind="ADT^A21"))
    assert (fact.record, fact.body["phase"]) == ("StayOnLeave", "STARTED")
    assert fact.body["at"]["instant"] == NINE - 15 * 3600 * 1_000_000
    assert fact.body["expected_return"]["confidence"] == "DATE_ONLY"
    (fact,) = facts(stay("A22"))
    assert (fact.body["phase"], fact.body["expected_return"]) == ("ENDED", None)


@pytest.mark.parametrize(
    ("trigger", "correction"), [("A11", "ADMISSION_CANCELLED"), ("A13", "DISCHARGE_CANCELLED")]
)
def test_cancelled_admission_and_discharge(trigger, correction):
    (fact,) = facts(stay(trigger))
    assert (fact.record, fact.body["correction"], fact.body["other_key"]) == (
        "StayCorrected", correction, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trigger", "record"), [("A28", "PersonRegistered"), ("A08", "PersonUpdated"), ("A31", "PersonUpdated")]
)
def test_person(trigger, record):
    (fact,) = facts(adt(trigger, envelope(), EMIL))
    assert fact.record == record
    assert fact.body["details"] == {
        "family_name": "Øvrebø", "given_name": "Emil", "birth_date": "2017-03-01",
    }  # fmt: skip
    assert fact.body["status"]["mapped"] == "ACTIVE"
    assert fact.body["roles"] == ["PATIENT"]
    assert fact.body["institution"] == {**HERE, "department": None}


@pytest.mark.parametrize(
    ("born", "expected"),
    [("198808181126+0215", "1988-08-18"), ("201703", "2017-03"), ("2017", "2017"), ("19000101", None),
     ("196203520", "196203520"), ("20170230", "20170230"), ("", None), ('""', None)],
)  # fmt: skip
def test_birth_dates(born, expected):
    (fact,) = facts(raw(f"PID|1||4711||A^B||{born}", kind="ADT^A31"))
    assert fact.body["details"]["birth_date"] == expected


def test_death():
    (fact,) = facts(raw(f"PID|1||4711{'|' * 26}20261101|Y", kind="ADT^A08"))
    assert fact.body["status"] == {"code": "Y", "system": "HL70136", "mapped": "DECEASED"}


def test_relations_need_an_identifier_of_the_other_person():
    mother = f"NK1|1|Øvrebø^Anne|MTH{'|' * 30}{FNR}^^^&2.16.578.1.12.4.1.4.1&ISO"
    card = f"NK1|2|Øvrebø^Per|FTH{'|' * 30}I-123^^^^BA"
    (fact,) = facts(raw(PID, mother, card, kind="ADT^A28"))
    assert fact.body["relations"] == [
        {"kind": "HAS_GUARDIAN", "person": identifier(FNR_SYSTEM, FNR, national=True)}
    ]


def test_link():
    (fact,) = facts(
        adt("A24", envelope(), Patient(number="4711"), prior=[Patient(number="99", national=FNR)])
    )
    assert fact.record == "IdentityLinked"
    assert [dict(one) for one in fact.identifiers] == [identifier(OWN, "4711")]
    assert fact.body["linked"] == [identifier(FNR_SYSTEM, FNR, national=True), identifier(OWN, "99")]
    assert fact.body["reason"]["code"] == "A24"


def test_unlinked_patients_are_two_again():
    (fact,) = facts(adt("A37", envelope(), Patient(number="4711"), prior=[Patient(number="", national=FNR)]))
    assert fact.record == "IdentityUnlinked"
    assert [dict(one) for one in fact.identifiers] == [identifier(OWN, "4711")]
    assert fact.body["unlinked"] == [identifier(FNR_SYSTEM, FNR, national=True)]
    assert fact.body["reason"] == {"code": "A37", "system": "HL70003", "mapped": "UNLINKED"}


def test_what_both_patients_have_is_not_unlinked():
    assert ignored(adt("A37", envelope(), EMIL, prior=[EMIL])) == "nothing_to_say"


def test_unlink_as_the_standard_writes_it():
    # ADT_A37: EVN, then each patient as PID, perhaps with PD1 and PV1 behind it.
    (fact,) = facts(
        raw(
            "EVN|A37|20261116",
            "PID|1||A^^^X^MR",
            "PD1|",
            "PV1|1|I",
            "PID|2||B^^^X^MR",
            kind="ADT^A37^ADT_A37",
        )
    )
    system = f"{AGENCY}:X"
    assert dict(fact.identifiers[0]) == identifier(system, "A")
    assert fact.body["unlinked"] == [identifier(system, "B")]


@pytest.mark.parametrize("trigger", ["A34", "A40"])
def test_merge(trigger):
    (fact,) = facts(adt(trigger, envelope(), EMIL, prior=[Patient(number="99")]))
    assert fact.record == "IdentityMerged"
    assert [dict(one) for one in fact.identifiers] == EMILS
    assert fact.body["retired"] == [identifier(OWN, "99")]
    assert fact.body["retired_key"] == identifier(OWN, "99")["pseudonym"]
    assert fact.body["reason"] == {"code": trigger, "system": "HL70003", "mapped": "MERGED"}


def test_repeating_merge_groups_give_a_fact_each():
    found = facts(
        raw("PID|1||A^^^X^MR", "MRG|B^^^X", "PID|1||C^^^X^MR", "PD1|", "MRG|D^^^X", kind="ADT^A40^ADT_A39")
    )
    system = f"{AGENCY}:X"
    pairs = [(dict(fact.identifiers[0]), fact.body["retired"]) for fact in found]
    assert pairs == [
        (identifier(system, "A"), [identifier(system, "B")]),
        (identifier(system, "C"), [identifier(system, "D")]),
    ]


def test_a_merge_never_retires_what_the_survivor_has():
    same = Patient(number="99", national=FNR)
    (fact,) = facts(adt("A40", envelope(), EMIL, prior=[same]))
    assert fact.body["retired"] == [identifier(OWN, "99")]
    assert ignored(adt("A40", envelope(), EMIL, prior=[EMIL])) == "nothing_to_say"


def test_changed_identifier():
    (fact,) = facts(adt("A47", envelope(), EMIL, prior=[Patient(number="99")]))
    assert fact.record == "IdentityMerged"
    assert [dict(one) for one in fact.identifiers] == EMILS
    assert fact.body["retired"] == [identifier(OWN, "99")]
    assert fact.body["retired_key"] == identifier(OWN, "99")["pseudonym"]
    assert fact.body["reason"] == {"code": "A47", "system": "HL70003", "mapped": "IDENTIFIER_CHANGED"}


def test_moved_visit_is_told_to_both():
    here, away = facts(stay("A45", prior=[Patient(number="99")]))
    assert (here.record, here.body["correction"]) == ("StayCorrected", "MOVED_HERE")
    assert (away.record, away.body["correction"]) == ("StayCorrected", "MOVED_AWAY")
    assert dict(away.identifiers[0]) == identifier(OWN, "99")
    assert here.body["other_key"] == identifier(OWN, "99")["pseudonym"]
    assert away.body["other_key"] == EMILS[0]["pseudonym"]
    assert here.body["stay"] == away.body["stay"] == {"system": OWN, "id": "V1"}


@pytest.mark.parametrize(
    ("kind", "segments", "expected"),
    [
        ("ADT^A01", [VISIT], ("subject.missing", "PID")),
        ("ADT^A01", ["PID|1||", VISIT], ("subject.missing", "PID-3")),
        ("ADT^A01", [PID], ("stay.no_id", "PV1")),
        ("ADT^A01", [PID, "PV1|1|I"], ("stay.no_id", "PV1-19")),
        ("ADT^A01", [PID, f"{VISIT}{'|' * 25}20260230"], ("time.unreadable", "PV1-44")),
        ("ADT^A03", [PID, f"{VISIT}{'|' * 26}2026111661"], ("time.unreadable", "PV1-45")),
        ("ADT^A40", [PID], ("merge.no_old_id", "MRG")),
        ("ADT^A40", [PID, "MRG|"], ("merge.no_old_id", "MRG-1")),
        ("ADT^A40", ["MRG|99", PID], ("subject.missing", "PID")),
        ("ADT^A40", [PID, "MRG|1", "PID|1||", "MRG|2"], ("subject.missing", "PID[2]-3")),
        ("ADT^A24", [PID], ("subject.missing", "PID[2]")),
        ("ADT^A37", [PID], ("subject.missing", "PID[2]")),
        ("ADT^A45", [PID, "MRG|99"], ("stay.no_id", "MRG-5")),
        ("", [PID], ("hl7.no_type", "MSH-9")),
        ("ADT", [PID], ("hl7.no_type", "MSH-9.2")),
    ],
)
def test_what_cannot_be_mapped_says_where(kind, segments, expected):
    assert letter(raw(*segments, kind=kind)) == expected


def test_times_are_taken_from_the_next_best_place_and_doubted():
    (fact,) = facts(raw("EVN||20261116100000+0100", PID, VISIT))
    assert fact.body["start"] == {
        "instant": NINE + 3600 * 1_000_000, "source": "20261116100000+0100", "confidence": "DOUBTFUL",
    }  # fmt: skip
    assert fact.recorded["confidence"] == "EXACT"
    assert "time.doubtful" in fact.remarks
    (fact,) = facts(raw("EVN||rubbish||||", PID, VISIT).replace(b"20261116090000+0100", b"2026023"))
    assert fact.recorded == {"instant": RECEIVED, "source": "", "confidence": "DOUBTFUL"}


def test_local_times_are_in_the_sources_zone():
    local = raw(PID, f"{VISIT}{'|' * 25}202611160900")
    (fact,) = facts(local)
    assert (fact.body["start"]["instant"], fact.body["start"]["confidence"]) == (NINE, "NO_ZONE")
    (fact,) = facts(local, reading(zone="Europe/Helsinki"))
    assert fact.body["start"]["instant"] == NINE - 3600 * 1_000_000
    assert "time.no_zone" in fact.remarks


def test_the_trigger_of_msh_decides_and_the_other_is_remarked_on():
    (fact,) = facts(raw("EVN|A40|20261116", "PID|1||A^^^X", "MRG|B^^^X", kind="ADT^A34"))
    assert fact.body["reason"]["code"] == "A34"
    assert "message.type_mismatch" in fact.remarks
    (fact,) = facts(raw("EVN|A28|20261116", PID, kind="ADT"))
    assert fact.record == "PersonRegistered"


def test_what_the_message_lacks_is_remarked_on():
    (fact,) = facts(raw(PID, kind="ADT^A31", control_id="").replace(b"|SYKEHUS||", b"|||"))
    assert {"message.id_missing", "institution.default"} <= set(fact.remarks)
    assert fact.body["institution"]["id"] == AGENCY


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([], "NONE"),
        (["PD1||||||||||||N"], "NONE"),
        (["PD1||||||||||||Y"], "CONFIDENTIAL"),
        (["PD1||||||||||||7"], "CONFIDENTIAL_ADDRESS"),
        (["PD1||||||||||||SPSF"], "STRICTLY_CONFIDENTIAL_ADDRESS"),
        (["PV1|1|I||||||||||||||VIP^Very Important Person"], "CONFIDENTIAL"),
        (["ARV|1|A|DEM"], "CONFIDENTIAL_ADDRESS"),
        (["ARV|1|A|HIV"], "CONFIDENTIAL"),
        (["ARV|1|D|ALL"], "NONE"),
        (["ARV|1|A|ALL", "PD1||||||||||||N"], "STRICTLY_CONFIDENTIAL_ADDRESS"),
        (["ARV|1|A|LOC", "ARV|2|A|HIV"], "CONFIDENTIAL_ADDRESS"),
        (["PV1|1|I||||||||||||||nobody explained this"], "STRICTLY_CONFIDENTIAL_ADDRESS"),
    ],
)
def test_protection_is_the_strictest_that_is_said(segments, expected):
    (fact,) = facts(raw(PID, *segments, kind="ADT^A31"))
    assert fact.protection == expected


def test_the_hospitals_own_protection_codes():
    using = reading(protection_codes={"STAFF": "CONFIDENTIAL", "Y": "NONE"})
    (fact,) = facts(raw(PID, "PV1|1|I||||||||||||||STAFF", kind="ADT^A31"), using)
    assert fact.protection == "CONFIDENTIAL"


@pytest.mark.parametrize("kind", ["ORU^R01", "REF^I12", "ADT^A60", "ADT^A02", "SIU^S18", "ADT^A99"])
def test_other_types_are_ignored(kind):
    assert ignored(raw(PID, kind=kind)) == "hl7.type_not_carried"


def test_an_acknowledgement_is_ignored():
    assert ignored(raw("MSA|AA|1", kind="ACK^A01^ACK")) == "hl7.acknowledgement"


def test_morning_is_nine_o_clock():
    assert datetime(2026, 11, 16, 9, 0, tzinfo=ZONE) == MORNING
    assert int(MORNING.timestamp()) * 1_000_000 == NINE
