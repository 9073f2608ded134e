"""The rules and the institution register: read from YAML, checked on load, compiled for the hot path.

Both are configuration, not events: changing them changes what the same logs mean, so a change takes effect
for a citizen when something of theirs changes next, and for everybody by a replay.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import RefusedError

DEFAULT_RULES = Path(__file__).parent / "rules_default.yaml"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE
_MOST_MET = 10_000


class RulesError(RefusedError):
    """A rules or register file is wrong; says the file, the line and why."""


@dataclass(frozen=True, slots=True)
class SchoolDays:
    """When a school is open: opening hours by weekday (0 = Monday) and the days on which it is closed."""

    hours: Mapping[int, tuple[time, time]]
    free: frozenset[date]


@dataclass(frozen=True, slots=True)
class Place:
    """An institution of the register, under all of its codes."""

    name: str
    """The first of its codes as ``system|id``: what tells it from others."""
    zone: ZoneInfo
    latitude: float | None
    longitude: float | None
    school: SchoolDays


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything in microseconds but speed (km/h), detour (a factor) and visits and days (counts)."""

    zone: ZoneInfo
    appointment_length: int
    meeting_length: int
    exam_length: int
    stay_length: int
    speed_km_h: float
    detour: float
    buffer: int
    longest_journey: int
    burden_visits: int
    burden_days: int
    school: SchoolDays
    places: Mapping[tuple[str, str], Place]
    _met: dict[str, Place] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Institutions by the names that ``place_of`` was asked for; emptied when there are too many."""

    def place(self, system: str, code: str) -> Place:
        """The institution; one that the register does not know stands for itself, somewhere unknown."""
        found = self.places.get((system, code))
        return found or Place(f"{system}|{code}", self.zone, None, None, self.school)

    def place_of(self, institution: str) -> Place:
        """``place`` for an institution as one text: system, id and department, see ``facts.py``."""
        found = self._met.get(institution)
        if found is None:
            system, code, _ = institution.split("\x1f", 2)
            if len(self._met) >= _MOST_MET:
                self._met.clear()
            found = self._met[institution] = self.place(system, code)
        return found


def _hours(text: str) -> tuple[time, time]:
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


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


class _Bounds(_Group):
    south: float = Field(ge=-90, le=90)
    north: float = Field(ge=-90, le=90)
    west: float = Field(ge=-180, le=180)
    east: float = Field(ge=-180, le=180)


class _Durations(_Group):
    appointment_minutes: int = Field(gt=0, le=1440)
    meeting_minutes: int = Field(gt=0, le=1440)
    exam_minutes: int = Field(gt=0, le=1440)
    stay_hours: int = Field(gt=0, le=24 * 366)


class _Travel(_Group):
    speed_km_h: float = Field(gt=0, le=1000)
    detour: float = Field(ge=1, le=10)
    buffer_minutes: int = Field(ge=0, le=600)
    longest_minutes: int = Field(gt=0, le=2880)


class _Burden(_Group):
    visits: int = Field(ge=2, le=100)
    days: int = Field(ge=1, le=366)


class _Span(_Group):
    begin: date
    end: date

    @model_validator(mode="after")
    def _forward(self) -> "_Span":
        if self.end < self.begin:
            raise ValueError("ends before it begins")
        return self


class _School(_Group):
    hours: dict[Weekday, Annotated[str, AfterValidator(lambda text: _hours(text) and text)]]
    free_days: list[date | _Span] = []

    def compiled(self) -> SchoolDays:
        free: set[date] = set()
        for item in self.free_days:
            begin, end = (item, item) if isinstance(item, date) else (item.begin, item.end)
            free.update(begin + timedelta(days=days) for days in range((end - begin).days + 1))
        hours = {WEEKDAYS.index(day): _hours(text) for day, text in self.hours.items()}
        return SchoolDays(hours, frozenset(free))


class _RulesFile(_Group):
    zone: Zone
    bounds: _Bounds
    durations: _Durations
    travel: _Travel
    burden: _Burden
    school: _School


class _CodeEntry(_Group):
    system: str = Field(min_length=1)
    id: str = Field(min_length=1)


class _Institution(_Group):
    name: str = Field(min_length=1)
    kind: Literal["HOSPITAL", "SCHOOL", "MUNICIPALITY", "CLINIC", "OTHER"]
    codes: list[_CodeEntry] = Field(min_length=1)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    municipality: str | None = None
    zone: Zone | None = None
    school: _School | None = None

    @model_validator(mode="after")
    def _whole(self) -> "_Institution":
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude belong together")
        return self


class _RegisterFile(_Group):
    institutions: list[_Institution]


def load_rules(rules: Path | None = None, institutions: Path | None = None) -> Rules:
    """The rules (the built-in ones without a file) with the register (an empty one without a file).

    Raises:
        RulesError: a file cannot be read or is wrong.
    """
    path = rules or DEFAULT_RULES
    read, _ = _read(path, _RulesFile)
    zone = ZoneInfo(read.zone)
    school = read.school.compiled()
    places = _places(institutions, read.bounds, zone, school) if institutions else {}
    return Rules(
        zone=zone,
        appointment_length=read.durations.appointment_minutes * _MINUTE,
        meeting_length=read.durations.meeting_minutes * _MINUTE,
        exam_length=read.durations.exam_minutes * _MINUTE,
        stay_length=read.durations.stay_hours * _HOUR,
        speed_km_h=read.travel.speed_km_h,
        detour=read.travel.detour,
        buffer=read.travel.buffer_minutes * _MINUTE,
        longest_journey=read.travel.longest_minutes * _MINUTE,
        burden_visits=read.burden.visits,
        burden_days=read.burden.days,
        school=school,
        places=places,
    )


def _places(path: Path, bounds: _Bounds, zone: ZoneInfo, school: SchoolDays) -> dict[tuple[str, str], Place]:
    register, node = _read(path, _RegisterFile)
    found: dict[tuple[str, str], Place] = {}
    for number, entry in enumerate(register.institutions):
        first = entry.codes[0]
        if entry.latitude is not None and not _inside(bounds, entry.latitude, entry.longitude):
            raise _wrong(path, node, ("institutions", number, "latitude"), _outside(bounds, entry))
        place = Place(
            f"{first.system}|{first.id}",
            ZoneInfo(entry.zone) if entry.zone else zone,
            entry.latitude,
            entry.longitude,
            entry.school.compiled() if entry.school else school,
        )
        for position, code in enumerate(entry.codes):
            if (code.system, code.id) in found:
                where = ("institutions", number, "codes", position)
                raise _wrong(path, node, where, "another institution has this code")
            found[code.system, code.id] = place
    return found


def _inside(bounds: _Bounds, latitude: float, longitude: float | None) -> bool:
    east_west = longitude is not None and bounds.west <= longitude <= bounds.east
    return bounds.south <= latitude <= bounds.north and east_west


def _outside(bounds: _Bounds, entry: _Institution) -> str:
    if entry.longitude is not None and _inside(bounds, entry.longitude, entry.latitude):
        return "outside the bounds of the rules; latitude and longitude look swapped"
    return "outside the bounds of the rules; check the signs, or widen bounds in the rules"


_File = TypeVar("_File", bound=BaseModel)


def _read(path: Path, model: type[_File]) -> tuple[_File, Any]:
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
    try:
        return model.model_validate(content), node
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise _wrong(path, node, first["loc"], first["msg"].removeprefix("Value error, ")) from None


def _wrong(path: Path, node: Any, where: tuple[int | str, ...], why: str) -> RulesError:
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
