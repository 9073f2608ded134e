"""The people of Granvik: families with synthetic national numbers, drawn from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

FAMILY_NAMES = (
    "Aasen", "Berge", "Dahl", "Eide", "Fossum", "Grønli", "Haugen", "Iversen", "Juliussen", "Kvam",
    "Lunde", "Myhre", "Nygård", "Odden", "Prestegård", "Rønning", "Solbakken", "Tveit", "Ulvestad",
    "Vik", "Øvrebø", "Ås",
)  # fmt: skip
GIVEN_NAMES = (
    "Ada", "Bjørn", "Celine", "Didrik", "Eira", "Filip", "Gro", "Håkon", "Inga", "Jørn", "Kaja", "Lars",
    "Maja", "Njål", "Oda", "Per", "Ragna", "Sondre", "Tiril", "Ulrik", "Vilde", "Yngve", "Åse", "Ørjan",
)  # fmt: skip
_K1 = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_K2 = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the town, as the legacy systems know them."""

    national_id: str
    family_name: str
    given_name: str
    born: date
    sequence: int
    """Counts the town's people: the legacy systems make their local ids from it."""


@dataclass(frozen=True, slots=True)
class Family:
    """Parents and their children, the oldest first."""

    parents: tuple[Person, ...]
    children: tuple[Person, ...]


def synthetic_national_id(born: date, serial: int) -> Iterator[str]:
    """Norwegian national numbers of the Tenor series (month + 80) for a birthday, from ``serial`` on.

    Check digits by Skatteetaten's rule (modulus 11 with two weights); serials without one are skipped.
    """
    for number in range(serial, 1000):
        checked = with_check_digits(f"{born:%d}{born.month + 80}{born:%y}{number:03d}")
        if checked is not None:
            yield checked


def with_check_digits(nine: str) -> str | None:
    """The number that begins with nine digits; None where the rule has no digit, for a remainder of ten."""
    digits = [int(c) for c in nine]
    k1 = -sum(w * d for w, d in zip(_K1, digits, strict=True)) % 11
    k2 = -sum(w * d for w, d in zip(_K2, [*digits, k1], strict=True)) % 11
    return None if 10 in (k1, k2) else f"{nine}{k1}{k2}"  # noqa: PLR2004 - a digit is below ten


class Registrar:
    """Hands out people with numbers that nobody else in the town has."""

    def __init__(self) -> None:
        """Nobody yet."""
        self._taken: set[str] = set()

    def register(self, given_name: str, family_name: str, born: date) -> Person:
        """A new person of the town."""
        first_serial = 500 if born.year >= 2000 else 0  # noqa: PLR2004 - series by century of birth
        numbers = synthetic_national_id(born, first_serial)
        number = next(candidate for candidate in numbers if candidate not in self._taken)
        self._taken.add(number)
        return Person(number, family_name, given_name, born, len(self._taken))


def families(registrar: Registrar, count: int, draw: random.Random, today: date) -> list[Family]:
    """``count`` families with one or two parents and one to three children of six to twelve years."""

    def person(family_name: str, youngest: int, oldest: int) -> Person:
        age_in_days = draw.randrange(youngest * 365, oldest * 365)
        return registrar.register(draw.choice(GIVEN_NAMES), family_name, today - timedelta(days=age_in_days))

    town = []
    for _ in range(count):
        name = draw.choice(FAMILY_NAMES)
        parents = tuple(person(name, 28, 50) for _ in range(draw.choice((1, 2, 2, 2))))
        children = [person(name, 6, 12) for _ in range(draw.choice((1, 1, 2, 2, 3)))]
        town.append(Family(parents, tuple(sorted(children, key=lambda child: child.born))))
    return town
