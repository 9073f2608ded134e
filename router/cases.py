"""Where a case stands and who has to act: a fold over its standing facts in the order in which they happened.

A case may have parts that are decided on their own (Digisos: ``referanse``). Each part and the case as a
whole (steps without a part) is a track; ``roll_up`` says how the tracks make one state.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from router.corrections import facts_about, standing_facts
from router.events import TIMELINE, Output, Outputs
from router.facts import code_of, holder_of
from router.order import placed_at, world_order
from router.state import (
    CLOSES,
    CONFIDENCES,
    KIND_NUMBER,
    PROTECTIONS,
    SENSITIVITIES,
    CaseFact,
    Citizen,
    confidence_of,
    instant_of,
    protection_of,
    sensitivity_of,
)

_OPENED, _STEP, _DECIDED = (KIND_NUMBER[name] for name in ("CaseOpened", "CaseStepCompleted", "DecisionMade"))
_REOPENS = frozenset({"RECEIVED", "READ", "IN_PROGRESS", "ASSIGNED", "INTERIM_ANSWER"})
_UNKNOWN_KIND = {"code": "", "system": "samband", "mapped": "UNKNOWN"}
_OPENED_STEP = {"code": "", "system": "samband", "mapped": "OPENED"}


@dataclass(slots=True)
class _Track:
    """One part of a case, or the case as a whole."""

    state: str
    last: int
    """Place of its last step in the order of the case."""


@dataclass(slots=True)
class _Fold:
    names: Sequence[str]
    tracks: dict[int | None, _Track] = field(default_factory=dict)
    kind: CaseFact | None = None
    state: str = ""
    holder: int | None = None
    since: CaseFact | None = None
    step: CaseFact | None = None
    next_step: int | None = None
    expected: CaseFact | None = None
    title: str | None = None

    def take(self, place: int, fact: CaseFact) -> None:
        """The next step in order."""
        track = self.tracks.setdefault(fact.part, _Track("OPEN", place))
        track.state = _next_state(track.state, fact, self.names[fact.code])
        track.last = place
        state = roll_up(self.tracks)
        holder = self.holder if fact.holder is None else fact.holder
        if state == "CLOSED":
            holder = fact.holder
        if self.since is None or (state, holder) != (self.state, self.holder):
            self.since = fact
        self.state, self.holder, self.step = state, holder, fact
        if fact.kind == _OPENED:
            self.kind = fact
        if fact.title is not None:
            self.title = self.names[fact.title] or self.title
        self._plan(fact)

    def _plan(self, fact: CaseFact) -> None:
        """What comes next: what the last step that names something says, until the case is decided."""
        if self.state != "OPEN":
            self.next_step = self.expected = None
        if fact.next_step is not None:
            self.next_step = fact.next_step
        if fact.expected_by is not None:
            self.expected = fact


def roll_up(tracks: dict[int | None, _Track]) -> str:
    """One state of several tracks.

    A case without parts is what its own steps say. With parts: OPEN while any part is, else DECIDED while
    any part is, else CLOSED; but a case that was closed as a whole after the last step of every part is
    CLOSED.
    """
    whole = tracks.get(None)
    parts = [track for part, track in tracks.items() if part is not None]
    if not parts:
        return whole.state if whole else "OPEN"
    if whole and whole.state == "CLOSED" and all(track.last < whole.last for track in parts):
        return "CLOSED"
    states = {track.state for track in parts}
    return next(state for state in ("OPEN", "DECIDED", "CLOSED") if state in states)


def _next_state(state: str, fact: CaseFact, code: str) -> str:
    if fact.marks & CLOSES:
        return "CLOSED"
    if fact.kind == _DECIDED:
        return "DECIDED"
    if fact.kind == _OPENED:
        return "OPEN"
    if fact.kind == _STEP and code.rpartition("\x1f")[2] in _REOPENS:
        return "OPEN"
    return state


def case_view(citizen: Citizen, ref: str) -> dict[str, Any] | None:
    """The ``CaseStatus`` of a case but for citizen and revision; None when nothing was said about it.

    A case of which nothing stands any more is CLOSED, and nobody has to act.
    """
    facts = cast("Sequence[CaseFact]", standing_facts(citizen.records, ref))
    stands = bool(facts)
    facts = facts or cast("Sequence[CaseFact]", facts_about(citizen.records, ref))
    if not facts:
        return None
    fold = _Fold(citizen.records.names)
    for place, fact in enumerate(sorted(facts, key=world_order)):
        fold.take(place, fact)
    if not stands:
        fold.state, fold.holder, fold.next_step, fold.expected = "CLOSED", None, None, None
    step, since = cast("CaseFact", fold.step), cast("CaseFact", fold.since)
    name = citizen.records.names
    return {
        "case": ref[2:],
        "kind": code_of(name[fold.kind.code]) if fold.kind else _UNKNOWN_KIND,
        "agency": name[step.agency],
        "state": fold.state,
        "holder": None if fold.holder is None else holder_of(name[fold.holder]),
        "since": _time(placed_at(since), since),
        "last_step": _OPENED_STEP if step.kind == _OPENED else code_of(name[step.code]),
        "next_step": None if fold.next_step is None else code_of(name[fold.next_step]),
        "expected_by": _time(instant_of(fold.expected.expected_by or 0), fold.expected)
        if fold.expected
        else None,
        "sensitivity": SENSITIVITIES[max(sensitivity_of(fact.marks) for fact in facts)],
        "protection": PROTECTIONS[max(protection_of(fact.marks) for fact in facts)],
        "details": None if fold.title is None else {"title": fold.title, "text": None},
    }


def _time(instant: int, fact: CaseFact) -> dict[str, Any]:
    return {"instant": instant, "source": "", "confidence": CONFIDENCES[confidence_of(fact.marks)]}


def say_cases(
    citizen: Citizen, key: str, refs: Iterable[str], outputs: Outputs, *, again: bool = False
) -> None:
    """Say where these cases stand, when that has changed (or ``again``)."""
    revisions, views = citizen.records.case_revisions, citizen.case_views
    for ref in refs:
        view = case_view(citizen, ref)
        if view is None or (views.get(ref) == view and not again):
            continue
        views[ref] = view
        revision = revisions[ref] = abs(revisions.get(ref, 0)) + 1
        outputs.append(Output(TIMELINE, key, "CaseStatus", {"citizen": key, "revision": revision, **view}))


def remember_views(citizen: Citizen, ref: str) -> None:
    """Work out what was last said of a case before it changes."""
    if ref not in citizen.case_views and citizen.records.cases.get(ref):
        citizen.case_views[ref] = case_view(citizen, ref)
