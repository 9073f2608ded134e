"""The clinics' diaries: who is free when. Nobody books one diary twice for the same time."""

import random
from datetime import date, datetime, timedelta
from math import ceil
from typing import NamedTuple

from samband.simulation.places import GRID, Clinic, is_holiday, opening

_TRIES = 12
_HEADS_PER_DIARY = 220
"""Citizens per resource in the whole town, which a clinic has its share of."""
_SLIP = 0.04
"""How often somebody books a public holiday without noticing."""


class Slot(NamedTuple):
    """A time in one of a clinic's diaries."""

    resource: int
    start: datetime


class Diary:
    """One clinic's resources and what they are taken for."""

    def __init__(self, clinic: Clinic, citizens: int) -> None:
        """A clinic has as many resources as its share of the citizens needs."""
        self.clinic = clinic
        self.resources = max(1, ceil(clinic.share * citizens / _HEADS_PER_DIARY))
        self._taken: set[tuple[int, datetime]] = set()
        self._ever_taken: set[tuple[int, datetime]] = set()

    def book(self, draw: random.Random, days: list[date], minutes: int) -> Slot | None:
        """A free time on one of the days, or None when chance finds none."""
        for _ in range(_TRIES):
            day = draw.choice(days)
            if not self._works(day, draw):
                continue
            resource = draw.randrange(self.resources)
            opens, closes = opening(day)
            steps = int((closes - opens) / GRID) - self._cells(minutes)
            start = opens + draw.randrange(steps + 1) * GRID
            if self._free(resource, start, minutes):
                return self._take(resource, start, minutes)
        return None

    def leave_free(self, draw: random.Random, day: date, minutes: int) -> Slot | None:
        """A time on a day that nobody ever had; taken from now on."""
        if day.weekday() in self.clinic.closed or (self.clinic.keeps_holidays and is_holiday(day)):
            return None
        opens, closes = opening(day)
        steps = int((closes - opens) / GRID) - self._cells(minutes)
        for _ in range(_TRIES):
            slot = Slot(draw.randrange(self.resources), opens + draw.randrange(steps + 1) * GRID)
            cells = {(slot.resource, slot.start + cell * GRID) for cell in range(self._cells(minutes))}
            if not cells & self._ever_taken:
                return self._take(slot.resource, slot.start, minutes)
        return None

    def lengthen(self, slot: Slot, minutes: int, more: int) -> bool:
        """Make a booking longer, where the time after it is free."""
        begin = slot.start + self._cells(minutes) * GRID
        cells = self._cells(minutes + more) - self._cells(minutes)
        ends = begin + cells * GRID
        if ends > opening(slot.start.date())[1] or not self._free(slot.resource, begin, cells * 15):
            return False
        self._take(slot.resource, begin, cells * 15)
        return True

    def release(self, slot: Slot, minutes: int) -> None:
        """The time is free again."""
        for cell in range(self._cells(minutes)):
            self._taken.discard((slot.resource, slot.start + cell * GRID))

    def _works(self, day: date, draw: random.Random) -> bool:
        if day.weekday() in self.clinic.closed:
            return False
        return not (self.clinic.keeps_holidays and is_holiday(day)) or draw.random() < _SLIP

    def _free(self, resource: int, start: datetime, minutes: int) -> bool:
        return all((resource, start + cell * GRID) not in self._taken for cell in range(self._cells(minutes)))

    def _take(self, resource: int, start: datetime, minutes: int) -> Slot:
        cells = {(resource, start + cell * GRID) for cell in range(self._cells(minutes))}
        self._taken |= cells
        self._ever_taken |= cells
        return Slot(resource, start)

    @staticmethod
    def _cells(minutes: int) -> int:
        return max(1, ceil(timedelta(minutes=minutes) / GRID))
