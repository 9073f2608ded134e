"""A citizen's situation as the planner sees it: what may be moved, where to, and what each time costs.

What an option costs is what the detectors find with the appointment there, so that a plan and the findings
never disagree about what a clash is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from msgspec.structs import replace

from router.agreement.desk import owing
from router.appointments import Visit, local_day
from router.calendar import Calendar, calendar_of
from router.clashes import clashes_of
from router.closures import closed_day
from router.coordination import findings_of
from router.findings import Drafts
from router.planning.matters import Statement, statement
from router.planning.outlook import Found, slot_name
from router.planning.problem import MOST_SLOTS, MOST_TASKS, Option, Problem, Task
from router.planning.problem import Visit as Fixed
from router.rules import Place, Rules
from router.school_hours import school_findings
from router.spans import DAY, HOUR, MINUTE
from router.state import Citizen
from router.travel import journey
from schemas.shelves import PREFIX

LEAST_TIME_TO_ANSWER = HOUR
"""A slot whose offer ends sooner than this is not proposed."""

Slots = Mapping[str, Sequence[Found]]
"""By shelf."""


class Situation(NamedTuple):
    """A problem, and whose appointments its tasks are, in the same order."""

    visits: tuple[Visit, ...]
    problem: Problem
    statement: Statement


def shelf_of(visit: Visit) -> str:
    """The key of the shelf with the slots that an appointment may move to (``schemas/shelves.py``)."""
    return f"{PREFIX}{visit.institution.replace(chr(0x1F), '|')}|{visit.service}"


def serious(drafts: Drafts) -> Drafts:
    """The findings for which better times are looked for."""
    return {name: draft for name, draft in drafts.items() if draft.severity != "INFO"}


def movable(key: str, citizen: Citizen, rules: Rules, minute: int) -> list[Visit]:
    """The appointments in findings that may be moved: of the gravest findings first, then the earliest."""
    calendar, away = calendar_of(citizen, rules), owing(citizen.records)
    found = []
    for ref, visit in calendar.visits.items():
        if (
            visit.start >= minute + rules.search.notice
            and visit.agency in rules.inboxes
            and visit.kind == "APPOINTMENT"
            and visit.timed
            and visit.service
            and visit.agency not in away
        ):
            grave = serious(findings_of(key, ref, calendar, rules)).values()
            if grave:
                critical = any(draft.severity == "CRITICAL" for draft in grave)
                found.append((not critical, visit.start, ref, visit))
    found.sort(key=lambda row: row[:3])
    return [visit for *_, visit in found[:MOST_TASKS]]


def situation(
    citizen: Citizen, rules: Rules, minute: int, visits: Sequence[Visit], slots: Slots
) -> Situation:
    """The planner's problem of moving ``visits`` to ``slots``."""
    calendar, said = calendar_of(citizen, rules), statement(citizen)
    refused = citizen.records.outlook.refused if citizen.records.outlook else {}
    for visit in visits:
        calendar.replace(visit.ref, None)
    chosen = [(visit, [_option(calendar, rules, said, visit)]) for visit in visits]
    for visit, options in chosen:
        for slot in slots.get(shelf_of(visit), ())[:MOST_SLOTS]:
            fits = (
                slot.start >= minute + rules.search.notice
                and slot.until >= minute + LEAST_TIME_TO_ANSWER
                and slot_name(visit.agency, slot.id) not in refused
                and slot.start != visit.start
            )
            moved = moved_to(visit, slot)
            if fits and not said.against(moved.start, moved.end, moved.place).clashes:
                options.append(_option(calendar, rules, said, moved, slot))
    fixed = _fixed(calendar, [option for _, options in chosen for option in options])
    for visit in visits:
        calendar.replace(visit.ref, visit)
    home = _home(calendar)
    places = _Places(rules)
    problem = Problem(
        tuple(Task(places.number(visit.place), visit.service, tuple(options)) for visit, options in chosen),
        tuple(Fixed(one.start, one.end, one.day, places.number(one.place)) for one in fixed),
        (),
        None if home is None else places.number(home),
        said.one_day,
        said.same_resource,
    )
    return Situation(tuple(visits), problem._replace(minutes=places.minutes()), said)


def moved_to(visit: Visit, slot: Found) -> Visit:
    """An appointment as it would be in a slot."""
    day = local_day(slot.start, visit.place.zone)
    return replace(visit, start=slot.start, end=slot.end, given_end=slot.end, confidence=0, day=day)


@contextmanager
def with_moved(citizen: Citizen, rules: Rules, there: Sequence[Visit]) -> Iterator[None]:
    """The calendar as it would be with these visits where they are here."""
    calendar = calendar_of(citizen, rules)
    before = [(visit.ref, calendar.visits.get(visit.ref)) for visit in there]
    for visit in there:
        calendar.replace(visit.ref, visit)
    try:
        yield
    finally:
        for ref, seen in before:
            calendar.replace(ref, seen)


def _option(
    calendar: Calendar, rules: Rules, said: Statement, there: Visit, slot: Found | None = None
) -> Option:
    """What it costs to have an appointment at a time, the other movable ones being nowhere."""
    drafts = {
        **clashes_of("", there, calendar, rules),
        **school_findings("", there, calendar),
        **closed_day("", there, calendar.protection),
    }
    against = said.against(there.start, there.end, there.place)
    clashes = len(serious(drafts))
    return Option(
        there.start,
        there.end,
        there.day,
        clashes + against.clashes,
        against.important,
        len(drafts) - clashes + against.nuisances,
        None if slot is None else slot.resource,
        slot is not None,
        None if slot is None else (slot.id, slot.place, slot.until),
    )


def _fixed(calendar: Calendar, options: Iterable[Option]) -> list[Visit]:
    """Where the citizen goes besides, on the days around."""
    all_ = list(options)
    begin, end = min(one.start for one in all_) - DAY, max(one.end for one in all_) + DAY
    return sorted(
        (one for one in calendar.around(begin, end) if one.attends and one.end > begin),
        key=lambda one: (one.start, one.ref),
    )


def _home(calendar: Calendar) -> Place | None:
    """Where a pupil's days begin and end, nearly: addresses are not kept, and schools are near home."""
    schools = sorted(calendar.schools.values(), key=lambda school: school.ref)
    return next((school.place for school in schools if school.place.latitude is not None), None)


class _Places:
    """The places of a problem by number, and the ways between them."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._places: dict[str, Place] = {}

    def number(self, place: Place) -> int:
        """The number of a place, which is added when it is new."""
        self._places.setdefault(place.name, place)
        return list(self._places).index(place.name)

    def minutes(self) -> tuple[tuple[int | None, ...], ...]:
        """Minutes between all of them, by the shortest way; None where coordinates are missing."""
        places = list(self._places.values())
        known = [number for number, place in enumerate(places) if place.latitude is not None]
        ways: list[list[int | None]] = [[None] * len(places) for _ in places]
        for here in known:
            for there in known:
                first, second = sorted((here, there))
                ways[here][there] = journey(places[first], places[second], self._rules).needed // MINUTE
        for via in known:
            for here in known:
                for there in known:
                    around = (ways[here][via] or 0) + (ways[via][there] or 0)
                    ways[here][there] = min(ways[here][there] or 0, around)
        return tuple(tuple(row) for row in ways)
