"""The files of rules and of institutions: what may stand in them, and where one is wrong.

Both are YAML, read with the safe loader, then checked as a whole: the first thing that is wrong ends the
start with the file, the line, the place in the file and the reason.
"""

from collections.abc import Iterable
from datetime import date, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from schemas.errors import RefusedError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class RulesError(RefusedError):
    """A rules or register file is wrong; says the file, the line and why."""


def school_hours(text: str) -> tuple[time, time]:
    """``08:15-14:00`` as two times of day."""
    begin, _, end = text.partition("-")
    try:
        hours = time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError:
        raise ValueError("hours are written like 08:15-14:00") from None
    if hours[0] >= hours[1] or hours[0].tzinfo or hours[1].tzinfo:
        raise ValueError("the school day must end after it begins")
    return hours


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError("no such time zone; use a name such as Europe/Oslo") from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Kind = Literal["HOSPITAL", "SCHOOL", "MUNICIPALITY", "CLINIC", "OTHER"]
Country = Annotated[
    Literal["NO", "SE", "DK", "FI", "IS", "FO", "GL", "AX"],
    BeforeValidator(lambda said: "NO" if said is False else said),
]
"""ISO 3166-1: the Nordic countries, Faroe Islands, Greenland and Åland. YAML 1.1 reads NO as false."""
_A_DAY = 1440


