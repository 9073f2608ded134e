"""What an agency's system does at a moment of the demonstration's week: it becomes a message or a file."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from samband.demo.people import Person

ZONE = ZoneInfo("Europe/Oslo")
MONDAY = date(2026, 11, 16)
"""The week that the demonstration lives through; what is booked is mostly in the week after."""

DEPARTMENTS = {
    "NEVR": "Neurology",
    "HABI": "Habilitation",
    "ORTO": "Orthopaedics",
    "MEDI": "Internal medicine",
    "OYEA": "Eye clinic",
}


class Flaw(StrEnum):
    """What can be wrong with what a legacy system sends."""

    SENT_TWICE = "sent twice"
    NO_APPOINTMENT_ID = "no appointment id"
    NOT_HL7 = "not HL7"
    LAB_RESULT = "a message type that the bus does not carry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """An appointment as the hospital's booking system has it."""

    number: str
    department: str
    title: str
    start: datetime
    minutes: int
    service: str = ""
    """Code of what is done; free times are offered for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalAct:
    """One HL7 message. ``trigger`` is MSH-9.2; an appointment's messages carry its booking."""

    at: datetime
    trigger: str
    person: Person
    booking: Booking | None = None
    free: Booking | None = None
    """A time that nobody has yet."""
    visit: str = ""
    national: bool = True
    """False where the department knows the patient by its own number only."""
    flaw: Flaw | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolAct:
    """One OneRoster set: all pupils, less ``absent``, with these exams (day by class)."""

    at: datetime
    exams: dict[str, date]
    delta: bool = False
    left: frozenset[str] = frozenset()
    """National numbers of the pupils who have left."""
    broken: bool = False
    same_as_before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAct:
    """One more event in a municipal case: the whole document is sent again with it."""

    at: datetime
    case: str
    person: Person
    event: dict[str, object]
    kind: str = "OKONOMISK_SOSIALHJELP"
    broken: bool = False


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """``day`` 0 is the week's Monday; local time of the town."""
    return datetime.combine(MONDAY + timedelta(days=day), time(hour, minute), ZONE)
