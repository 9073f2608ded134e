"""The planner against all plans there are, and against plans that were worked out by hand.

The oracle knows only what a good plan is, in plain loops; it shares nothing with the planner but the problem.
"""

import gc
from itertools import pairwise, product
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.planning.problem import Option, Problem, Score, Task, Visit, Weights, score
from router.planning.solve import solve
from router.spans import MINUTE

DAY = 24 * 60
MONDAY = 20_000 * DAY
"""Minutes since the epoch; the days of these problems are whole days of UTC from here on."""


def at(day: int, minute: int, length: int = 30, **more: Any) -> Option:
    start = (MONDAY + day * DAY + minute) * MINUTE
    return Option(start, start + length * MINUTE, day, **more)


def judged(problem: Problem, plan: tuple[int, ...]) -> tuple[int, ...]:
    """How good a plan is, worked out as simply as it can be."""
    chosen = [(task.options[number], task) for task, number in zip(problem.tasks, plan, strict=True)]
    things = [(option.start, option.end, task.place, option.day) for option, task in chosen]
    clashes = 0
    for one in range(len(things)):
        for other in range(one):
            (start, end, here, _), (begin, _, there, _) = sorted((things[one], things[other]))
            assert start <= begin
            needed = 0 if here == there else problem.minutes[here][there] or 0
            clashes += begin < end + needed * MINUTE
    counts = [clashes, 0, 0]
    for option, _ in chosen:
        counts[0] += option.clashes
        counts[1] += option.important
        counts[2] += option.nuisances
    mixed = 0
    for service in {task.service for task in problem.tasks}:
        mixed += len({o.resource for o, task in chosen if task.service == service and o.moved}) > 1
    further = len({option.day for option, _ in chosen}) - 1
    for index in range(3):
        counts[index] += further * problem.one_day[index] + mixed * problem.same_resource[index]
    things += [(visit.start, visit.end, visit.place, visit.day) for visit in problem.visits]
    travelled = 0
    for day in {thing[3] for thing in things}:
        stops = [thing[2] for thing in sorted(things) if thing[3] == day]
        stops = [place for place in stops if problem.minutes[place][place] is not None]
        if problem.home is not None and stops:
            stops = [problem.home, *stops, problem.home]
        for here, there in pairwise(stops):
            travelled += problem.minutes[here][there] or 0
    early = sum(option.start // MINUTE for option, _ in chosen)
    moved = sum(option.moved for option, _ in chosen)
    return counts[0], counts[1], len({thing[3] for thing in things}), travelled, counts[2], early, moved


def drawn(random: Random) -> Problem:
    """A small problem: crowded days, nights, unknown places, wishes and shared services among them."""
    days, places = random.choice((1, 2, 3)), random.randint(1, 4)
    points = [(random.randint(0, 90), random.randint(0, 90)) for _ in range(places + 1)]
    unknown = {place for place in range(places) if random.random() < 0.1}
    minutes = tuple(
        tuple(
            None if {here, there} & unknown else 0 if here == there else 15 + abs(x - u) + abs(y - v)
            for there, (u, v) in enumerate(points)
        )
        for here, (x, y) in enumerate(points)
    )
    night = random.random() < 0.2

    def option(*, moved: bool) -> Option:
        minute = random.randrange(0 if night else 480, 1440 if night else 900, 15)
        return at(
            random.randrange(days), minute, random.choice((15, 30, 60, 600 if night else 45)),
            clashes=random.random() < 0.2, important=random.random() < 0.2, nuisances=random.random() < 0.2,
            resource=random.choice(("a", "b", None)) if moved else None, moved=moved,
        )  # fmt: skip

    tasks = tuple(
        Task(
            random.randrange(places), random.choice("xy"),
            (option(moved=False), *(option(moved=True) for _ in range(random.randint(0, 3)))),
        )
        for _ in range(random.randint(1, 4))
    )  # fmt: skip
    stay = [option(moved=False) for _ in range(random.randint(0, 3))]
    visits = tuple(Visit(one.start, one.end, one.day, random.randrange(places)) for one in stay)
    weights = (Weights(), Weights(), Weights(1), Weights(0, 1), Weights(0, 0, 1))
    return Problem(
        tasks, visits, minutes, random.choice((None, places)), random.choice(weights), random.choice(weights)
    )


def crowded(random: Random) -> Problem:
    """One or two days with much to choose from, much that stays, and times that are often alike."""
    days, places = random.choice((1, 2)), random.randint(1, 3)
    points = [(random.randint(0, 3) * 10, random.randint(0, 3) * 10) for _ in range(places + 1)]
    minutes = tuple(
        tuple(0 if here == there else 10 + abs(x - u) + abs(y - v) for there, (u, v) in enumerate(points))
        for here, (x, y) in enumerate(points)
    )

    def option(*, moved: bool) -> Option:
        minute, length = random.randrange(480, 720, 10), random.choice((0, 10, 20, 40))
        return at(random.randrange(days), minute, length, nuisances=random.random() < 0.2, moved=moved)

    def task() -> Task:
        slots = (option(moved=True) for _ in range(random.choice((0, 5, 6))))
        return Task(random.randrange(places), "x", (option(moved=False), *slots))

    stay = [option(moved=False) for _ in range(random.randint(0, 6))]
    visits = tuple(Visit(one.start, one.end, one.day, random.randrange(places)) for one in stay)
    return Problem(tuple(task() for _ in range(4)), visits, minutes, random.choice((None, places)))


def check(problem: Problem) -> None:
    plan = solve(problem)
    best = min(judged(problem, each) for each in product(*(range(len(t.options)) for t in problem.tasks)))
    assert judged(problem, plan) == best
    assert score(problem, plan) == best
    assert solve(problem) == plan


def test_no_plan_is_better_in_thousands_of_small_problems() -> None:
    for seed in range(2_000):
        check(drawn(Random(seed)))


def test_no_plan_is_better_on_crowded_days() -> None:
    for seed in range(150):
        check(crowded(Random(seed)))


@given(st.randoms(use_true_random=False))
def test_no_plan_is_better(random: Random) -> None:
    check(drawn(random))


TOWN = ((0, 40, 60), (40, 0, 30), (60, 30, 0))
"""Minutes between a hospital (0), a clinic (1) and home (2)."""


def planned(*tasks: Task, visits: tuple[Visit, ...] = (), **more: Any) -> tuple[list[int], Score]:
    problem = Problem(tasks, visits, TOWN, 2, **more)
    plan = solve(problem)
    return list(plan), score(problem, plan)


def stay(day: int, minute: int) -> Option:
    return at(day, minute, moved=False)


def test_three_days_become_one() -> None:
    wednesday = [at(2, 540), at(2, 600), at(2, 660)]
    found, good = planned(
        Task(0, "eye", (stay(0, 540), wednesday[0])),
        Task(0, "ear", (stay(2, 600),)),
        Task(1, "heart", (stay(4, 540), wednesday[1], at(2, 680))),
    )
    assert found == [1, 0, 2]
    assert good[:4] == (0, 0, 1, 60 + 0 + 40 + 30)


def test_a_journey_that_is_too_short_is_a_clash() -> None:
    tasks = Task(0, "eye", (stay(0, 540),)), Task(1, "heart", (stay(0, 600), at(0, 609), at(0, 610)))
    assert planned(*tasks)[0] == [0, 2]


def test_what_does_not_help_stays_where_it_is() -> None:
    assert planned(Task(0, "eye", (stay(0, 540), at(0, 540))))[0] == [0]


def test_a_must_is_worth_a_day_and_a_wish_is_not() -> None:
    visit = Visit(at(1, 540).start, at(1, 540).end, 1, 0)
    other, same = at(2, 540), at(1, 600)
    now = stay(0, 540)._replace(clashes=1)
    for against in (same._replace(clashes=1), same._replace(important=1)):
        task = Task(0, "eye", (now, against, other))
        assert planned(task, visits=(visit,))[0] == [2]
    task = Task(0, "eye", (now, same._replace(nuisances=1), other))
    assert planned(task, visits=(visit,))[0] == [1]


def test_the_same_therapist_may_cost_a_day_when_it_is_important() -> None:
    now = stay(0, 540)._replace(clashes=1)
    tasks = [
        Task(0, "physio", (now, at(1, 540, resource="ann"))),
        Task(0, "physio", (now, at(1, 600, resource="bo"), at(2, 600, resource="ann"))),
    ]
    assert planned(*tasks)[0] == [1, 1]
    assert planned(*tasks, same_resource=Weights(0, 0, 1))[0] == [1, 1]
    assert planned(*tasks, same_resource=Weights(0, 1))[0] == [1, 2]


def test_nothing_to_plan() -> None:
    assert planned()[0] == []


def full(days: int, *, stuck: int = 0) -> Problem:
    """8 appointments with 40 slots each; some are ``stuck`` at one time and have none."""
    random = Random(days)

    def option(*, moved: bool) -> Option:
        return at(random.randrange(days), random.randrange(480, 720, 15), 60, moved=moved)

    options = [(option(moved=False), *(option(moved=True) for _ in range(40))) for _ in range(8)]
    options[:stuck] = [(options[0][0],)] * stuck
    return Problem(tuple(Task(number % 2, "x", row) for number, row in enumerate(options)), (), TOWN, 2)


@pytest.mark.parametrize(("days", "stuck"), [(1, 0), (2, 2), (5, 2), (20, 3)])
def test_a_full_problem_has_a_plan_that_no_other_time_of_one_appointment_makes_better(
    days: int, stuck: int
) -> None:
    problem = full(days, stuck=stuck)
    plan = solve(problem)
    best = judged(problem, plan)
    assert stuck == 0 or best[0] == stuck * (stuck - 1) // 2
    for task in range(8):
        for number in range(len(problem.tasks[task].options)):
            assert judged(problem, (*plan[:task], number, *plan[task + 1 :])) >= best


def test_a_plan_leaves_no_garbage_in_circles_which_would_wait_for_a_long_search() -> None:
    problems = [full(5), *(drawn(Random(seed)) for seed in range(50))]
    gc.collect()
    gc.disable()
    try:
        for problem in problems:
            solve(problem)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_task_without_options_is_said_to_have_none() -> None:
    with pytest.raises(ValueError, match="no option"):
        planned(Task(0, "eye", (stay(0, 540),)), Task(0, "ear", ()))
