"""The options of a problem's tasks as they are compared while a plan is looked for.

A cost is one whole number that is ordered as `Score` is: its fields side by side, each with room to spare.
All of a score but its clashes over midnight is a sum over days, so the costs of days can be added up.
"""

from typing import NamedTuple

from router.planning.problem import Problem, Weights, clash
from router.spans import MINUTE

_MOVED, _EARLY, _NUISANCES, _TRAVEL, _DAYS, _IMPORTANT = 0, 8, 48, 64, 88, 96
_CLASHES = 112
NEVER = 1 << 200
"""More than any plan costs, and later than any instant."""


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


def packed(weights: Weights) -> int:
    """What not keeping a statement costs."""
    return weights.clashes << _CLASHES | weights.important << _IMPORTANT | weights.nuisances << _NUISANCES


def clashes_in(cost: int) -> int:
    """The first field of a cost."""
    return cost >> _CLASHES


def cost_of(*, clashes: int = 0, days: int = 0, travel: int = 0) -> int:
    """What these fields cost."""
    return clashes << _CLASHES | days << _DAYS | travel << _TRAVEL


def choice(problem: Problem, task: int, number: int, origin: int) -> Choice:
    """An option with what it costs by itself; ``origin`` is an instant before all of them."""
    start, end, day, clashes, important, nuisances, _, moved, _ = problem.tasks[task].options[number]
    early = start // MINUTE - origin
    costs = clashes << _CLASHES | important << _IMPORTANT | nuisances << _NUISANCES | early << _EARLY
    return Choice(start, end, problem.tasks[task].place, task, number, costs | moved << _MOVED, day)


def meet(problem: Problem, one: Choice, other: Choice) -> bool:
    """Whether two choices clash."""
    first, second = (problem.tasks[each.task].options[each.number] for each in (one, other))
    return clash(first, one.place, second, other.place, problem)
