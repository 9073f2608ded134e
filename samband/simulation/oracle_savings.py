"""What a proposal saves, counted in a citizen's calendar with and without its moves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from itertools import pairwise
from typing import NamedTuple

from samband.simulation.oracle_calendar import Calendar, Occasion
from samband.simulation.oracle_findings import FindingsOracle
from samband.simulation.places import ZONE

_LOAD = ("BURDEN", "BUSY_DAY")
_WORTH_MINUTES = 15
_NOON = time(12)
_GAINS = {"conflicts": "conflicts", "days": "days", "travel": "travel_minutes"}
"""Gains by the figures that are less."""


class Move(NamedTuple):
    """One appointment of a proposal. Instants in microseconds since the epoch."""

    number: str
    agency: str
    institution: str
    """``system|id``."""
    old: tuple[int, int | None]
    slot: str
    new: tuple[int, int]


class Proposed(NamedTuple):
    """A proposal as it was first said."""

    name: str
    at: datetime
    answer_by: int
    moves: tuple[Move, ...]
    numbers: Mapping[str, int]
    gains: Sequence[str]
    wishes: bool = False
    """The citizen had wished to be done by noon."""


class SavingsOracle:
    """Tries out the moves of a proposal."""

    def __init__(self, findings: FindingsOracle) -> None:
        """``findings`` knows what collides."""
        self._findings = findings

    def wrong(self, before: Calendar, proposed: Proposed) -> str:
        """What it should say, or be; empty when it is right."""
        visits = list(before.visits)
        for move in proposed.moves:
            there = [
                number
                for number, visit in enumerate(visits)
                if (visit.kind, visit.place) == ("APPOINTMENT", move.institution)
                and (visit.start, visit.told_end) == move.old
            ]
            if not there:
                return f"{move.number} to be where it was"
            visits[there[0]] = Occasion("APPOINTMENT", move.institution, *move.new, move.new[1])
        return next(self._wrongs(before, replace(before, visits=visits), proposed), "")

    def _wrongs(self, before: Calendar, after: Calendar, proposed: Proposed) -> Iterator[str]:
        numbers = proposed.numbers
        conflicts = self._conflicts(before), self._conflicts(after)
        if conflicts != (numbers["conflicts_before"], numbers["conflicts_after"]):
            yield f"{conflicts[0]} conflicts before and {conflicts[1]} after"
        days = _days(before) - _days(after)
        if days != numbers["days_before"] - numbers["days_after"]:
            yield f"{days} days less"
        minutes = numbers["travel_minutes_before"] - numbers["travel_minutes_after"]
        least, most = self._minutes_saved(before, after)
        if not least <= minutes <= most:
            yield f"{least} to {most} minutes of travel less"
        gains = [f"proposal.gain.{key}" for key, name in _GAINS.items() if _less(numbers, name)]
        if gains != [key for key in proposed.gains if key.rpartition(".")[2] in _GAINS]:
            yield f"gains {gains}"
        better = conflicts[1] - conflicts[0], -days, -minutes
        worth = better[:2] < (0, 0) or (better[:2] == (0, 0) and minutes >= _WORTH_MINUTES)
        if not worth and (any(better) or not self._softer(before, after, proposed)):
            yield "something better than it was"

    def _conflicts(self, calendar: Calendar) -> int:
        found = self._findings.findings(calendar)
        return sum(
            number
            for finding, number in found.items()
            if finding.severity != "INFO" and finding.kind not in _LOAD
        )

    def _softer(self, before: Calendar, after: Calendar, proposed: Proposed) -> bool:
        """Whether less school is missed, fewer journeys are doubtful, or a wish is kept better."""
        found = [self._findings.findings(calendar) for calendar in (before, after)]
        for kinds in (("SCHOOL_HOURS",), ("SCHOOL_HOURS", "TRAVEL_GAP")):
            was, then = (
                sum(n for one, n in each.items() if one.severity == "INFO" and one.kind in kinds)
                for each in found
            )
            late = [
                sum(_local(end).time() > _NOON for end in ends)
                for ends in (
                    [move.old[1] or move.old[0] for move in proposed.moves],
                    [move.new[1] for move in proposed.moves],
                )
            ]
            if then < was or (proposed.wishes and then + late[1] < was + late[0]):
                return True
        return False

    def _minutes_saved(self, before: Calendar, after: Calendar) -> tuple[int, int]:
        """By the direct ways, and by way of anywhere that the citizen ever goes to, the lesser one first.

        Which other places lead to shorter ways depends on how far the router looks around.
        """
        home = next((school.place for school in before.schools), None)
        places = {visit.place for visit in (*before.visits, *after.visits)} | ({home} if home else set())
        known = sorted(place for place in places if self._findings.minutes(place, place) is not None)
        direct = {
            (here, there): self._findings.minutes(here, there) or 0 for here in known for there in known
        }
        around = dict(direct)
        for via in known:
            for here in known:
                for there in known:
                    around[here, there] = min(around[here, there], around[here, via] + around[via, there])
        least, most = sorted(
            _travelled(before, ways, home) - _travelled(after, ways, home) for ways in (direct, around)
        )
        return least, most


def _travelled(calendar: Calendar, ways: Mapping[tuple[str, str], int], home: str | None) -> int:
    routes: dict[date, list[str]] = {}
    for visit in sorted(calendar.visits, key=lambda one: (one.start, one.end, one.place)):
        if (visit.place, visit.place) in ways:
            routes.setdefault(visit.day(), []).append(visit.place)
    ends = [home] if home is not None and (home, home) in ways else []
    return sum(ways[leg] for route in routes.values() for leg in pairwise([*ends, *route, *ends]))


def _days(calendar: Calendar) -> int:
    return len({visit.day() for visit in calendar.visits})


def _less(numbers: Mapping[str, int], name: str) -> bool:
    return numbers[f"{name}_after"] < numbers[f"{name}_before"]


def _local(instant: int) -> datetime:
    return datetime.fromtimestamp(instant / 1_000_000, ZONE)
