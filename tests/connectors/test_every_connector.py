"""What every connector must, whatever its agency speaks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import schemas
from connectors.hospital.parse import Reading
from connectors.hospital.settings import HospitalSettings
from connectors.hospital.testing import Booking, Envelope, Patient, siu
from connectors.hospital.translate import translate as hospital_translate
from connectors.kit.assembly import AssemblyContext, assemble
from connectors.kit.outcomes import DeadLetter, Publish, SourceInput, Translation
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.reasons import DEAD_LETTER_REASONS, IGNORED_REASONS
from connectors.municipality.settings import MunicipalitySettings
from connectors.municipality.subject import Context
from connectors.municipality.testing import CaseFile
from connectors.municipality.translate import translate as municipality_translate
from connectors.registry import KINDS, UnknownKindError, entry
from connectors.school.merge import RosterContext
from connectors.school.problems import SetRefusedError
from connectors.school.sets import described
from connectors.school.settings import SchoolSettings
from connectors.school.state import State
from connectors.school.testing import SetWriter, enrollment, user
from connectors.school.translate import refusal
from connectors.school.translate import translate as school_translate
from schemas.codec import Codec

FNR, FAMILY, GIVEN, WORDS = "13116900216", "Zetterqvist", "Petronella", "very private words"
MARKED = (FNR, FAMILY, GIVEN, WORDS)
RECEIVED = 1_772_450_000_000_000
PSEUDONYMS = Pseudonyms(b"a key for tests that protects nothing", "1")
REMARKS = frozenset(yaml.safe_load((Path(schemas.__file__).parent / "remarks.yaml").read_text("utf-8")))


@dataclass(frozen=True)
class Subject:
    """How the suite drives one kind of connector, and an input that is full of marked personal data."""

    kind: str
    settings: type[Any]
    translate: Callable[[bytes], Translation]
    marked: bytes


def _hospital() -> Subject:
    reading = Reading(HospitalSettings.model_validate({}), "agency.x", PSEUDONYMS)
    when = datetime(2026, 3, 2, 9, tzinfo=UTC)
    message = siu(
        "S12",
        Envelope(control_id="1", at=when),
        Patient(number="P1", national=FNR, family=FAMILY, given=GIVEN, born="19691113"),
        Booking(number="B1", start=when, title=WORDS, note=WORDS),
    )
    return Subject(
        "hospital", HospitalSettings, lambda data: hospital_translate(_input(data), reading), message
    )


def _school() -> Subject:
    settings = SchoolSettings.model_validate({"drop": {"folder": "drop"}, "national_id": "identifier"})
    context = RosterContext(settings, PSEUDONYMS, "agency.x", "oneroster:agency.x", RECEIVED, RECEIVED)
    whole = (
        SetWriter()
        .add("users", user("u1", "student", (GIVEN, FAMILY), "s1", identifier=FNR, password=WORDS))
        .add("enrollments", enrollment("u1", "c1", "s1"))
        .files()
    )

    def translate(data: bytes) -> Translation:
        try:
            roster = described({**whole, "users.csv": data})
            plan = school_translate(roster, State(), context, "1", released=True)
        except SetRefusedError as refused:
            plan = refusal(refused)
        assert plan.translation is not None
        return plan.translation

    return Subject("school", SchoolSettings, translate, whole["users.csv"])


def _municipality() -> Subject:
    settings = MunicipalitySettings.model_validate({"drop": {"folder": "drop"}, "institution": "0301"})
    context = Context("agency.x", settings, PSEUDONYMS)
    case = CaseFile("F-1", FNR)
    at = "2026-03-02T09:00:00Z"
    case.add({"type": "saksStatus", "hendelsestidspunkt": at, "referanse": "S1", "tittel": WORDS})
    guardian = {"rolle": "FORESATT", "fnr": FNR, "navn": f"{GIVEN} {FAMILY}"}
    meeting = {"type": "moteinnkalling", "moteid": "M1", "start": at, "sted": WORDS, "deltakere": [guardian]}
    case.add({**meeting, "hendelsestidspunkt": at, "tittel": WORDS})
    return Subject(
        "municipality",
        MunicipalitySettings,
        lambda data: municipality_translate(_input(data), context),
        case.payload(),
    )


def _input(data: bytes) -> SourceInput:
    return SourceInput(payload=data, received=RECEIVED, system="sys", message_id="1")


SUBJECTS = {subject.kind: subject for subject in (_hospital(), _school(), _municipality())}


@pytest.fixture(params=sorted(KINDS))
def subject(request: pytest.FixtureRequest) -> Subject:
    found: Subject = SUBJECTS[request.param]
    return found


def test_the_registry_knows_them_all_and_says_so() -> None:
    assert set(SUBJECTS) == set(KINDS)
    for kind in KINDS:
        assert callable(entry(kind))
    with pytest.raises(UnknownKindError) as refused:
        entry("library")
    assert "hospital" in refused.value.fix


@pytest.mark.parametrize(
    "part", ["settings", "parse", "facts", "translate", "source", "connector", "testing"]
)
def test_the_anatomy_is_the_same(subject: Subject, part: str) -> None:
    folder = Path(import_module(f"connectors.{subject.kind}").__file__ or "").parent
    assert (folder / f"{part}.py").is_file()


def test_every_setting_says_what_it_is_for(subject: Subject) -> None:
    for name, setting in subject.settings.model_fields.items():
        nested = hasattr(setting.annotation, "model_fields")
        assert nested or setting.description, f"{subject.kind}.{name}"


def test_facts_fit_the_contract_and_their_remarks_are_listed(subject: Subject) -> None:
    made = subject.translate(subject.marked)
    assert isinstance(made, Publish), made
    codec = Codec()
    for record in assemble(made.facts, _input(subject.marked), AssemblyContext("x", "agency.x", "b", "p")):
        codec.encode(record.record, record.value)
        assert set(record.value["meta"]["remarks"]) <= REMARKS


def test_the_same_input_gives_the_same_facts_and_ids(subject: Subject) -> None:
    context = AssemblyContext("x", "agency.x", "b", "p")
    first, second = (subject.translate(bytes(bytearray(subject.marked))) for _ in range(2))
    assert isinstance(first, Publish)
    assert first == second
    ids = [made.event_id for made in assemble(first.facts, _input(subject.marked), context)]
    assert len(set(ids)) == len(ids) > 0


def test_personal_data_stands_nowhere_but_in_details(subject: Subject) -> None:
    made = subject.translate(subject.marked)
    assert isinstance(made, Publish)
    for record in assemble(made.facts, _input(subject.marked), AssemblyContext("x", "agency.x", "b", "p")):
        shown = str([_without_details(record.value), record.headers, record.key])
        assert not [word for word in MARKED if word in shown]


def test_a_national_number_stands_nowhere_at_all(subject: Subject) -> None:
    made = subject.translate(subject.marked)
    assert isinstance(made, Publish)
    assert FNR not in str(made)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(st.data())
def test_no_bytes_break_a_connector_and_every_reason_is_listed(kind: str, data: st.DataObject) -> None:
    subject = SUBJECTS[kind]
    random = data.draw(st.binary(max_size=300))
    cut = data.draw(st.integers(0, len(subject.marked)))
    until = data.draw(st.integers(cut, len(subject.marked)))
    for payload in (random, subject.marked[:cut] + random + subject.marked[until:]):
        made = subject.translate(payload)
        if isinstance(made, Publish):
            continue
        assert made.reason in (DEAD_LETTER_REASONS if isinstance(made, DeadLetter) else IGNORED_REASONS)
        assert made.reason != "translate.failed"
        if isinstance(made, DeadLetter):
            shown = f"{made.problem} {made.where} {made.error}"
            assert not [word for word in MARKED if word in shown]


def _without_details(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_details(item) for key, item in value.items() if key != "details"}
    if isinstance(value, list):
        return [_without_details(item) for item in value]
    return value
