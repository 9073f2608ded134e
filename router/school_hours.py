"""Appointments in a pupil's school day, and those that meet an exam.

Only appointments that the citizen attends, with a time of day, and away from the school itself. An
appointment that meets an exam is said once, as EXAM, not as SCHOOL_HOURS too.
"""

from datetime import datetime, timedelta

from router.appointments import DATE_ONLY, Schooling, Visit, instant_at, local
from router.calendar import Calendar
from router.closed_days import is_holiday
from router.findings import Draft, Drafts, PartyDraft, finding_id, party
from router.rules import Place
from router.spans import DAY, MINUTE

_LONGEST_VISIT_DAYS = 14
_REACH = 2 * DAY
"""More than there can be between the start of an exam and either end of its local day."""
_ALWAYS = 1 << 63


def school_findings(citizen: str, visit: Visit, calendar: Calendar) -> Drafts:
    """EXAM and SCHOOL_HOURS findings of one appointment."""
    if not (calendar.schools or calendar.exams) or not visit.timed or not visit.attends:
        return {}
    drafts: Drafts = {}
    with_exam = set()
    for exam in sorted(_exams_then(calendar, visit), key=_by_ref):
        draft = _exam(citizen, visit, exam, calendar.protection)
        if draft:
            drafts[draft.id] = draft
            with_exam.add(exam.place.name)
    for school in _schools_then(calendar, visit):
        if school.place.name not in with_exam and school.place.name != visit.place.name:
            drafts.update(_school_days(citizen, visit, school, calendar.protection))
    return drafts


def all_school_findings(
    citizen: str, calendar: Calendar, begin: int = -_ALWAYS, end: int = _ALWAYS
) -> Drafts:
    """The same for all appointments in a span of time: when a school or an exam has changed."""
    drafts: Drafts = {}
    if calendar.exams or calendar.schools:
        for visit in calendar.around(begin, end):
            drafts.update(school_findings(citizen, visit, calendar))
    return drafts


def span_of(thing: Visit | Schooling) -> tuple[int, int]:
    """Outside of this, an exam or a time at a school meets no appointment."""
    if isinstance(thing, Visit):
        return thing.start - _REACH, max(thing.end, thing.start + _REACH)
    return -_ALWAYS if thing.begin is None else thing.begin, _ALWAYS if thing.end is None else thing.end


def school_day(place: Place, day: datetime) -> tuple[int, int] | None:
    """When the school is open on the local day of ``day``, as instants; None when it is closed."""
    hours = place.school.hours.get(day.weekday())
    if hours is None or day.date() in place.school.free:
        return None
    if place.country and is_holiday(place.country, day.date()):
        return None
    begin, end = (datetime.combine(day.date(), at, tzinfo=place.zone) for at in hours)
    return instant_at(begin), instant_at(end)


def _exams_then(calendar: Calendar, visit: Visit) -> list[Visit]:
    """The exams that the visit may meet."""
    found = []
    for exam in calendar.exams.values():
        begin, end = span_of(exam)
        if begin < visit.end and visit.start < end:
            found.append(exam)
    return found


def _by_ref(thing: Visit | Schooling) -> str:
    return thing.ref


def _schools_then(calendar: Calendar, visit: Visit) -> list[Schooling]:
    """The schools where the citizen is a pupil on that day, each once."""
    found: dict[str, Schooling] = {}
    for school in calendar.schools.values():
        began = school.begin is None or school.begin < visit.end
        goes_on = school.end is None or visit.start < school.end
        if began and goes_on:
            known = found.get(school.place.name)
            if known is None or school.ref < known.ref:
                found[school.place.name] = school
    return sorted(found.values(), key=_by_ref)


def _school_days(citizen: str, visit: Visit, school: Schooling, protection: int) -> Drafts:
    drafts: Drafts = {}
    first, last = local(visit.start, school.place.zone), local(visit.end - 1, school.place.zone)
    for days in range(min((last.date() - first.date()).days, _LONGEST_VISIT_DAYS) + 1):
        day = first + timedelta(days=days)
        hours = school_day(school.place, day)
        overlap = hours and min(hours[1], visit.end) - max(hours[0], visit.start)
        if hours is None or overlap is None or overlap <= 0:
            continue
        at_school = PartyDraft(
            f"D|{school.place.name}|{day.date().isoformat()}",
            "SCHOOL_DAY", school.agency, school.institution, *hours, 0,
        )  # fmt: skip
        draft = _draft(
            citizen, "SCHOOL_HOURS", visit, at_school,
            (overlap, visit.confidence, max(visit.sensitivity, school.sensitivity),
             max(visit.protection, school.protection, protection)),
        )  # fmt: skip
        drafts[draft.id] = draft
    return drafts


def _exam(citizen: str, visit: Visit, exam: Visit, protection: int) -> Draft | None:
    begin, end = exam.start, exam.end
    if not exam.timed:
        day = local(exam.start, exam.place.zone)
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
        whole_day = instant_at(midnight), instant_at(midnight + timedelta(days=1))
        begin, end = school_day(exam.place, day) or whole_day
    overlap = min(end, visit.end) - max(begin, visit.start)
    if overlap <= 0:
        return None
    confidence = max(visit.confidence, exam.confidence, 0 if exam.timed else DATE_ONLY)
    return _draft(
        citizen, "EXAM", visit, party(exam),
        (overlap, confidence, max(visit.sensitivity, exam.sensitivity),
         max(visit.protection, exam.protection, protection)),
    )  # fmt: skip


def _draft(
    citizen: str, kind: str, visit: Visit, other: PartyDraft, figures: tuple[int, int, int, int]
) -> Draft:
    overlap, confidence, sensitivity, protection = figures
    parties = sorted((party(visit), other), key=lambda item: (item.start, item.ref))
    return Draft(
        finding_id(citizen, kind, (visit.ref, other.ref)),
        kind,
        "CRITICAL" if kind == "EXAM" else "INFO",
        tuple(parties),
        f"finding.{kind.lower()}",
        (("minutes_overlap", -(-overlap // MINUTE)),),
        confidence,
        sensitivity,
        protection,
    )
