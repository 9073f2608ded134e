"""How long it takes from one institution to another, and where there is not that much time.

minutes needed = great-circle distance x detour / speed + buffer; all three by rule. An institution without
coordinates gives no finding: a guess would be noise. Visits to the same institution need no journey.
"""

from math import asin, ceil, cos, radians, sin, sqrt

from router.appointments import Visit
from router.rules import Place, Rules

EARTH_RADIUS_KM = 6371.0088
"""Mean radius R1 (IUGG)."""
_HOUR = 3_600_000_000
MINUTE = 60_000_000


def kilometres(here: Place, there: Place) -> float | None:
    """Great-circle distance by the haversine formula, or None when it cannot be known."""
    if here.latitude is None or here.longitude is None or there.latitude is None or there.longitude is None:
        return None
    south, north = radians(here.latitude), radians(there.latitude)
    east = radians(there.longitude - here.longitude)
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin(east / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half)))


def journey(here: Place, there: Place, rules: Rules) -> int | None:
    """Microseconds that the journey needs with its buffer, in whole minutes; None when it cannot be known."""
    if here.name == there.name:
        return 0
    distance = kilometres(here, there)
    if distance is None:
        return None
    needed = distance * rules.detour / rules.speed_km_h * _HOUR + rules.buffer
    return min(ceil(needed / MINUTE) * MINUTE, rules.longest_journey)


def missing_time(first: Visit, second: Visit, rules: Rules) -> int | None:
    """What the journey between two visits needs when the gap between them is shorter; else None."""
    needed = journey(first.place, second.place, rules)
    if not needed or second.start - first.end >= needed:
        return None
    return needed
