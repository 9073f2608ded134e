"""Knows what the bus has to show of everybody, from the town's own facts alone.

Knows neither messages nor router: what it has in common with them is the contract's words (docs/router.md).
"""

from collections import defaultdict
from pathlib import Path

from samband.demo.people import Person
from samband.simulation.history import CardChange, CardMended, Registered, Town
from samband.simulation.oracle_calendar import calendars as calendars_of
from samband.simulation.oracle_findings import FindingsOracle
from samband.simulation.oracle_timeline import case_entries, health_entries, school_entries
from samband.simulation.places import MUNICIPALITY, REGISTER
from samband.simulation.truth import Identifier, Truth

NATIONAL = "national"
"""Stands for the system of national numbers, whichever it is."""


def truths(town: Town, rules: Path) -> dict[int, Truth]:
    """What is true of everybody of whom anything is told, by number (``Person.sequence``).

    ``rules`` is the rules' file by which something collides.
    """
    collides = FindingsOracle(rules, REGISTER)
    calendars = calendars_of(town, collides.lengths)
    found: dict[int, Truth] = defaultdict(Truth)
    for sequence, entry in (*health_entries(town), *case_entries(town), *school_entries(town)):
        found[sequence].entries.append(entry)
    people = {person.sequence: person for person in town.people()}
    known = _numbers(town)
    for sequence, truth in found.items():
        truth.entries.sort(key=lambda entry: entry.at)
        if sequence in calendars:
            truth.findings = collides.findings(calendars[sequence])
        truth.identifiers = [_national(people[sequence]), *sorted(known[sequence])]
    return dict(found)


def _national(person: Person) -> Identifier:
    return Identifier(NATIONAL, person.national_id, national=True)


def _numbers(town: Town) -> dict[int, set[Identifier]]:
    """The numbers that each agency has given to somebody."""
    found: dict[int, set[Identifier]] = defaultdict(set)
    for step in town.health:
        card = step.card
        if isinstance(step, CardMended):
            card = step.wrong
            if step.change is CardChange.PARTED:
                continue  # the number is somebody else's
        if isinstance(step, CardMended | Registered):
            mine = found[step.person.sequence]
            mine.add(Identifier(f"{step.clinic.agency}:{step.clinic.code}", card.number))
            if isinstance(step, CardMended) and card.national:
                mine.add(Identifier(NATIONAL, card.national, national=True))
    for case in town.cases:
        found[case.person.sequence].add(Identifier(f"urn:samband:case:{MUNICIPALITY}", case.case))
    at_school = {each.person.sequence for each in town.attendances}
    for household in town.households:
        pupils = at_school & {child.sequence for child in household.children}
        for pupil in pupils:
            found[pupil].add(Identifier("oneroster:granvik-sis", f"pupil-{pupil}"))
        for adult in household.adults if pupils else ():
            found[adult.sequence].add(Identifier("oneroster:granvik-sis", f"guardian-{adult.sequence}"))
    return found
