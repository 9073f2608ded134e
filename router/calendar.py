"""All of a citizen's current views, kept in the orders in which the detectors of findings ask for them.

Worked out from the facts when first asked for, then kept up to date one thing at a time; never stored.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import TypeVar

import msgspec

from router.appointments import FIRST_DAY, LAST_DAY, Schooling, Visit, protection, schooling, visit
from router.rules import Rules
from router.spans import DAY
from router.state import Citizen

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST_DAY, _LAST_DAY = FIRST_DAY + 400 * DAY, LAST_DAY - 400 * DAY
"""Nearer than this to the ends of the calendar, days that rules count may not be days apart."""
_V = TypeVar("_V")
_NO_VISITS: Mapping[str, Visit] = MappingProxyType({})
_NO_SCHOOLS: Mapping[str, Schooling] = MappingProxyType({})
"""What nearly all calendars have none of is one object for all of them: asking it finds it in the caches."""


class Calendar(msgspec.Struct, eq=False, gc=False):
    """Current visits, stays, exams and schools of one citizen."""

    visits: dict[str, Visit] = {}
    """Appointments and meetings by reference."""
    stays: Mapping[str, Visit] = _NO_VISITS
    exams: Mapping[str, Visit] = _NO_VISITS
    schools: Mapping[str, Schooling] = _NO_SCHOOLS
    protection: int = 0
    _starts: list[int] = []
    """When each of ``_in_order`` starts."""
    _in_order: list[Visit] = []
    """Visits with a time of day, by start and reference, but for those in ``_odd``."""
    _odd: Sequence[Visit] = ()
    """Visits of which only the day is known, and those longer than a day: there are hardly any, and they
    would make every span longer. By start and reference."""
    _by_place: dict[str, list[tuple[int, int, str]]] | None = None
    """None until somebody asks: most citizens never go to one place so often that it matters."""

    def refresh(self, citizen: Citizen, ref: str, rules: Rules) -> None:
        """Take in what has changed about one thing."""
        if ref[0] == "N":
            self.schools = _with(self.schools, ref, schooling(citizen, ref, rules))
        else:
            self.replace(ref, visit(citizen, ref, rules))

    def replace(self, ref: str, seen: Visit | None) -> None:
        """Take in the new view of an appointment, meeting, stay or exam; None when it does not take place."""
        letter = ref[0]
        if letter in "AM":
            old = self.visits.pop(ref, None)
            if old is not None:
                self._take_out(old)
            if seen is not None:
                self.visits[ref] = seen
                self._put_in(seen)
        elif letter == "S":
            self.stays = _with(self.stays, ref, seen)
        else:
            self.exams = _with(self.exams, ref, seen)

    def refresh_protection(self, citizen: Citizen) -> None:
        """Take in what has changed about the person."""
        self.protection = protection(citizen)

    def around(self, begin: int, end: int) -> list[Visit]:
        """Visits with a time of day that overlap the span, and perhaps some before it."""
        starts = self._starts
        first = last = bisect_left(starts, begin - DAY)
        while last < len(starts) and starts[last] < end:
            last += 1
        found = self._in_order[first:last]
        if self._odd:
            found[:0] = [seen for seen in self._odd if seen.timed and seen.start < end and begin < seen.end]
        return found

    def has_few_near(self, seen: Visit, days: int, enough: int) -> bool:
        """Whether surely fewer than ``enough`` (1 or more) begin fewer than ``days`` local days from another.

        A quick answer, as nearly always; False may mean that it takes a closer look.
        """
        starts, start, span = self._starts, seen.start, (days + 2) * DAY
        if self._odd or not _FIRST_DAY <= start <= _LAST_DAY:
            return False
        last = bisect_left(starts, start - span) + enough - 1
        return last >= len(starts) or starts[last] >= start + span

    def near(self, seen: Visit, days: int) -> Sequence[Visit]:
        """All visits that begin fewer than ``days`` local days from another, and perhaps some more."""
        starts, start, span = self._starts, seen.start, (days + 2) * DAY
        if not _FIRST_DAY <= start <= _LAST_DAY:
            return (*self._odd, *self._in_order)
        first = bisect_left(starts, start - span)
        return (*self._odd, *self._in_order[first : bisect_left(starts, start + span, first)])

    def at_place(self, place: str) -> list[tuple[int, int, str]]:
        """Day, start and reference of the visits to one institution, in that order."""
        if self._by_place is None:
            self._by_place = {}
            for seen in self.visits.values():
                self._put_at_place(self._by_place, seen)
        return self._by_place.get(place, [])

    def on_day(self, day: int) -> list[Visit]:
        """The visits that begin on a local day (a proleptic ordinal), in no order."""
        starts = self._starts
        midnight = (day - _EPOCH_DAY) * DAY
        first = bisect_left(starts, midnight - DAY)
        last = bisect_left(starts, midnight + 2 * DAY, first)  # no zone is a day away from UTC
        return [seen for seen in (*self._odd, *self._in_order[first:last]) if seen.day == day]

    def _put_in(self, seen: Visit) -> None:
        start = seen.start
        if not seen.timed or seen.end - start > DAY:
            self._odd = sorted((*self._odd, seen), key=_start_and_ref)
        else:
            place = self._place(start, seen.ref)
            self._starts.insert(place, start)
            self._in_order.insert(place, seen)
        if self._by_place is not None:
            self._put_at_place(self._by_place, seen)

    @staticmethod
    def _put_at_place(by_place: dict[str, list[tuple[int, int, str]]], seen: Visit) -> None:
        insort(by_place.setdefault(seen.place.name, []), (seen.day, seen.start, seen.ref))

    def _take_out(self, old: Visit) -> None:
        if not old.timed or old.end - old.start > DAY:
            self._odd = [seen for seen in self._odd if seen.ref != old.ref]
        else:
            place = self._place(old.start, old.ref)
            del self._starts[place], self._in_order[place]
        if self._by_place is not None:
            days = self._by_place[old.place.name]
            del days[bisect_left(days, (old.day, old.start, old.ref))]

    def _place(self, start: int, ref: str) -> int:
        """Where a visit stands among those in order, or is to stand."""
        starts = self._starts
        place = bisect_left(starts, start)
        while place < len(starts) and starts[place] == start and self._in_order[place].ref < ref:
            place += 1
        return place


def _start_and_ref(seen: Visit) -> tuple[int, str]:
    return seen.start, seen.ref


def _with(shelf: Mapping[str, _V], ref: str, thing: _V | None) -> Mapping[str, _V]:
    """A shelf with the new view of a thing, or without it."""
    kept = {known: one for known, one in shelf.items() if known != ref}
    if thing:
        kept[ref] = thing
    return kept


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
