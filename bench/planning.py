"""How long the best plan takes: 8 appointments with 40 slots each; beside it OR-Tools' CP-SAT."""

import importlib.util
from collections.abc import Callable, Sequence
from random import Random
from statistics import quantiles
from time import process_time
from typing import Final

from bench.figures import Entry, Figure, Goal, WrongAnswerError
from bench.plan import Plan
from bus.process import search_garbage_rarely
from router.planning.problem import Option, Problem, Task, score
from router.planning.solve import solve
from router.spans import MINUTE

_PROBLEMS: Final = 300
_COMPARED: Final = 5
_DAY: Final = 24 * 60
_DAYS: Final = {"plan": 20, "plan.crowded": 5}
"""Over how many days the slots are spread."""


def problem(seed: int, days: int, tasks: int = 8, slots: int = 40) -> Problem:
    """Appointments at four places of a region, booked on any day between 08:00 and 15:00."""
    random = Random(seed)
    points = [(random.uniform(0, 60), random.uniform(0, 60)) for _ in range(5)]
    minutes = tuple(
        tuple(
            0 if here == there else 16 + int(((x - u) ** 2 + (y - v) ** 2) ** 0.5 * 1.56)
            for there, (u, v) in enumerate(points)
        )
        for here, (x, y) in enumerate(points)
    )

    def option(*, moved: bool) -> Option:
        day, minute = random.randrange(days), random.randrange(8 * 60, 15 * 60, 15)
        start = (20_000 + day) * _DAY + minute
        return Option(
            start * MINUTE, (start + random.choice((30, 45, 60))) * MINUTE, 20_000 + day, moved=moved
        )

    return Problem(
        tuple(
            Task(
                random.randrange(4), str(number),
                (option(moved=False), *sorted((option(moved=True) for _ in range(slots)), key=_by_start)),
            )
            for number in range(tasks)
        ),
        (), minutes, 4,
    )  # fmt: skip


def run(plan: Plan) -> Sequence[Entry]:
    """The planner's times, and CP-SAT's where it is installed (pip install ortools).

    Raises:
        WrongAnswerError: the two found plans that are not equally good.
    """
    search_garbage_rarely()  # as the router's process does
    figures: list[Entry] = []
    for name, days in _DAYS.items():
        problems = [problem(seed, days) for seed in range(max(20, int(_PROBLEMS * plan.scale)))]
        times = [_times(solve, problems) for _ in range(plan.runs)]
        what = f"8 appointments with 40 slots each on {days} days, processor time"
        figures += [
            Figure(f"{name}.p50", f"{what}, median", "ms", tuple(each[49] for each in times)),
            Figure(
                f"{name}.p99", f"{what}, 99 of 100", "ms", tuple(each[98] for each in times), Goal(below=20)
            ),
        ]
    if importlib.util.find_spec("ortools") is None:
        plan.tell("CP-SAT is not installed")
        return figures
    return [*figures, _beside_cp_sat()]


def _times(planner: Callable[[Problem], Sequence[int]], problems: Sequence[Problem]) -> list[float]:
    """The 99 percentiles of milliseconds."""
    spent = []
    for each in problems:
        began = process_time()
        planner(each)
        spent.append((process_time() - began) * 1000)
    return quantiles(spent, n=100)


def _beside_cp_sat() -> Entry:
    from bench import planning_cp_sat  # noqa: PLC0415 - only where it is installed

    spent = []
    for seed in range(_COMPARED):
        asked = problem(seed, _DAYS["plan"])
        began = process_time()
        found = planning_cp_sat.solve(asked)
        spent.append((process_time() - began) * 1000)
        if score(asked, found) != score(asked, solve(asked)):
            raise WrongAnswerError(f"problem {seed}: CP-SAT and the planner differ")
    what = "the same by OR-Tools CP-SAT, one worker, fixed seed, one run for each of five problems"
    return Figure("plan.cp_sat", what, "ms", tuple(spent))


def _by_start(option: Option) -> int:
    return option.start
