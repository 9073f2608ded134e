"""All of a citizen's current views, kept in the orders in which the detectors of findings ask for them.

Worked out from the facts when first asked for, then kept up to date one thing at a time; never stored.
"""

from bisect import bisect_left, insort
from datetime import date

import msgspec

from router.appointments import Schooling, Visit, protection, schooling, visit
from router.rules import Rules
from router.spans import DAY
from router.state import Citizen

_EPOCH_DAY = date(1970, 1, 1).toordinal()


class Calendar(msgspec.Struct, eq=False, gc=False):
    """Current visits, stays, exams and schools of one citizen."""

    visits: dict[str, Visit] = {}
    """Appointments and meetings by reference."""
    stays: dict[str, Visit] = {}
    exams: dict[str, Visit] = {}
    schools: dict[str, Schooling] = {}
    protection: int = 0
    _by_start: list[tuple[int, str]] = []
    _by_place: dict[str, list[tuple[int, int, str]]] = {}
    _untimed: list[tuple[int, str]] = []
    """Visits of which only the day is known, by day."""
    _long: list[tuple[int, str]] = []
    """Visits longer than a day by start: there are hardly any, and they would make every span longer."""
    _count: dict[int, int] = {}
    """How many visits begin on each local day."""

    def refresh(self, citizen: Citizen, ref: str, rules: Rules) -> None:
        """Take in what has changed about one thing."""
        if ref[0] == "N":
            school = schooling(citizen, ref, rules)
            if school:
                self.schools[ref] = school
            else:
                self.schools.pop(ref, None)
            return
        self.replace(ref, visit(citizen, ref, rules))

    def replace(self, ref: str, seen: Visit | None) -> None:
        """Take in the new view of an appointment, meeting, stay or exam; None when it does not take place."""
        letter = ref[0]
        if letter in "AM":
            old = self.visits.pop(ref, None)
            if old:
                self._take_out(old)
            if seen:
                self.visits[ref] = seen
                self._put_in(seen)
            return
        shelf = self.stays if letter == "S" else self.exams
        shelf.pop(ref, None)
        if seen:
            shelf[ref] = seen

    def refresh_protection(self, citizen: Citizen) -> None:
        """Take in what has changed about the person."""
        self.protection = protection(citizen)

    def around(self, begin: int, end: int) -> list[Visit]:
        """Visits with a time of day that overlap the span, and perhaps some before it."""
        visits, rows = self.visits, self._by_start
        first = bisect_left(rows, (begin - DAY,))
        found = [visits[ref] for _, ref in rows[first : bisect_left(rows, (end,), first)]]
        if self._long:
            long = (visits[ref] for start, ref in self._long if start < end)
            found[:0] = [visit for visit in long if begin < visit.end]
        return found

    def at_place(self, place: str) -> list[tuple[int, int, str]]:
        """Day, start and reference of the visits to one institution, in that order."""
        return self._by_place.get(place, [])

    def on_day(self, day: int) -> list[Visit]:
        """The visits that begin on a local day (a proleptic ordinal), in no order."""
        visits, rows = self.visits, self._by_start
        midnight = (day - _EPOCH_DAY) * DAY
        found = [visits[ref] for on, ref in self._untimed if on == day]
        found += [visits[ref] for _, ref in self._long if visits[ref].day == day]
        for place in range(bisect_left(rows, (midnight - DAY,)), len(rows)):
            start, ref = rows[place]
            if start >= midnight + 2 * DAY:  # no zone is a day away from UTC
                break
            if visits[ref].day == day:
                found.append(visits[ref])
        return found

    def count_on(self, day: int) -> int:
        """How many visits begin on a local day."""
        return self._count.get(day, 0)

    def _put_in(self, seen: Visit) -> None:
        rows, row = self._row(seen)
        insort(rows, row)
        self._count[seen.day] = self._count.get(seen.day, 0) + 1
        insort(self._by_place.setdefault(seen.place.name, []), (seen.day, seen.start, seen.ref))

    def _take_out(self, old: Visit) -> None:
        rows, row = self._row(old)
        del rows[bisect_left(rows, row)]
        self._count[old.day] -= 1
        days = self._by_place[old.place.name]
        del days[bisect_left(days, (old.day, old.start, old.ref))]

    def _row(self, seen: Visit) -> tuple[list[tuple[int, str]], tuple[int, str]]:
        """Where a visit stands among all of them."""
        if not seen.timed:
            return self._untimed, (seen.day, seen.ref)
        return self._by_start if seen.end - seen.start <= DAY else self._long, (seen.start, seen.ref)


def calendar_of(citizen: Citizen, rules: Rules) -> Calendar:
    """The citizen's calendar; worked out once."""
    known: Calendar | None = citizen.calendar
    if known is None:
        known = Calendar()
        for ref in citizen.records.plans:
            known.refresh(citizen, ref, rules)
        known.refresh_protection(citizen)
        citizen.calendar = known
    return known
