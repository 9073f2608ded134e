"""Public holidays of the Nordic countries, and on which days an institution receives nobody.

Holidays are those of the ``holidays`` package: its category "public", and for Sweden "de_facto" too, the eves
on which everything is closed (Midsummer, Christmas and New Year). A year before 1900 or after 2199 has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import holidays.countries  # whole, at the start: else it is brought in the middle of the work

_CATEGORIES: Mapping[str, tuple[str, ...]] = {"SE": ("public", "de_facto")}
_FIRST_YEAR, _LAST_YEAR = 1900, 2199


@dataclass(frozen=True, slots=True)
class Closing:
    """When an institution is closed."""

    country: str = ""
    """Whose public holidays are kept; empty for none."""
    weekdays: frozenset[int] = frozenset()
    """0 = Monday."""
    days: frozenset[date] = frozenset()


ALWAYS_OPEN = Closing()


def closed_because(closing: Closing, day: date) -> str | None:
    """Why nobody is received on that day (DAY, HOLIDAY or WEEKDAY), or None when it is an open day."""
    if day in closing.days:
        return "DAY"
    if closing.country and is_holiday(closing.country, day):
        return "HOLIDAY"
    if day.weekday() in closing.weekdays:
        return "WEEKDAY"
    return None


def is_holiday(country: str, day: date) -> bool:
    """Whether ``day`` is a public holiday in a country (ISO 3166-1)."""
    return day in _holidays(country, day.year)


@lru_cache(maxsize=1024)
def _holidays(country: str, year: int) -> frozenset[date]:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return frozenset()
    categories = _CATEGORIES.get(country, ("public",))
    return frozenset(holidays.country_holidays(country, years=year, categories=categories))
