"""All HL7 samples through the running connector, over a real socket into a real Kafka.

The expectations were written down from the messages and the mapping table by hand. Instants are from
`date -d '2021-09-24 09:30:00 +02:15' +%s`: the offset ``+0215`` exists nowhere, so they are doubtful.
"""

from pathlib import Path
from typing import Any

import hl7
import pytest

from connectors.kit.pseudonyms import Pseudonyms
from tests.connectors.hospital.kafka_rig import FACTS, KEY, Connected, connected
from tests.connectors.hospital.messages import AGENCY

FACILITY = {"system": "urn:oid", "id": "2.16.840.1.122848.1.30"}
TEST1, USSSA, ADT1 = f"{AGENCY}:test1", f"{AGENCY}:USSSA", f"{AGENCY}:ADT1"
EVERYMAN = [(TEST1, "PATID1234"), (USSSA, "123456789")]
SECOND = 1_000_000


def doubtful(seconds: float, source: str) -> dict[str, Any]:
    return {"instant": int(seconds * SECOND), "source": source, "confidence": "DOUBTFUL"}


ADMITTED = doubtful(1_423_391_059, "20150208113419+0110")
DISCHARGED = doubtful(1_423_477_459, "20150209113419+0110")
WRITTEN = doubtful(1_880_257_884, "20290801070624+0115")
HAPPENED = {"instant": 1_629_206_383_400_000, "source": "20210817151943.4+0200", "confidence": "EXACT"}
START = doubtful(1_632_467_700, "20210924093000+0215")
END = doubtful(1_632_470_700, "20210924102000+0215")
STAY = {"system": f"{AGENCY}:AccMng", "id": "40007716"}
STAY_DETAILS = {"reason": "Chronic pharyngitis", "ward": "HUH AE OMU, OMU B, Bed 03, HOMERTON UNIVER"}
PERSON = {
    "status": {"code": "Y", "system": "HL70136", "mapped": "DECEASED"},
    "roles": ["PATIENT"],
    "relations": [],  # NK1-33 holds a bank account and a card
    "institution": {**FACILITY, "department": None},
    "details": {"family_name": "EVERYMAN", "given_name": "ADAM A", "birth_date": "1988-08-18"},
}
APPOINTMENT = {"system": f"{AGENCY}:SCHApp", "id": "36996"}


def details(instructions: str | None) -> dict[str, Any]:
    """From S13 on the samples have their note in NTE-2, which is the source of a comment, not the comment."""
    return {
        "title": "Biopsy of colon (procedure)",
        "practitioner": "Robert GE",
        "place": "GH Clinic, Room01",
        "instructions": instructions,
    }


def planned(instructions: str | None, room: str = "Room01") -> dict[str, Any]:
    return {
        "appointment": APPOINTMENT,
        "institution": {**FACILITY, "department": "055"},
        "start": START,
        "end": END,
        "place": f"055/{room}",
        "service": {"code": "76164006", "system": "SCT", "mapped": "UNKNOWN"},
        "status": {"code": "Booked", "system": "HL70278", "mapped": "BOOKED"},
        "details": {**details(instructions), "place": f"GH Clinic, {room}"},
    }


def off(status: str, mapped: str) -> dict[str, Any]:
    return {
        "appointment": APPOINTMENT,
        "institution": {**FACILITY, "department": "055"},
        "start": START,
        "reason": {"code": status, "system": "HL70278", "mapped": mapped},
        "details": details(None),
    }


MISMATCH = "message.type_mismatch"

