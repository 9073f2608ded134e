"""A morning's peak, simulated: what waits how long when the rate is ten means and a process is lost.

A queue for each router process, in steps of a tenth of a second: facts arrive at random (Poisson), each
process works off its queue at the measured rate. At the height of the peak one process dies; its partitions
stand still until another has taken them over, and from then on the others share its part.
"""

import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

STEP_SECONDS: Final = 0.1
_LARGE_MEAN: Final = 50.0
"""Beyond it the normal distribution stands in for Poisson's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """What is simulated."""

    per_second: float
    """Facts that arrive, all processes together, at the height of the peak."""
    processes: int
    facts_per_second: float
    """What one process works off."""
    lost_at: float
    """Seconds into the peak at which a process dies; beyond the end: none does."""
    takeover_seconds: float
    """Until another process works on its partitions."""
    seconds: float = 1800.0
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it; times in seconds."""

    facts: int
    p50: float
    p99: float
    longest: float
    most_waiting: int
    """Facts in all queues together."""
    drained_after: float
    """From the loss until no fact waits longer than a step again; 0 if nothing was lost."""


class Simulation:
    """Runs one `Morning`."""

    def __init__(self, morning: Morning) -> None:
        """Nothing happens before `run`."""
        self._morning = morning
        self._random = random.Random(morning.seed)
        self._queues: list[deque[tuple[float, float]]] = [deque() for _ in range(morning.processes)]
        self._waits: dict[int, float] = {}
        self._waiting = 0.0
        self._most = 0
        self._drained = morning.lost_at

    def run(self) -> Outcome:
        """Simulate until the peak is over and the queues are empty."""
        morning = self._morning
        for now in self._steps():
            if now < morning.seconds:
                self._arrive(now)
            self._most = max(self._most, round(self._waiting))
            oldest = min((queue[0][0] for queue in self._queues if queue), default=now)
            if now >= morning.lost_at and now - oldest > STEP_SECONDS * 1.5:
                self._drained = now
            self._work(now)
        facts = round(sum(self._waits.values()))
        lost = morning.lost_at < morning.seconds
        return Outcome(
            facts=facts,
            p50=self._percentile(0.5, facts),
            p99=self._percentile(0.99, facts),
            longest=max(self._waits, default=0) * STEP_SECONDS,
            most_waiting=self._most,
            drained_after=self._drained - morning.lost_at if lost else 0.0,
        )

    def _steps(self) -> Iterator[float]:
        for number in count():
            now = number * STEP_SECONDS
            if now >= self._morning.seconds and not any(self._queues):
                return
            yield now

    def _arrive(self, now: float) -> None:
        mean = self._morning.per_second * STEP_SECONDS / len(self._queues)
        for queue in self._queues:
            if arrived := _poisson(self._random, mean):
                queue.append((now, float(arrived)))
                self._waiting += arrived

    def _work(self, now: float) -> None:
        """The dead process's queue stands still, then the others work on it with what their own leave."""
        morning, queues = self._morning, self._queues
        budget = morning.facts_per_second * STEP_SECONDS
        if now < morning.lost_at:
            for queue in queues:
                self._serve(queue, budget, now)
            return
        orphan, *living = queues
        left = sum(self._serve(queue, budget, now) for queue in living)
        if now >= morning.lost_at + morning.takeover_seconds:
            self._serve(orphan, left, now)

    def _serve(self, queue: deque[tuple[float, float]], budget: float, now: float) -> float:
        """Work off ``queue``; what is left of the budget."""
        while queue and budget > 0:
            arrived, waiting = queue.popleft()
            done = min(waiting, budget)
            budget -= done
            self._waiting -= done
            steps = round((now - arrived) / STEP_SECONDS)
            self._waits[steps] = self._waits.get(steps, 0.0) + done
            if waiting > done:
                queue.appendleft((arrived, waiting - done))
        return budget

    def _percentile(self, part: float, facts: int) -> float:
        seen = 0.0
        for steps in sorted(self._waits):
            seen += self._waits[steps]
            if seen >= part * facts:
                return steps * STEP_SECONDS
        return 0.0


def _poisson(source: random.Random, mean: float) -> int:
    if mean > _LARGE_MEAN:
        return max(0, round(source.gauss(mean, math.sqrt(mean))))
    limit, product, found = math.exp(-mean), source.random(), 0
    while product > limit:
        product *= source.random()
        found += 1
    return found
