"""How the clinics' system tells it: HL7 v2 messages."""

from connectors.hospital.testing import Booking, Envelope, Patient, adt, siu
from samband.demo.people import Person
from samband.simulation.history import (
    AppointmentStep,
    Card,
    CardChange,
    CardMended,
    Change,
    HealthStep,
    Registered,
    StayChange,
    StayStep,
)

_SIU = {
    Change.BOOKED: ("S12", "Booked"),
    Change.MOVED: ("S13", "Booked"),
    Change.LENGTHENED: ("S14", "Booked"),
    Change.CANCELLED: ("S15", "Cancelled"),
    Change.NEVER_MEANT: ("S17", "Deleted"),
    Change.MISSED: ("S26", "Noshow"),
}
_ADT = {
    StayChange.ADMITTED: "A01",
    StayChange.ON_LEAVE: "A21",
    StayChange.BACK: "A22",
    StayChange.DISCHARGED: "A03",
    StayChange.NOT_ADMITTED: "A11",
    StayChange.NOT_DISCHARGED: "A13",
}
_MENDED = {CardChange.RENUMBERED: "A47", CardChange.MERGED: "A40", CardChange.PARTED: "A37"}
APPLICATION = "PAS"


def message(step: HealthStep, number: int) -> bytes:
    """The message about a step, the ``number``th of its system."""
    envelope = Envelope(
        control_id=f"P{number:07}", at=step.at, application=APPLICATION, facility=step.clinic.code
    )
    who = _patient(step.person, step.card)
    if isinstance(step, Registered):
        return adt("A31" if step.again else "A28", envelope, who)
    if isinstance(step, CardMended):
        return _mended(step, envelope, who)
    if isinstance(step, StayStep):
        return _stay(step, envelope, who)
    return _appointment(step, envelope, who)


def _mended(step: CardMended, envelope: Envelope, who: Patient) -> bytes:
    wrong = step.wrong
    if step.change is CardChange.PARTED:  # the second PID has the number that is somebody else's alone
        wrong = Card("", wrong.national)
    return adt(_MENDED[step.change], envelope, who, prior=[_patient(step.person, wrong)])


def _stay(step: StayStep, envelope: Envelope, who: Patient) -> bytes:
    return adt(_ADT[step.change], envelope, who, visit=step.number, department="MEDI", happened=step.happened)


def _appointment(step: AppointmentStep, envelope: Envelope, who: Patient) -> bytes:
    return siu(_SIU[step.change][0], envelope, who, booking_of(step))


def booking_of(step: AppointmentStep) -> Booking:
    """An appointment as the clinic's booking system has it."""
    return Booking(
        number=step.number, start=step.start, minutes=step.minutes, title=step.title,
        service=step.clinic.service, department=step.department, room=f"R{step.resource}",
        status=_SIU[step.change][1],
    )  # fmt: skip


def patient_of(step: HealthStep) -> Patient:
    """Whose it is, as the clinic has it."""
    return _patient(step.person, step.card)


def _patient(person: Person, card: Card) -> Patient:
    return Patient(
        number=card.number,
        national=card.national,
        family=person.family_name,
        given=person.given_name,
        born=f"{person.born:%Y%m%d}",
    )
