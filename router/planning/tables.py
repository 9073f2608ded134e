"""What each set of appointments costs on one day, or on days that hang together: the best times for it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from router.planning.choices import Choice, cost_of, meet
from router.planning.day import Day
from router.planning.problem import Problem
from router.planning.sweep import Sweep


class Table(NamedTuple):
    """What each set of tasks (a bit mask) costs, and how to find the choices that it costs that for."""

    costs: dict[int, int]
    choices_of: Callable[[int], tuple[Choice, ...]]


def table_by_route(day: Day, choices: Sequence[Choice]) -> Table:
    """The best times for each set of tasks without a clash among them; all their places are known.

    ``choices`` are in the order of the route.
    """
    swept = Sweep(day, choices)
    return Table(swept.best, swept.choices_of)


def table_by_trial(
    problem: Problem, days: dict[int, Day], choices: Sequence[Choice], most: int, budget: list[int]
) -> Table:
    """The same for days that hang together, unknown places, and up to ``most`` clashes: all are tried.

    ``budget`` is how many may still be tried, of all tables together.
    """
    trials = _Trials(problem, days, choices, most)
    trials.extend(0, 0, 0, (), budget)
    best = trials.best
    return Table({mask: cost for mask, (cost, _) in best.items()}, lambda mask: best[mask][1])


class _Trials:
    """Choices in all orders of the route."""

    def __init__(self, problem: Problem, days: dict[int, Day], choices: Sequence[Choice], most: int) -> None:
        self._problem = problem
        self._days = days
        self._choices = choices
        self._most = most
        self.best: dict[int, tuple[int, tuple[Choice, ...]]] = {}

    def extend(
        self, begin: int, mask: int, clashes: int, chosen: tuple[Choice, ...], budget: list[int]
    ) -> None:
        """All that may follow what is ``chosen``, from the choice ``begin`` on."""
        for index in range(begin, len(self._choices)):
            one = self._choices[index]
            if mask >> one.task & 1 or budget[0] <= 0:
                continue
            met = clashes + sum(meet(self._problem, one, other) for other in chosen)
            if met > self._most:
                continue
            budget[0] -= 1
            longer, reached = (*chosen, one), mask | 1 << one.task
            cost = cost_of(clashes=met) + _cost(self._days, longer)
            if reached not in self.best or cost < self.best[reached][0]:
                self.best[reached] = cost, longer
            self.extend(index + 1, reached, met, longer, budget)


def _cost(days: dict[int, Day], chosen: Sequence[Choice]) -> int:
    by_day: dict[int, list[tuple[int, int, int]]] = {}
    for one in chosen:
        by_day.setdefault(one.day, []).append(one[:3])
    return sum(one.cost for one in chosen) + sum(days[day].costs(found) for day, found in by_day.items())