EXPECTED: dict[str, dict[str, Any]] = {
    "ms/ADT-A01-01.hl7": {
        "kind": "ADT^A01", "id": "MSG00001", "record": "StayStarted", "who": EVERYMAN,
        "protection": "CONFIDENTIAL_ADDRESS", "occurred": ADMITTED, "recorded": WRITTEN, "remarks": [],
        "body": {
            "stay": STAY, "institution": {**FACILITY, "department": "SUR"}, "start": ADMITTED,
            "kind": {"code": "P", "system": "HL70004", "mapped": "PREADMIT"},
            "ward": "HUH AE OMU", "details": STAY_DETAILS,
        },
    },
    "ms/ADT-A03-01.hl7": {
        "kind": "ADT^A03", "id": "MSG00001", "record": "StayEnded", "who": EVERYMAN,
        "protection": "CONFIDENTIAL_ADDRESS", "occurred": DISCHARGED, "recorded": WRITTEN,
        "remarks": [MISMATCH],
        "body": {
            "stay": STAY, "institution": {**FACILITY, "department": "SUR"}, "end": DISCHARGED,
            "disposition": {"code": "Admitted as Inpatient", "system": "ACR", "mapped": "UNKNOWN"},
            "details": STAY_DETAILS,
        },
    },
    "ms/ADT-A08-01.hl7": {
        "kind": "ADT^A08", "id": "MSG00001", "record": "PersonUpdated", "who": EVERYMAN,
        "protection": "CONFIDENTIAL_ADDRESS", "occurred": HAPPENED, "recorded": WRITTEN,
        "remarks": [MISMATCH], "body": PERSON,
    },
    "ms/ADT-A11-01.hl7": {
        "kind": "ADT^A11", "id": "MSG00001", "record": "StayCorrected", "who": EVERYMAN,
        "protection": "CONFIDENTIAL", "occurred": HAPPENED, "recorded": WRITTEN, "remarks": [MISMATCH],
        "body": {
            "stay": STAY, "institution": {**FACILITY, "department": "SUR"},
            "correction": "ADMISSION_CANCELLED", "other_key": None, "details": STAY_DETAILS,
        },
    },
    "ms/ADT-A28-01.hl7": {
        "kind": "ADT^A28", "id": "MSG00001", "record": "PersonRegistered", "who": EVERYMAN,
        "protection": "CONFIDENTIAL_ADDRESS", "occurred": HAPPENED, "recorded": WRITTEN,
        "remarks": [MISMATCH], "body": PERSON,
    },
    "ms/ADT-A40-01.hl7": {
        "kind": "ADT^A40", "id": "8919-40", "record": "IdentityMerged", "answer": None,
        "who": [(f"{AGENCY}:BCBS", "12345")], "retired": [(f"{AGENCY}:BCBS", "56789")],
        "protection": "NONE", "occurred": doubtful(1_556_023_597, "20190423150137+0215"),
        "recorded": doubtful(1_556_023_597, "20190423150137+0215"), "remarks": [],
        "body": {"reason": {"code": "A40", "system": "HL70003", "mapped": "MERGED"}},
    },
    "ms/ADT-A45-01.hl7": {
        "kind": "ADT^A45", "id": "MSG00045", "record": "StayCorrected",
        # The first id's authority and type are in each other's place, the second has a type of no table.
        "who": [("urn:oid:2.16.840.1.122848.1.30", "123456789"), (ADT1, "PATID1234")],
        "protection": "NONE", "occurred": doubtful(1_610_718_310, "20210115160010+0215"),
        "recorded": doubtful(1_610_718_310, "20210115160010+0215"), "remarks": [MISMATCH],
        "body": {
            "stay": {"system": f"{AGENCY}:AccMgr", "id": "5001"},
            "institution": {**FACILITY, "department": "OPD"}, "correction": "MOVED_HERE",
            "other_key": None,  # MRG-1 is empty: it moves from one account to another
            "details": {"reason": None, "ward": "OPD, 0001, 01, GOOD HEALTH HOSPITAL"},
        },
    },
    "ms/ORU-R01-01.hl7": {
        "kind": "ORU^R01", "id": "2.16.840.1.114222.4.3.3.5.1.2-20120314235954.325", "answer": "CA",
        "ignored": "hl7.type_not_carried",
    },
    "ms/REF-I12-01.hl7": {"kind": "REF^I12", "id": "MSG00112", "ignored": "hl7.type_not_carried"},
    "ms/SIU-S12-01.hl7": {
        "kind": "SIU^S12", "id": "MSG00012", "record": "AppointmentScheduled", "who": EVERYMAN,
        "protection": "NONE", "occurred": doubtful(1_631_610_300, "202109141120+0215"),
        "recorded": doubtful(1_631_610_300, "202109141120+0215"), "remarks": [],
        "body": planned("Appointment booked for emergency procedure"),
    },
    "ms/SIU-S13-01.hl7": {
        "kind": "SIU^S13", "id": "MSG00013", "record": "AppointmentRescheduled", "who": EVERYMAN,
        "protection": "NONE", "occurred": doubtful(1_632_129_060, "202109201126+0215"),
        "recorded": doubtful(1_632_129_060, "202109201126+0215"), "remarks": [],
        "body": planned(None),
    },
    "ms/SIU-S14-01.hl7": {
        "kind": "SIU^S14", "id": "MSG00014", "record": "AppointmentModified", "who": EVERYMAN,
        "protection": "NONE", "occurred": doubtful(1_632_129_060, "202109201126+0215"),
        "recorded": doubtful(1_632_129_060, "202109201126+0215"), "remarks": [],
        "body": planned(None, room="Room02"),
    },
    "ms/SIU-S15-01.hl7": {
        "kind": "SIU^S15", "id": "MSG00015", "record": "AppointmentCancelled", "who": EVERYMAN,
        "protection": "NONE", "occurred": doubtful(1_632_388_260, "202109231126+0215"),
        "recorded": doubtful(1_632_388_260, "202109231126+0215"), "remarks": [],
        "body": off("Cancelled", "CANCELLED"),
    },
    "ms/SIU-S17-01.hl7": {
        "kind": "SIU^S17", "id": "MSG00017", "record": "AppointmentCancelled", "who": EVERYMAN,
        "protection": "NONE", "occurred": doubtful(1_632_388_260, "202109231126+0215"),
        "recorded": doubtful(1_632_388_260, "202109231126+0215"), "remarks": [],
        "body": off("Deleted", "ENTERED_IN_ERROR"),
    },
    "ms/SIU-S26-01.hl7": {
        "kind": "SIU^S26", "id": "MSG00026", "record": "AppointmentMissed", "who": EVERYMAN,
        "protection": "NONE", "occurred": START,
        "recorded": doubtful(1_632_469_500, "202109241000+0215"), "remarks": [],
        "body": {
            "appointment": APPOINTMENT, "institution": {**FACILITY, "department": "055"}, "start": START,
            "details": details(None),
        },
    },
    "lfh/ADT_A40_one_MRG.hl7": {
        "kind": "ADT^A40", "id": "00000003", "record": "IdentityMerged",
        "who": [(f"{AGENCY}:XYZ", "MR1")], "retired": [(f"{AGENCY}:XYZ", "MR2")],
        "protection": "NONE",
        "occurred": {"instant": 1_041_777_000 * SECOND, "source": "200301051530", "confidence": "NO_ZONE"},
        "recorded": {"instant": 1_041_777_000 * SECOND, "source": "200301051530", "confidence": "NO_ZONE"},
        "remarks": [],
        "body": {"reason": {"code": "A40", "system": "HL70003", "mapped": "MERGED"}},
    },
    "lfh/sample_win.hl7": {
        "kind": "ADT^A01", "id": "102", "record": "StayStarted", "answer": "CA",
        "who": [(f"{AGENCY}:A", "PID1234"), (f"{AGENCY}:USA", "1234568965")],
        "protection": "STRICTLY_CONFIDENTIAL_ADDRESS",  # PV1-16 holds "E", which nobody explains
        "occurred": {"instant": 1_410_552_000 * SECOND, "source": "201409122200", "confidence": "NO_ZONE"},
        "recorded": {"instant": 1_347_481_320 * SECOND, "source": "201209122222", "confidence": "NO_ZONE"},
        "remarks": [],
        "body": {
            "stay": {"system": f"{AGENCY}:050", "id": "48390"},
            "institution": {"system": AGENCY, "id": "050", "department": "MED"},
            "start": {"instant": 1_410_552_000 * SECOND, "source": "201409122200", "confidence": "NO_ZONE"},
            "kind": {"code": "ff", "system": "HL70004", "mapped": "UNKNOWN"}, "ward": "yyy",
            "details": {"reason": None, "ward": "yyy"},
        },
    },
}  # fmt: skip

