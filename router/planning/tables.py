"""What each set of appointments costs on one day: the best times for it, by dynamic programming.

A cost is one whole number that is ordered as `Score` is: its fields side by side, each with room to spare.
All of a score but its clashes over midnight is a sum over days, so the costs of days can be added up.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from router.planning.problem import Option, Problem, Weights, between, clash, travel
from router.spans import MINUTE

_MOVED, _EARLY, _NUISANCES, _TRAVEL, _DAYS, _IMPORTANT = 0, 8, 48, 64, 88, 96
_CLASHES = 112
NEVER = 1 << 200
"""More than any plan costs."""


class Choice(NamedTuple):
    """An option of a task that may be taken on a day."""

    start: int
    end: int
    place: int
    task: int
    number: int
    """Of the option within its task."""
    cost: int
    """Of the option by itself."""
    day: int


class Table(NamedTuple):
    """What each set of tasks (a bit mask) costs, and how to find the choices that it costs that for."""

    costs: dict[int, int]
    choices_of: Callable[[int], tuple[Choice, ...]]


def packed(weights: Weights) -> int:
    """What not keeping a statement costs."""
    return weights.clashes << _CLASHES | weights.important << _IMPORTANT | weights.nuisances << _NUISANCES


def clashes_in(cost: int) -> int:
    """The first field of a cost."""
    return cost >> _CLASHES


def choice(problem: Problem, task: int, number: int, origin: int) -> Choice:
    """An option with what it costs by itself; ``origin`` is an instant before all of them."""
    option: Option = problem.tasks[task].options[number]
    cost = (
        packed(Weights(option.clashes, option.important, option.nuisances))
        | (option.start // MINUTE - origin) << _EARLY
        | option.moved << _MOVED
    )
    return Choice(option.start, option.end, problem.tasks[task].place, task, number, cost, option.day)


class Day:
    """A day with what stays where it is."""

    def __init__(self, problem: Problem, day: int) -> None:
        """The route through the visits alone is what every table's travel is counted on top of."""
        self._problem = problem
        self._visits = sorted(
            (visit.start, visit.end, visit.place)
            for visit in problem.visits
            if visit.day == day and problem.minutes[visit.place][visit.place] is not None
        )
        self._base = travel([place for *_, place in self._visits], problem)
        filled = any(visit.day == day for visit in problem.visits)
        self._used = packed(problem.one_day) + (0 if filled else 1 << _DAYS)
        self._needed = [
            [0 if here == there else (minutes or 0) * MINUTE for there, minutes in enumerate(row)]
            for here, row in enumerate(problem.minutes)
        ]
        self._legs: dict[tuple[int, int, int | None, int | None], int] = {}

    def costs(self, places: Iterable[tuple[int, int, int]]) -> int:
        """What it costs to go to places (start, end, place) on this day besides what stays."""
        route = sorted([*places, *self._visits])
        minutes = travel([place for *_, place in route], self._problem) - self._base
        return self._used + (minutes << _TRAVEL)

    def table(self, choices: Sequence[Choice]) -> Table:
        """The best times for each set of tasks without a clash among them; all their places are known.

        ``choices`` are in the order of the route. What may come next depends on the last choice alone,
        since no detour is shorter.
        """
        _, best = self._work_out(choices)
        return Table(best, lambda mask: self._choices_of(mask, choices))

    def _work_out(self, choices: Sequence[Choice]) -> tuple[list[dict[int, int]], dict[int, int]]:
        """The cost of each set of tasks by its last choice, without the way home; and in all."""
        states: list[dict[int, int]] = []
        best: dict[int, int] = {}
        for one in choices:
            bit = 1 << one.task
            needed = self._needed[one.place]
            own = {bit: self._leg(None, one) + one.cost}
            for before, known in zip(choices, states, strict=False):
                if before.end + needed[before.place] > one.start:
                    continue
                leg = self._leg(before, one) + one.cost
                for mask, cost in known.items():
                    if not mask & bit:
                        total = cost + leg
                        if total < own.get(mask | bit, NEVER):
                            own[mask | bit] = total
            states.append(own)
            home = self._home(one)
            for mask, cost in own.items():
                if cost + home < best.get(mask, NEVER):
                    best[mask] = cost + home
        return states, best

    def _choices_of(self, mask: int, choices: Sequence[Choice]) -> tuple[Choice, ...]:
        """Walks back over the costs: the first choices that give them."""
        mine = [one for one in choices if mask >> one.task & 1]
        states, best = self._work_out(mine)
        cost = best[mask]
        last = next(
            at for at, one in enumerate(mine) if states[at].get(mask, NEVER) + self._home(one) == cost
        )
        found = [mine[last]]
        cost -= self._home(mine[last])
        while mask := mask ^ 1 << found[-1].task:
            one, cost = found[-1], cost - found[-1].cost
            last = next(
                at
                for at in range(last)
                if states[at].get(mask, NEVER) + self._leg(mine[at], one) == cost
                and mine[at].end + self._needed[one.place][mine[at].place] <= one.start
            )
            cost -= self._leg(mine[last], one)
            found.append(mine[last])
        return tuple(found)

    def _home(self, last: Choice) -> int:
        """What is still to be added after the last choice of a day."""
        return self._leg(last, None) + self._used - (self._base << _TRAVEL)

    def _leg(self, before: Choice | None, one: Choice | None) -> int:
        """Travel from one choice to the next by way of what lies between them; None stands for home."""
        begin = 0 if before is None else bisect_left(self._visits, before[:3])
        end = len(self._visits) if one is None else bisect_left(self._visits, one[:3])
        first = self._problem.home if before is None else before.place
        last = self._problem.home if one is None else one.place
        key = begin, end, first, last
        known = self._legs.get(key)
        if known is None:
            chain = [first, *(place for *_, place in self._visits[begin:end]), last]
            known = between([place for place in chain if place is not None], self._problem)
            known = self._legs[key] = known << _TRAVEL
        return known


def table_by_trial(
    problem: Problem, days: dict[int, Day], choices: Sequence[Choice], most: int, budget: list[int]
) -> Table:
    """The same for days that hang together, unknown places, and up to ``most`` clashes: all are tried.

    ``budget`` is how many may still be tried, of all tables together.
    """
    best: dict[int, tuple[int, tuple[Choice, ...]]] = {}

    def extend(begin: int, mask: int, clashes: int, chosen: tuple[Choice, ...]) -> None:
        for index in range(begin, len(choices)):
            one = choices[index]
            if mask >> one.task & 1 or budget[0] <= 0:
                continue
            met = clashes + sum(meet(problem, one, other) for other in chosen)
            if met > most:
                continue
            budget[0] -= 1
            longer, reached = (*chosen, one), mask | 1 << one.task
            cost = (met << _CLASHES) + _cost(days, longer)
            if reached not in best or cost < best[reached][0]:
                best[reached] = cost, longer
            extend(index + 1, reached, met, longer)

    extend(0, 0, 0, ())
    return Table({mask: cost for mask, (cost, _) in best.items()}, lambda mask: best[mask][1])


def _cost(days: dict[int, Day], chosen: Sequence[Choice]) -> int:
    by_day: dict[int, list[tuple[int, int, int]]] = {}
    for one in chosen:
        by_day.setdefault(one.day, []).append(one[:3])
    return sum(one.cost for one in chosen) + sum(days[day].costs(found) for day, found in by_day.items())


def meet(problem: Problem, one: Choice, other: Choice) -> bool:
    """Whether two choices clash."""
    first, second = (problem.tasks[each.task].options[each.number] for each in (one, other))
    return clash(first, one.place, second, other.place, problem)
