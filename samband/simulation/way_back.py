"""The clinics that can be asked: their books, and how they take what they are asked, if they do."""

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import NamedTuple, Self

from connectors.hospital.testing import FreeTime, MllpSender
from connectors.hospital.testing_calendar import GOOD, Asked, AskedHospital, Calendar, Habit
from samband.simulation.dialect_health import booking_of, patient_of
from samband.simulation.history import (
    AppointmentStep,
    CardMended,
    Change,
    HealthStep,
    Opening,
    Registered,
    StayStep,
)
from samband.simulation.places import ASKED, Clinic, micros

_HABITS = (
    (0.02, Habit(refuse="FULL")),
    (0.04, Habit(silent=True)),
    (0.06, Habit(deaf=True)),
    (0.10, Habit(twice=True)),
    (0.13, Habit(busy=True)),
)
"""Up to which share of what a clinic is asked it has a habit; else it does as it is asked."""


_SOON_ENOUGH = 2
"""So often a clinic may overlook that it is to let go of something."""


class Moved(NamedTuple):
    """A clinic has moved an appointment, because it was asked to."""

    at: datetime
    number: str
    start: datetime
    minutes: int


@dataclass(slots=True)
class Book(Calendar):
    """A clinic's own book, which also remembers what it moved."""

    moved: list[Moved] = field(default_factory=list)
    before: dict[str, datetime] = field(default_factory=dict)
    """When an appointment was to be before it was moved for the first time."""
    clock: Callable[[], datetime] = datetime.now

    def move(self, asked: Asked) -> str:
        """Move a booking, and note it; one that is moved to where it is is told like any other."""
        known = self.bookings.get(asked.filler)
        refusal = Calendar.move(self, asked)
        if not refusal and known is not None:
            self.before.setdefault(asked.filler, known[1].start)
            _, booking = self.bookings[asked.filler]
            self.moved.append(Moved(self.clock(), asked.filler, booking.start, booking.minutes))
        return refusal


class AskedClinics:
    """The clinics of ``ASKED`` on the wire. ``now`` is the simulated time, which whoever simulates sets."""

    def __init__(self, seed: int, now: datetime) -> None:
        """They listen when they are entered."""
        self.now = now
        self._seed = seed
        self._seconds = 0
        self._whose: dict[str, int] = {}
        """Whose an appointment is, by its number."""
        self.books = {clinic.code: Book(clock=self._clock) for clinic in ASKED}
        self._clinics = {
            clinic.code: AskedHospital(
                self.books[clinic.code], habit=self._habit, clock=self._clock, facility=clinic.code
            )
            for clinic in ASKED
        }
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Listen, each on a free port."""
        for clinic in self._clinics.values():
            await self._stack.enter_async_context(clinic)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self._stack.aclose()

    def port(self, clinic: Clinic) -> int:
        """Where a clinic can be asked."""
        return self._clinics[clinic.code].port

    def open(self, opening: Opening) -> None:
        """Offer a time; it is told with the next ``tell``."""
        clinic = self._clinics[opening.clinic.code]
        free = FreeTime(
            number=opening.number, start=opening.start, service=opening.clinic.service,
            minutes=opening.minutes, department=opening.department, room=f"R{opening.resource}",
        )  # fmt: skip
        clinic.unsaid.append(clinic.offer(free))

    async def tell(self, clinic: Clinic, sender: MllpSender) -> int:
        """Send what a clinic has to tell; how many messages that were."""
        return await self._clinics[clinic.code].tell(sender.send)

    def write_down(self, step: HealthStep) -> HealthStep | None:
        """Take a step of a clinic's own into its book; what it means after what the clinic moved meanwhile.

        None: it is not so any more, and nobody says it.
        """
        book = self.books.get(step.clinic.code)
        if book is None or isinstance(step, StayStep):
            return step
        if not isinstance(step, AppointmentStep):
            self._know(book, step)
            return step
        self._whose[step.number] = step.person.sequence
        moved = [one for one in book.moved if one.number == step.number]
        if moved:
            if step.change not in (Change.CANCELLED, Change.NEVER_MEANT):
                return None
            step = replace(step, start=moved[-1].start, minutes=moved[-1].minutes)
        if step.change in (Change.BOOKED, Change.MOVED, Change.LENGTHENED):
            book.bookings[step.number] = patient_of(step), booking_of(step)
        else:
            book.bookings.pop(step.number, None)
        return step

    def _know(self, book: Book, step: Registered | CardMended) -> None:
        """Whoever somebody turns out to be is so in all their bookings."""
        for number, (_, booking) in book.bookings.items():
            if self._whose[number] == step.person.sequence:
                book.bookings[number] = patient_of(step), booking

    def _clock(self) -> datetime:
        """The simulated time; each message takes a second, so that no two say something at one time."""
        return self.now + timedelta(seconds=self._seconds)

    def _habit(self, asked: Asked) -> Habit:
        self._seconds += 1
        chance = random.Random(f"habit|{self._seed}|{asked.control_id}").random()  # noqa: S311 - repeatable
        habit = next((habit for share, habit in _HABITS if chance < share), GOOD)
        times = sum(clinic.received[asked.control_id] for clinic in self._clinics.values())
        if times > 1 and (habit.busy or habit.deaf):
            return GOOD
        if self._undoes(asked) and (habit.refuse or times > _SOON_ENOUGH):
            return GOOD
        return habit

    def _undoes(self, asked: Asked) -> bool:
        """Whether it is asked to let go of a time, or to move an appointment back."""
        if asked.trigger in ("S02", "S13"):  # into the time that is held is forward, to any other is back
            held_at = {
                book.pencilled[asked.placer].start
                for book in self.books.values()
                if asked.placer in book.pencilled
            }
            return asked.start not in held_at
        return asked.trigger not in ("S01", "S12")


def held(books: Iterable[Book]) -> int:
    """How many times are pencilled in somewhere."""
    return sum(len(book.pencilled) for book in books)


def moves_of(books: Mapping[str, Book]) -> dict[str, list[Moved]]:
    """All that was moved, by the appointment's number, in order."""
    found: dict[str, list[Moved]] = {}
    for book in books.values():
        for one in book.moved:
            found.setdefault(one.number, []).append(one)
    return found


def true_steps(happened: Mapping[int, HealthStep | None], books: Mapping[str, Book]) -> list[HealthStep]:
    """All that happened at clinics, in the order of time, with what they moved because they were asked to."""
    steps = [step for step in happened.values() if step is not None]
    known = {step.number: step for step in steps if isinstance(step, AppointmentStep)}
    for number, moves in moves_of(books).items():
        steps += [
            replace(known[number], at=one.at, change=Change.MOVED, start=one.start, minutes=one.minutes)
            for one in moves
        ]
    return sorted(steps, key=lambda step: (micros(step.at), step.person.sequence))
