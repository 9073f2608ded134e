"""What happens in the town, as those know it who were there: plain facts, in nobody's file format."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

from samband.demo.people import Person
from samband.simulation.places import Clinic, School
from samband.simulation.population import Household


class Change(StrEnum):
    """What becomes of an appointment."""

    BOOKED = "booked"
    MOVED = "moved"
    LENGTHENED = "lengthened"
    CANCELLED = "cancelled"
    MISSED = "missed"
    NEVER_MEANT = "entered in error"


class StayChange(StrEnum):
    """What happens during a stay at the hospital."""

    ADMITTED = "admitted"
    ON_LEAVE = "goes on leave"
    BACK = "comes back"
    DISCHARGED = "discharged"
    NOT_ADMITTED = "the admission was a mistake"
    NOT_DISCHARGED = "the discharge was a mistake"


class CaseEvent(StrEnum):
    """What happens in a municipal case."""

    APPLIED = "applied"
    READ = "read"
    ASSIGNED = "assigned to an office"
    STARTED = "being worked on"
    DOCUMENTS_WANTED = "documents wanted"
    ASSESSMENT_WANTED = "the hospital is asked"
    MEETING = "invited to a meeting"
    GRANTED = "granted"
    REJECTED = "rejected"
    FINISHED = "finished"


class CardChange(StrEnum):
    """How a clinic mends what it has written down about who somebody is."""

    RENUMBERED = "the same person under another number"
    MERGED = "two cards of one person"
    PARTED = "the number is somebody else's"


@dataclass(frozen=True, slots=True)
class Card:
    """What a clinic has written down about who somebody is, right or wrong."""

    number: str
    """The clinic's own."""
    national: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A clinic takes down who somebody is, for the first time or again."""

    at: datetime
    person: Person
    clinic: Clinic
    card: Card
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CardMended:
    """A clinic mends a card: ``wrong`` is what it had, ``card`` what it has from then on."""

    at: datetime
    person: Person
    clinic: Clinic
    card: Card
    wrong: Card
    change: CardChange


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentStep:
    """Something becomes of an appointment; ``start`` and ``minutes`` are what holds from then on."""

    at: datetime
    person: Person
    clinic: Clinic
    card: Card
    number: str
    resource: int
    """Which of the clinic's diaries: a room, or somebody's working day."""
    department: str
    title: str
    change: Change
    start: datetime
    minutes: int
    """0: nobody said how long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StayStep:
    """Something happens during a stay. ``at`` is when it was written down, ``happened`` when it was."""

    at: datetime
    happened: datetime
    person: Person
    clinic: Clinic
    card: Card
    number: str
    change: StayChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A clinic offers a time that nobody has booked, and nobody will but by being moved there."""

    at: datetime
    clinic: Clinic
    number: str
    resource: int
    department: str
    start: datetime
    minutes: int


HealthStep = Registered | CardMended | AppointmentStep | StayStep


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStep:
    """One step of a municipal case. ``at`` is when it was said, ``happened`` when it was."""

    at: datetime
    happened: datetime
    person: Person
    case: str
    respite_care: bool
    event: CaseEvent
    due: datetime | None = None
    """By when an answer is wanted."""
    meeting: str = ""
    start: datetime | None = None
    end: datetime | None = None
    guardians: tuple[Person, ...] = ()
    """Who is invited beside the citizen."""
    corrects: bool = False
    """It takes the place of a decision that had been written down wrongly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """A pupil's time in a class; exports number the school's reports, and ``until`` is the first without."""

    person: Person
    school: School
    class_name: str
    begin: date
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Sitting:
    """When an exam is held; without hours only the day is known. ``since`` is the first export with it."""

    since: int
    day: date
    hours: tuple[time, time] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """An exam of a class, and each time at which it was to be held."""

    id: str
    school: School
    class_name: str
    sittings: tuple[Sitting, ...]


@dataclass(slots=True)
class Town:
    """Everything that is true, each list in the order of time."""

    households: list[Household]
    days: int
    health: list[HealthStep] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    cases: list[CaseStep] = field(default_factory=list)
    exports: list[datetime] = field(default_factory=list)
    """When the schools' system writes its file."""
    attendances: list[Attendance] = field(default_factory=list)
    exams: list[Exam] = field(default_factory=list)

    def people(self) -> list[Person]:
        """Everybody, by number."""
        return [person for household in self.households for person in household.people()]
