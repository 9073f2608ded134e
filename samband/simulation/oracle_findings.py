"""What collides for a citizen, by looking at every pair of everything: docs/coordination.md, written anew.

The rules' values and the register are read as data; no code is shared with the router.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import combinations
from math import asin, ceil, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any

import yaml

from samband.simulation.oracle_calendar import MINUTE, Calendar, Occasion, SchoolTime
from samband.simulation.places import ZONE, is_holiday, micros
from samband.simulation.truth import Finding, Party

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DOUBT = ("EXACT", "NO_ZONE", "DATE_ONLY", "DOUBTFUL")
_EARTH_KM = 6371.0088


class FindingsOracle:
    """Knows the rules and the register as their files have them."""

    def __init__(self, rules: Path, register: Path) -> None:
        """Both YAML."""
        self._rules: dict[str, Any] = yaml.safe_load(rules.read_text(encoding="utf-8"))
        entries = yaml.safe_load(register.read_text(encoding="utf-8"))
        self._places: dict[str, dict[str, Any]] = {
            f"{code['system']}|{code['id']}": entry
            for entry in entries["institutions"]
            for code in entry["codes"]
        }
        self._journeys = {
            frozenset(f"{code['system']}|{code['id']}" for code in journey["between"]): journey["minutes"]
            for journey in entries.get("journeys", [])
        }

    @property
    def lengths(self) -> dict[str, int]:
        """Minutes of what nobody said the length of."""
        said = self._rules["durations"]
        return {
            "appointment": said["appointment_minutes"],
            "exam": said["exam_minutes"],
            "stay": said["stay_hours"] * 60,
        }

    @property
    def notice_hours(self) -> int:
        """What begins sooner is left where it is, and nothing is moved there."""
        return int(self._rules["planning"]["notice_hours"])

    def minutes(self, here: str, there: str) -> int | None:
        """How long it takes from one place to another; None where the way is not known."""
        if here == there:
            return 0 if here in self._places else None
        minutes, how = self._journey(here, there)
        return None if how == "unknown" else minutes

    def findings(self, calendar: Calendar) -> Counter[Finding]:
        """Everything that collides or burdens."""
        visits = sorted(calendar.visits, key=lambda visit: (visit.start, visit.end, visit.place))
        return Counter(
            [
                *(found for pair in combinations(visits, 2) for found in self._pair(*pair)),
                *self._during_stays(calendar),
                *(found for visit in visits for found in self._school(visit, calendar)),
                *(found for visit in visits for found in self._closed(visit)),
                *self._burden(visits),
                *self._busy(visits),
            ]
        )

    def _pair(self, first: Occasion, second: Occasion) -> Iterator[Finding]:
        gap = second.start - first.end
        if gap < 0:
            severity = "WARNING" if first.place == second.place else "CRITICAL"
            yield _overlap(first, second, severity)
        elif first.place != second.place:
            needed, how = self._journey(first.place, second.place)
            if gap < needed * MINUTE:
                known = how != "unknown"
                numbers = (("minutes_between", gap // MINUTE), ("minutes_needed", needed))
                yield Finding(
                    "TRAVEL_GAP", "WARNING" if known else "INFO", f"finding.travel_gap.{how}",
                    _parties(first.party(), second.party()), numbers,
                    _worst(first.sure, second.sure, "EXACT" if known else "DOUBTFUL"),
                )  # fmt: skip

    def _journey(self, here: str, there: str) -> tuple[int, str]:
        """Minutes, and how one goes."""
        travel = self._rules["travel"]
        said = self._journeys.get(frozenset((here, there)))
        if said is not None:
            return said, "register"
        ends = self._places.get(here), self._places.get(there)
        if ends[0] is None or ends[1] is None:
            return travel["unknown_minutes"], "unknown"
        kilometres = _kilometres(ends[0], ends[1])
        mode = next(mode for mode in travel["modes"] if kilometres <= mode["up_to_km"])
        minutes = ceil(kilometres * mode["detour"] / mode["speed_km_h"] * 60 + mode["buffer_minutes"])
        return min(minutes, travel["longest_minutes"]), mode["mode"].lower()

    def _during_stays(self, calendar: Calendar) -> Iterator[Finding]:
        for stay in calendar.stays:
            for visit in calendar.visits:
                shared = min(stay.end, visit.end) - max(stay.start, visit.start)
                away = any(begin <= visit.start and visit.end <= end for begin, end in stay.away)
                if shared > 0 and visit.place != stay.place and not away:
                    yield _overlap(stay, visit, "CRITICAL")

    def _school(self, visit: Occasion, calendar: Calendar) -> Iterator[Finding]:
        examined = set()
        for exam in calendar.exams:
            begin, end = self._exam_hours(exam)
            shared = min(end, visit.end) - max(begin, visit.start)
            if shared > 0:
                examined.add(exam.place)
                yield Finding(
                    "EXAM", "CRITICAL", "finding.exam", _parties(visit.party(), exam.party()),
                    _minutes_overlap(shared), _worst(visit.sure, exam.sure),
                )  # fmt: skip
        for school in calendar.schools:
            if school.place not in examined and visit.end > school.begin:
                yield from self._school_hours(visit, school)

    def _exam_hours(self, exam: Occasion) -> tuple[int, int]:
        if exam.sure != "DATE_ONLY":
            return exam.start, exam.end
        hours = self._hours(exam.place, exam.day())
        midnight = datetime.combine(exam.day(), time(), ZONE)
        return hours or (micros(midnight), micros(midnight + timedelta(days=1)))

    def _school_hours(self, visit: Occasion, school: SchoolTime) -> Iterator[Finding]:
        hours = self._hours(school.place, visit.day())
        shared = min(hours[1], visit.end) - max(hours[0], visit.start) if hours else 0
        if hours and shared > 0:
            yield Finding(
                "SCHOOL_HOURS", "INFO", "finding.school_hours",
                _parties(visit.party(), Party("SCHOOL_DAY", *hours, school.place)),
                _minutes_overlap(shared), visit.sure,
            )  # fmt: skip

    def _hours(self, school: str, day: date) -> tuple[int, int] | None:
        said = self._places[school].get("school", self._rules["school"])
        hours = said["hours"].get(_WEEKDAYS[day.weekday()])
        if hours is None or day in said.get("free_days", ()) or is_holiday(day):
            return None
        begin, end = (time.fromisoformat(part) for part in hours.split("-"))
        return micros(datetime.combine(day, begin, ZONE)), micros(datetime.combine(day, end, ZONE))

    def _closed(self, visit: Occasion) -> Iterator[Finding]:
        entry, day = self._places.get(visit.place), visit.day()
        if entry is None:
            return
        closed = entry.get("closed", {})
        why = None
        if day in closed.get("days", ()):
            why = "day"
        elif entry["kind"] in self._rules["closed_on_holidays"] and is_holiday(day):
            why = "holiday"
        elif _WEEKDAYS[day.weekday()] in closed.get("weekdays", ()):
            why = "weekday"
        if why:
            yield Finding(
                "CLOSED_DAY", "WARNING", f"finding.closed_day.{why}", (visit.party(),), (), visit.sure
            )

    def _burden(self, visits: list[Occasion]) -> Iterator[Finding]:
        """Windows from a visit on, with one on too many days; those that share a visit are a cluster."""
        rule = self._rules["burden"]
        for place in {visit.place for visit in visits}:
            there = [visit for visit in visits if visit.place == place]
            clusters: list[set[int]] = []
            for first in there:
                window = {
                    number
                    for number, visit in enumerate(there)
                    if 0 <= (visit.day() - first.day()).days < rule["days"]
                }
                if len({there[number].day() for number in window}) >= rule["visits"]:
                    apart = [cluster for cluster in clusters if not cluster & window]
                    joined = window.union(*(cluster for cluster in clusters if cluster & window))
                    clusters = [*apart, joined]
            for cluster in clusters:
                members = [there[number] for number in sorted(cluster)]
                days = (members[-1].day() - members[0].day()).days + 1
                numbers = (("days", days), ("visits", len(members)))
                yield _many("BURDEN", "finding.burden", members, numbers)

    def _busy(self, visits: list[Occasion]) -> Iterator[Finding]:
        for day in {visit.day() for visit in visits}:
            members = [visit for visit in visits if visit.day() == day]
            if len(members) >= self._rules["burden"]["visits_a_day"]:
                yield _many("BUSY_DAY", "finding.busy_day", members, (("visits", len(members)),))


def _overlap(first: Occasion, second: Occasion, severity: str) -> Finding:
    shared = min(first.end, second.end) - max(first.start, second.start)
    parties = _parties(first.party(), second.party())
    sure = _worst(first.sure, second.sure)
    return Finding("OVERLAP", severity, "finding.overlap", parties, _minutes_overlap(shared), sure)


def _many(kind: str, reason: str, visits: list[Occasion], numbers: tuple[tuple[str, int], ...]) -> Finding:
    parties = _parties(*(visit.party() for visit in visits))
    return Finding(kind, "WARNING", reason, parties, numbers, _worst(*(visit.sure for visit in visits)))


def _parties(*parties: Party) -> tuple[Party, ...]:
    return tuple(sorted(parties, key=Party.order))


def _minutes_overlap(shared: int) -> tuple[tuple[str, int], ...]:
    return (("minutes_overlap", ceil(shared / MINUTE)),)


def _worst(*sure: str) -> str:
    return max(sure, key=_DOUBT.index)


def _kilometres(here: dict[str, Any], there: dict[str, Any]) -> float:
    """Great-circle distance (haversine, mean radius of the earth)."""
    south, north = radians(here["latitude"]), radians(there["latitude"])
    east = radians(there["longitude"] - here["longitude"])
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin(east / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(half))
