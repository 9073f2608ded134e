"""Too many visits to one institution within a few days, and too many on one day wherever they are.

A window is ``burden.days`` local days in a row, beginning on the day of a visit; it counts when on at least
``burden.visits`` of them there is a visit: two visits on one day are one journey. Windows that share a visit
are one cluster, and a cluster is one finding. Its id comes from the institution and the week (Monday to
Sunday) in which the cluster begins, so it stays while visits join or leave; two clusters never begin in the
same week, because they would share a window (this holds for windows of seven days and more; for shorter ones
the day itself takes the week's place).
"""

from bisect import bisect_left
from collections.abc import Iterable

from router.appointments import Visit
from router.calendar import Calendar
from router.findings import Draft, Drafts, finding_id, party
from router.rules import Rules

_WEEK = 7

Row = tuple[int, int, str]
"""Local day, start and reference of a visit."""


def burden_findings(citizen: str, place: str, day: int, calendar: Calendar, rules: Rules) -> Drafts:
    """The clusters at an institution that a visit on ``day`` may take part in."""
    drafts: Drafts = {}
    rows = _near(calendar.at_place(place), day, rules.burden_days)
    for cluster in clusters(rows, rules.burden_visits, rules.burden_days):
        draft = _draft(citizen, place, [calendar.visits[ref] for _, _, ref in cluster], calendar, rules)
        drafts[draft.id] = draft
    return drafts


def busy_day(citizen: str, day: int, calendar: Calendar, rules: Rules) -> Drafts:
    """The finding that one local day holds too many visits; its id comes from the day."""
    visits = sorted(calendar.on_day(day), key=lambda visit: (visit.start, visit.ref))
    if len(visits) < rules.visits_a_day:
        return {}
    id_ = finding_id(citizen, "BUSY_DAY", (str(day),))
    said = ("BUSY_DAY", "finding.busy_day", (("visits", len(visits)),))
    return {id_: _many(id_, said, visits, calendar.protection)}


def crowded(seen: Visit, near: Iterable[Visit], rules: Rules) -> bool:
    """Whether one visit more or less like ``seen`` may make a difference to burden at its place."""
    place, day, days = seen.place.name, seen.day, rules.burden_days
    there = sum(other.place.name == place and abs(other.day - day) < days for other in near)
    return there + 1 >= rules.burden_visits


def clusters(rows: list[Row], visits: int, days: int) -> list[list[Row]]:
    """The maximal clusters in ``rows``, which are in order."""
    found: list[list[Row]] = []
    reached = 0
    for place, row in enumerate(rows):
        end = bisect_left(rows, (row[0] + days, -(1 << 63), ""))
        if end - place < visits or len({day for day, _, _ in rows[place:end]}) < visits:
            continue
        if found and place < reached:
            found[-1].extend(rows[reached:end])
        else:
            found.append(rows[place:end])
        reached = max(reached, end)
    return found


def _near(rows: list[Row], day: int, days: int) -> list[Row]:
    """The visits from which ``day`` can be reached without a pause as long as a window."""
    begin = end = bisect_left(rows, (day, -(1 << 63), ""))
    previous = day
    while begin and previous - rows[begin - 1][0] < days:
        begin -= 1
        previous = rows[begin][0]
    previous = day
    while end < len(rows) and rows[end][0] - previous < days:
        previous = rows[end][0]
        end += 1
    return rows[begin:end]


def _draft(citizen: str, place: str, cluster: list[Visit], calendar: Calendar, rules: Rules) -> Draft:
    first, last = cluster[0].day, cluster[-1].day
    anchor = (first - 1) // _WEEK if rules.burden_days >= _WEEK else first
    id_ = finding_id(citizen, "BURDEN", (place, str(anchor)))
    said = ("BURDEN", "finding.burden", (("visits", len(cluster)), ("days", last - first + 1)))
    return _many(id_, said, cluster, calendar.protection)


def _many(
    id_: bytes, said: tuple[str, str, tuple[tuple[str, int], ...]], visits: list[Visit], protection: int
) -> Draft:
    kind, reason, numbers = said
    return Draft(
        id_,
        kind,
        "WARNING",
        tuple(party(visit) for visit in visits),
        reason,
        numbers,
        max(visit.confidence for visit in visits),
        max(visit.sensitivity for visit in visits),
        max(protection, *(visit.protection for visit in visits)),
    )
