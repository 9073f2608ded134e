"""The best plan for a citizen, if it is better than the present and keeps what must be kept."""

import hashlib
from collections.abc import Sequence

from router.appointments import Visit
from router.coordination import all_findings
from router.findings import Drafts
from router.planning.outlook import Found, Outlook, remember
from router.planning.problem import MOST_TASKS, score
from router.planning.proposal import Moved, Plan, conflicts, is_better, numbers_of
from router.planning.situation import Situation, Slots, moved_to, situation, with_moved
from router.planning.solve import solve
from router.rules import Rules
from router.state import Citizen

_DIGEST = 8


def better_plan(
    key: str, citizen: Citizen, rules: Rules, minute: int, visits: Sequence[Visit], slots: Slots
) -> Plan | None:
    """A plan to move some of ``visits`` to ``slots`` that was not proposed before; None if there is none."""
    outlook = citizen.records.outlook
    if outlook is None or not visits:
        return None
    here = situation(citizen, rules, minute, visits, slots)
    problem = here.problem
    if all(len(task.options) == 1 for task in problem.tasks) or not _is_new(outlook, here):
        return None
    here, plan = _solved(here)
    problem = here.problem
    stay = [0] * len(plan)
    moves = _moves(here, plan)
    if not moves or not is_better(score(problem, plan), score(problem, stay)) or not _allowed(here, plan):
        return None
    before = all_findings(key, citizen, rules)
    after = _afterwards(key, citizen, rules, moves)
    worse = conflicts(after) > conflicts(before)
    if worse or not remember(outlook, _digest(sorted((move.visit.ref, *move[1:4]) for move in moves))):
        return None
    return Plan(minute, moves, before, after, numbers_of(problem, plan, (before, after)))


def _solved(here: Situation) -> tuple[Situation, tuple[int, ...]]:
    """The best plan. Where two appointments would have one slot, the first of them gets it."""
    plan = solve(here.problem)
    for _ in range(MOST_TASKS):
        taken: set[tuple[str, str]] = set()
        for move in _moves(here, plan):
            if (move.visit.agency, move.slot) in taken:
                here = _without(here, move)
                plan = solve(here.problem)
                break
            taken.add((move.visit.agency, move.slot))
        else:
            break
    return here, plan


def _without(here: Situation, move: Moved) -> Situation:
    """The situation without a slot for one of the appointments."""
    tasks = list(here.problem.tasks)
    place = here.visits.index(move.visit)
    options = (one for one in tasks[place].options if one.slot is None or one.slot[0] != move.slot)
    tasks[place] = tasks[place]._replace(options=tuple(options))
    return here._replace(problem=here.problem._replace(tasks=tuple(tasks)))


def _is_new(outlook: Outlook, here: Situation) -> bool:
    refs = tuple(visit.ref for visit in here.visits)
    return remember(outlook, _digest((refs, here.problem, here.statement)))


def _digest(what: object) -> bytes:
    """Of plain values, whose text is the same wherever it is worked out."""
    return hashlib.sha256(repr(what).encode()).digest()[:_DIGEST]


def _moves(here: Situation, plan: Sequence[int]) -> tuple[Moved, ...]:
    found = []
    for visit, task, number in zip(here.visits, here.problem.tasks, plan, strict=True):
        option = task.options[number]
        if option.moved:
            slot, place, until = option.slot
            found.append(Moved(visit, slot, option.start, option.end, option.resource, place, until))
    return tuple(found)


def _allowed(here: Situation, plan: Sequence[int]) -> bool:
    """No slot twice, and what must be of all that is moved together."""
    problem = here.problem
    moved = [
        (visit, task.options[number])
        for visit, task, number in zip(here.visits, problem.tasks, plan, strict=True)
        if task.options[number].moved
    ]
    slots = {(visit.agency, option.slot[0]) for visit, option in moved}
    days = {option.day for _, option in moved}
    with_whom = {(visit.service, option.resource) for visit, option in moved}
    services = {visit.service for visit, _ in moved}
    return (
        len(slots) == len(moved)
        and (len(days) == 1 or not problem.one_day.clashes)
        and (len(with_whom) == len(services) or not problem.same_resource.clashes)
    )


def _afterwards(key: str, citizen: Citizen, rules: Rules, moves: Sequence[Moved]) -> Drafts:
    """The findings that there would be."""
    there = [
        moved_to(move.visit, Found(move.slot, move.start, move.end, None, None, move.until)) for move in moves
    ]
    with with_moved(citizen, rules, there):
        return all_findings(key, citizen, rules)