PSEUDONYMS = Pseudonyms(KEY.encode(), "1")


def identifiers(pairs: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [dict(PSEUDONYMS.identifier(system, value, national=False)) for system, value in pairs]


def on_the_wire(path: Path) -> bytes:
    """Git keeps the samples with LF, or CRLF; on the wire a segment ends with CR."""
    return path.read_bytes().replace(b"\r\n", b"\r").replace(b"\n", b"\r")


async def send_all(hospital: Connected, folder: Path, names: list[str]) -> dict[str, tuple[str, str]]:
    """The answer's code and the id that it echoes, by file; none where the sample asks for none."""
    found = {}
    async with hospital.sender() as sender:
        for name in names:
            quiet = EXPECTED[name].get("answer", "") is None
            answers = await sender.send(on_the_wire(folder / name), answers=0 if quiet else 1)
            if answers:
                found[name] = (answers[0].code, answers[0].control_id)
    return found


@pytest.mark.slow
async def test_every_sample_is_answered_and_published_as_written_down(
    samples, broker, topic_prefix, tmp_path
):
    folder = samples / "hl7v2"
    assert {f"{path.parent.name}/{path.name}" for path in folder.glob("*/*.hl7")} == set(EXPECTED)
    names = sorted(EXPECTED)
    async with connected(broker, topic_prefix, tmp_path, processing_ids=["P", "T"]) as hospital:
        answers = await send_all(hospital, folder, names)
        facts = await hospital.records(*FACTS)
        outcomes = [value for _, _, value in await hospital.records("inputs")]
        letters = await hospital.records("inputs.dlq")
    for name in names:
        want = EXPECTED[name]
        if want.get("answer", "AA") is not None:
            assert answers[name] == (want.get("answer", "AA"), want["id"]), name
    told = [(one["kind"], one["message_id"], one["outcome"], one["reason"]) for one in outcomes]
    assert told == [
        (
            EXPECTED[name]["kind"], EXPECTED[name]["id"],
            "IGNORED" if "ignored" in EXPECTED[name] else "PUBLISHED", EXPECTED[name].get("ignored", ""),
        )
        for name in names
    ]  # fmt: skip
    assert letters == []
    by_id = {value["meta"]["event_id"]: (record, value) for _, record, value in facts}
    assert len(by_id) == len(facts) == 15
    for name, outcome in zip(names, outcomes, strict=True):
        if "record" in EXPECTED[name]:
            (event,) = outcome["events"]
            check(name, *by_id[event])


def check(name: str, record: str, value: dict[str, Any]) -> None:
    want = EXPECTED[name]
    meta = value["meta"]
    body = {key: part for key, part in value.items() if key != "meta"}
    expected = dict(want["body"])
    if "retired" in want:
        retired = identifiers(want["retired"])
        expected |= {"retired": retired, "retired_key": retired[0]["pseudonym"]}
    assert record == want["record"], name
    assert body == expected, name
    assert meta["subject"]["identifiers"] == identifiers(want["who"]), name
    assert meta["subject"]["key"] == identifiers(want["who"])[0]["pseudonym"], name
    assert (meta["occurred"], meta["recorded"]) == (want["occurred"], want["recorded"]), name
    assert meta["protection"] == want["protection"], name
    told = set(meta["remarks"]) - {"time.doubtful", "time.no_zone", "id.local_only"}
    assert told == set(want["remarks"]), name
    assert "id.local_only" in meta["remarks"], name
    assert meta["source"]["message_id"] == want["id"], name


async def test_a_training_sample_is_rejected_by_a_production_listener(
    samples, broker, topic_prefix, tmp_path
):
    training = on_the_wire(samples / "hl7v2" / "lfh" / "sample_win.hl7")
    async with connected(broker, topic_prefix, tmp_path) as hospital, hospital.sender() as sender:
        (answer,) = await sender.send(training)
        assert answer.code == "CR"
        assert await hospital.outcomes() == [("102", "DEAD_LETTERED", "hl7.processing_id")]


def test_the_samples_are_what_python_hl7_takes_them_for(samples):
    for name, want in EXPECTED.items():
        msh = hl7.parse(on_the_wire(samples / "hl7v2" / name).decode()).segment("MSH")
        code, trigger = str(msh[9]).split("^")[:2]
        assert (f"{code}^{trigger}", str(msh[10])) == (want["kind"], want["id"])
