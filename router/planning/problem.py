"""What is to be planned, and how good a plan is.

A plan chooses one option for each appointment that may be moved: to stay, or a slot. Which of two plans is
better is decided by `Score`, compared field by field; docs/adr/0021-planning.md says why in that order.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any, NamedTuple

from router.spans import MINUTE

MOST_TASKS = 8
MOST_SLOTS = 40
"""For one appointment, the earliest ones. With these bounds a plan takes milliseconds."""


class Visit(NamedTuple):
    """Something that stays where it is. Instants in microseconds."""

    start: int
    end: int
    day: int
    """Local day of the start, as a proleptic ordinal."""
    place: int
    """Index into `Problem.minutes`."""


class Option(NamedTuple):
    """A time that an appointment may have."""

    start: int
    end: int
    day: int
    clashes: int = 0
    """With what stays where it is, and what the citizen must not be asked."""
    important: int = 0
    """Important things that it goes against."""
    nuisances: int = 0
    """Wishes that it goes against, and school that is missed."""
    resource: str | None = None
    moved: bool = True
    slot: Any = None
    """Whatever the caller knows it by; None for staying."""


class Task(NamedTuple):
    """An appointment that may be moved."""

    place: int
    service: str
    options: tuple[Option, ...]


class Weights(NamedTuple):
    """What a statement about all appointments together costs where it is not kept."""

    clashes: int = 0
    important: int = 0
    nuisances: int = 0


class Problem(NamedTuple):
    """At most `MOST_TASKS` appointments with at most `MOST_SLOTS` slots each."""

    tasks: tuple[Task, ...]
    visits: tuple[Visit, ...]
    minutes: tuple[tuple[int | None, ...], ...]
    """Travel between two places, symmetric, never shorter by a detour; None where a place is unknown."""
    home: int | None = None
    """Where each day begins and ends, when that is known."""
    one_day: Weights = Weights()
    """For each further day on which there is one of ``tasks``."""
    same_resource: Weights = Weights()
    """For each service whose moved appointments are not with one and the same resource."""


class Score(NamedTuple):
    """How good a plan is; the smaller one is better."""

    clashes: int
    """Pairs that overlap or have too short a journey, exams, and what must not be."""
    important: int
    days: int
    """Days on which the citizen has to go somewhere."""
    travel: int
    """Minutes."""
    nuisances: int
    early: int
    """Sum of the starts, in minutes since the epoch."""
    moved: int


def clash(one: Visit | Option, here: int, other: Visit | Option, there: int, problem: Problem) -> bool:
    """Whether nobody can be at both: they overlap, or the journey takes longer than there is."""
    first, second = (one, other) if one[:2] <= other[:2] else (other, one)
    gap = second.start - first.end
    if gap < 0:
        return True
    needed = problem.minutes[here][there]
    return here != there and needed is not None and gap < needed * MINUTE


def score(problem: Problem, plan: Sequence[int]) -> Score:
    """How good it is to give each task the option with this number."""
    chosen = [(task.options[number], task) for task, number in zip(problem.tasks, plan, strict=True)]
    totals = [sum(values) for values in zip(*(option[3:6] for option, _ in chosen), strict=True)] or [0] * 3
    totals[0] += sum(
        clash(one, first.place, other, second.place, problem)
        for (one, first), (other, second) in combinations(chosen, 2)
    )
    further = max(0, len({option.day for option, _ in chosen}) - 1)
    resources: dict[str, set[str | None]] = defaultdict(set)
    for option, task in chosen:
        if option.moved:
            resources[task.service].add(option.resource)
    mixed = sum(len(found) > 1 for found in resources.values())
    for index in range(3):
        totals[index] += further * problem.one_day[index] + mixed * problem.same_resource[index]
    routes = defaultdict(list)
    for visit in problem.visits:
        routes[visit.day].append((visit.start, visit.end, visit.place))
    for option, task in chosen:
        routes[option.day].append((option.start, option.end, task.place))
    return Score(
        totals[0],
        totals[1],
        len(routes),
        sum(travel([place for *_, place in sorted(route)], problem) for route in routes.values()),
        totals[2],
        sum(option.start // MINUTE for option, _ in chosen),
        sum(option.moved for option, _ in chosen),
    )


def travel(places: Sequence[int], problem: Problem) -> int:
    """Minutes to go to these places in this order, from home and back. Unknown places cost nothing."""
    minutes = problem.minutes
    route = [place for place in places if minutes[place][place] is not None]
    if problem.home is not None and route:
        route = [problem.home, *route, problem.home]
    return between(route, problem)


def between(places: Sequence[int], problem: Problem) -> int:
    """Minutes from the first of these places to the last by way of the others; all of them are known."""
    return sum(problem.minutes[here][there] or 0 for here, there in pairwise(places))
