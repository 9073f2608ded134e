"""A case whose applicant is corrected never makes one citizen of two people."""

import json
from typing import Any

from connectors.kit.outcomes import Fact, Publish
from connectors.kit.pseudonyms import Pseudonyms
from connectors.municipality.difference import State
from connectors.municipality.settings import MunicipalitySettings
from connectors.municipality.subject import Context
from connectors.municipality.translate import read, step

PSEUDONYMS = Pseudonyms(b"k" * 32, "1")
SETTINGS = MunicipalitySettings.model_validate({"drop": {"folder": "drop"}, "institution": "0301"})
CONTEXT = Context("kommune.test", SETTINGS, PSEUDONYMS)
NOW = 1_795_000_000_000_000
FNR = "urn:oid:2.16.578.1.12.4.1.4.1"
ONE, OTHER = "13116900216", "01010750160"
CASE = {
    "system": "urn:samband:case:kommune.test",
    "pseudonym": PSEUDONYMS.of("urn:samband:case:kommune.test", "case-7"),
    "national": False,
}


def person(number: str) -> dict[str, Any]:
    return {"system": FNR, "pseudonym": PSEUDONYMS.of(FNR, number), "national": True}


def said(state: State, number: str | None, *statuses: str) -> tuple[State, list[Fact]]:
    """What the next document of the case says over the bus; ``number`` None is a bare document."""
    events = [
        {"type": "soknadsStatus", "hendelsestidspunkt": f"2026-11-16T0{hour}:00:00.000Z", "status": status}
        for hour, status in enumerate(statuses)
    ]
    body: dict[str, Any] = {"version": "1.0.0", "avsender": {"systemnavn": "s"}, "hendelser": events}
    if number is not None:
        body = {"fiksDigisosId": "case-7", "sokerFnr": number, "digisosSoker": body}
    document = read(json.dumps(body).encode(), "case-7", NOW, CONTEXT)
    made = step(document, state, CONTEXT)
    facts = list(made.translation.facts) if isinstance(made.translation, Publish) else []
    return made.state.confirmed(), facts


def listed(facts: list[Fact], record: str) -> list[list[Any]]:
    return [list(fact.identifiers) for fact in facts if fact.record == record]


def test_an_applicant_is_listed_with_the_cases_id():
    _, facts = said(State(), ONE, "MOTTATT")
    assert listed(facts, "CaseOpened") == [[person(ONE), CASE]]


def test_a_corrected_applicant_does_not_inherit_the_cases_id():
    state, _ = said(State(), ONE, "MOTTATT")
    state, facts = said(state, OTHER, "MOTTATT")
    assert listed(facts, "FactRetracted") == [[person(ONE), CASE]]
    assert listed(facts, "CaseOpened") == [[person(OTHER)]]
    _, facts = said(state, OTHER, "MOTTATT", "UNDER_BEHANDLING")
    assert [(fact.record, list(fact.identifiers)) for fact in facts] == [
        ("CaseStepCompleted", [person(OTHER)])
    ]


def test_a_document_that_names_nobody_is_about_the_applicant_that_is_known():
    state, _ = said(State(), ONE, "MOTTATT")
    state, _ = said(state, OTHER, "MOTTATT")
    _, facts = said(state, None, "MOTTATT", "UNDER_BEHANDLING")
    assert all(list(fact.identifiers) == [person(OTHER)] for fact in facts)
    assert CASE not in [identifier for fact in facts for identifier in fact.identifiers]


def test_a_case_that_named_nobody_at_first_is_linked_to_its_applicant():
    state, facts = said(State(), None, "MOTTATT")
    assert listed(facts, "CaseOpened") == [[CASE]]
    _, facts = said(state, ONE, "MOTTATT")
    assert listed(facts, "CaseOpened") == [[person(ONE), CASE]]


def test_a_correction_that_is_taken_back_is_as_it_was():
    state, _ = said(State(), ONE, "MOTTATT")
    state, _ = said(state, OTHER, "MOTTATT")
    _, facts = said(state, ONE, "MOTTATT")
    assert listed(facts, "FactRetracted") == [[person(OTHER)]]
    assert listed(facts, "CaseOpened") == [[person(ONE), CASE]]