class Group(BaseModel):
    """A part of a file: unknown keys are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


class Bounds(Group):
    """The box that coordinates have to lie in."""

    south: float = Field(ge=-90, le=90)
    north: float = Field(ge=-90, le=90)
    west: float = Field(ge=-180, le=180)
    east: float = Field(ge=-180, le=180)

    @model_validator(mode="after")
    def _forward(self) -> "Bounds":
        if self.south >= self.north or self.west >= self.east:
            raise ValueError("south lies below north, and west below east")
        return self

    def hold(self, latitude: float, longitude: float) -> bool:
        """Whether a place lies in the box."""
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east


class Durations(Group):
    """How long something lasts when its source does not say."""

    appointment_minutes: int = Field(gt=0, le=_A_DAY)
    meeting_minutes: int = Field(gt=0, le=_A_DAY)
    exam_minutes: int = Field(gt=0, le=_A_DAY)
    stay_hours: int = Field(gt=0, le=24 * 366)


class TravelMode(Group):
    """A way to travel, for distances up to a limit."""

    mode: Literal["WALK", "CAR", "PUBLIC_TRANSPORT"]
    up_to_km: float = Field(gt=0, le=20_100)
    speed_km_h: float = Field(gt=0, le=1000)
    detour: float = Field(ge=1, le=10)
    buffer_minutes: int = Field(ge=0, le=600)


class Travel(Group):
    """How people get from one institution to another."""

    modes: list[TravelMode] = Field(min_length=1)
    unknown_minutes: int = Field(ge=0, le=600)
    longest_minutes: int = Field(gt=0, le=2 * _A_DAY)

    @model_validator(mode="after")
    def _ordered(self) -> "Travel":
        reaches = [mode.up_to_km for mode in self.modes]
        if any(after <= before for before, after in pairwise(reaches)):
            raise ValueError("modes stand in the order of up_to_km, each farther than the one before")
        if self.unknown_minutes > self.longest_minutes:
            raise ValueError("unknown_minutes is longer than longest_minutes")
        return self


class Burden(Group):
    """How many visits are too many."""

    visits: int = Field(ge=2, le=100)
    days: int = Field(ge=1, le=366)
    visits_a_day: int = Field(ge=2, le=100)


class Span(Group):
    """Days from the first to the last."""

    begin: date
    end: date

    @model_validator(mode="after")
    def _forward(self) -> "Span":
        if self.end < self.begin:
            raise ValueError("ends before it begins")
        if (self.end - self.begin).days > _LONGEST_SPAN:
            raise ValueError("longer than two years; check the year")
        return self


_LONGEST_SPAN = 2 * 366


def _day_or_span(said: object) -> str:
    return "span" if isinstance(said, dict | Span) else "day"


Days = Annotated[Annotated[date, Tag("day")] | Annotated[Span, Tag("span")], Discriminator(_day_or_span)]
"""A day, or days from the first to the last."""


def days_of(items: Iterable[date | Span]) -> frozenset[date]:
    """Single days and spans of days as days."""
    found: set[date] = set()
    for item in items:
        begin, end = (item, item) if isinstance(item, date) else (item.begin, item.end)
        found.update(begin + timedelta(days=days) for days in range((end - begin).days + 1))
    return frozenset(found)


class School(Group):
    """When a school is open."""

    hours: dict[Weekday, Annotated[str, AfterValidator(lambda text: school_hours(text) and text)]]
    free_days: list[Days] = []


class Service(Group):
    """A service that takes more of a day than its own time: preparation before it, or rest after it."""

    system: str = Field(min_length=1)
    code: str = Field(min_length=1)
    before_minutes: int = Field(0, ge=0, le=2 * _A_DAY)
    after_minutes: int = Field(0, ge=0, le=2 * _A_DAY)

    @model_validator(mode="after")
    def _takes_time(self) -> "Service":
        if not self.before_minutes and not self.after_minutes:
            raise ValueError("needs before_minutes or after_minutes")
        return self


class Patience(Group):
    """How long agencies have to answer what a citizen has accepted."""

    hold_minutes: int = Field(240, ge=2, le=30 * _A_DAY)
    confirm_minutes: int = Field(240, ge=2, le=30 * _A_DAY)
    release_minutes: int = Field(15, ge=1, le=_A_DAY)
    tell_minutes: int = Field(_A_DAY, ge=1, le=30 * _A_DAY)


class Planning(Group):
    """When better times are looked for, and how long a citizen has to answer."""

    notice_hours: int = Field(24, ge=0, le=24 * 60)
    reach_days: int = Field(14, ge=0, le=366)
    answer_hours: int = Field(72, gt=0, le=24 * 60)


class RulesFile(Group):
    """The whole file of rules."""

    zone: Zone
    country: Country
    bounds: Bounds
    durations: Durations
    travel: Travel
    burden: Burden
    closed_on_holidays: list[Kind]
    services: list[Service] = []
    school: School
    patience: Patience = Patience()
    planning: Planning = Planning()


class CodeEntry(Group):
    """A code of an institution in a register."""

    system: str = Field(min_length=1)
    id: str = Field(min_length=1)


class Closed(Group):
    """When an institution receives nobody."""

    holidays: bool | None = None
    weekdays: list[Weekday] = []
    days: list[Days] = []


class Institution(Group):
    """An entry of the register."""

    name: str = Field(min_length=1)
    kind: Kind
    codes: list[CodeEntry] = Field(min_length=1)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    municipality: str | None = None
    country: Country | None = None
    zone: Zone | None = None
    closed: Closed = Closed()
    school: School | None = None

    @model_validator(mode="after")
    def _whole(self) -> "Institution":
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude belong together")
        return self


class Journey(Group):
    """How long it takes between two institutions, where distance alone does not tell."""

    between: list[CodeEntry] = Field(min_length=2, max_length=2)
    minutes: int = Field(gt=0, le=2 * _A_DAY)


class RegisterFile(Group):
    """The whole register of institutions."""

    institutions: list[Institution]
    journeys: list[Journey] = []


_File = TypeVar("_File", bound=BaseModel)


def read(path: Path, model: type[_File]) -> tuple[_File, Any]:
    """The file as ``model``, and its YAML node, by which ``wrong`` finds lines.

    Raises:
        RulesError: it cannot be read, is no YAML, or something in it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read ({type(error).__name__})"
        raise RulesError(
            message, fix="Check the path in the settings (router.rules, router.institutions)."
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = f"{path}:{mark.line + 1 if mark else 1}: not YAML"
        raise RulesError(message, fix="Mend the file.") from None
    except (ValueError, RecursionError):
        raise RulesError(f"{path}:1: a value that YAML cannot hold", fix="Mend the file.") from None
    twice = _said_twice(node)
    if twice:
        raise RulesError(
            f"{path}:{twice[0]}: {twice[1]}: stands here twice", fix="Keep one of them and start again."
        )
    try:
        return model.model_validate(content), node
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise wrong(path, node, first["loc"], first["msg"].removeprefix("Value error, ")) from None


def _said_twice(node: Any) -> tuple[int, str] | None:
    """The first key that a mapping has twice, of which YAML would silently take the last, with its line."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, yaml.SequenceNode):
            waiting += reversed(here.value)
        elif isinstance(here, yaml.MappingNode):
            seen = set()
            for key, _ in here.value:
                if key.value in seen:
                    return key.start_mark.line + 1, str(key.value)
                if isinstance(key.value, str):
                    seen.add(key.value)
            waiting += [value for _, value in reversed(here.value)]
    return None


def wrong(path: Path, node: Any, where: tuple[int | str, ...], why: str) -> RulesError:
    """The error for a place in a file."""
    place = ".".join(str(step) for step in where)
    return RulesError(f"{path}:{_line(node, where)}: {place}: {why}", fix="Mend this line and start again.")


def _line(node: Any, where: tuple[int | str, ...]) -> int:
    """The line of the innermost part of ``where`` that the file has."""
    line: int = node.start_mark.line + 1 if node else 1
    for step in where:
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if step not in pairs:
                return line
            key, node = pairs[step]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return line
    return line
