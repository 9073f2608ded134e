"""Who lives in the town: households of all ages, drawn from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from samband.demo.people import FAMILY_NAMES, GIVEN_NAMES, Person, Registrar
from samband.simulation.places import FIRST_DAY, TOWN_SCHOOLS, School

_YEAR = 365.25
_FIRST_FORM_AGE, _FORMS = 6, 10
_IN_TOWN = 0.7
"""Of the pupils go to the first school."""
_OFTEN_ILL = 0.08
_HOUSEHOLDS = ((2, 0), (2, 0), (1, 0), (1, 0), (2, 1), (2, 2), (2, 3), (1, 1), (1, 2))
"""Grown-ups and children."""


@dataclass(frozen=True, slots=True)
class Household:
    """People who live together."""

    adults: tuple[Person, ...]
    children: tuple[Person, ...]
    school: School
    often_ill: frozenset[int]
    """Numbers (``Person.sequence``) of those whom the clinics see often."""

    def people(self) -> tuple[Person, ...]:
        """Everybody."""
        return (*self.adults, *self.children)

    def pupils(self) -> Iterator[tuple[Person, str]]:
        """Children of school age and their classes."""
        for child in self.children:
            form = FIRST_DAY.year - child.born.year - _FIRST_FORM_AGE
            if 1 <= form <= _FORMS:
                yield child, self.school.class_of(form)


def households(citizens: int, seed: int) -> list[Household]:
    """Households with ``citizens`` people altogether; the same seed gives the same people."""
    draw = random.Random(f"population|{seed}")  # noqa: S311 - a made-up town needs a repeatable draw
    registrar = Registrar()
    found: list[Household] = []
    left = citizens
    while left:
        adults, children = draw.choice(_HOUSEHOLDS)
        adults = min(adults, left)
        children = min(children, left - adults)
        found.append(_household(registrar, adults, children, draw))
        left -= adults + children
    return found


def _household(registrar: Registrar, adults: int, children: int, draw: random.Random) -> Household:
    name = draw.choice(FAMILY_NAMES)

    def person(youngest: int, oldest: int) -> Person:
        days = draw.randrange(int(youngest * _YEAR), int(oldest * _YEAR))
        return registrar.register(draw.choice(GIVEN_NAMES), name, FIRST_DAY - timedelta(days=days))

    old = (28, 50) if children else (19, 95)
    parents = tuple(person(*old) for _ in range(adults))
    young = tuple(sorted((person(0, 16) for _ in range(children)), key=_born))
    school = TOWN_SCHOOLS[0] if draw.random() < _IN_TOWN else TOWN_SCHOOLS[1]
    often_ill = frozenset(one.sequence for one in (*parents, *young) if draw.random() < _OFTEN_ILL)
    return Household(parents, young, school, often_ill)


def _born(person: Person) -> date:
    return person.born
