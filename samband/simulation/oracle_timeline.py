"""Which entries each citizen's timeline has: one for each thing that somebody wrote down."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, time, timedelta

from samband.demo.people import Person
from samband.simulation.history import (
    AppointmentStep,
    Attendance,
    CardChange,
    CardMended,
    CaseEvent,
    CaseStep,
    Change,
    Exam,
    Registered,
    Sitting,
    StayChange,
    StayStep,
    Town,
)
from samband.simulation.places import (
    INSTITUTION_CODE,
    MUNICIPAL_CODE,
    MUNICIPALITY,
    ORGANISATION_NUMBER,
    SCHOOLS,
    ZONE,
    School,
    micros,
)
from samband.simulation.truth import Entry

Told = Iterator[tuple[int, Entry]]
"""The citizen's number and an entry."""

_OFFICE = f"{INSTITUTION_CODE}|{MUNICIPAL_CODE}"
_DAY = timedelta(days=1)
_APPOINTMENTS = {
    Change.BOOKED: "scheduled",
    Change.MOVED: "rescheduled",
    Change.LENGTHENED: "modified",
    Change.CANCELLED: "cancelled.cancelled",
    Change.NEVER_MEANT: "cancelled.entered_in_error",
    Change.MISSED: "missed",
}
_PLANNED = (Change.BOOKED, Change.MOVED, Change.LENGTHENED)
_STAYS = {
    StayChange.ADMITTED: "started",
    StayChange.ON_LEAVE: "on_leave.started",
    StayChange.BACK: "on_leave.ended",
    StayChange.DISCHARGED: "ended",
    StayChange.NOT_ADMITTED: "corrected.admission_cancelled",
    StayChange.NOT_DISCHARGED: "corrected.discharge_cancelled",
}
_TAKEN_BACK = {StayChange.NOT_ADMITTED: StayChange.ADMITTED, StayChange.NOT_DISCHARGED: StayChange.DISCHARGED}


def health_entries(town: Town) -> Told:
    """What clinics and the hospital did."""
    appointments: dict[str, list[AppointmentStep]] = defaultdict(list)
    stays: dict[str, list[StayStep]] = defaultdict(list)
    for step in town.health:
        if isinstance(step, AppointmentStep):
            appointments[step.number].append(step)
        elif isinstance(step, StayStep):
            stays[step.number].append(step)
        elif isinstance(step, CardMended):
            word = "unlinked" if step.change is CardChange.PARTED else "merged"
            yield step.person.sequence, Entry(micros(step.at), f"identity.{word}", step.clinic.agency, "")
        else:
            yield step.person.sequence, _registration(step)
    for changes in appointments.values():
        in_error = changes[-1].change is Change.NEVER_MEANT
        for step in changes:
            status = "CORRECTED" if in_error and step is not changes[-1] else "CURRENT"
            yield step.person.sequence, _appointment(step, status)
    for course in stays.values():
        gone = {_TAKEN_BACK[step.change] for step in course if step.change in _TAKEN_BACK}
        for one in course:
            yield one.person.sequence, _stay(one, "CORRECTED" if one.change in gone else "CURRENT")


def _registration(step: Registered) -> Entry:
    text = "person.updated" if step.again else "person.registered"
    return Entry(micros(step.at), text, step.clinic.agency, step.clinic.institution)


def _appointment(step: AppointmentStep, status: str) -> Entry:
    start = micros(step.start)
    end = start + step.minutes * 60_000_000 if step.minutes and step.change in _PLANNED else None
    at = start if step.change is Change.MISSED else micros(step.at)
    text = f"appointment.{_APPOINTMENTS[step.change]}"
    return Entry(at, text, step.clinic.agency, step.clinic.institution, start, end, status=status)


def _stay(step: StayStep, status: str) -> Entry:
    at = micros(step.happened)
    starts = step.change in (StayChange.ADMITTED, StayChange.ON_LEAVE, StayChange.BACK)
    return Entry(
        at, f"stay.{_STAYS[step.change]}", step.clinic.agency, step.clinic.institution,
        start=at if starts else None,
        end=at if step.change is StayChange.DISCHARGED else None,
        status=status,
    )  # fmt: skip


