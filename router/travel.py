"""How long it takes from one institution to another, and where there is not that much time.

In this order: what the register says of the journey; great-circle distance x detour / speed + buffer by the
first mode of travel that goes so far (beyond the last, that one); where coordinates are missing, a few
minutes by rule, which is a guess and said to be one. Visits to the same institution need no journey.
"""

from functools import lru_cache
from math import asin, ceil, cos, radians, sin, sqrt
from typing import NamedTuple

from router.rules import Place, Rules
from router.spans import HOUR, MINUTE

EARTH_RADIUS_KM = 6371.0088
"""Mean radius R1 (IUGG)."""


class Journey(NamedTuple):
    """What it takes from one institution to another."""

    needed: int
    """Microseconds with the buffer, in whole minutes."""
    how: str
    """WALK, CAR, PUBLIC_TRANSPORT; REGISTER when the register says it, UNKNOWN when nobody does."""


_NONE = Journey(0, "WALK")


def kilometres(here: Place, there: Place) -> float | None:
    """Great-circle distance by the haversine formula, or None when it cannot be known."""
    if here.latitude is None or here.longitude is None or there.latitude is None or there.longitude is None:
        return None
    return _great_circle(here.latitude, here.longitude, there.latitude, there.longitude)


def journey(here: Place, there: Place, rules: Rules) -> Journey:
    """The journey between two institutions."""
    if here.name == there.name:
        return _NONE
    said = rules.journeys.get((here.name, there.name))
    if said is not None:
        return Journey(said, "REGISTER")
    distance = kilometres(here, there)
    if distance is None:
        return Journey(rules.unknown_journey, "UNKNOWN")
    mode = next((mode for mode in rules.modes if distance <= mode.up_to_km), rules.modes[-1])
    needed = distance * mode.detour / mode.speed_km_h * HOUR + mode.buffer
    return Journey(min(ceil(needed / MINUTE) * MINUTE, rules.longest_journey), mode.name)


@lru_cache(maxsize=16_384)
def _great_circle(latitude: float, longitude: float, latitude2: float, longitude2: float) -> float:
    south, north = radians(latitude), radians(latitude2)
    half = (
        sin((north - south) / 2) ** 2
        + cos(south) * cos(north) * sin(radians(longitude2 - longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half)))
