"""The school year: who is in which class, who comes and goes, and which exams are when."""

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from samband.simulation.history import Attendance, Exam, Sitting
from samband.simulation.places import TOWN_SCHOOLS, School, day_number, is_holiday, moment
from samband.simulation.population import Household

_TERM = date(2024, 8, 19)
_HOUR = 6
_LEAVES, _COMES = 0.015, 0.015
_WITH_EXAMS = 0.8
"""Of the classes from the fifth form on."""
_EXAM_MOVED = 0.4
_FIFTH = 5
_FORMS = 10
_HOURS = (None, (time(9), time(12)), (time(8, 30), time(10)))


class SchoolYear:
    """Draws what the schools' system reports, and when."""

    def __init__(self, days: int, seed: int) -> None:
        """``days`` is how long the simulation lasts."""
        self._draw = random.Random(f"school|{seed}")  # noqa: S311 - a repeatable draw
        self.exports: list[datetime] = [
            moment(day, _HOUR) for day in map(day_number, range(days)) if _school_day(day)
        ]

    def attendances(self, household: Household) -> Iterator[Attendance]:
        """The pupils of a household."""
        for child, class_name in household.pupils():
            since, until = self._span()
            yield Attendance(
                person=child, school=household.school, class_name=class_name,
                begin=_TERM if since == 0 else self.exports[since].date(), since=since, until=until,
            )  # fmt: skip

    def exams(self) -> Iterator[Exam]:
        """The exams of all classes."""
        for school in TOWN_SCHOOLS:
            for form in range(_FIFTH, _FORMS + 1):
                if self._draw.random() < _WITH_EXAMS:
                    yield self._exam(school, form)

    def _span(self) -> tuple[int, int | None]:
        draw, last = self._draw, len(self.exports) - 1
        if last < 1:
            return 0, None
        chance = draw.random()
        if chance < _LEAVES:
            return 0, draw.randrange(1, last + 1)
        return (draw.randrange(1, last + 1), None) if chance < _LEAVES + _COMES else (0, None)

    def _exam(self, school: School, form: int) -> Exam:
        draw = self._draw
        since = draw.randrange(len(self.exports))
        sittings = [Sitting(since, self._exam_day(since), draw.choice(_HOURS))]
        moved = since + draw.randrange(1, 4)
        while (
            moved < len(self.exports)
            and draw.random() < _EXAM_MOVED
            and self.exports[moved].date() < sittings[-1].day
        ):
            sittings.append(Sitting(moved, sittings[-1].day + timedelta(days=7), draw.choice(_HOURS)))
            moved += draw.randrange(1, 4)
        class_name = school.class_of(form)
        return Exam(id=f"exam-{class_name}", school=school, class_name=class_name, sittings=tuple(sittings))

    def _exam_day(self, export: int) -> date:
        day = self.exports[export].date() + timedelta(days=self._draw.randrange(5, 15))
        while not _school_day(day):
            day += timedelta(days=1)
        return day


def _school_day(day: date) -> bool:
    return day.weekday() < 5 and not is_holiday(day)  # noqa: PLR2004 - Friday is 4
