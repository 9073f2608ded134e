"""How clinics write down who somebody is, and what goes wrong with it."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from samband.demo.people import Person, with_check_digits
from samband.simulation.history import Card, CardChange, CardMended, Registered
from samband.simulation.places import Clinic

_SECOND = timedelta(seconds=1)
_UNKNOWN, _TEMPORARY, _TWO_CARDS, _MISTYPED, _ANOTHERS = 0.08, 0.095, 0.11, 0.12, 0.13
"""Shares of first contacts, each up to the number: what the clinic gets wrong or does not know."""


def first_contact(
    person: Person,
    clinic: Clinic,
    when: tuple[datetime, datetime],
    people: Sequence[Person],
    draw: random.Random,
) -> Iterator[Registered | CardMended]:
    """What is written down at a first contact, and when it is found out to be wrong, if it is."""
    at, found = when
    number = f"{400_000 + person.sequence}"
    right = Card(number, person.national_id)
    chance = draw.random()

    def registered(card: Card, *, again: bool = False) -> Registered:
        return Registered(
            at=found + _SECOND if again else at, person=person, clinic=clinic, card=card, again=again
        )

    def mended(wrong: Card, card: Card, change: CardChange) -> CardMended:
        return CardMended(at=found, person=person, clinic=clinic, card=card, wrong=wrong, change=change)

    if chance < _UNKNOWN:
        yield registered(Card(number))
        yield registered(right, again=True)
    elif chance < _TEMPORARY:
        wrong = Card(number, temporary_number(person))
        yield registered(wrong)
        yield mended(wrong, right, draw.choice((CardChange.RENUMBERED, CardChange.MERGED)))
    elif chance < _TWO_CARDS:
        wrong = Card(f"{900_000 + person.sequence}")
        yield registered(wrong)
        yield mended(wrong, right, CardChange.MERGED)
    elif chance < _MISTYPED:
        wrong = Card(number, mistyped_number(person))
        yield registered(wrong)
        yield mended(wrong, right, CardChange.RENUMBERED)
    elif chance < _ANOTHERS and len(people) > 1:
        other = draw.choice([one for one in draw.sample(people, 2) if one is not person])
        wrong = Card(number, other.national_id)
        yield registered(wrong)
        yield mended(wrong, Card(number), CardChange.PARTED)
        yield registered(right, again=True)
    else:
        yield registered(right)


def temporary_number(person: Person) -> str:
    """The D-number that somebody had before they got a national one (day of birth + 40)."""
    first = int(person.national_id[0]) + 4
    for serial in range(1000):
        number = with_check_digits(f"{first}{person.national_id[1:6]}{serial:03d}")
        if number is not None and serial % 500 == int(person.national_id[6:9]) % 500:
            return number
    return f"{first}{person.national_id[1:]}"


def mistyped_number(person: Person) -> str:
    """The national number with one digit wrong: its check digits give it away, but nobody looked."""
    last = (int(person.national_id[-1]) + 1) % 10
    return f"{person.national_id[:-1]}{last}"
