"""The town's agencies and institutions, with the days and hours at which they work."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

REGISTER = Path(__file__).with_name("institutions.yaml")
ZONE = ZoneInfo("Europe/Oslo")
FIRST_DAY = date(2025, 4, 28)
"""A Monday with public holidays after it, and in the past: brokers refuse records of the future."""

HEALTH = "health.fjordheim"
CLINICS_OF_TOWN = "clinics.granvik"
SCHOOLS = "schools.granvik"
MUNICIPALITY = "municipality.granvik"
"""The agencies, which are also the connectors' sources."""
MUNICIPAL_CODE = "GRANVIK"
ORGANISATION_NUMBER = "urn:oid:2.16.578.1.12.4.1.4.101"
INSTITUTION_CODE = "urn:samband:institution"

GRID = timedelta(minutes=15)
"""Appointments begin on it."""
_OPENS, _CLOSES = time(8), time(15, 30)


@dataclass(frozen=True, slots=True)
class Clinic:
    """Somewhere that gives appointments."""

    agency: str
    code: str
    departments: tuple[str, ...]
    titles: tuple[str, ...]
    share: float
    """Of all appointments."""
    closed: frozenset[int] = frozenset()
    """Weekdays without appointments, 0 = Monday."""
    keeps_holidays: bool = True
    service: str = ""
    """Code of what is done, where times are offered for it and the clinic takes requests to move."""

    @property
    def institution(self) -> str:
        """As the register has it: ``system|id``."""
        return f"{self.agency}|{self.code}"


HOSPITAL = Clinic(
    HEALTH, "FJORDHEIM", ("NEVR", "HABI", "ORTO", "MEDI"), ("Check-up", "Test"), 0.45, frozenset({5, 6}),
    service="OUTPATIENT",
)  # fmt: skip
PHYSIOTHERAPY = Clinic(
    CLINICS_OF_TOWN, "GRANVIK-FYSIO", ("",), ("Treatment",), 0.2, frozenset({5, 6}), service="PHYSIOTHERAPY"
)
ASKED = (HOSPITAL, PHYSIOTHERAPY)
"""Those that offer times and take requests, one of each agency."""
CLINICS = (
    HOSPITAL,
    PHYSIOTHERAPY,
    Clinic(CLINICS_OF_TOWN, "GRANVIK-TANN", ("",), ("Dental check",), 0.12, frozenset({4, 5, 6})),
    Clinic(CLINICS_OF_TOWN, "DALEN-LEGE", ("",), ("Consultation",), 0.13, frozenset({6})),
    Clinic(CLINICS_OF_TOWN, "HOLMEN-REHAB", ("",), ("Training",), 0.06, frozenset({5, 6})),
    Clinic(CLINICS_OF_TOWN, "SYNSPUNKT", ("",), ("Eye test",), 0.04, frozenset({6}), keeps_holidays=False),
)
"""The last one is in no register."""


@dataclass(frozen=True, slots=True)
class School:
    """A school with its classes, the youngest pupils' first."""

    sourced_id: str
    organisation_number: str
    prefix: str

    def class_of(self, form: int) -> str:
        """The class of a form, 1 to 10."""
        return f"{self.prefix}{form}"


TOWN_SCHOOLS = (
    School("granvik-skole", "999000001", "G"),
    School("dalen-skule", "999000002", "D"),
)


def moment(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A time of day in the town."""
    return datetime.combine(day, time(hour, minute, second), ZONE)


def micros(at: datetime) -> int:
    """Microseconds since the epoch, as the bus counts."""
    return round(at.timestamp()) * 1_000_000


def day_number(number: int) -> date:
    """The simulation's days, counted from 0."""
    return FIRST_DAY + timedelta(days=number)


def opening(day: date) -> tuple[datetime, datetime]:
    """When clinics work on a day on which they do."""
    return datetime.combine(day, _OPENS, ZONE), datetime.combine(day, _CLOSES, ZONE)


def easter(year: int) -> date:
    """Easter Sunday (Meeus, Jones and Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def is_holiday(day: date) -> bool:
    """Whether a day is a public holiday in Norway."""
    fixed = {(1, 1), (5, 1), (5, 17), (12, 25), (12, 26)}
    moving = {timedelta(days=days) for days in (-3, -2, 0, 1, 39, 49, 50)}
    return (day.month, day.day) in fixed or day - easter(day.year) in moving
