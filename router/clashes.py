"""What two visits do to each other: overlap, too short a journey, preparation and after-care.

Each pair is looked at on its own. The time that a service needs before (fasting) and after its own is by
rule, for the service code that the source gives; a visit elsewhere in that time is a finding.
"""

from collections.abc import Iterator
from typing import NamedTuple

from router.appointments import DOUBTFUL, Visit
from router.calendar import Calendar
from router.findings import Draft, Drafts, finding_id, party
from router.rules import Rules
from router.spans import MINUTE
from router.travel import Journey, journey


def clashes_of(citizen: str, one: Visit, calendar: Calendar, rules: Rules) -> Drafts:
    """Everything that a visit or stay and those in the calendar do to each other."""
    drafts: Drafts = {}
    for other in _near(one, calendar, rules):
        if other.ref == one.ref:
            continue
        first, second = (one, other) if (one.start, one.ref) < (other.start, other.ref) else (other, one)
        if second.start - first.end < rules.reach:
            for draft in _clashes(citizen, first, second, calendar.protection, rules):
                drafts[draft.id] = draft
    return drafts


def _near(one: Visit, calendar: Calendar, rules: Rules) -> list[Visit]:
    """All that are near enough to matter, perhaps the visit itself among them."""
    if one.kind == "STAY":
        return calendar.around(one.start, one.end)
    if not one.timed:
        return []
    found = calendar.around(one.start - rules.reach, one.end + rules.reach)
    if calendar.stays:
        stays = sorted(calendar.stays.values(), key=_by_start)
        found += [stay for stay in stays if stay.start < one.end and one.start < stay.end]
    return found


def _by_start(visit: Visit) -> tuple[int, str]:
    return visit.start, visit.ref


def _clashes(citizen: str, first: Visit, second: Visit, protection: int, rules: Rules) -> Iterator[Draft]:
    """What stands between two visits of which ``first`` begins first."""
    elsewhere = first.place.name != second.place.name
    gap = second.start - first.end
    if first.kind == "STAY" or second.kind == "STAY":
        if gap < 0 and elsewhere and not _on_leave(first, second):
            yield _overlap(citizen, first, second, protection)
    elif gap < 0:
        yield _overlap(citizen, first, second, protection)
    elif elsewhere:
        trip = journey(first.place, second.place, rules)
        if gap < trip.needed:
            yield _short_journey(citizen, first, second, trip, protection)
        if gap < second.before:
            said = _Said("PREPARATION", "INFO", "finding.preparation", _minutes(gap, second.before))
            yield _draft(citizen, first, second, said, protection)
        if gap < first.after:
            said = _Said("AFTER_CARE", "WARNING", "finding.after_care", _minutes(gap, first.after))
            yield _draft(citizen, first, second, said, protection)


def _on_leave(first: Visit, second: Visit) -> bool:
    """The visit falls within a leave from the stay."""
    stay, other = (first, second) if first.kind == "STAY" else (second, first)
    return any(begin <= other.start and other.end <= end for begin, end in stay.away)


class _Said(NamedTuple):
    kind: str
    severity: str
    reason: str
    numbers: tuple[tuple[str, int], ...]
    confidence: int = 0


def _minutes(gap: int, needed: int) -> tuple[tuple[str, int], ...]:
    return ("minutes_between", gap // MINUTE), ("minutes_needed", needed // MINUTE)


def _overlap(citizen: str, first: Visit, second: Visit, protection: int) -> Draft:
    overlap = min(first.end, second.end) - second.start
    severity = "WARNING" if first.place.name == second.place.name else "CRITICAL"
    numbers = (("minutes_overlap", -(-overlap // MINUTE)),)
    return _draft(citizen, first, second, _Said("OVERLAP", severity, "finding.overlap", numbers), protection)


def _short_journey(citizen: str, first: Visit, second: Visit, trip: Journey, protection: int) -> Draft:
    known = trip.how != "UNKNOWN"
    said = _Said(
        "TRAVEL_GAP",
        "WARNING" if known else "INFO",
        f"finding.travel_gap.{trip.how.lower()}",
        _minutes(second.start - first.end, trip.needed),
        0 if known else DOUBTFUL,
    )
    return _draft(citizen, first, second, said, protection)


def _draft(citizen: str, first: Visit, second: Visit, said: _Said, protection: int) -> Draft:
    return Draft(
        finding_id(citizen, said.kind, (first.ref, second.ref)),
        said.kind,
        said.severity,
        (party(first), party(second)),
        said.reason,
        said.numbers,
        max(first.confidence, second.confidence, said.confidence),
        max(first.sensitivity, second.sensitivity),
        max(first.protection, second.protection, protection),
    )
