"""The rules and the institution register, compiled for the hot path; ``rules_file.py`` reads and checks them.

Both are configuration, not events: changing them changes what the same logs mean, so a change takes effect
for a citizen when something of theirs changes next, and for everybody by a replay.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from router.closed_days import ALWAYS_OPEN, Closing
from router.rules_file import (
    WEEKDAYS,
    Bounds,
    Institution,
    RegisterFile,
    RulesError,
    RulesFile,
    School,
    days_of,
    read,
    school_hours,
    wrong,
)
from router.spans import DAY, HOUR, MINUTE

__all__ = [
    "DEFAULT_RULES", "Mode", "Patience", "Place", "Rules", "RulesError", "SchoolDays", "Search", "load_rules",
]  # fmt: skip

DEFAULT_RULES = Path(__file__).parent / "rules_default.yaml"
_MOST_MET = 10_000


@dataclass(frozen=True, slots=True)
class SchoolDays:
    """When a school is open: opening hours by weekday (0 = Monday) and the days on which it is closed."""

    hours: Mapping[int, tuple[time, time]]
    free: frozenset[date]


@dataclass(frozen=True, slots=True)
class Place:
    """An institution of the register, under all of its codes."""

    name: str
    """The first of its codes as ``system|id``: what tells it from others."""
    zone: ZoneInfo
    latitude: float | None
    longitude: float | None
    school: SchoolDays
    country: str = ""
    """Whose public holidays a school keeps (ISO 3166-1); empty for none."""
    closing: Closing = ALWAYS_OPEN


class Mode(NamedTuple):
    """A way to travel."""

    name: str
    up_to_km: float
    speed_km_h: float
    detour: float
    buffer: int


class Patience(NamedTuple):
    """How long agencies have to answer; in microseconds."""

    hold: int
    confirm: int
    release: int
    """Until a release is asked again for the first time; the next pauses double."""
    tell: int
    """Until the citizen is told of a failure that an agency has perhaps not undone yet."""


class Search(NamedTuple):
    """When better times are looked for, in microseconds."""

    notice: int
    """What begins sooner than this after the present is not moved, and nothing is moved there."""
    reach: int
    """How far before the first and after the last appointment slots are looked for."""
    answer: int
    """How long a proposal waits for an answer."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything in microseconds but visits and days (counts) and what a mode of travel says."""

    zone: ZoneInfo
    country: str
    appointment_length: int
    meeting_length: int
    exam_length: int
    stay_length: int
    modes: tuple[Mode, ...]
    unknown_journey: int
    longest_journey: int
    burden_visits: int
    burden_days: int
    visits_a_day: int
    school: SchoolDays
    places: Mapping[tuple[str, str], Place]
    journeys: Mapping[tuple[str, str], int]
    """Known journeys by the names of both places, either way round."""
    services: Mapping[tuple[str, str], tuple[int, int]]
    """What a service (code system, code) needs before and after its own time."""
    reach: int
    """Two visits farther apart than this have nothing to do with each other, but for burden."""
    patience: Patience
    search: Search
    inboxes: frozenset[str] = frozenset()
    """Agencies that take requests (setting ``router.inboxes``); the others' appointments stay as they are."""
    _met: dict[str, Place] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Institutions by the names that ``place_of`` was asked for; emptied when there are too many."""

    def place(self, system: str, code: str) -> Place:
        """The institution; one that the register does not know stands for itself, somewhere unknown."""
        found = self.places.get((system, code))
        return found or Place(f"{system}|{code}", self.zone, None, None, self.school, self.country)

    def place_of(self, institution: str) -> Place:
        """``place`` for an institution as one text: system, id and department, see ``facts.py``."""
        found = self._met.get(institution)
        if found is None:
            system, code, _ = institution.split("\x1f", 2)
            if len(self._met) >= _MOST_MET:
                self._met.clear()
            found = self._met[institution] = self.place(system, code)
        return found


def load_rules(
    rules: Path | None = None, institutions: Path | None = None, inboxes: Iterable[str] = ()
) -> Rules:
    """The rules (the built-in ones without a file) with the register (an empty one without a file).

    ``inboxes`` are the agencies that take requests.

    Raises:
        RulesError: a file cannot be read or is wrong.
    """
    path = rules or DEFAULT_RULES
    file, node = read(path, RulesFile)
    services = _services(path, node, file)
    longest = file.travel.longest_minutes * MINUTE
    places, journeys = _register(institutions, file) if institutions else ({}, {})
    return Rules(
        zone=ZoneInfo(file.zone),
        country=file.country,
        appointment_length=file.durations.appointment_minutes * MINUTE,
        meeting_length=file.durations.meeting_minutes * MINUTE,
        exam_length=file.durations.exam_minutes * MINUTE,
        stay_length=file.durations.stay_hours * HOUR,
        modes=tuple(
            Mode(mode.mode, mode.up_to_km, mode.speed_km_h, mode.detour, mode.buffer_minutes * MINUTE)
            for mode in file.travel.modes
        ),
        unknown_journey=file.travel.unknown_minutes * MINUTE,
        longest_journey=longest,
        burden_visits=file.burden.visits,
        burden_days=file.burden.days,
        visits_a_day=file.burden.visits_a_day,
        school=_school_days(file.school),
        places=places,
        journeys=journeys,
        services=services,
        reach=max([longest, *(max(span) for span in services.values())]),
        patience=Patience(
            file.patience.hold_minutes * MINUTE,
            file.patience.confirm_minutes * MINUTE,
            file.patience.release_minutes * MINUTE,
            file.patience.tell_minutes * MINUTE,
        ),
        search=Search(
            file.planning.notice_hours * HOUR,
            file.planning.reach_days * DAY,
            file.planning.answer_hours * HOUR,
        ),
        inboxes=frozenset(inboxes),
    )


def _school_days(school: School) -> SchoolDays:
    hours = {WEEKDAYS.index(day): school_hours(text) for day, text in school.hours.items()}
    return SchoolDays(hours, days_of(school.free_days))


def _services(path: Path, node: Any, file: RulesFile) -> dict[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for number, service in enumerate(file.services):
        name = service.system, service.code
        if name in found:
            raise wrong(path, node, ("services", number), "this service is listed twice")
        found[name] = service.before_minutes * MINUTE, service.after_minutes * MINUTE
    return found


def _register(
    path: Path, rules: RulesFile
) -> tuple[dict[tuple[str, str], Place], dict[tuple[str, str], int]]:
    register, node = read(path, RegisterFile)
    found: dict[tuple[str, str], Place] = {}
    for number, entry in enumerate(register.institutions):
        problem = _misplaced(rules.bounds, entry)
        if problem:
            raise wrong(path, node, ("institutions", number, "latitude"), problem)
        place = _place(entry, rules)
        for position, code in enumerate(entry.codes):
            if (code.system, code.id) in found:
                where = ("institutions", number, "codes", position)
                raise wrong(path, node, where, "another institution has this code")
            found[code.system, code.id] = place
    return found, _journeys(path, node, register, found, rules.travel.longest_minutes)


def _place(entry: Institution, rules: RulesFile) -> Place:
    first, closed = entry.codes[0], entry.closed
    country = entry.country or rules.country
    keeps_holidays = entry.kind in rules.closed_on_holidays if closed.holidays is None else closed.holidays
    closing = Closing(
        country if keeps_holidays else "",
        frozenset(WEEKDAYS.index(day) for day in closed.weekdays),
        days_of(closed.days),
    )
    return Place(
        f"{first.system}|{first.id}",
        ZoneInfo(entry.zone or rules.zone),
        entry.latitude,
        entry.longitude,
        _school_days(entry.school or rules.school),
        country,
        closing,
    )


def _journeys(
    path: Path, node: Any, register: RegisterFile, places: Mapping[tuple[str, str], Place], longest: int
) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for number, journey in enumerate(register.journeys):
        here: tuple[str | int, ...] = ("journeys", number)
        ends = []
        for position, code in enumerate(journey.between):
            place = places.get((code.system, code.id))
            if place is None:
                raise wrong(path, node, (*here, "between", position), "no institution has this code")
            ends.append(place.name)
        if ends[0] == ends[1]:
            raise wrong(path, node, here, "leads from an institution to itself")
        if journey.minutes > longest:
            raise wrong(path, node, (*here, "minutes"), "longer than travel.longest_minutes of the rules")
        for pair in ((ends[0], ends[1]), (ends[1], ends[0])):
            if pair in found:
                raise wrong(path, node, here, "this journey is listed twice")
            found[pair] = journey.minutes * MINUTE
    return found


def _misplaced(bounds: Bounds, entry: Institution) -> str | None:
    """What is wrong with an institution's coordinates."""
    latitude, longitude = entry.latitude, entry.longitude
    if latitude is None or longitude is None or bounds.hold(latitude, longitude):
        return None
    if bounds.hold(longitude, latitude):
        return "outside the bounds of the rules; latitude and longitude look swapped"
    return "outside the bounds of the rules; check the signs, or widen bounds in the rules"
