"""What matters to a citizen, in a few words: ``must not tuesday``, ``not before 10:00``, ``one day``."""

import re

from schemas.errors import RefusedError
from schemas.records import Matter, MatterKind, MatterWeight

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FORMS = "not DAYS; not before HH:MM [DAYS]; not after HH:MM [DAYS]; one day; same person"
"""As help and errors show them; each may begin with must, important or wish."""
_WEIGHTS: dict[str, MatterWeight] = {"must": "MUST", "important": "IMPORTANT", "wish": "WISH"}
_WHOLE: dict[str, MatterKind] = {"one day": "ONE_DAY", "same person": "SAME_RESOURCE"}
_TIMED = re.compile(r"not (before|after) (\d{1,2}):(\d\d)(?: (.+))?")
_HOURS, _MINUTES = 24, 60


class WishError(RefusedError):
    """A wish is not written in one of the forms."""


def wish(text: str) -> Matter:
    """A wish as the contract has it. Without a weight it is IMPORTANT. Raises WishError."""
    words = " ".join(text.lower().replace(",", " ").split())
    first, _, rest = words.partition(" ")
    weight: MatterWeight = _WEIGHTS.get(first, "IMPORTANT")
    said = rest if first in _WEIGHTS else words
    if said in _WHOLE:
        return {"kind": _WHOLE[said], "weight": weight, "weekdays": [], "minute": None}
    timed = _TIMED.fullmatch(said)
    if timed:
        which, hours, minutes, days = timed.groups()
        if int(hours) >= _HOURS or int(minutes) >= _MINUTES:
            raise _wrong("there is no such time of day")
        kind: MatterKind = "NOT_BEFORE" if which == "before" else "NOT_AFTER"
        minute = int(hours) * _MINUTES + int(minutes)
        return {"kind": kind, "weight": weight, "weekdays": _days(days or ""), "minute": minute}
    if said.startswith("not ") and said != "not ":
        return {"kind": "NOT_ON", "weight": weight, "weekdays": _days(said[4:]), "minute": None}
    raise _wrong("a wish is not understood")


def _days(text: str) -> list[int]:
    if not set(text.split()) <= set(WEEKDAYS):
        raise _wrong("a day is not understood")
    return sorted({WEEKDAYS.index(day) for day in text.split()})


def _wrong(why: str) -> WishError:
    return WishError(why, fix=f"write it as one of: {FORMS}; with must, important or wish in front")
