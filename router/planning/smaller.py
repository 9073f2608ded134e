"""What to do with problems that are too much to be tried out."""

from router.planning.problem import Option, Problem, Task, Visit, clash, score


def cannot_move(task: Task) -> bool:
    """Whether an appointment stays where it is, since there is no slot for it."""
    return len(task.options) == 1 and not task.options[0].moved


def with_visits(problem: Problem) -> tuple[Problem, frozenset[int]]:
    """The same problem with what cannot move as visits, and the days of these."""
    still = [(task.options[0], task.place) for task in problem.tasks if cannot_move(task)]
    visits = tuple(Visit(one.start, one.end, one.day, place) for one, place in still)

    def beside(option: Option, place: int) -> Option:
        clashes = sum(clash(option, place, visit, visit.place, problem) for visit in visits)
        return option._replace(clashes=option.clashes + clashes)

    tasks = tuple(
        task._replace(options=tuple(beside(option, task.place) for option in task.options))
        for task in problem.tasks
        if not cannot_move(task)
    )
    return problem._replace(tasks=tasks, visits=problem.visits + visits), frozenset(
        visit.day for visit in visits
    )


def improved(problem: Problem, plan: tuple[int, ...]) -> tuple[int, ...]:
    """A plan that no other time for one of its tasks makes better."""
    best = score(problem, plan)
    while True:
        nearby = (
            (*plan[:task], number, *plan[task + 1 :])
            for task in range(len(plan))
            for number in range(len(problem.tasks[task].options))
        )
        better, found = min((score(problem, each), each) for each in nearby)
        if better >= best:
            return plan
        best, plan = better, found
