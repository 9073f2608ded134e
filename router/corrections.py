"""Which remembered facts still stand: a function of the facts alone, whatever order they came in.

A fact is corrected by one that names it in ``meta.supersedes``, withdrawn by one that names it in
``meta.retracts`` as long as that one stands itself, or corrected by a later one about the same thing that
names no fact (``StayCorrected``, an appointment cancelled as entered in error). Moving an appointment or
finishing a stay corrects nothing: it is a new entry.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from router.order import source_order
from router.state import KIND_NUMBER, Fact, FactId, PlannedFact, Records

CURRENT, CORRECTED, RETRACTED = range(3)
STATUSES = ("CURRENT", "CORRECTED", "RETRACTED")

_CANCELLED = KIND_NUMBER["AppointmentCancelled"]
_STAY_CORRECTED = KIND_NUMBER["StayCorrected"]
_STARTED, _ENDED, _LEAVE = (KIND_NUMBER[name] for name in ("StayStarted", "StayEnded", "StayOnLeave"))
_CORRECTED_KINDS = {
    "ADMISSION_CANCELLED": frozenset({_STARTED}),
    "DISCHARGE_CANCELLED": frozenset({_ENDED}),
    "MOVED_AWAY": frozenset({_STARTED, _ENDED, _LEAVE}),
    "MOVED_HERE": frozenset[int](),
}
_MAY_CORRECT = (_CANCELLED, _STAY_CORRECTED)


class Standing(NamedTuple):
    """Whether a fact stands, and if not, because of which other."""

    status: int
    by: FactId | None


STANDS = Standing(CURRENT, None)
_NONE: Mapping[FactId, Standing] = {}


def facts_about(records: Records, ref: str) -> Sequence[Fact]:
    """All that was said about a thing, in the order of arrival."""
    letter = ref[0]
    if letter in "AMSXN":
        return records.plans.get(ref, ())
    return records.cases.get(ref, ()) if letter == "C" else records.others.get(ref, ())


def standing(records: Records, ref: str) -> Mapping[FactId, Standing]:
    """The facts about a thing that do not stand; all others do."""
    corrects = ref[0] in "AS"
    if not corrects and not records.withdrawals:
        return _NONE
    facts = facts_about(records, ref)
    if len(facts) <= 1 and not records.withdrawals:
        return _NONE
    fallen: dict[FactId, Standing] = {}
    withdrawals = records.withdrawals
    if withdrawals:
        for fact in facts:
            found = withdrawn(records, fact.id) if fact.id in withdrawals else None
            if found is not None:
                fallen[fact.id] = found
    if corrects:
        for fact in facts:
            if fact.kind in _MAY_CORRECT and _corrects(records, fact):
                _correct(records, sorted(facts, key=source_order), fallen)
                break
    return fallen


def standing_facts(records: Records, ref: str) -> Sequence[Fact]:
    """The facts about a thing that stand."""
    facts = facts_about(records, ref)
    if len(facts) <= 1 and (not records.withdrawals or not facts or facts[0].id not in records.withdrawals):
        return facts
    fallen = standing(records, ref)
    return [fact for fact in facts if fact.id not in fallen] if fallen else facts


def withdrawn(records: Records, target: FactId, asking: tuple[FactId, ...] = ()) -> Standing | None:
    """Who corrects or withdraws ``target``.

    A correction counts for good: when it is corrected or withdrawn itself, its source does not say again what
    it said before. A withdrawal counts as long as it stands; in a circle of them, the one that is asked about
    again stands.
    """
    found = [
        entry
        for entry in records.withdrawals.get(target, ())
        if not entry.retracts or entry.by in asking or withdrawn(records, entry.by, (*asking, target)) is None
    ]
    if not found:
        return None
    chosen = min(found, key=lambda entry: (not entry.retracts, entry.by))
    return Standing(RETRACTED if chosen.retracts else CORRECTED, chosen.by)


def _corrects(records: Records, fact: Fact) -> bool:
    if fact.kind == _STAY_CORRECTED:
        return True
    return (
        fact.kind == _CANCELLED
        and isinstance(fact, PlannedFact)
        and records.names[fact.code] == "ENTERED_IN_ERROR"
    )


def _correct(records: Records, in_order: Sequence[Fact], fallen: dict[FactId, Standing]) -> None:
    """Each correction takes down what was said before it and had stood until then."""
    for place, fact in enumerate(in_order):
        if fact.id in fallen or not _corrects(records, fact) or not isinstance(fact, PlannedFact):
            continue
        kinds = _CORRECTED_KINDS.get(records.names[fact.code]) if fact.kind == _STAY_CORRECTED else None
        for earlier in in_order[:place]:
            if earlier.id not in fallen and (kinds is None or earlier.kind in kinds):
                fallen[earlier.id] = Standing(CORRECTED, fact.id)
