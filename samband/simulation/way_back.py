"""The clinics that can be asked: their books, and how they take what they are asked, if they do."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Self

from connectors.hospital.testing import FreeTime, MllpSender
from connectors.hospital.testing_calendar import GOOD, Asked, AskedHospital, Calendar, Habit
from samband.simulation.dialect_health import booking_of, patient_of
from samband.simulation.history import AppointmentStep, Change, HealthStep, Opening
from samband.simulation.places import ASKED, Clinic, micros

_HABITS = ((0.05, Habit(refuse="FULL")), (0.09, Habit(silent=True)), (0.13, Habit(deaf=True)),
           (0.18, Habit(twice=True)), (0.21, Habit(busy=True)))  # fmt: skip
"""Up to which share of what a clinic is asked it has a habit; else it does as it is asked."""


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
    clock: Callable[[], datetime] = datetime.now

    def move(self, asked: Asked) -> str:
        """Move a booking, and note it; one that is moved to where it is is told like any other."""
        refusal = Calendar.move(self, asked)
        if not refusal:
            _, booking = self.bookings[asked.filler]
            self.moved.append(Moved(self.clock(), asked.filler, booking.start, booking.minutes))
        return refusal


class AskedClinics:
    """The clinics of ``ASKED`` on the wire. ``now`` is the simulated time, which whoever simulates sets."""

    def __init__(self, seed: int, now: datetime) -> None:
        """They listen when they are entered."""
        self.now = now
        self._seed = seed
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

    def write_down(self, step: AppointmentStep) -> AppointmentStep | None:
        """Take a step of a clinic's own into its book; what it means after what the clinic moved meanwhile.

        None: it is not so any more, and nobody says it.
        """
        book = self.books.get(step.clinic.code)
        if book is None:
            return step
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

    def _clock(self) -> datetime:
        return self.now

    def _habit(self, asked: Asked) -> Habit:
        chance = random.Random(f"habit|{self._seed}|{asked.control_id}").random()  # noqa: S311 - repeatable
        habit = next((habit for share, habit in _HABITS if chance < share), GOOD)
        again = sum(clinic.received[asked.control_id] for clinic in self._clinics.values()) > 1
        return GOOD if again and (habit.busy or habit.deaf) else habit


def held(books: Sequence[Book]) -> int:
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
