"""Runs the detectors over what has changed, and over nothing else."""

from collections.abc import Sequence
from typing import NamedTuple

from router.appointments import Schooling, Visit, schooling, visit
from router.burden import burden_findings, busy_day, crowded
from router.calendar import Calendar, calendar_of
from router.clashes import clashes_of
from router.closed_days import ALWAYS_OPEN
from router.closures import closed_day
from router.events import Outputs
from router.findings import Drafts, say_changes
from router.rules import Rules
from router.school_hours import all_school_findings, school_findings, span_of
from router.state import Citizen


def all_findings(key: str, citizen: Citizen, rules: Rules) -> Drafts:
    """Everything that collides or burdens this citizen now."""
    calendar = calendar_of(citizen, rules)
    drafts = all_school_findings(key, calendar)
    for ref in sorted(calendar.visits):
        seen = calendar.visits[ref]
        drafts.update(clashes_of(key, seen, calendar, rules))
        drafts.update(closed_day(key, seen, calendar.protection))
        drafts.update(burden_findings(key, seen.place.name, seen.day, calendar, rules))
        drafts.update(busy_day(key, seen.day, calendar, rules))
    for ref in sorted(calendar.stays):
        drafts.update(clashes_of(key, calendar.stays[ref], calendar, rules))
    return drafts


def findings_of(key: str, ref: str, calendar: Calendar, rules: Rules) -> Drafts:
    """Everything in which one visit takes part."""
    seen = calendar.visits[ref]
    drafts = clashes_of(key, seen, calendar, rules)
    drafts.update(school_findings(key, seen, calendar))
    drafts.update(closed_day(key, seen, calendar.protection))
    drafts.update(burden_findings(key, seen.place.name, seen.day, calendar, rules))
    drafts.update(busy_day(key, seen.day, calendar, rules))
    return {name: one for name, one in drafts.items() if any(each.ref == ref for each in one.parties)}


def thing_changed(key: str, citizen: Citizen, ref: str, rules: Rules, outputs: Outputs) -> None:
    """Something new was said about an appointment, meeting, stay, exam or enrolment."""
    calendar, letter = calendar_of(citizen, rules), ref[0]
    if letter == "N":
        schools = calendar.schools.get(ref), schooling(citizen, ref, rules)
        if schools[0] != schools[1]:
            _school_changed(key, citizen, ref, rules, outputs, schools)
        return
    shelf = calendar.visits if letter in "AM" else calendar.stays if letter == "S" else calendar.exams
    old, new = shelf.get(ref), visit(citizen, ref, rules)
    if old == new:
        return
    if letter == "X":
        _school_changed(key, citizen, ref, rules, outputs, (old, new))
        return
    crowds = _NO_CROWDS if letter == "S" else _crowds(old, new, calendar, rules)
    before = {} if old is None and crowds is _NO_CROWDS else _about(key, old, crowds, calendar, rules)
    calendar.replace(ref, new)
    after = _about(key, new, crowds, calendar, rules)
    if before or after:
        say_changes(citizen, key, before, after, outputs, rules.inboxes)


def protection_changed(key: str, citizen: Citizen, rules: Rules, outputs: Outputs) -> None:
    """Something new was said about the person: findings carry the person's marking."""
    calendar = calendar_of(citizen, rules)
    old = calendar.protection
    calendar.refresh_protection(citizen)
    if calendar.protection == old:
        return
    after = all_findings(key, citizen, rules)
    calendar.protection, new = old, calendar.protection
    before = all_findings(key, citizen, rules)
    calendar.protection = new
    say_changes(citizen, key, before, after, outputs, rules.inboxes)


def _school_changed(
    key: str,
    citizen: Citizen,
    ref: str,
    rules: Rules,
    outputs: Outputs,
    views: tuple[Visit | Schooling | None, Visit | Schooling | None],
) -> None:
    """An exam or enrolment went from one view to another: only appointments in their time can be met."""
    calendar = calendar_of(citizen, rules)
    spans = [span_of(view) for view in views if view]
    begin, end = min(begin for begin, _ in spans), max(end for _, end in spans)
    before = all_school_findings(key, calendar, begin, end)
    calendar.refresh(citizen, ref, rules)
    after = all_school_findings(key, calendar, begin, end)
    say_changes(citizen, key, before, after, outputs, rules.inboxes)


class _Crowds(NamedTuple):
    """Visits at whose place, or on whose day, one more or less may make a difference to burden."""

    places: Sequence[Visit]
    days: Sequence[Visit]


_NO_CROWDS = _Crowds((), ())


def _crowds(old: Visit | None, new: Visit | None, calendar: Calendar, rules: Rules) -> _Crowds:
    enough = min(rules.burden_visits, rules.visits_a_day) - 1
    if old is None and (new is None or calendar.has_few_near(new, rules.burden_days, enough)):
        return _NO_CROWDS
    places, days = [], []
    for seen in (old, new):
        if seen is not None and not calendar.has_few_near(seen, rules.burden_days, enough):
            near = calendar.near(seen, rules.burden_days)
            if crowded(seen, near, rules):
                places.append(seen)
            if sum(other.day == seen.day for other in near) + 1 >= rules.visits_a_day:
                days.append(seen)
    return _Crowds(places, days) if places or days else _NO_CROWDS


def _about(key: str, seen: Visit | None, crowds: _Crowds, calendar: Calendar, rules: Rules) -> Drafts:
    """Findings that a visit or stay takes part in, or that others like it may have."""
    drafts: Drafts = {}
    if seen is not None:
        drafts = clashes_of(key, seen, calendar, rules)
        if seen.kind != "STAY":
            if calendar.schools or calendar.exams:
                drafts.update(school_findings(key, seen, calendar))
            if seen.place.closing is not ALWAYS_OPEN:
                drafts.update(closed_day(key, seen, calendar.protection))
    if crowds is not _NO_CROWDS:
        for each in crowds.places:
            drafts.update(burden_findings(key, each.place.name, each.day, calendar, rules))
        for each in crowds.days:
            drafts.update(busy_day(key, each.day, calendar, rules))
    return drafts
