"""What had been told of a citizen by a moment, as the town knows it: the calendar of then.

What was told a day before a moment was known by then, and what was told a day after it was not. What lies
between may have been under way: nobody outside can say how much of what each clinic said, in that order, had
arrived.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product
from math import prod
from typing import NamedTuple

from samband.simulation.history import (
    AppointmentStep,
    Attendance,
    CardMended,
    CaseStep,
    Registered,
    StayStep,
    Town,
)
from samband.simulation.oracle_calendar import Calendar, calendars
from samband.simulation.places import micros, moment

_DAY = timedelta(days=1)
_MOST = 2_000
"""Calendars that are tried."""
_SENT_BY = 23
"""The hour by which a day's messages have been sent, since nobody knows when in the day they were."""


_Step = AppointmentStep | CaseStep


class Told(NamedTuple):
    """Something was said for the first time then."""

    at: datetime
    step: _Step


def sent_on(day: date) -> datetime:
    """By when what was sent on a day had been told."""
    return moment(day, _SENT_BY)


class Knowledge:
    """What was told of everybody."""

    def __init__(self, town: Town, told: Iterable[Told], lengths: dict[str, int]) -> None:
        """``told`` is in order; ``lengths`` are minutes of what nobody said the length of, by kind."""
        self._town = town
        self._lengths = lengths
        self._told: dict[int, list[Told]] = defaultdict(list)
        for one in told:
            self._told[one.step.person.sequence].append(one)
        for case in town.cases:
            self._told[case.person.sequence].append(Told(sent_on(case.at.date()), case))
        for all_ in self._told.values():
            all_.sort(key=lambda one: micros(one.at))
        self._attendances: dict[int, list[Attendance]] = defaultdict(list)
        for attendance in town.attendances:
            self._attendances[attendance.person.sequence].append(attendance)
        self._exports = [sent_on(export.date()) for export in town.exports]
        self._unclear = _unclear(town)

    def is_clear(self, sequence: int) -> bool:
        """Whether a citizen was always known for who it is, and was never an inpatient.

        Of others one cannot say from outside what was known of them at a moment.
        """
        return sequence not in self._unclear

    def calendars(self, sequence: int, at: datetime) -> Iterator[Calendar]:
        """All that may have been the citizen's calendar at a moment, the likeliest first."""
        sure, unsure = self._parts(sequence, at)
        usual = [one.step for said in unsure for one in said if one.at < at]
        export = self._export(at)
        exports = [export, *({self._export(at - _DAY), self._export(at + _DAY)} - {export})]
        yield self._calendar(sequence, [*sure, *usual], export)
        if not self.is_certain(sequence, at):
            return
        for export in exports if self._attendances[sequence] else exports[:1]:
            for lengths in product(*(range(len(said) + 1) for said in unsure)):
                known = [
                    one.step for said, length in zip(unsure, lengths, strict=True) for one in said[:length]
                ]
                yield self._calendar(sequence, [*sure, *known], export)

    def is_certain(self, sequence: int, at: datetime) -> bool:
        """Whether `calendars` gives all that there may be, and not only the likeliest."""
        return prod(len(said) + 1 for said in self._parts(sequence, at)[1]) <= _MOST

    def _parts(self, sequence: int, at: datetime) -> tuple[list[_Step], list[list[Told]]]:
        """What was known, and what may have been, each source's in the order in which it was told."""
        told = self._told[sequence]
        unsure: dict[str, list[Told]] = defaultdict(list)
        for one in told:
            if at - _DAY < one.at < at + _DAY:
                unsure[_source(one.step)].append(one)
        return [one.step for one in told if one.at <= at - _DAY], list(unsure.values())

    def _export(self, at: datetime) -> int:
        """The last one that schools had written; -1 before the first."""
        return sum(export < at for export in self._exports) - 1

    def _calendar(self, sequence: int, steps: Sequence[_Step], export: int) -> Calendar:
        town = Town([], self._town.days, exports=self._town.exports)
        town.health = [step for step in steps if isinstance(step, AppointmentStep)]
        town.health.sort(key=lambda step: micros(step.at))
        town.cases = [step for step in steps if isinstance(step, CaseStep)]
        town.attendances = [
            replace(each, until=None if each.until is None or each.until > export else each.until)
            for each in self._attendances[sequence]
            if each.since <= export
        ]
        for exam in self._town.exams if town.attendances else ():
            sittings = tuple(one for one in exam.sittings if one.since <= export)
            if sittings:
                town.exams.append(replace(exam, sittings=sittings))
        return calendars(town, self._lengths).get(sequence) or Calendar()


def _source(step: _Step) -> str:
    return step.clinic.code if isinstance(step, AppointmentStep) else step.case


def _unclear(town: Town) -> set[int]:
    """Citizens whom some clinic took for somebody else, or knew by its own number only, and inpatients."""
    by_number = {person.national_id: person.sequence for person in town.people()}
    found = set()
    for step in town.health:
        again = isinstance(step, Registered) and step.again
        if again or isinstance(step, StayStep | CardMended) or step.card.national != step.person.national_id:
            found.add(step.person.sequence)
        if isinstance(step, CardMended) and step.wrong.national in by_number:
            found.add(by_number[step.wrong.national])
    return found
