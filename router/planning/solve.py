"""Finds the best plan there is: days are planned one by one, then put together by branch and bound.

Each day gives a table of what each set of appointments costs on it (`tables`). A plan takes disjoint sets
from different days that cover all appointments. The bound is what the rest costs when a day may be taken
twice.
How it was measured, and what was not taken: docs/adr/0021-planning.md.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from router.planning.choices import NEVER, Choice, choice, clashes_in, meet, packed
from router.planning.day import Day
from router.planning.problem import MOST_TASKS, Problem
from router.planning.smaller import cannot_move, improved, with_visits
from router.planning.tables import Table, table_by_route, table_by_trial
from router.spans import MINUTE

_CLASHES = (0, 1, 3, MOST_TASKS**2)
"""Clashes between two appointments that are allowed, until no plan with more of them can be better."""
_TRIALS = 20_000
"""Of `table_by_trial`, so that no input takes for ever. What needs more gets a good plan, perhaps not the
best."""

_Offers = dict[int, list[tuple[int, list[tuple[int, int]]]]]
"""By lowest task: sets of tasks, each with its costs and the numbers of their tables, the cheapest first."""
Found = tuple[int, tuple[tuple[int, int], ...]]
"""Cost, and the option for each task."""


class _Asked(NamedTuple):
    """What is to be solved, and within which limits."""

    problem: Problem
    paid: frozenset[int]
    """Days on which there are appointments that cannot move: another one there is no further day."""
    most: int
    """Clashes between two tasks on days that hang together."""
    budget: list[int]


def solve(problem: Problem) -> tuple[int, ...]:
    """The number of the option for each task in the plan with the smallest `Score`.

    Among plans that are equally good it is always the same one. Empty without tasks; otherwise each task
    has at least one option.

    Raises:
        ValueError: a task has no option at all.
    """
    if not all(task.options for task in problem.tasks):
        raise ValueError("a task has no option")
    return _solve(problem, frozenset())


def _solve(problem: Problem, paid: frozenset[int]) -> tuple[int, ...]:
    if not problem.tasks:
        return ()
    origin = min(option.start for task in problem.tasks for option in task.options) // MINUTE
    every = [
        [choice(problem, task, number, origin) for number in range(len(problem.tasks[task].options))]
        for task in range(len(problem.tasks))
    ]
    least = sum(min(clashes_in(one.cost) for one in choices) for choices in every)
    budget = [_TRIALS]
    best: Found | None = None
    for most in _CLASHES:
        for penalty, allowed in _with_resources(problem, every):
            best = _cheapest(_Asked(problem, paid, most, budget), allowed, best, penalty)
        if best is not None and clashes_in(best[0]) <= least + most:
            break
        if any(cannot_move(task) for task in problem.tasks):
            return _around(problem, paid)
    chosen = {} if best is None else dict(best[1])
    plan = tuple(chosen.get(task, 0) for task in range(len(every)))
    return plan if budget[0] > 0 else improved(problem, plan)


def _around(problem: Problem, paid: frozenset[int]) -> tuple[int, ...]:
    """Plans around what cannot move, whose clashes with each other no plan can help."""
    smaller, days = with_visits(problem)
    planned = iter(_solve(smaller, paid | days))
    return tuple(0 if cannot_move(task) else next(planned) for task in problem.tasks)


def _with_resources(
    problem: Problem, every: Sequence[Sequence[Choice]]
) -> Iterator[tuple[int, list[list[Choice]]]]:
    """What may be taken if each service keeps to one resource, or pays for not doing so."""
    penalty = packed(problem.same_resource)
    rules: list[list[tuple[str, str | None, int]]] = []
    for service in sorted({task.service for task in problem.tasks}) if penalty else ():
        tasks = [task for task in problem.tasks if task.service == service]
        found = {option.resource for task in tasks for option in task.options if option.moved}
        if len(tasks) > 1 and len(found) > 1:
            named = sorted(found, key=lambda name: (name is None, name or ""))
            rules.append([*((service, name, 0) for name in named), (service, None, penalty)])
    for chosen in product(*rules):
        kept = {service: name for service, name, paid in chosen if not paid}
        yield (
            sum(paid for *_, paid in chosen),
            [[one for one in choices if _keeps(problem, one, kept)] for choices in every],
        )


def _keeps(problem: Problem, one: Choice, kept: dict[str, str | None]) -> bool:
    task = problem.tasks[one.task]
    option = task.options[one.number]
    return not option.moved or task.service not in kept or option.resource == kept[task.service]


def _cheapest(
    asked: _Asked, allowed: Sequence[Sequence[Choice]], best: Found | None, penalty: int
) -> Found | None:
    """The cheapest plan of what is allowed, or the best so far; each found now costs ``penalty`` besides."""
    problem, paid, most, budget = asked
    if not all(allowed):
        return best
    choices = sorted(one for some in allowed for one in some)
    days = {day: Day(problem, day, paid=day in paid) for day in {one.day for one in choices}}
    tables = []
    for group in _groups(problem, choices):
        known_places = all(problem.minutes[one.place][one.place] is not None for one in group)
        if most == 0 and known_places and len({one.day for one in group}) == 1:
            tables.append(table_by_route(days[group[0].day], group))
        else:
            tables.append(table_by_trial(problem, days, group, most, budget))
    # Only further days cost something, so the first one is given back.
    free = 0 if paid else packed(problem.one_day)
    limit = NEVER if best is None else best[0] - penalty + free
    found = _cover(tables, (1 << len(allowed)) - 1, limit)
    if found is None:
        return best
    return found[0] - free + penalty, found[1]


def _groups(problem: Problem, choices: Sequence[Choice]) -> list[list[Choice]]:
    """The choices of each day; days that clash with each other, over midnight, are one group."""
    by_day: dict[int, list[Choice]] = {}
    for one in choices:
        by_day.setdefault(one.day, []).append(one)
    longest = max((minutes or 0 for row in problem.minutes for minutes in row), default=0) * MINUTE
    groups: list[list[Choice]] = []
    ends: int | None = None
    for day in sorted(by_day):
        begins = by_day[day][0].start
        if ends is not None and begins < ends + longest and _hang_together(problem, groups[-1], by_day[day]):
            groups[-1] += by_day[day]
        else:
            groups.append(by_day[day])
        ends = max(*(one.end for one in by_day[day]), ends or 0)
    return groups


def _hang_together(problem: Problem, earlier: Sequence[Choice], later: Sequence[Choice]) -> bool:
    return any(meet(problem, one, other) for one in earlier for other in later if one.task != other.task)


def _cover(tables: Sequence[Table], all_tasks: int, limit: int) -> Found | None:
    """The cheapest disjoint sets of different tables that hold all tasks; None if none is below ``limit``."""
    by_lowest = _offers(tables)
    found = _Search(by_lowest, _bounds(by_lowest, all_tasks), limit)
    found.go_on(all_tasks, 0, ())
    if found.best is None:
        return None
    chosen = (one for number, mask in found.best for one in tables[number].choices_of(mask))
    return found.limit, tuple((one.task, one.number) for one in chosen)


class _Search:
    """Branch and bound over which table has which set."""

    def __init__(self, by_lowest: _Offers, bounds: Sequence[int], limit: int) -> None:
        self._by_lowest = by_lowest
        self._bounds = bounds
        self.limit = limit
        self.best: tuple[tuple[int, int], ...] | None = None

    def go_on(self, rest: int, cost: int, taken: tuple[tuple[int, int], ...]) -> None:
        """With the tasks that are left, after what is ``taken``."""
        if not rest:
            self.best, self.limit = taken, cost
            return
        used = {number for number, _ in taken}
        further = []
        for mask, costs in self._by_lowest.get(rest & -rest, ()):
            if mask & ~rest:
                continue
            after = cost + self._bounds[rest ^ mask]
            further += [
                (after + own, mask, number, cost + own)
                for own, number in costs[: bisect_left(costs, (self.limit - after,))]
                if number not in used
            ]
        for bound, mask, number, paid in sorted(further):
            if bound >= self.limit:
                break
            self.go_on(rest ^ mask, paid, (*taken, (number, mask)))


def _offers(tables: Sequence[Table]) -> _Offers:
    offers: dict[int, list[tuple[int, int]]] = {}
    for number, table in enumerate(tables):
        for mask, cost in table.costs.items():
            offers.setdefault(mask, []).append((cost, number))
    by_lowest: _Offers = {}
    for mask, costs in offers.items():
        costs.sort()
        by_lowest.setdefault(mask & -mask, []).append((mask, costs))
    return by_lowest


def _bounds(by_lowest: _Offers, all_tasks: int) -> list[int]:
    """What each set of tasks costs at least: the cheapest cover when a day may be taken more than once."""
    cheapest = [NEVER] * (all_tasks + 1)
    for offers in by_lowest.values():
        for mask, costs in offers:
            cheapest[mask] = costs[0][0]
    bounds = [0]
    for rest in range(1, all_tasks + 1):
        lowest = rest & -rest
        others = more = rest ^ lowest
        least = cheapest[rest]
        while more:
            more = (more - 1) & others
            cost = cheapest[lowest | more] + bounds[others ^ more]
            least = min(least, cost)
        bounds.append(least)
    return bounds
