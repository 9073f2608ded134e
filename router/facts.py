"""Reads what the router has to remember out of each record type: what it is about, and a row.

A reference is ``<letter>|<system>|<id>``; the letter says what kind of thing it is:
A appointment, M meeting, S stay, X exam, N enrolment, C case, R referral, B absence, P person (by agency),
F withdrawals, W what matters to the citizen, Q answers to proposals and requests.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router.state import (
    CLOSES,
    KIND_NUMBER,
    CaseFact,
    Citizen,
    Fact,
    FactId,
    PlannedFact,
    compact,
    fact_id,
    marks_of,
)
from schemas.shelves import service_name

Value = Mapping[str, Any]


def reference(record: str, value: Value) -> str:
    """What the fact is about."""
    return _REFERENCES[record](value)


def _person(value: Value) -> str:
    return f"P|{value['meta']['source']['agency']}"


def _named(letter: str, field: str) -> Callable[[Value], str]:
    def read(value: Value) -> str:
        ref = value[field]
        return f"{letter}|{ref['system']}|{ref['id']}"

    return read


def _own(letter: str, field: str) -> Callable[[Value], str]:
    """For ids that are unique within their source system only."""

    def read(value: Value) -> str:
        return f"{letter}|{value['meta']['source']['system']}|{value[field]}"

    return read


def meeting_reference(value: Value) -> str:
    """The meeting in a ``MeetingInvited``; its case is what ``reference`` gives."""
    return f"M|{value['case']['system']}|{value['meeting']}"


_REFERENCES: dict[str, Callable[[Value], str]] = {
    **dict.fromkeys(
        ("PersonRegistered", "PersonUpdated", "IdentityLinked", "IdentityMerged", "IdentityUnlinked"),
        _person,
    ),
    **{name: _named("A", "appointment") for name in KIND_NUMBER if name.startswith("Appointment")},
    **{name: _named("S", "stay") for name in KIND_NUMBER if name.startswith("Stay")},
    **dict.fromkeys(
        ("CaseOpened", "CaseStepCompleted", "DecisionMade", "InformationRequested", "ServiceRequested",
         "MeetingInvited"), _named("C", "case"),
    ),
    **dict.fromkeys(("ReferralSent", "ReferralUpdated"), _named("R", "referral")),
    "EnrollmentChanged": _own("N", "enrollment"),
    "AbsenceReported": _own("B", "absence"),
    "ExamScheduled": _own("X", "exam"),
    "MattersStated": lambda value: f"W|{value['meta']['source']['agency']}",
    "ProposalAnswered": lambda value: f"Q|{value['proposal_id']}",
    "RequestAnswered": lambda value: f"Q|{value['request_id']}",
    "FactRetracted": lambda value: f"F|{value['meta']['source']['agency']}",
}  # fmt: skip


def institution_name(institution: Value) -> str:
    """An institution as one text: system, id and department."""
    return f"{institution['system']}\x1f{institution['id']}\x1f{institution['department'] or ''}"


def institution_of(name: str) -> dict[str, Any]:
    """The institution that ``institution_name`` took."""
    system, code, department = name.split("\x1f", 2)
    return {"system": system, "id": code, "department": department or None}


def code_name(code: Value) -> str:
    """A code as one text."""
    return f"{code['code']}\x1f{code['system']}\x1f{code['mapped']}"


def code_of(name: str) -> dict[str, str]:
    """The code that ``code_name`` took."""
    code, system, mapped = name.split("\x1f", 2)
    return {"code": code, "system": system, "mapped": mapped}


def holder_name(holder: Value) -> str:
    """A holder as one text."""
    institution = holder["institution"]
    return f"{holder['kind']}\x1e{institution_name(institution) if institution else ''}"


def holder_of(name: str) -> dict[str, Any]:
    """The holder that ``holder_name`` took."""
    kind, institution = name.split("\x1e", 1)
    return {"kind": kind, "institution": institution_of(institution) if institution else None}


def plain_fact(citizen: Citizen, stored: FactId, record: str, value: Value, origin: int) -> Fact:
    """The row of a fact that nothing is worked out from but its entry and its markings."""
    return Fact(
        *_head(citizen, stored, record, value["meta"], origin, value["meta"]["occurred"]["confidence"])
    )


def planned_fact(citizen: Citizen, stored: FactId, record: str, value: Value, origin: int) -> PlannedFact:
    """The row of a fact that says when something takes place."""
    start, end, place, code = _PLANNED[record](value)
    meta, number = value["meta"], citizen.numbering()
    recorded, source, when = meta["recorded"]["instant"], meta["source"], meta["occurred"]
    occurred = when["instant"]
    return PlannedFact(
        stored,  # as `_head` has it, without the detour: most facts are planned ones
        KIND_NUMBER[record],
        compact(recorded),
        None if occurred == recorded else compact(occurred),
        source["sequence"],
        origin,
        number[source["agency"]],
        marks_of((start or when)["confidence"], meta["sensitivity"], meta["protection"]),
        compact(start["instant"]) if start else None,
        compact(end["instant"]) if end else None,
        number[institution_name(place)] if place else None,
        number[code],
    )


def case_fact(citizen: Citizen, stored: FactId, record: str, value: Value, origin: int) -> CaseFact:
    """The row of a step of a case. ``CLOSES`` is added to the marks of one that closes it."""
    code, next_step, expected_by, closes = _CASE[record](value)
    meta, number = value["meta"], citizen.numbering()
    holder, details, part = value["holder"], value["details"], value["case"]["part"]
    fact = CaseFact(
        *_head(citizen, stored, record, meta, origin, meta["occurred"]["confidence"]),
        number[institution_name(value["institution"])],
        number[code_name(code)],
        None if part is None else number[part],
        number[holder_name(holder)] if holder else None,
        number[code_name(next_step)] if next_step else None,
        compact(expected_by["instant"]) if expected_by else None,
        number[details["title"]] if details and details["title"] is not None else None,
    )
    if closes:
        fact.marks += CLOSES
    return fact


_Head = tuple[FactId, int, int, int | None, int | None, int, int, int]


def _head(citizen: Citizen, stored: FactId, record: str, meta: Value, origin: int, confidence: str) -> _Head:
    recorded, occurred = meta["recorded"]["instant"], meta["occurred"]["instant"]
    source = meta["source"]
    return (
        stored,
        KIND_NUMBER[record],
        compact(recorded),
        None if occurred == recorded else compact(occurred),
        source["sequence"],
        origin,
        citizen.numbering()[source["agency"]],
        marks_of(confidence, meta["sensitivity"], meta["protection"]),
    )


_Planned = tuple[Value | None, Value | None, Value | None, str]


def _booked(value: Value) -> _Planned:
    """Status; where a service is named, its code system, code and name on the bus after it."""
    said, service = value["status"]["mapped"], value["service"]
    if service and (name := service_name(service)):
        said = f"{said}\x1f{service['system']}\x1f{service['code']}\x1f{name}"
    return value["start"], value["end"], value["institution"], said


def _meeting(value: Value) -> _Planned:
    kinds = {party["kind"] for party in value["invited"]}
    attends = (
        "CITIZEN" if not kinds or "CITIZEN" in kinds else "GUARDIAN" if "GUARDIAN" in kinds else "OTHERS"
    )
    return value["start"], value["end"], value["institution"], attends


_PLANNED: dict[str, Callable[[Value], _Planned]] = {
    **dict.fromkeys(("AppointmentScheduled", "AppointmentRescheduled", "AppointmentModified"), _booked),
    "AppointmentCancelled": lambda v: (v["start"], None, v["institution"], v["reason"]["mapped"]),
    "AppointmentMissed": lambda v: (v["start"], None, v["institution"], "MISSED"),
    "StayStarted": lambda v: (v["start"], None, v["institution"], v["kind"]["mapped"]),
    "StayEnded": lambda v: (None, v["end"], v["institution"], "ENDED"),
    "StayOnLeave": lambda v: (v["at"], v["expected_return"], v["institution"], v["phase"]),
    "StayCorrected": lambda v: (None, None, v["institution"], v["correction"]),
    "MeetingInvited": _meeting,
    "ExamScheduled": lambda v: (v["start"], v["end"], v["school"], v["kind"]["mapped"]),
    "EnrollmentChanged": lambda v: (
        v["begin"], v["end"], v["school"], f"{v['role']['mapped']}|{v['status']['mapped']}",
    ),
}  # fmt: skip
PLANNED = frozenset(_PLANNED) - {"MeetingInvited"}

_Step = tuple[Value, Value | None, Value | None, bool]


def _ours(mapped: str) -> Value:
    """A code that follows from the record type and not from a source's code list."""
    return {"code": "", "system": "samband", "mapped": mapped}


