"""Reads the time forms of legacy systems into the contract's ``Time``.

Every reader returns None where there is no time to read: the text is empty, a placeholder that means
"unknown", or no such time exists (30 February). The caller decides what that means for the fact::

    recorded = times.hl7(text, zone) or times.doubtful(text, received)

Results are cached and shared: never change one.
"""

import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from schemas.records import Time, TimeConfidence

_OFFSET = r"(?P<offset>[Zz]|[+-]\d{2}(?::?\d{2})?)?"
_HL7 = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d{2})(?:(?P<day>\d{2})"
    r"(?:(?P<hour>\d{2})(?:(?P<minute>\d{2})(?:(?P<second>\d{2})(?:\.(?P<fraction>\d+))?)?)?)?)?)?" + _OFFSET,
    re.ASCII,
)
_ISO = re.compile(
    r"(?P<year>\d{4})(?:-?(?P<month>\d{2})(?:-?(?P<day>\d{2})"
    r"(?:[Tt ](?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?)?"
    + _OFFSET
    + r")?)?)?",
    re.ASCII,
)
_UNKNOWN_DAYS = frozenset({(1, 1, 1), (1753, 1, 1), (1899, 12, 30), (1900, 1, 1), (9999, 12, 31)})
"""What programs store for "no date": .NET's and SQL Server's first day, OLE's and Excel's day zero, the
usual dummy birth date, and "for ever". Compared with the date as written, whatever its time of day."""
_PART_HOURS = frozenset(
    {-570, -270, -210, -150, 210, 270, 330, 345, 390, 510, 525, 570, 585, 630, 690, 765, 825},
)
"""Offsets in minutes, not whole hours, in use since 2000 (tz database); whole ones go from -12 to +14."""
_EPOCH_DAY = 719_163
_EPOCH = datetime.fromtimestamp(0, UTC)
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999 in UTC: what every language's date type can hold."""
_SECOND = 1_000_000
_CACHED = 16_384


_simulated: Path | None = None


def follow(clock: Path | None) -> None:
    """Let `now` be what a file says, where time is simulated; None is this machine's clock."""
    global _simulated  # noqa: PLW0603 - there is one time in a process
    _simulated = clock


def now() -> int:
    """This instant, in microseconds since the epoch. For the rims only: pure code is given its time."""
    if _simulated is not None:
        with suppress(FileNotFoundError):  # the simulation has not begun
            return int(_simulated.read_text(encoding="ascii"))
    return time.time_ns() // 1000


def exact(instant: int, source: str = "") -> Time:
    """A known instant, in microseconds since the epoch."""
    return {"instant": instant, "source": source, "confidence": "EXACT"}


def doubtful(text: str, fallback: int) -> Time:
    """A time that had to be taken from elsewhere: ``text`` is kept, ``fallback`` is the instant."""
    return {"instant": fallback, "source": text, "confidence": "DOUBTFUL"}


@lru_cache(maxsize=_CACHED)
def hl7(text: str, zone: ZoneInfo) -> Time | None:
    """An HL7 v2 TS or DTM, ``YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]`` (HL7 v2.5.1, 2.A.22).

    Without an offset the local time is in ``zone``. A year or month alone is DOUBTFUL and counts from its
    first day; so is a local time that the clock change skips or repeats (the first is meant), and an
    offset that no place in the world has, whose instant is reckoned as written.
    """
    return _read(_HL7, text, zone)


@lru_cache(maxsize=_CACHED)
def iso(text: str, zone: ZoneInfo) -> Time | None:
    """An ISO 8601 or RFC 3339 date or date-time, extended or basic, ``T`` or a blank between. As ``hl7``."""
    return _read(_ISO, text, zone)


@lru_cache(maxsize=_CACHED)
def date_only(text: str, zone: ZoneInfo) -> Time | None:
    """The day that an ISO date or date-time names, as a day: DATE_ONLY from midnight in ``zone``.

    For fields that the standard calls dates; a time of day behind the date is read past.
    """
    match = _ISO.fullmatch(text.strip())
    if match is None or match["day"] is None:
        return None
    return _read(_ISO, f"{match['year']}-{match['month']}-{match['day']}", zone, source=text)


def to_datetime(instant: int) -> datetime:
    """The instant as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=instant)


def rfc3339(time: Time) -> str:
    """The instant in UTC as other systems read it, ``2026-03-11T12:00:00Z``."""
    return to_datetime(time["instant"]).isoformat().replace("+00:00", "Z")


def _read(form: re.Pattern[str], text: str, zone: ZoneInfo, *, source: str | None = None) -> Time | None:
    match = form.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        local = datetime(  # noqa: DTZ001 - the zone is put on below, where it is known
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]),
        )
        if (local.year, local.month, local.day) in _UNKNOWN_DAYS:
            return None
        placed, confidence = _placed(local, offset, zone)
        if hour is None:
            confidence = "DATE_ONLY" if day else "DOUBTFUL"
        instant = _micros(placed)
        if not _FIRST <= instant <= _LAST:
            return None
        return {
            "instant": instant,
            "source": text if source is None else source,
            "confidence": confidence,
        }
    except (ValueError, OverflowError):
        return None


def _placed(local: datetime, offset: str | None, zone: ZoneInfo) -> tuple[datetime, TimeConfidence]:
    if offset is None:
        return _in_zone(local, zone)
    if offset in {"Z", "z"}:
        return local.replace(tzinfo=UTC), "EXACT"
    digits = offset[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    shift = (hours * 60 + minutes) * (-1 if offset[0] == "-" else 1)
    real = shift in _PART_HOURS or (minutes == 0 and -12 * 60 <= shift <= 14 * 60)
    return local.replace(tzinfo=timezone(timedelta(minutes=shift))), "EXACT" if real else "DOUBTFUL"


def _in_zone(local: datetime, zone: tzinfo) -> tuple[datetime, TimeConfidence]:
    first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
    skipped_or_repeated = first.utcoffset() != second.utcoffset()
    return first, "DOUBTFUL" if skipped_or_repeated else "NO_ZONE"


def _micros(moment: datetime) -> int:
    offset = moment.utcoffset() or timedelta(0)
    days = moment.toordinal() - _EPOCH_DAY
    seconds = days * 86_400 + moment.hour * 3600 + moment.minute * 60 + moment.second
    shift = offset.days * 86_400 + offset.seconds
    return (seconds - shift) * _SECOND + moment.microsecond - offset.microseconds
