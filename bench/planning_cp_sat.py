"""The same problem for OR-Tools' CP-SAT: a choice for each appointment, a circuit for each day's route."""

from itertools import combinations
from typing import Any

from ortools.sat.python import cp_model  # type: ignore[import-not-found,unused-ignore]  # not a dependency

from router.planning.problem import Problem, clash
from router.spans import MINUTE

_EARLY, _TRAVEL, _DAYS = 10, 10_000_000_000, 100_000_000_000_000
"""Weights that keep the fields of a score in their order; one appointment moved weighs 1."""


def solve(problem: Problem) -> list[int]:
    """The best plan without clashes, for a problem with a home, known places and nothing that stays."""
    model: Any = cp_model.CpModel()
    taken = [[model.new_bool_var("") for _ in task.options] for task in problem.tasks]
    cost = []
    for row in taken:
        model.add_exactly_one(row)
    for (one, first), (other, second) in combinations(zip(problem.tasks, taken, strict=True), 2):
        for option, a in zip(one.options, first, strict=True):
            for choice, b in zip(other.options, second, strict=True):
                if clash(option, one.place, choice, other.place, problem):
                    model.add_bool_or(~a, ~b)
    days: dict[int, list[tuple[int, int, Any]]] = {}
    origin = min(option.start for task in problem.tasks for option in task.options)
    for task, row in zip(problem.tasks, taken, strict=True):
        for option, var in zip(task.options, row, strict=True):
            days.setdefault(option.day, []).append((option.start, task.place, var))
            cost.append(((option.start - origin) // MINUTE * _EARLY + option.moved) * var)
    for stops in days.values():
        cost += _route(model, problem, sorted(stops, key=lambda stop: stop[:2]))
    model.minimize(sum(cost))
    solver: Any = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.solve(model)
    return [next(number for number, var in enumerate(row) if solver.value(var)) for row in taken]


def _route(model: Any, problem: Problem, stops: list[tuple[int, int, Any]]) -> list[Any]:
    """Home is node 0; the order is that of the starts; a stop that is not taken points to itself."""
    used = model.new_bool_var("")
    arcs, cost = [(0, 0, ~used)], [used * _DAYS]
    places = [problem.home or 0, *(place for _, place, _ in stops)]

    def arc(here: int, there: int) -> None:
        var = model.new_bool_var("")
        arcs.append((here, there, var))
        cost.append(var * ((problem.minutes[places[here]][places[there]] or 0) * _TRAVEL))

    for number, (_, _, var) in enumerate(stops, 1):
        model.add_implication(var, used)
        arcs.append((number, number, ~var))
        arc(0, number)
        arc(number, 0)
        for later in range(number + 1, len(stops) + 1):
            arc(number, later)
    model.add_circuit(arcs)
    return cost
