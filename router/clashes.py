"""Overlaps and too short journeys between two visits, each pair on its own."""

from collections.abc import Iterator

from router.appointments import Visit
from router.calendar import Calendar
from router.findings import Draft, Drafts, finding_id, party
from router.rules import Rules
from router.travel import MINUTE, missing_time


def clashes_of(citizen: str, ref: str, calendar: Calendar, rules: Rules) -> Drafts:
    """Every overlap and short journey that one visit or stay takes part in."""
    drafts: Drafts = {}
    if len(calendar.visits) + len(calendar.stays) <= 1:
        return drafts
    for other, one in _pairs(ref, calendar, rules):
        draft = _clash(citizen, *sorted((one, other), key=_by_start), calendar=calendar, rules=rules)
        if draft:
            drafts[draft.id] = draft
    return drafts


def _pairs(ref: str, calendar: Calendar, rules: Rules) -> Iterator[tuple[Visit, Visit]]:
    if ref[0] == "S":
        stay = calendar.stays.get(ref)
        if stay:
            for other in calendar.around(stay.start, stay.end):
                yield other, stay
        return
    one = calendar.visits.get(ref)
    if one is None or not one.timed:
        return
    reach = rules.longest_journey
    for other in calendar.around(one.start - reach, one.end + reach):
        if other.ref != ref:
            yield other, one
    for stay in sorted(calendar.stays.values(), key=_by_start):
        if stay.start < one.end and one.start < stay.end:
            yield stay, one


def _by_start(visit: Visit) -> tuple[int, str]:
    return visit.start, visit.ref


def _clash(citizen: str, first: Visit, second: Visit, *, calendar: Calendar, rules: Rules) -> Draft | None:
    elsewhere = first.place.name != second.place.name
    overlap = min(first.end, second.end) - max(first.start, second.start)
    numbers: tuple[tuple[str, int], ...]
    if "STAY" in (first.kind, second.kind):
        if overlap <= 0 or not elsewhere or _on_leave(first, second):
            return None
    elif overlap <= 0:
        needed = missing_time(first, second, rules)
        if needed is None:
            return None
        gap = (second.start - first.end) // MINUTE
        numbers = (("minutes_between", gap), ("minutes_needed", needed // MINUTE))
        return _draft(citizen, "TRAVEL_GAP", "WARNING", (first, second), numbers, calendar.protection)
    numbers = (("minutes_overlap", -(-overlap // MINUTE)),)
    severity = "CRITICAL" if elsewhere else "WARNING"
    return _draft(citizen, "OVERLAP", severity, (first, second), numbers, calendar.protection)


def _on_leave(first: Visit, second: Visit) -> bool:
    """The visit falls within a leave from the stay."""
    stay, other = (first, second) if first.kind == "STAY" else (second, first)
    return any(begin <= other.start and other.end <= end for begin, end in stay.away)


def _draft(
    citizen: str,
    kind: str,
    severity: str,
    pair: tuple[Visit, Visit],
    numbers: tuple[tuple[str, int], ...],
    protection: int,
) -> Draft:
    first, second = pair
    return Draft(
        finding_id(citizen, kind, (first.ref, second.ref)),
        kind,
        severity,
        (party(first), party(second)),
        f"finding.{kind.lower()}",
        numbers,
        max(first.confidence, second.confidence),
        max(first.sensitivity, second.sensitivity),
        max(first.protection, second.protection, protection),
    )
