"""What a citizen's planning hears: statements, the shelves' answers, and what no longer fits a proposal."""

from collections.abc import Mapping
from typing import Any

from router.agreement import desk
from router.agreement.bundle import COUNTERED, OPEN, Bundle
from router.appointments import Visit
from router.calendar import calendar_of
from router.coordination import all_findings
from router.events import MOVES, Event, Output, Outputs
from router.people import persons, spoken_of
from router.planning import rounds
from router.planning.matters import kept, statement
from router.planning.outlook import Found, mark_due
from router.planning.proposal import conflicts
from router.planning.situation import moved_to, with_moved
from router.refusals import refusal
from router.rules import Rules
from router.state import Citizen, fact_id

ANSWERS = frozenset({"SlotsFound", "SlotLost"})
"""What shelves say to citizens."""
STATEMENTS = {"MattersStated": "matters", "ProposalAnswered": "wishes"}
"""In which field of a fact citizens say what matters."""
_MOST_HOPS = 8


def answered(home: str, citizen: Citizen, event: Event, rules: Rules, outputs: Outputs) -> None:
    """A shelf says something to the citizens of a state."""
    value, alias = event.value, citizen.records.alias
    if alias is not None:  # a question that was asked from here is asked again from there
        if event.record == "SlotLost" and value["hops"] < _MOST_HOPS:
            onwards = {**value, "citizen": alias, "hops": value["hops"] + 1}
            outputs.append(Output(MOVES, alias, "SlotLost", onwards))
        return
    for person in persons(citizen):
        if event.record == "SlotsFound":
            rounds.found(home, person, value, rules, outputs)
        else:
            desk.slot_lost(spoken_of(person, home), person, value["proposal_id"], value["slot"], outputs)


def stated(key: str, citizen: Citizen, event: Event, rules: Rules, outputs: Outputs) -> None:
    """The citizen says what matters, by itself or as wishes in an answer: it counts from now on."""
    records, value = citizen.records, event.value
    if event.record == "ProposalAnswered" and not (value["wishes"] and _countered(citizen, value)):
        return
    matters = value[STATEMENTS[event.record]]
    found, reasons = kept(matters)
    for reason in dict.fromkeys(reasons):
        outputs.append(refusal(key, event.record, value, reason, ""))
    if not found and reasons:
        return
    records.outlook = mark_due(records.outlook)
    records.outlook.matters[fact_id(value["meta"]["event_id"])] = found
    check(key, citizen, rules, outputs)


def _countered(citizen: Citizen, value: Mapping[str, Any]) -> bool:
    """Whether this answer was taken for what it says."""
    bundles = citizen.records.bundles
    return value["answer"] == "COUNTERED" and any(
        bundle.stage == COUNTERED and bundle.proposal == value["proposal_id"] for bundle in bundles
    )


def check(key: str, citizen: Citizen, rules: Rules, outputs: Outputs) -> None:
    """Something has changed: an open proposal that would now make things worse than it says is withdrawn."""
    for bundle in citizen.records.bundles:
        if bundle.stage == OPEN and not _fits(key, citizen, bundle, rules):
            desk.gave_way(key, citizen, bundle, outputs)


def _fits(key: str, citizen: Citizen, bundle: Bundle, rules: Rules) -> bool:
    promised = bundle.numbers.get("conflicts_after")
    visits, said = calendar_of(citizen, rules).visits, statement(citizen)
    there: list[Visit] = []
    for move in bundle.moves:
        visit = visits.get(move.ref)
        if visit is None:
            return False
        there.append(moved_to(visit, Found(move.slot, move.start, move.end, None, None, 0)))
    if any(said.against(one.start, one.end, one.place).clashes for one in there):
        return False
    with with_moved(citizen, rules, there):
        return promised is None or conflicts(all_findings(key, citizen, rules)) <= promised
