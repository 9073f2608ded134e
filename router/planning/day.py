"""A day with what stays where it is, and the ways between."""

from bisect import bisect_left
from collections.abc import Iterable

from router.planning.choices import Choice, cost_of, packed
from router.planning.problem import Problem, between, travel
from router.spans import MINUTE


class Day:
    """A day with what stays where it is."""

    def __init__(self, problem: Problem, day: int, *, paid: bool = False) -> None:
        """With ``paid``, nothing is to be paid for going somewhere on this day too.

        The route through the visits alone is what every table's travel is counted on top of.
        """
        self._problem = problem
        self._visits = sorted(
            (visit.start, visit.end, visit.place)
            for visit in problem.visits
            if visit.day == day and problem.minutes[visit.place][visit.place] is not None
        )
        self._base = travel([place for *_, place in self._visits], problem)
        filled = any(visit.day == day for visit in problem.visits)
        self._used = (0 if paid else packed(problem.one_day)) + cost_of(days=not filled)
        self.needed = [
            [0 if here == there else (minutes or 0) * MINUTE for there, minutes in enumerate(row)]
            for here, row in enumerate(problem.minutes)
        ]
        """How long one needs from one place to another."""
        self._legs: dict[tuple[int | None, int, int | None, int], int] = {}

    def costs(self, places: Iterable[tuple[int, int, int]]) -> int:
        """What it costs to go to places (start, end, place) on this day besides what stays."""
        route = sorted([*places, *self._visits])
        minutes = travel([place for *_, place in route], self._problem) - self._base
        return self._used + cost_of(travel=minutes)

    def passed(self, one: Choice) -> int:
        """How many of those that stay come before a choice."""
        return bisect_left(self._visits, one[:3])

    def leg(self, first: int | None, begin: int, last: int | None, end: int) -> int:
        """What it costs from one place to another by way of what lies between them; None is home.

        ``begin`` and ``end`` say how many of those that stay were passed before the one and the other.
        """
        key = first, begin, last, end
        known = self._legs.get(key)
        if known is None:
            home = self._problem.home
            ends = home if first is None else first, home if last is None else last
            chain = [ends[0], *(place for *_, place in self._visits[begin:end]), ends[1]]
            minutes = between([place for place in chain if place is not None], self._problem)
            known = self._legs[key] = cost_of(travel=minutes)
        return known

    def home(self, last: int, passed: int) -> int:
        """What is still to be added after the last choice of a day."""
        return self.leg(last, passed, None, len(self._visits)) + self._used - cost_of(travel=self._base)
