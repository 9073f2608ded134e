"""The documents and files of the way back that the connectors' pages show are read, and are what is sent."""

import json
from typing import Any

from connectors.kit import times
from connectors.kit.pseudonyms import Pseudonyms
from connectors.municipality.answers import read_answer, read_slots
from connectors.municipality.node import Node
from connectors.municipality.requests import document
from connectors.municipality.settings import MunicipalitySettings
from connectors.municipality.subject import Context
from connectors.school.outbox import table
from connectors.school.settings import SchoolSettings
from connectors.school.tables import kind_of
from connectors.school.tables import read_answers as csv_answers
from connectors.school.tables import read_slots as csv_slots
from connectors.school.testing import rows_of
from tests.connectors.kit.inbox_rig import request
from tests.docs.blocks import blocks

SETTINGS = MunicipalitySettings.model_validate({"drop": {"folder": "drop"}, "institution": "GRANVIK"})
CONTEXT = Context("kommune.granvik", SETTINGS, Pseudonyms(b"x" * 32, "1"))
RECEIVED = 1_772_450_000_000_000


def shown(page: str) -> dict[str, dict[str, Any]]:
    found = [json.loads(block.text) for block in blocks("json") if block.page == page]
    return {each["samband"]: each for each in found if "samband" in each}


MUNICIPALITY = shown("docs/connectors/municipality.md")


def test_the_municipality_s_slots_are_read() -> None:
    found = read_slots(Node(MUNICIPALITY["slots"]), RECEIVED, CONTEXT)
    (offer,) = found.offers
    assert (offer.slot["id"], offer.slot["resource"], offer.service["mapped"]) == (
        "S-7001", "THERAPIST-7", "PHYSIOTHERAPY",
    )  # fmt: skip
    assert found.at == times.iso("2026-03-02T07:00:00Z", CONTEXT.zone)


def test_the_municipality_s_answer_is_read() -> None:
    said = read_answer(Node(MUNICIPALITY["answer"]), RECEIVED, CONTEXT)
    assert (said.request_id, said.answer) == (MUNICIPALITY["request"]["requestId"], "GONE")
    assert said.reason == {"code": "TAKEN", "system": "samband:answer", "mapped": "TAKEN"}


def test_the_municipality_s_request_is_what_is_sent() -> None:
    told = MUNICIPALITY["request"]

    def at(text: str) -> Any:
        return times.iso(text, CONTEXT.zone)

    moves = [
        {
            **move, "start": at(move["start"]), "end": at(move["end"]), "old_start": at(move["oldStart"]),
        }
        for move in told["moves"]
    ]  # fmt: skip
    sent = request(
        told["action"], proposal=told["proposalId"], sequence=told["sequence"], moves=moves,
        deadline=at(told["deadline"])["instant"], request_id=told["requestId"], protection=told["protection"],
    )  # fmt: skip
    assert json.loads(document(sent)) == told


SCHOOL = SchoolSettings.model_validate({"drop": {"folder": "drop"}})
FILES = [block.text.encode() for block in blocks("csv") if block.page == "docs/connectors/school.md"]


def test_the_school_s_files_are_known_by_their_columns() -> None:
    slots, asked, answers = FILES
    assert [kind_of(slots, SCHOOL), kind_of(answers, SCHOOL)] == ["slots", "answers"]
    found = csv_slots(slots, "school.granvik", "sys", SCHOOL)
    assert [(offer.slot["id"], offer.slot["start"]["instant"]) for offer in found] == [
        ("S-31", 1_773_230_400_000_000), ("S-32", 1_773_234_000_000_000),
    ]  # fmt: skip
    (said,) = csv_answers(answers, RECEIVED, SCHOOL)
    assert (said.request_id, said.answer) == (rows_of(asked)[0]["requestId"], "HELD")


def test_the_school_s_request_is_what_is_sent() -> None:
    (row,) = rows_of(FILES[1])

    def at(column: str) -> Any:
        return times.iso(row[column], SCHOOL.zone_info)

    move = {
        "appointment": {"system": row["appointmentSystem"], "id": row["appointmentId"]},
        "institution": {
            "system": row["institutionSystem"], "id": row["institutionId"], "department": row["department"],
        },
        "old_start": at("oldStart"), "slot": row["slotId"], "start": at("start"), "end": at("end"),
        "resource": row["resource"], "place": row["place"],
    }  # fmt: skip
    sent = request(
        "HOLD", proposal=row["proposalId"], moves=[move], deadline=at("deadline")["instant"],
        request_id=row["requestId"],
    )  # fmt: skip
    assert table(sent) == FILES[1].replace(b"\n", b"\r\n")
