"""Makes one citizen's records of two: a union of facts, so that the order of merges does not matter."""

from copy import copy
from typing import TypeVar

from router.state import CaseFact, Citizen, Fact, PlannedFact, Records

_F = TypeVar("_F", bound=Fact)


def unite(citizen: Citizen, other: Records) -> None:
    """Add to a citizen all that was known of another; facts that both had are kept once."""
    own = citizen.records
    for key, flags in other.members.items():
        own.members[key] = own.members.get(key, 0) | flags
    places = {key: place for place, key in enumerate(own.members)}
    origins = [places[key] for key in other.members]
    names = [citizen.number(name) for name in other.names]
    _unite_facts(own.plans, other.plans, names, origins)
    _unite_facts(own.cases, other.cases, names, origins)
    _unite_facts(own.others, other.others, names, origins)
    for target, entries in other.withdrawals.items():
        known = own.withdrawals.setdefault(target, [])
        known.extend(entry for entry in entries if entry not in known)
    for stored, mark in other.marks.items():
        said = own.marks.get(stored)
        if said is None or said.revision < mark.revision:
            own.marks[stored] = mark
    for ref, revision in other.case_revisions.items():
        own.case_revisions[ref] = max(revision, own.case_revisions.get(ref, 0))
    for finding, revision in other.findings.items():
        if abs(revision) > abs(own.findings.get(finding, 0)):
            own.findings[finding] = revision
    citizen.forget_views()


def _unite_facts(
    own: dict[str, list[_F]], other: dict[str, list[_F]], names: list[int], origins: list[int]
) -> None:
    for ref, facts in other.items():
        known = own.setdefault(ref, [])
        ids = {fact.id for fact in known}
        for fact in facts:
            if fact.id not in ids:
                known.append(_renumbered(copy(fact), names, origins))


def _renumbered(fact: _F, names: list[int], origins: list[int]) -> _F:
    fact.agency = names[fact.agency]
    fact.origin = origins[fact.origin] if fact.origin < len(origins) else 0
    if isinstance(fact, PlannedFact):
        fact.code = names[fact.code]
        fact.institution = None if fact.institution is None else names[fact.institution]
    elif isinstance(fact, CaseFact):
        fact.code = names[fact.code]
        fact.institution = names[fact.institution]
        fact.part = None if fact.part is None else names[fact.part]
        fact.holder = None if fact.holder is None else names[fact.holder]
        fact.next_step = None if fact.next_step is None else names[fact.next_step]
    return fact
