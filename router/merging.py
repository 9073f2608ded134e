"""Puts the rows of some states to the citizens whose they are: one citizen for a merge, several to undo it.

A union of facts, so that the order of merges does not matter. Every row keeps under which keys it came, so it
goes back to whom it belongs to when these keys are no longer one citizen's.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import TypeVar

from router.evidence import keep_origin, origin_of
from router.planning.outlook import joined
from router.state import CaseFact, Citizen, Fact, FactId, PlannedFact, Records

_F = TypeVar("_F", bound=Fact)
Owner = Callable[[list[str], str], int]
"""Whose a fact is, as a place in a list of citizens, from the keys and the agency that it came from."""


def distribute(sources: Iterable[Records], people: Sequence[Citizen], owner: Owner) -> None:
    """Add all rows of ``sources`` to ``people``; facts that two sources have are kept once."""
    for source in sources:
        _Source(source, people, owner).give()


class _Source:
    """The rows of one state on their way to several citizens."""

    def __init__(self, records: Records, people: Sequence[Citizen], owner: Owner) -> None:
        self._records = records
        self._people = people
        self._whose: list[int] = []
        """By origin: a place in ``people``, and there the place of the origin."""
        self._origins: list[int] = []
        for place, origin in enumerate(records.origins):
            keys, agency = origin_of(records, place)
            whose = owner(keys, agency)
            self._whose.append(whose)
            self._origins.append(keep_origin(people[whose], keys, agency, origin.said))
        self._fact_whose: dict[FactId, int] = {}

    def give(self) -> None:
        """Everything to whose it is.

        Revisions go to all: each of them goes on from what was said. So does what planning knows. So do
        withdrawals: a source that takes a fact back means that fact, whoever's it is.
        """
        source = self._records
        self._facts("plans", source.plans)
        self._facts("cases", source.cases)
        self._facts("others", source.others)
        for target, entries in source.withdrawals.items():
            for citizen in self._people:
                known = citizen.records.withdrawals.setdefault(target, [])
                known.extend(entry for entry in entries if entry not in known)
        for stored, mark in source.marks.items():
            marks = self._people[self._fact_whose.get(stored, 0)].records.marks
            said = marks.get(stored)
            if said is None or said.revision < mark.revision:
                marks[stored] = mark
        for citizen in self._people:
            self._revisions(citizen.records)

    def _revisions(self, own: Records) -> None:
        if own.members.keys().isdisjoint(self._records.members):
            return
        for ref, revision in self._records.case_revisions.items():
            own.case_revisions[ref] = max(abs(revision), own.case_revisions.get(ref, 0))
        for finding, revision in self._records.findings.items():
            if abs(revision) > abs(own.findings.get(finding, 0)):
                own.findings[finding] = revision
        own.outlook = joined(own.outlook, self._records.outlook)

    def _facts(self, family: str, facts_by_ref: dict[str, list[_F]]) -> None:
        for ref, facts in facts_by_ref.items():
            for fact in facts:
                whose = self._whose[fact.origin]
                self._fact_whose[fact.id] = whose
                citizen = self._people[whose]
                known = getattr(citizen.records, family).setdefault(ref, [])
                if all(one.id != fact.id for one in known):
                    known.append(self._renumbered(copy(fact), citizen))

    def _renumbered(self, fact: _F, citizen: Citizen) -> _F:
        names = self._records.names

        def moved(number: int | None) -> int | None:
            return None if number is None else citizen.number(names[number])

        fact.origin = self._origins[fact.origin]
        fact.agency = citizen.number(names[fact.agency])
        if isinstance(fact, PlannedFact):
            fact.code = citizen.number(names[fact.code])
            fact.institution = moved(fact.institution)
        elif isinstance(fact, CaseFact):
            fact.code = citizen.number(names[fact.code])
            fact.institution = citizen.number(names[fact.institution])
            fact.part, fact.holder = moved(fact.part), moved(fact.holder)
            fact.next_step, fact.title = moved(fact.next_step), moved(fact.title)
        return fact
