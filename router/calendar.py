"""All of a citizen's current views, kept in the orders in which the detectors of findings ask for them.

Worked out from the facts when first asked for, then kept up to date one thing at a time; never stored.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from datetime import date

import msgspec

from router.appointments import Schooling, Visit, bounded, protection, schooling, visit
from router.rules import Rules
from router.spans import DAY
from router.state import Citizen

_EPOCH_DAY = date(1970, 1, 1).toordinal()

Row = tuple[int, str, Visit]
"""Start or day, reference, and the visit itself, which is never compared."""


class Calendar(msgspec.Struct, eq=False, gc=False):
    """Current visits, stays, exams and schools of one citizen."""

    visits: dict[str, Visit] = {}
    """Appointments and meetings by reference."""
    stays: dict[str, Visit] = {}
    exams: dict[str, Visit] = {}
    schools: dict[str, Schooling] = {}
    protection: int = 0
    _by_start: list[Row] = []
    _untimed: list[Row] = []
    """Visits of which only the day is known, by day."""
    _long: list[Row] = []
    """Visits longer than a day by start: there are hardly any, and they would make every span longer."""
    _by_place: dict[str, list[tuple[int, int, str]]] | None = None
    """None until somebody asks: most citizens never go to one place so often that it matters."""

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
        rows = self._by_start
        first = bisect_left(rows, (begin - DAY,))
        found = [seen for _, _, seen in rows[first : bisect_left(rows, (end,), first)]]
        if self._long:
            found[:0] = [seen for start, _, seen in self._long if start < end and begin < seen.end]
        return found

    def near(self, seen: Visit, days: int, enough: int) -> Sequence[Visit]:
        """All visits that begin fewer than ``days`` local days from another, and perhaps some more.

        None where there are not ``enough``.
        """
        rows, start, span = self._by_start, bounded(seen.start), (days + 2) * DAY
        begin, end = start - span, start + span
        first = bisect_left(rows, (begin,)) if begin == bounded(begin) else 0
        last = bisect_left(rows, (end,), first) if end == bounded(end) else len(rows)
        if last - first + len(self._untimed) + len(self._long) < enough:
            return ()
        return [other for _, _, other in (*self._untimed, *self._long, *rows[first:last])]

    def at_place(self, place: str) -> list[tuple[int, int, str]]:
        """Day, start and reference of the visits to one institution, in that order."""
        if self._by_place is None:
            self._by_place = {}
            for seen in self.visits.values():
                self._put_at_place(self._by_place, seen)
        return self._by_place.get(place, [])

    def on_day(self, day: int) -> list[Visit]:
        """The visits that begin on a local day (a proleptic ordinal), in no order."""
        rows = self._by_start
        midnight = (day - _EPOCH_DAY) * DAY
        first = bisect_left(rows, (midnight - DAY,))
        last = bisect_left(rows, (midnight + 2 * DAY,), first)  # no zone is a day away from UTC
        return [seen for _, _, seen in (*self._untimed, *self._long, *rows[first:last]) if seen.day == day]

    def _put_in(self, seen: Visit) -> None:
        rows, at = self._row(seen)
        insort(rows, (at, seen.ref, seen))
        if self._by_place is not None:
            self._put_at_place(self._by_place, seen)

    @staticmethod
    def _put_at_place(by_place: dict[str, list[tuple[int, int, str]]], seen: Visit) -> None:
        insort(by_place.setdefault(seen.place.name, []), (seen.day, seen.start, seen.ref))

    def _take_out(self, old: Visit) -> None:
        rows, at = self._row(old)
        del rows[bisect_left(rows, (at, old.ref))]
        if self._by_place is not None:
            days = self._by_place[old.place.name]
            del days[bisect_left(days, (old.day, old.start, old.ref))]

    def _row(self, seen: Visit) -> tuple[list[Row], int]:
        """Among which visits one stands, and where."""
        if not seen.timed:
            return self._untimed, seen.day
        return self._by_start if seen.end - seen.start <= DAY else self._long, seen.start


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
