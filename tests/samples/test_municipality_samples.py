"""The official Digisos example, with every fact that it must give written down by hand."""

from pathlib import Path
from typing import Any

import pytest

from connectors.kit.outcomes import Fact, Publish, SourceInput
from connectors.kit.pseudonyms import Pseudonyms
from connectors.municipality.settings import MunicipalitySettings
from connectors.municipality.subject import Context
from connectors.municipality.translate import translate

# 2018-10-04T13:37:00.134Z is 1538660220.134 s after the epoch (date -u -d … +%s).
OPENED = 1_538_660_220_134_000
MINUTE, DAY = 60_000_000, 86_400_000_000
DECIDED = OPENED + 8 * DAY  # 2018-10-12T13:37:00.134Z

EXPECTED: list[tuple[int, str, str, str | None, str]] = [
    (OPENED, "CaseOpened", "SOCIAL_ASSISTANCE", None, "AGENCY"),
    (OPENED + 5 * MINUTE, "CaseStepCompleted", "ASSIGNED", None, "AGENCY"),
    (OPENED + 4 * DAY + 490 * MINUTE, "CaseStepCompleted", "ASSIGNED", None, "AGENCY"),
    (OPENED + 6 * DAY + 5 * MINUTE, "CaseStepCompleted", "IN_PROGRESS", None, "AGENCY"),
    (OPENED + 7 * DAY + 5 * MINUTE, "InformationRequested", "2", None, "CITIZEN"),
    (DECIDED - 360 * MINUTE, "CaseStepCompleted", "INTERIM_ANSWER", None, ""),
    # Seven events at one instant: the parts come first, then the decision, what follows from it, the end.
    (DECIDED, "CaseStepCompleted", "IN_PROGRESS", "SAK1", ""),
    (DECIDED, "CaseStepCompleted", "HIDDEN", "SAK2", ""),
    (DECIDED, "DecisionMade", "GRANTED", "SAK1", ""),
    (DECIDED, "CaseStepCompleted", "PAYMENT_PLANNED", "SAK2", ""),
    (DECIDED, "CaseStepCompleted", "CONDITION_SET", "SAK2", ""),
    (DECIDED, "CaseStepCompleted", "FINISHED", None, ""),
]


@pytest.fixture(scope="module")
def facts(samples: Path) -> tuple[Fact, ...]:
    settings = MunicipalitySettings.model_validate({"drop": {"folder": "drop"}, "institution": "0301"})
    context = Context("kommune.test", settings, Pseudonyms(b"k" * 32, "1"))
    payload = (samples / "digisos" / "komplett.json").read_bytes()
    made = translate(SourceInput(payload=payload, received=DECIDED + DAY), context, "komplett")
    assert isinstance(made, Publish)
    return made.facts


def summary(fact: Fact) -> tuple[int, str, str, str | None, str]:
    body: dict[str, Any] = fact.body
    value = body.get("step") or body.get("outcome") or body.get("kind")
    told = value["mapped"] if value else str(body["count"])
    holder = body.get("holder")
    return fact.occurred["instant"], fact.record, told, body["case"]["part"], holder["kind"] if holder else ""


def test_every_event_becomes_its_fact_in_causal_order(facts: tuple[Fact, ...]) -> None:
    assert [summary(fact) for fact in facts] == EXPECTED


def test_all_times_are_exact(facts: tuple[Fact, ...]) -> None:
    assert {fact.occurred["confidence"] for fact in facts} == {"EXACT"}


def test_offices(facts: tuple[Fact, ...]) -> None:
    assert [fact.body["holder"]["institution"]["id"] for fact in facts[:3]] == ["0301", "0314", "0315"]


def test_documents_are_wanted_by_the_earlier_of_two_dates(facts: tuple[Fact, ...]) -> None:
    wanted = facts[4].body
    assert wanted["due"]["source"] == "2018-10-20T07:37:00.134Z"
    assert wanted["details"]["items"] == [
        "Strømfaktura: For periode 01.01.2019 til 01.02.2019",
        "Kopi av depositumskonto: Signert av både deg og utleier",
    ]


def test_only_the_end_of_the_application_closes_the_case(facts: tuple[Fact, ...]) -> None:
    assert [fact.body.get("closes", False) for fact in facts] == [False] * 11 + [True]


def test_what_is_hidden_from_the_citizen_is_marked_and_keeps_its_words(facts: tuple[Fact, ...]) -> None:
    hidden = [fact for fact in facts if fact.body["case"]["part"] == "SAK2"]
    assert len(hidden) == 3
    assert {fact.protection for fact in hidden} == {"CONFIDENTIAL"}
    assert {fact.body.get("details") and "words" for fact in hidden} == {None}
    assert "KVP" not in str(facts)
    assert {fact.protection for fact in facts if fact not in hidden} == {"NONE"}


def test_the_subject_is_the_case_until_somebody_says_whose_it_is(facts: tuple[Fact, ...]) -> None:
    assert {len(fact.identifiers) for fact in facts} == {1}
    assert {fact.identifiers[0]["national"] for fact in facts} == {False}
    assert len({fact.identifiers[0]["pseudonym"] for fact in facts}) == 1
    assert all("id.local_only" in fact.remarks for fact in facts)
