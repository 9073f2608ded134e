"""All of a citizen's current views, kept in the orders in which the detectors of findings ask for them.

Worked out from the facts when first asked for, then kept up to date one thing at a time; never stored.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator

import msgspec

from router.appointments import Schooling, Visit, protection, schooling, visit
from router.rules import Rules
from router.state import Citizen


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
    _longest: int = 0

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
        shelf = {"A": self.visits, "M": self.visits, "S": self.stays, "X": self.exams}[letter]
        old = shelf.pop(ref, None)
        if letter in "AM" and old:
            self._take_out(old)
        if seen:
            shelf[ref] = seen
            if letter in "AM":
                self._put_in(seen)

    def refresh_protection(self, citizen: Citizen) -> None:
        """Take in what has changed about the person."""
        self.protection = protection(citizen)

    def around(self, begin: int, end: int) -> Iterator[Visit]:
        """Visits with a time of day that overlap the span, and perhaps some before it."""
        place = bisect_left(self._by_start, (begin - self._longest, ""))
        while place < len(self._by_start) and self._by_start[place][0] < end:
            yield self.visits[self._by_start[place][1]]
            place += 1

    def at_place(self, place: str) -> list[tuple[int, int, str]]:
        """Day, start and reference of the visits to one institution, in that order."""
        return self._by_place.get(place, [])

    def _put_in(self, seen: Visit) -> None:
        if seen.timed:
            insort(self._by_start, (seen.start, seen.ref))
            self._longest = max(self._longest, seen.end - seen.start)
        insort(self._by_place.setdefault(seen.place.name, []), (seen.day, seen.start, seen.ref))

    def _take_out(self, old: Visit) -> None:
        if old.timed:
            del self._by_start[bisect_left(self._by_start, (old.start, old.ref))]
        days = self._by_place[old.place.name]
        del days[bisect_left(days, (old.day, old.start, old.ref))]


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
