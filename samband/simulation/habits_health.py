"""What people have to do with clinics and the hospital: few much, most little, some nothing."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from samband.demo.people import Person
from samband.simulation.cards import first_contact
from samband.simulation.diaries import Diary, Slot
from samband.simulation.history import (
    AppointmentStep,
    Card,
    CardMended,
    Change,
    HealthStep,
    Opening,
    Registered,
    StayChange,
    StayStep,
)
from samband.simulation.places import ASKED, CLINICS, HOSPITAL, Clinic, day_number, micros, moment
from samband.simulation.population import Household

_MONTH = 30.0
_SELDOM, _OFTEN = 0.6, 2.2
"""Appointments a month: with 8 % who are often ill about 0.9, as in Norway (60 million a year for 5.6)."""
_LENGTHS = (15, 20, 30, 30, 45, 60)
_SERIES, _VISITS = 0.5, 4
"""Half of the contacts of those who are often ill are series of visits."""
_SAME_DAY = 0.35
_NO_LENGTH = 0.03
_STAYS = 0.01
"""A month."""
_AHEAD, _A_DAY, _OPENING = 21, 4, 45
"""How many days ahead times are offered, how many of each diary and day, and minutes of each."""
_MOVED, _CANCELLED, _LENGTHENED, _ERROR, _MISSED = 0.12, 0.2, 0.23, 0.25, 0.08


class Health:
    """Draws everybody's dealings with clinics; the diaries are shared by all."""

    def __init__(self, people: Sequence[Person], days: int, seed: int) -> None:
        """``days`` is how long the simulation lasts."""
        self._people = people
        self._days = days
        self._draw = random.Random(f"health|{seed}")  # noqa: S311 - a repeatable draw
        self.diaries = {clinic.code: Diary(clinic, len(people)) for clinic in CLINICS}
        self._numbers = 0
        self._cards: dict[tuple[int, str], list[tuple[datetime, Card]]] = {}
        """What a clinic had written down since when, by person and clinic."""
        self._moments: set[tuple[int, datetime]] = set()

    def of(self, household: Household) -> Iterator[HealthStep]:
        """All steps of a household's members, in no order."""
        for person in household.people():
            rate = _OFTEN if person.sequence in household.often_ill else _SELDOM
            wanted = self._count(rate * self._days / _MONTH)
            contacts = [_Contact(self._working_moment(person), self._clinic()) for _ in range(wanted)]
            if self._draw.random() < _STAYS * self._days / _MONTH:
                contacts.append(_Contact(self._working_moment(person), HOSPITAL, stay=True))
            days: list[date] = []
            for contact in sorted(contacts, key=_Contact.order):
                yield from self._registered(person, contact.clinic, contact.at)
                if contact.stay:
                    yield from self._stay(person, contact.at)
                    continue
                series = rate is _OFTEN and self._draw.random() < _SERIES
                yield from self._appointments(person, contact, days, _VISITS if series else 1)

    def openings(self) -> Iterator[Opening]:
        """Times that clinics offer, three weeks ahead; to be asked for when all appointments are drawn."""
        for clinic in ASKED:
            diary = self.diaries[clinic.code]
            for ahead in range(1, self._days + _AHEAD):
                told = moment(day_number(max(0, ahead - _AHEAD)), 6)
                for _ in range(_A_DAY * diary.resources):
                    slot = diary.leave_free(self._draw, day_number(ahead), _OPENING)
                    if slot is not None:
                        self._numbers += 1
                        yield Opening(
                            at=told, clinic=clinic, number=f"T-{self._numbers:06}", resource=slot.resource,
                            department=self._draw.choice(clinic.departments),
                            start=slot.start, minutes=_OPENING,
                        )  # fmt: skip

    def _count(self, mean: float) -> int:
        """A Poisson number (Knuth)."""
        limit, product, count = 2.718281828459045**-mean, self._draw.random(), 0
        while product > limit:
            product *= self._draw.random()
            count += 1
        return count

    def _clinic(self) -> Clinic:
        return self._draw.choices(CLINICS, [clinic.share for clinic in CLINICS])[0]

    def _working_moment(self, person: Person) -> datetime:
        draw = self._draw
        day = day_number(draw.randrange(self._days))
        return self._own(person, moment(day, draw.randrange(7, 16), draw.randrange(60), draw.randrange(60)))

    def _own(self, person: Person, at: datetime) -> datetime:
        """A second in which nothing else happens to this person."""
        while (person.sequence, at) in self._moments:
            at += timedelta(seconds=1)
        self._moments.add((person.sequence, at))
        return at

    def _ends(self) -> datetime:
        return moment(day_number(self._days), 0)

    def _registered(self, person: Person, clinic: Clinic, at: datetime) -> Iterator[Registered | CardMended]:
        """At the first contact, just before what was the reason."""
        here = person.sequence, clinic.code
        if here in self._cards:
            return
        before = self._own(person, at - timedelta(minutes=2))
        found = self._own(person, before + timedelta(minutes=self._draw.randrange(20, 3 * 24 * 60)))
        if found >= self._ends():
            found = self._own(person, self._ends() - timedelta(minutes=1))
        steps = list(first_contact(person, clinic, (before, found), self._people, self._draw))
        self._cards[here] = [(step.at, step.card) for step in steps]
        yield from steps

    def _card(self, person: Person, clinic: Clinic, at: datetime) -> Card:
        """What the clinic has written down by then."""
        return [card for since, card in self._cards[person.sequence, clinic.code] if since <= at][-1]

    def _appointments(
        self, person: Person, contact: "_Contact", days: list[date], visits: int
    ) -> Iterator[AppointmentStep]:
        """One visit, or a series within some ten days."""
        wanted: list[date] | None = None
        for visit in range(visits):
            at = contact.at if visit == 0 else self._own(person, contact.at + timedelta(minutes=visit))
            yield from self._appointment(person, contact.clinic, at, (days, wanted))
            if days and visits > 1:
                after = (days[-1] + timedelta(days=more) for more in range(1, 6))
                wanted = [day for day in after if day > at.date()] or None

    def _appointment(
        self, person: Person, clinic: Clinic, at: datetime, when: tuple[list[date], list[date] | None]
    ) -> Iterator[AppointmentStep]:
        """``when``: the days on which the citizen has appointments, and those that are wanted."""
        days, wanted = when
        draw, diary = self._draw, self.diaries[clinic.code]
        minutes = draw.choice(_LENGTHS)
        later = [day for day in days if day > at.date()]
        if wanted is None:
            wanted = later if later and draw.random() < _SAME_DAY else self._days_after(at)
        slot = diary.book(draw, wanted, minutes)
        if slot is None:
            return
        self._numbers += 1
        first = AppointmentStep(
            at=at, person=person, clinic=clinic, card=self._card(person, clinic, at),
            number=f"{clinic.code[:3]}-{self._numbers:06}", resource=slot.resource,
            department=draw.choice(clinic.departments), title=draw.choice(clinic.titles),
            change=Change.BOOKED, start=slot.start, minutes=0 if draw.random() < _NO_LENGTH else minutes,
        )  # fmt: skip
        yield first
        days.append(slot.start.date())
        yield from self._afterwards(first, slot, minutes)

    def _days_after(self, at: datetime) -> list[date]:
        earliest = self._draw.choice((1, 1, 2, 4, 9, 20))
        return [at.date() + timedelta(days=earliest + more) for more in range(14)]

    def _afterwards(self, booked: AppointmentStep, slot: Slot, minutes: int) -> Iterator[AppointmentStep]:
        """What becomes of it, as far as the simulation lasts."""
        draw, diary = self._draw, self.diaries[booked.clinic.code]
        chance, last = draw.random(), booked
        at = self._between(booked, booked.start)
        if at is not None and chance < _MOVED:
            new = diary.book(draw, self._days_after(at), minutes)
            if new is not None:
                diary.release(slot, minutes)
                slot, last = new, self._next(booked, at, Change.MOVED, start=new.start, resource=new.resource)
                yield last
        elif at is not None and chance < _CANCELLED:
            diary.release(slot, minutes)
            yield self._next(booked, at, Change.CANCELLED)
            return
        elif at is not None and chance < _LENGTHENED:
            if booked.minutes and diary.lengthen(slot, minutes, 30):
                last = self._next(booked, at, Change.LENGTHENED, minutes=minutes + 30)
                yield last
        elif at is not None and chance < _ERROR:
            diary.release(slot, minutes)
            yield self._next(booked, at, Change.NEVER_MEANT)
            return
        missed = last.start + timedelta(minutes=40)
        if missed < self._ends() and draw.random() < _MISSED:
            yield self._next(last, self._own(last.person, missed), Change.MISSED)

    def _between(self, step: AppointmentStep, end: datetime) -> datetime | None:
        """A moment after a step and before ``end``; None when there is none within the simulation."""
        last = min(end, self._ends()) - timedelta(minutes=5)
        room = int((last - step.at).total_seconds()) - 60
        if room <= 0:
            return None
        at = step.at + timedelta(seconds=60 + self._draw.randrange(room))
        if at.hour < 1:  # what is asked for during the day is done after midnight
            return None
        return self._own(step.person, at)

    def _next(self, step: AppointmentStep, at: datetime, change: Change, **new: Any) -> AppointmentStep:
        return replace(step, at=at, change=change, card=self._card(step.person, step.clinic, at), **new)

    def _stay(self, person: Person, admitted: datetime) -> Iterator[HealthStep]:
        draw = self._draw
        self._numbers += 1
        number = f"V{self._numbers:06}"

        def step(change: StayChange, happened: datetime, late: int = 0) -> StayStep:
            at = self._own(person, happened + timedelta(minutes=late))
            return StayStep(
                at=at, happened=happened, person=person, clinic=HOSPITAL, number=number, change=change,
                card=self._card(person, HOSPITAL, at),
            )  # fmt: skip

        steps = [step(StayChange.ADMITTED, admitted, late=draw.choice((0, 0, 0, 90)))]
        chance = draw.random()
        if chance < 0.06:  # noqa: PLR2004 - shares of what stays are like
            steps.append(step(StayChange.NOT_ADMITTED, admitted + timedelta(hours=3)))
        else:
            out = admitted + timedelta(hours=draw.randrange(20, 150), minutes=draw.randrange(60))
            if chance < 0.2:  # noqa: PLR2004 - the same
                leave = admitted + timedelta(hours=15)
                steps += [step(StayChange.ON_LEAVE, leave), step(StayChange.BACK, leave + timedelta(hours=4))]
            steps.append(step(StayChange.DISCHARGED, out))
            if chance > 0.94:  # noqa: PLR2004 - the same
                steps.append(step(StayChange.NOT_DISCHARGED, out + timedelta(hours=1)))
        yield from (each for each in steps if each.at < self._ends())


class _Contact(NamedTuple):
    """Somebody calls, or is brought in."""

    at: datetime
    clinic: Clinic
    stay: bool = False

    def order(self) -> int:
        """By time: no two are at one."""
        return micros(self.at)