_CASES: dict[CaseEvent, tuple[str, str, str]] = {
    CaseEvent.APPLIED: ("opened", f"AGENCY {_OFFICE}", ""),
    CaseEvent.READ: ("step.read", f"AGENCY {_OFFICE}", ""),
    CaseEvent.ASSIGNED: ("step.assigned", "AGENCY urn:samband:nav-kontor|0314", ""),
    CaseEvent.STARTED: ("step.in_progress", f"AGENCY {_OFFICE}", ""),
    CaseEvent.DOCUMENTS_WANTED: ("information_requested", "CITIZEN", "INFORMATION_SENT"),
    CaseEvent.ASSESSMENT_WANTED: (
        "service_requested",
        f"THIRD_PARTY {INSTITUTION_CODE}|FJORDHEIM",
        "SERVICE_ANSWERED",
    ),
    CaseEvent.MEETING: ("meeting_invited", "", "MEETING_HELD"),
    CaseEvent.GRANTED: ("decision.granted", "", ""),
    CaseEvent.REJECTED: ("decision.rejected", "", ""),
    CaseEvent.FINISHED: ("step.finished", "", ""),
}
"""Text, who has to act from then on, and what comes next."""


def case_entries(town: Town) -> Told:
    """What the municipality did."""
    corrected = {(step.case, step.happened) for step in town.cases if step.corrects}
    for step in town.cases:
        gone = not step.corrects and (step.case, step.happened) in corrected
        yield step.person.sequence, _case(step, "CORRECTED" if gone else "CURRENT")


def _case(step: CaseStep, status: str) -> Entry:
    text, holder, following = _CASES[step.event]
    expected = step.due or step.start
    return Entry(
        micros(step.happened), f"case.{text}", MUNICIPALITY, _OFFICE,
        start=micros(step.start) if step.start else None,
        end=micros(step.end) if step.end else None,
        holder=holder, next_step=following, expected_by=micros(expected) if expected else None,
        status=status,
    )  # fmt: skip


def school_entries(town: Town) -> Told:
    """What the schools reported, at the first export that has it."""
    for household in town.households:
        yield from _listed(town, {child.sequence for child in household.children}, household.adults)
    for each in town.attendances:
        yield from _attendance(town, each)
        for exam in town.exams:
            if exam.class_name == each.class_name and exam.school is each.school:
                yield from _exam(town, each, exam)


def _listed(town: Town, children: set[int], adults: tuple[Person, ...]) -> Told:
    """Guardians are listed with their first pupil, and again with each pupil who comes later."""
    pupils = {each.person.sequence: each for each in town.attendances if each.person.sequence in children}
    exports = sorted({each.since for each in pupils.values()})
    for sequence, each in pupils.items():
        yield sequence, _person("registered", town.exports[each.since], each.school)
    for adult in adults:
        for place, export in enumerate(exports):
            school = next(iter(pupils.values())).school
            text = "updated" if place else "registered"
            yield adult.sequence, _person(text, town.exports[export], school)


def _person(what: str, at: datetime, school: School) -> Entry:
    return Entry(micros(at), f"person.{what}", SCHOOLS, _school(school))


def _attendance(town: Town, each: Attendance) -> Told:
    begin = micros(datetime.combine(each.begin, time(), ZONE))
    reports = [("active", each.since)] + ([("ended", each.until)] if each.until is not None else [])
    for word, export in reports:
        text = f"enrollment.changed.{word}"
        at = micros(town.exports[export])
        yield each.person.sequence, Entry(at, text, SCHOOLS, _school(each.school), begin)


def _exam(town: Town, each: Attendance, exam: Exam) -> Told:
    """A pupil hears of an exam when both are there; a later sitting corrects an earlier one."""
    until = len(town.exports) if each.until is None else each.until
    told: list[tuple[int, Sitting]] = []
    for export in range(each.since, until):
        known = [sitting for sitting in exam.sittings if sitting.since <= export]
        if known and (not told or told[-1][1] is not known[-1]):
            told.append((export, known[-1]))
    withdrawn = bool(told) and each.until is not None and _is_ahead(told[-1][1], town.exports[until])
    for place, (export, sitting) in enumerate(told):
        last = place == len(told) - 1
        status = "CORRECTED" if not last else "RETRACTED" if withdrawn else "CURRENT"
        start, end = sitting_span(sitting)
        yield each.person.sequence, Entry(
            micros(town.exports[export]), "exam.scheduled", SCHOOLS, _school(each.school),
            micros(start), micros(end) if end else None, status=status,
        )  # fmt: skip
    if withdrawn:
        yield each.person.sequence, Entry(micros(town.exports[until]), "fact.retracted", SCHOOLS, "")


def sitting_span(sitting: Sitting) -> tuple[datetime, datetime | None]:
    """When an exam begins and ends, as far as it is known: else its day begins."""
    if sitting.hours is None:
        return datetime.combine(sitting.day, time(), ZONE), None
    begin, end = (datetime.combine(sitting.day, hour, ZONE) for hour in sitting.hours)
    return begin, end


def _is_ahead(sitting: Sitting, at: datetime) -> bool:
    """What has taken place is not withdrawn."""
    return sitting_span(sitting)[0] + _DAY > at


def _school(school: School) -> str:
    return f"{ORGANISATION_NUMBER}|{school.organisation_number}"
