"""Whatever the router says has words for people."""

import json
from typing import Any

import pytest

from router.findings import REASONS
from router.timeline import TEXTS
from samband import texts
from schemas.catalogue import ROOT
from schemas.sources import named_types

ADDED_CODES = {
    "CaseStepCompleted": ("case.step", "step"),
    "DecisionMade": ("case.decision", "outcome"),
    "AppointmentCancelled": ("appointment.cancelled", "reason"),
}


@pytest.mark.parametrize("key", sorted(TEXTS.values()))
def test_every_text_key_has_words(key):
    assert key in texts.ENTRIES


@pytest.mark.parametrize(("prefix", "field", "record"), [(*v, k) for k, v in ADDED_CODES.items()])
def test_every_code_that_the_contract_lists_has_words_or_falls_back_to_the_sentence(prefix, field, record):
    schema = next(schema for name, schema in named_types().items() if name.endswith(f".{record}"))
    doc = next(item["doc"] for item in schema["fields"] if item["name"] == field)
    codes = [code.strip() for code in doc.split("Mapped:")[1].strip(" .").split(",")]
    assert codes
    for code in codes:
        shown = texts.text(f"{prefix}.{code.lower()}")
        assert shown
        assert code not in shown


def test_finding_is_told_with_its_figures():
    numbers = {"minutes_between": 15, "minutes_needed": 118}
    finding: Any = {"reason": "finding.travel_gap.car", "numbers": numbers}
    assert texts.finding_text(finding) == "Too little time to get there: 15 min, 118 needed"


def test_every_reason_of_a_finding_has_words():
    assert set(REASONS) <= texts.FINDINGS.keys()
    kinds = named_types()["samband.coordination.FindingKind"]["symbols"]
    assert {key.split(".")[1] for key in texts.FINDINGS} == {kind.lower() for kind in kinds}


def test_citizen_who_has_to_act_is_you():
    assert texts.holder_text({"kind": "CITIZEN", "institution": None}, lambda _: "?", "agency") == "you"


def test_list_of_a_meeting_is_told_without_naming_persons():
    def invitee(kind: str, code: str = "") -> Any:
        institution = {"system": "s", "id": code, "department": None} if code else None
        return {"kind": kind, "person": None, "institution": institution}

    listed = [invitee("CITIZEN"), invitee("GUARDIAN"), invitee("GUARDIAN"), invitee("INSTITUTION", "FJ")]
    shown = texts.invited_text(listed, lambda institution: f"<{institution['id']}>")
    assert shown == "you, 2 parents or guardians, <FJ>"


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "TimelineEntry").rglob("*.json")), ids=str)
def test_examples_of_the_contract_speak_with_the_routers_keys(path):
    assert json.loads(path.read_text(encoding="utf-8"))["text"] in texts.ENTRIES
