"""A desk beside a hospital with a calendar, connected by real sockets, and requests for both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from connectors.hospital.bundle_store import (
    BundleStore,
)
from connectors.hospital.desk import Desk
from connectors.hospital.sender import HospitalAwayError, HospitalSilentError, Sender
from connectors.hospital.settings import RequestSettings
from connectors.hospital.testing import Booking, FreeTime
from connectors.hospital.testing_calendar import GOOD, Asked, AskedHospital, Calendar, Habit
from connectors.kit import times
from connectors.kit.carrier import Reply
from schemas.records import AgencyRequest, RequestedMove
from tests.connectors.hospital.messages import EMIL, MORNING, reading

TOMORROW = MORNING + timedelta(days=1)


def instant(moment: Any) -> int:
    return int(moment.timestamp()) * 1_000_000


def move(number: int, **fields: Any) -> RequestedMove:
    """Appointment An is to move from the morning to the slot Tn, the day after."""
    start = TOMORROW + timedelta(hours=number)
    made: dict[str, Any] = {
        "appointment": {"system": "hospital.test:PAS", "id": f"A{number}"},
        "institution": {"system": "hospital.test", "id": "SYKEHUS", "department": "NEVR"},
        "old_start": times.exact(instant(MORNING + timedelta(hours=number))),
        "slot": f"T{number}",
        "start": times.exact(instant(start)),
        "end": times.exact(instant(start + timedelta(minutes=30))),
        "resource": "BERG",
        "place": "NEVR/R1",
        **fields,
    }
    return cast("RequestedMove", made)


def request(
    action: str, sequence: int = 1, moves: list[RequestedMove] | None = None, **fields: Any
) -> AgencyRequest:
    made: dict[str, Any] = {
        "citizen": "1.citizen",
        "agency": "hospital.test",
        "request_id": f"r{sequence}",
        "proposal_id": "p1",
        "sequence": sequence,
        "action": action,
        "moves": moves or [move(1), move(2)],
        "deadline": times.exact(times.now() + 3_600_000_000),
        "sensitivity": "SENSITIVE",
        "protection": "NONE",
        **fields,
    }
    return cast("AgencyRequest", made)


HOLD, CONFIRM = request("HOLD", 1), request("CONFIRM", 2)
RELEASE, LATER_RELEASE = request("RELEASE", 2), request("RELEASE", 3)


def calendar(bookings: int = 2) -> Calendar:
    made = Calendar()
    for number in range(1, bookings + 1):
        hours = timedelta(hours=number)
        made.bookings[f"A{number}"] = EMIL, Booking(number=f"A{number}", start=MORNING + hours, service="MR")
        made.free[f"T{number}"] = FreeTime(number=f"T{number}", start=TOMORROW + hours, service="MR")
    return made


@dataclass
class Office:
    """The hospital, and a desk that may be closed and opened again."""

    hospital: AskedHospital
    settings: RequestSettings
    folder: Path
    desk: Desk
    sender: Sender
    habits: dict[str, Habit] = field(default_factory=dict)
    """By trigger and slot or appointment: ``S01 T1``."""

    async def ask(self, asked: AgencyRequest) -> Reply | None:
        return await self.desk.deliver(asked, self.sender)

    async def insist(self, asked: AgencyRequest) -> Reply | None:
        """Ask until the hospital has acknowledged it, as the inbox does."""
        for _ in range(100):
            with suppress(HospitalSilentError, HospitalAwayError):
                return await self.ask(asked)
        raise AssertionError("the hospital never acknowledged it")

    async def restart(self) -> None:
        await self.sender.disconnect()
        self.desk = Desk(self.settings, reading(), BundleStore(self.folder))
        await self.desk.open()
        self.sender = Sender(self.settings, self.desk.acknowledged)

    @property
    def held(self) -> list[str]:
        return sorted(free.number for free in self.hospital.calendar.pencilled.values())

    @property
    def free(self) -> list[str]:
        return sorted(self.hospital.calendar.free)

    @property
    def moved(self) -> list[str]:
        """Appointments that are not where they were."""
        return sorted(
            number
            for number, (_, booking) in self.hospital.calendar.bookings.items()
            if booking.start != MORNING + timedelta(hours=int(number[1:]))
        )

    @property
    def nothing_left(self) -> bool:
        return (self.held, self.free, self.moved) == ([], ["T1", "T2"], [])


@asynccontextmanager
async def office(folder: Path, **settings: Any) -> AsyncIterator[Office]:
    habits: dict[str, Habit] = {}

    def habit(asked: Asked) -> Habit:
        return habits.get(f"{asked.trigger} {asked.filler}", habits.get(asked.trigger, GOOD))

    async with AskedHospital(calendar(), habit=habit) as hospital:
        made = RequestSettings.model_validate(
            {"host": "127.0.0.1", "port": hospital.port, "answer_seconds": 10, **settings}
        )
        desk = Desk(made, reading(), BundleStore(folder))
        await desk.open()
        async with Sender(made, desk.acknowledged) as sender:
            running = Office(hospital, made, folder, desk, sender, habits)
            try:
                yield running
            finally:
                await running.sender.disconnect()


async def told(at: Office) -> list[Any]:
    """Everything that the hospital has to say, said to the desk, and taken as published."""
    found: list[Any] = []

    async def say(payload: bytes) -> None:
        hearing = await at.desk.hear(payload)
        await at.desk.told(hearing)
        found.extend(hearing.answered)

    await at.hospital.tell(say)
    return found
