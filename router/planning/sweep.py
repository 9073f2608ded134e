"""The best routes of a day for each set of tasks, by dynamic programming in order of time.

What may come next depends on the last choice alone, since no detour is shorter. Where one can be at a place
no later and at a lower cost with the same set behind one, the dearer route is not gone on with; nor is a
choice looked at again for sets that an earlier and cheaper one of its task has followed already. The legs
between two of the visits that stay are alike, so both are known by place; when one of these is passed, what
each place can be reached for is worked out anew.
"""

from collections.abc import Iterable, Sequence

from router.planning.choices import NEVER, Choice
from router.planning.day import Day

Costs = dict[int, int]
"""What each set of tasks (a bit mask) costs."""
_Left = tuple[int, int, Costs]
"""Since when one may have left a place, after how many of those that stay, and at what cost."""


class Sweep:
    """A day's choices, all of known places and in the order of the route, gone through once."""

    def __init__(self, day: Day, choices: Sequence[Choice]) -> None:
        self._day = day
        self._choices = choices
        self._passed = [day.passed(one) for one in choices]
        self._places = {one.place: _Place(day, one.place) for one in choices}
        for place in self._places.values():
            place.besides(self._places.values())
        self.best: Costs = {}
        """Of each set, in all."""
        self._ending: list[Costs] = []
        """By last choice and without the way home, where that may be the best."""
        by_end = sorted(range(len(choices)), key=lambda at: (choices[at].end, choices[at].start, at))
        over = 0
        for at, one in enumerate(choices):
            while choices[by_end[over]].end <= one.start and by_end[over] < at:
                self._end(by_end[over])
                over += 1
            self._ending.append(self._places[one.place].followed_by(one, self._passed[at]))
        for at in by_end[over:]:
            self._end(at)

    def _end(self, at: int) -> None:
        """A choice is over: from it one can go home or to other places."""
        one, passed = self._choices[at], self._passed[at]
        costs = self._places[one.place].leave(one.end, passed, self._ending[at])
        if costs:
            best, home = self.best, self._day.home(one.place, passed)
            for mask, cost in costs.items():
                if cost + home < best.get(mask, NEVER):
                    best[mask] = cost + home

    def choices_of(self, mask: int) -> tuple[Choice, ...]:
        """Walks back over the costs of a set: the first choices that give them."""
        day, choices, ending, passed = self._day, self._choices, self._ending, self._passed
        cost = self.best[mask]
        last = next(
            at
            for at, one in enumerate(choices)
            if mask in ending[at] and ending[at][mask] + day.home(one.place, passed[at]) == cost
        )
        found = [choices[last]]
        while True:
            one, then, cost = choices[last], passed[last], ending[last][mask] - choices[last].cost
            mask ^= 1 << one.task
            if not mask:
                return tuple(found)
            last = next(
                at
                for at, before in enumerate(choices[:last])
                if mask in ending[at]
                and ending[at][mask] + day.leg(before.place, passed[at], one.place, then) == cost
                and before.end + day.needed[one.place][before.place] <= one.start
            )
            found.append(choices[last])


class _Place:
    """What it has cost at least to be here in time."""

    def __init__(self, day: Day, number: int) -> None:
        self._day = day
        self.number = number
        self.left: list[_Left] = []
        self._others: list[tuple[int, int, list[_Left]]] = []
        """Other places: how long one needs from there, and who left. Not they: a circle would be garbage."""
        self._heard: list[int] = []
        """How many of those who left each other place have been counted here."""
        self._passed = -1
        self._costs: Costs = {}
        self._changed: list[int] = []
        """The sets whose cost has changed, in that order."""
        self._seen: dict[int, tuple[int, int, int]] = {}
        """The end and the cost of each task's last choice here, and how much of `_changed` it has seen."""

    def besides(self, places: Iterable["_Place"]) -> None:
        """From where one may come here."""
        needed = self._day.needed[self.number]
        self._others = [
            (place.number, needed[place.number], place.left) for place in places if place is not self
        ]

    def followed_by(self, one: Choice, passed: int) -> Costs:
        """The costs of the sets that end with a choice; the next one asked for begins no sooner."""
        if passed != self._passed:
            self._begin(passed)
        self._hear(one.start)
        end, cost, since = self._seen.get(one.task, (0, 0, 0))
        if end > one.end or cost >= one.cost:
            since = 0
        changed, known = self._changed, self._costs
        self._seen[one.task] = one.end, one.cost, len(changed)
        bit, own = 1 << one.task, one.cost
        return {mask | bit: known[mask] + own for mask in changed[since:] if not mask & bit}

    def leave(self, end: int, passed: int, costs: Costs) -> Costs:
        """After a choice; what it is better for than all that could be here by its end."""
        if passed == self._passed:
            known = self._costs
            costs = {mask: cost for mask, cost in costs.items() if cost < known.get(mask, NEVER)}
            known.update(costs)
            self._changed += costs
        else:
            self._take(costs, self._day.leg(self.number, passed, self.number, self._passed))
        if costs:
            self.left.append((end, passed, costs))
        return costs

    def _begin(self, passed: int) -> None:
        leg, here = self._day.leg, self.number
        self._passed, self._heard = passed, [0] * len(self._others)
        self._costs, self._changed, self._seen = {0: leg(None, 0, here, passed)}, [0], {}
        for _, before, costs in self.left:
            self._take(costs, leg(here, before, here, passed))

    def _hear(self, until: int) -> None:
        """Of all who can be here by an instant."""
        heard, passed = self._heard, self._passed
        for index, (there, needed, left) in enumerate(self._others):
            known = heard[index]
            while known < len(left) and left[known][0] + needed <= until:
                _, before, costs = left[known]
                self._take(costs, self._day.leg(there, before, self.number, passed))
                known += 1
            heard[index] = known

    def _take(self, costs: Costs, leg: int) -> None:
        known, changed = self._costs, self._changed
        for mask, cost in costs.items():
            if cost + leg < known.get(mask, NEVER):
                known[mask] = cost + leg
                changed.append(mask)
