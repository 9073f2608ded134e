"""Runs the detectors over what has changed, and over nothing else."""

from router.appointments import Schooling, Visit, schooling, visit
from router.burden import burden_findings, busy_day
from router.calendar import Calendar, calendar_of
from router.clashes import clashes_of
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
        drafts.update(clashes_of(key, ref, calendar, rules))
        drafts.update(closed_day(key, ref, calendar))
        drafts.update(_burden(key, calendar.visits[ref], calendar, rules))
    for ref in sorted(calendar.stays):
        drafts.update(clashes_of(key, ref, calendar, rules))
    return drafts


def thing_changed(key: str, citizen: Citizen, ref: str, rules: Rules, outputs: Outputs) -> None:
    """Something new was said about an appointment, meeting, stay, exam or enrolment."""
    calendar = calendar_of(citizen, rules)
    if ref[0] == "N":
        schools = calendar.schools.get(ref), schooling(citizen, ref, rules)
        if schools[0] != schools[1]:
            _school_changed(key, citizen, ref, rules, outputs, schools)
        return
    shelf = calendar.exams if ref[0] == "X" else calendar.stays if ref[0] == "S" else calendar.visits
    old, new = shelf.get(ref), visit(citizen, ref, rules)
    if old == new:
        return
    if ref[0] == "X":
        _school_changed(key, citizen, ref, rules, outputs, (old, new))
        return
    touched = [seen for seen in (old, new) if seen]
    before = _about(key, ref, touched, calendar, rules)
    calendar.replace(ref, new)
    say_changes(citizen, key, before, _about(key, ref, touched, calendar, rules), outputs)


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
    say_changes(citizen, key, before, after, outputs)


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
    say_changes(citizen, key, before, all_school_findings(key, calendar, begin, end), outputs)


def _about(key: str, ref: str, touched: list[Visit], calendar: Calendar, rules: Rules) -> Drafts:
    """Findings that a visit or stay takes part in, or may have."""
    if ref[0] == "S":
        return clashes_of(key, ref, calendar, rules)
    drafts: Drafts = {}
    if ref in calendar.visits:
        drafts = clashes_of(key, ref, calendar, rules)
        if calendar.schools or calendar.exams:
            drafts.update(school_findings(key, ref, calendar))
        drafts.update(closed_day(key, ref, calendar))
    for seen in touched:
        drafts.update(_burden(key, seen, calendar, rules))
    return drafts


def _burden(key: str, seen: Visit, calendar: Calendar, rules: Rules) -> Drafts:
    drafts = busy_day(key, seen.day, calendar, rules)
    if len(calendar.at_place(seen.place.name)) >= rules.burden_visits:
        drafts.update(burden_findings(key, seen.place.name, seen.day, calendar, rules))
    return drafts