SERVICE_ANSWERED = _ours("SERVICE_ANSWERED")

_CASE: dict[str, Callable[[Value], _Step]] = {
    "CaseOpened": lambda v: (v["kind"], None, v["expected_by"], False),
    "CaseStepCompleted": lambda v: (v["step"], v["next_step"], v["expected_by"], v["closes"]),
    "DecisionMade": lambda v: (v["outcome"], None, None, False),
    "InformationRequested": lambda v: (
        _ours("INFORMATION_REQUESTED"), _ours("INFORMATION_SENT"), v["due"], False,
    ),
    "ServiceRequested": lambda v: (v["service"], SERVICE_ANSWERED, v["expected_by"], False),
    "MeetingInvited": lambda v: (_ours("MEETING_INVITED"), _ours("MEETING_HELD"), v["start"], False),
}  # fmt: skip
CASE = frozenset(_CASE)


def next_in_case(record: str, value: Value) -> tuple[Value | None, Value | None]:
    """What comes next after a step of a case, and by when."""
    _, next_step, expected_by, _ = _CASE[record](value)
    return next_step, expected_by


Taken = tuple[FactId, bool]
"""A fact that is corrected (False) or retracted (True)."""


def withdrawn_ids(value: Value) -> Sequence[Taken]:
    """The facts that this one corrects or retracts."""
    meta = value["meta"]
    supersedes, retracts = meta["supersedes"], meta["retracts"]
    if supersedes is None and retracts is None:
        return ()
    found = [] if supersedes is None else [(fact_id(supersedes), False)]
    if retracts is not None:
        found.append((fact_id(retracts), True))
    return found
