"""Fjordheim hospital's systems, simulated: HL7 v2 over MLLP, each message until it is acknowledged."""

from types import TracebackType
from typing import Self

from connectors.hospital import testing
from connectors.hospital.testing import Envelope, FreeTime, MllpSender, Patient, adt, siu, slot
from samband.demo.acts import DEPARTMENTS, Booking, Flaw, HospitalAct
from samband.demo.institutions import HOSPITAL
from samband.demo.people import Person


class HospitalSystem:
    """Sends one message at a time. ``sent`` counts the messages that were acknowledged, of either kind."""

    def __init__(self, host: str, port: int) -> None:
        """Where the connector listens."""
        self._sender = MllpSender(host, port)
        self._number = 0
        self.sent = 0

    async def __aenter__(self) -> Self:
        """Connects with the first message."""
        await self._sender.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._sender.__aexit__(kind, error, trace)

    async def deliver(self, act: HospitalAct) -> None:
        """Send the message that ``act`` describes, twice if that is its flaw."""
        message = self._message(act)
        for _ in range(2 if act.flaw is Flaw.SENT_TWICE else 1):
            await self._sender.send(message)
            self.sent += 1

    def _message(self, act: HospitalAct) -> bytes:
        self._number += 1
        envelope = Envelope(
            control_id=f"FJ{self._number:06}", at=act.at, application="PAS", facility=HOSPITAL.code
        )
        if act.free is not None:
            return slot(act.trigger, envelope, free_time(act.free))
        patient = patient_of(act.person, national=act.national)
        if act.flaw is Flaw.NOT_HL7:
            return b"Error 500: interface engine restarted\r"
        if act.flaw is Flaw.LAB_RESULT:
            return adt(act.trigger, envelope, patient).replace(b"|ADT^R01|", b"|ORU^R01|")
        if act.booking is not None:
            return siu(act.trigger, envelope, patient, booking_of(act.booking, act.trigger))
        return adt(act.trigger, envelope, patient, visit=act.visit, department="MEDI")


def patient_of(person: Person, *, national: bool) -> Patient:
    """A person as the hospital's register has them."""
    return Patient(
        number=f"{880_000 + person.sequence}",
        national=person.national_id if national else "",
        family=person.family_name,
        given=person.given_name,
        born=f"{person.born:%Y%m%d}",
    )


def booking_of(booked: Booking, trigger: str) -> testing.Booking:
    """A booking as a message with this trigger has it."""
    return testing.Booking(
        number=booked.number, start=booked.start, minutes=booked.minutes, title=booked.title,
        service=booked.service, department=booked.department, room="R1",
        practitioner=DEPARTMENTS[booked.department],
        status={"S15": "Cancelled", "S26": "Noshow"}.get(trigger, "Booked"),
    )  # fmt: skip


def free_time(free: Booking) -> FreeTime:
    """A free time of the hospital's calendar."""
    return FreeTime(
        number=free.number, start=free.start, service=free.service, minutes=free.minutes,
        department=free.department, room="R1",
    )  # fmt: skip
