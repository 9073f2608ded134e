"""What people have to do with the municipality: a few apply for something, and it takes its steps."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from samband.demo.people import Person
from samband.simulation.history import CaseEvent, CaseStep
from samband.simulation.places import day_number, is_holiday, moment
from samband.simulation.population import Household

_MONTH = 30.0
_RESPITE, _ASSISTANCE = 0.04, 0.035
"""Applications a month, by household with children and by grown-up."""
_DECISIONS = (CaseEvent.GRANTED, CaseEvent.REJECTED)
_CORRECTED, _LATE = 0.08, timedelta(minutes=95)
_ORDINARY = (CaseEvent.APPLIED, CaseEvent.READ, CaseEvent.ASSIGNED, CaseEvent.STARTED)


class Cases:
    """Draws the households' cases."""

    def __init__(self, days: int, seed: int) -> None:
        """``days`` is how long the simulation lasts."""
        self._days = days
        self._draw = random.Random(f"cases|{seed}")  # noqa: S311 - a repeatable draw
        self._number = 0
        self._ends = moment(day_number(days), 0)

    def of(self, household: Household) -> Iterator[CaseStep]:
        """The steps of a household's cases, by case in the order of time."""
        share = self._days / _MONTH
        if household.children and self._draw.random() < _RESPITE * share:
            yield from self._case(self._draw.choice(household.children), household.adults)
        for adult in household.adults:
            if self._draw.random() < _ASSISTANCE * share:
                yield from self._case(adult, ())

    def _case(self, person: Person, guardians: tuple[Person, ...]) -> Iterator[CaseStep]:
        self._number += 1
        draw, respite = self._draw, bool(guardians)
        case = f"{'avlastning' if respite else 'sosial'}-2025-{self._number:05}"
        at = moment(
            day_number(draw.randrange(self._days)),
            draw.randrange(8, 15),
            draw.randrange(60),
            draw.randrange(60),
        )
        events = list(_ORDINARY)
        if draw.random() < 0.4:  # noqa: PLR2004 - shares of what cases are like
            events.append(CaseEvent.DOCUMENTS_WANTED)
        if respite:
            events += [CaseEvent.ASSESSMENT_WANTED, CaseEvent.MEETING]
        events += [
            draw.choice((CaseEvent.GRANTED, CaseEvent.GRANTED, CaseEvent.REJECTED)),
            CaseEvent.FINISHED,
        ]
        for event in events:
            if at >= self._ends:
                return
            step = self._step(case, person, event, at, guardians)
            yield step
            if event in _DECISIONS and draw.random() < _CORRECTED and at + _LATE < self._ends:
                other = next(one for one in _DECISIONS if one is not event)
                yield replace(step, at=at + _LATE, event=other, corrects=True)
                at += _LATE
            at += timedelta(minutes=draw.randrange(15, 3 * 24 * 60), seconds=1)

    def _step(
        self, case: str, person: Person, event: CaseEvent, at: datetime, guardians: tuple[Person, ...]
    ) -> CaseStep:
        step = CaseStep(
            at=at, happened=at, person=person, case=case, respite_care=bool(guardians), event=event
        )
        if event in (CaseEvent.DOCUMENTS_WANTED, CaseEvent.ASSESSMENT_WANTED):
            return CaseStep(
                at=at, happened=at, person=person, case=case, respite_care=step.respite_care, event=event,
                due=moment(at.date() + timedelta(days=14), 15),
            )  # fmt: skip
        if event is CaseEvent.MEETING:
            day = at.date() + timedelta(days=self._draw.randrange(4, 16))
            while day.weekday() > 4 or is_holiday(day):  # noqa: PLR2004 - Friday
                day += timedelta(days=1)
            start = moment(day, self._draw.randrange(9, 15))
            return CaseStep(
                at=at, happened=at, person=person, case=case, respite_care=step.respite_care, event=event,
                meeting=f"M-{case}", start=start, end=start + timedelta(hours=1), guardians=guardians,
            )  # fmt: skip
        return step
