"""A plan as a citizen is asked about it: what moves where, what it saves, and until when it can be had."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from router.appointments import Visit
from router.calendar import Calendar
from router.facts import institution_of
from router.findings import Draft, Drafts
from router.planning.problem import Problem, Score, score
from router.rules import Rules
from router.state import CONFIDENCES, PROTECTIONS, SENSITIVITIES

_NAMESPACE = UUID("5b9f0d7e-1c0a-5d63-8f2e-7a4be0c2d911")
_SEPARATOR = "\x1f"
GAINS = (
    "proposal.gain.conflicts", "proposal.gain.important", "proposal.gain.days", "proposal.gain.travel",
    "proposal.gain.wishes",
)  # fmt: skip
"""The keys of all texts that say what a proposal saves, the weightiest first."""
_LOAD = frozenset({"BURDEN", "BUSY_DAY"})
"""Findings that are about how much it is; days and travel say what a plan saves of that."""


class Moved(NamedTuple):
    """An appointment and the slot that it would have."""

    visit: Visit
    slot: str
    start: int
    end: int
    resource: str | None
    place: str | None
    until: int


class Plan(NamedTuple):
    """What is to be proposed."""

    minute: int
    moves: tuple[Moved, ...]
    before: Drafts
    """The findings as it is now, and as it would be."""
    after: Drafts
    numbers: dict[str, int]


def conflicts(drafts: Drafts) -> int:
    """What collides, without what is only much."""
    return sum(draft.severity != "INFO" and draft.kind not in _LOAD for draft in drafts.values())


def numbers_of(problem: Problem, plan: Sequence[int], drafts: tuple[Drafts, Drafts]) -> dict[str, int]:
    """The figures of a plan: of the days on which something of it is, or was."""
    stay = [0] * len(plan)
    chosen = [
        task.options[number].day
        for numbers in (stay, plan)
        for task, number in zip(problem.tasks, numbers, strict=True)
    ]
    near = problem._replace(visits=tuple(visit for visit in problem.visits if visit.day in chosen))
    before, after = score(near, stay), score(near, plan)
    return {
        "conflicts_before": conflicts(drafts[0]),
        "conflicts_after": conflicts(drafts[1]),
        "important_before": before.important,
        "important_after": after.important,
        "days_before": before.days,
        "days_after": after.days,
        "travel_minutes_before": before.travel,
        "travel_minutes_after": after.travel,
        "wishes_before": before.nuisances,
        "wishes_after": after.nuisances,
        "moved": after.moved,
    }


def gains(numbers: dict[str, int]) -> list[str]:
    """The keys of what is less than before."""
    names = ("conflicts", "important", "days", "travel_minutes", "wishes")
    return [
        key
        for key, name in zip(GAINS, names, strict=True)
        if numbers[f"{name}_after"] < numbers[f"{name}_before"]
    ]


def is_better(plan: Score, present: Score) -> bool:
    """Whether it is worth asking a citizen: earlier alone is not, and neither are a few minutes of travel."""
    if plan[:3] != present[:3]:
        return plan[:3] < present[:3]
    saved = present.travel - plan.travel
    if saved:
        return saved >= _WORTH_MINUTES
    return plan.nuisances < present.nuisances


_WORTH_MINUTES = 15


def proposal(key: str, calendar: Calendar, plan: Plan, rules: Rules) -> dict[str, Any]:
    """The ``Proposal`` of a plan, open."""
    closes = [plan.before[name] for name in sorted(plan.before.keys() - plan.after.keys())]
    about: list[Draft | Visit] = [*closes, *(move.visit for move in plan.moves)]
    return {
        "citizen": key,
        "proposal_id": _proposal_id(key, plan),
        "revision": 1,
        "status": "OPEN",
        "reason": "proposal.open",
        "moves": [_move(move) for move in sorted(plan.moves, key=lambda each: (each.start, each.visit.ref))],
        "gains": gains(plan.numbers),
        "numbers": plan.numbers,
        "findings": [str(UUID(bytes=draft.id)) for draft in closes],
        "at": _time(plan.minute),
        "answer_by": _time(_answer_by(plan, rules)),
        "sensitivity": SENSITIVITIES[max(each.sensitivity for each in about)],
        "protection": PROTECTIONS[max(calendar.protection, *(each.protection for each in about))],
    }


def _answer_by(plan: Plan, rules: Rules) -> int:
    """Before any of its slots is over, and any of its appointments."""
    ends = (min(move.until, move.visit.start) for move in plan.moves)
    return min(plan.minute + rules.search.answer, *ends)


def _proposal_id(key: str, plan: Plan) -> str:
    moves = sorted((move.visit.ref, move.slot) for move in plan.moves)
    parts = (key, str(plan.minute), *(part for move in moves for part in move))
    return str(uuid5(_NAMESPACE, _SEPARATOR.join(parts)))


def _move(move: Moved) -> dict[str, Any]:
    visit = move.visit
    _, system, name = visit.ref.split("|", 2)
    return {
        "appointment": {"system": system, "id": name},
        "agency": visit.agency,
        "institution": institution_of(visit.institution),
        "old_start": _time(visit.start, visit.confidence),
        "old_end": None if visit.given_end is None else _time(visit.given_end, visit.confidence),
        "slot": move.slot,
        "start": _time(move.start),
        "end": _time(move.end),
        "resource": move.resource,
        "place": move.place,
    }


def _time(instant: int, confidence: int = 0) -> dict[str, Any]:
    return {"instant": instant, "source": "", "confidence": CONFIDENCES[confidence]}
