"""Everybody's true calendar at the end of the simulation: what takes place, as far as anybody was told."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from samband.simulation.history import AppointmentStep, Change, StayChange, StayStep, Town
from samband.simulation.oracle_timeline import sitting_span
from samband.simulation.places import (
    INSTITUTION_CODE,
    MUNICIPAL_CODE,
    ORGANISATION_NUMBER,
    ZONE,
    micros,
)
from samband.simulation.truth import Party

MINUTE = 60_000_000
_GONE = (Change.CANCELLED, Change.MISSED, Change.NEVER_MEANT)
_DAY = timedelta(days=1)


class Occasion(NamedTuple):
    """Something that takes the citizen somewhere. Instants in microseconds since the epoch."""

    kind: str
    place: str
    """``system|id`` of the institution."""
    start: int
    end: int
    told_end: int | None
    """None when nobody said how long, and a rule did."""
    sure: str = "EXACT"
    """EXACT, NO_ZONE, DATE_ONLY or DOUBTFUL."""
    attends: bool = True
    away: tuple[tuple[int, int], ...] = ()
    """Leaves from a stay."""

    def party(self) -> Party:
        """As it takes part in a finding."""
        return Party(self.kind, self.start, self.told_end, self.place)

    def day(self) -> date:
        """The local day on which it begins."""
        return datetime.fromtimestamp(self.start / 1_000_000, ZONE).date()


class SchoolTime(NamedTuple):
    """From when a citizen is a pupil at a school."""

    place: str
    begin: int


@dataclass(slots=True)
class Calendar:
    """One citizen's."""

    visits: list[Occasion] = field(default_factory=list)
    stays: list[Occasion] = field(default_factory=list)
    exams: list[Occasion] = field(default_factory=list)
    schools: list[SchoolTime] = field(default_factory=list)


def calendars(town: Town, lengths: dict[str, int]) -> dict[int, Calendar]:
    """By citizen's number. ``lengths``: minutes of what nobody said the length of, by kind."""
    found: dict[int, Calendar] = defaultdict(Calendar)
    for step in _last_steps(town):
        if step.change not in _GONE:
            found[step.person.sequence].visits.append(_appointment(step, lengths["appointment"]))
    for case in town.cases:
        if case.start and case.end:
            found[case.person.sequence].visits.append(_meeting(case.start, case.end))
    for stay in _stays(town, lengths["stay"]):
        found[stay[0]].stays.append(stay[1])
    _schooling(town, found, lengths["exam"])
    return dict(found)


def _last_steps(town: Town) -> list[AppointmentStep]:
    last: dict[str, AppointmentStep] = {}
    for step in town.health:
        if isinstance(step, AppointmentStep):
            last[step.number] = step
    return list(last.values())


def _appointment(step: AppointmentStep, usual: int) -> Occasion:
    start, place = micros(step.start), step.clinic.institution
    if not step.minutes:
        return Occasion("APPOINTMENT", place, start, start + usual * MINUTE, None, "DOUBTFUL")
    end = start + step.minutes * MINUTE
    return Occasion("APPOINTMENT", place, start, end, end)


def _meeting(start: datetime, end: datetime) -> Occasion:
    return Occasion(
        "MEETING", f"{INSTITUTION_CODE}|{MUNICIPAL_CODE}", micros(start), micros(end), micros(end)
    )


def _stays(town: Town, usual: int) -> list[tuple[int, Occasion]]:
    courses: dict[str, dict[StayChange, StayStep]] = defaultdict(dict)
    for step in town.health:
        if isinstance(step, StayStep):
            courses[step.number][step.change] = step
    found = []
    for course in courses.values():
        admitted = course[StayChange.ADMITTED]
        if StayChange.NOT_ADMITTED in course:
            continue
        start = micros(admitted.happened)
        out = None if StayChange.NOT_DISCHARGED in course else course.get(StayChange.DISCHARGED)
        end = micros(out.happened) if out else None
        away: tuple[tuple[int, int], ...] = ()
        if StayChange.BACK in course:
            away = ((micros(course[StayChange.ON_LEAVE].happened), micros(course[StayChange.BACK].happened)),)
        stay = Occasion(
            "STAY", admitted.clinic.institution, start, end or start + usual * MINUTE, end,
            "EXACT" if end else "DOUBTFUL", away=away,
        )  # fmt: skip
        found.append((admitted.person.sequence, stay))
    return found


def _schooling(town: Town, found: dict[int, Calendar], usual: int) -> None:
    for each in town.attendances:
        place = f"{ORGANISATION_NUMBER}|{each.school.organisation_number}"
        calendar = found[each.person.sequence]
        if each.until is None:
            begin = micros(datetime.combine(each.begin, time(), ZONE))
            calendar.schools.append(SchoolTime(place, begin))
        for exam in town.exams:
            known = [one for one in exam.sittings if each.until is None or one.since < each.until]
            if exam.class_name != each.class_name or exam.school is not each.school or not known:
                continue
            start, end = sitting_span(known[-1])
            if each.until is not None and start + _DAY > town.exports[each.until]:
                continue  # withdrawn when the pupil left
            begin = micros(start)
            calendar.exams.append(
                Occasion("EXAM", place, begin, micros(end), micros(end), "NO_ZONE")
                if end
                else Occasion("EXAM", place, begin, begin + usual * MINUTE, None, "DATE_ONLY")
            )
