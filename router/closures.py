"""Visits on a day on which their institution receives nobody: most often a wrong date."""

from datetime import date

from router.appointments import Visit
from router.closed_days import ALWAYS_OPEN, closed_because
from router.findings import Draft, Drafts, finding_id, party


def closed_day(citizen: str, visit: Visit, protection: int) -> Drafts:
    """The finding that a visit begins on a closed day; its id comes from the visit and the day."""
    closing = visit.place.closing
    if closing is ALWAYS_OPEN:
        return {}
    why = closed_because(closing, date.fromordinal(visit.day))
    if why is None:
        return {}
    draft = Draft(
        finding_id(citizen, "CLOSED_DAY", (visit.ref, str(visit.day))),
        "CLOSED_DAY",
        "WARNING",
        (party(visit),),
        f"finding.closed_day.{why.lower()}",
        (),
        visit.confidence,
        visit.sensitivity,
        max(visit.protection, protection),
    )
    return {draft.id: draft}
