"""Where the rest of the router meets a citizen's bundles: offers, answers, changed appointments, time."""

from router.agreement.bundle import open_bundle
from router.state import Records


def may_offer(records: Records) -> bool:
    """Whether a proposal may be offered: there is one open proposal for a citizen at a time."""
    return open_bundle(records.bundles) is None


def owing(records: Records) -> frozenset[str]:
    """Agencies that have not let go of what they may hold: their appointments stay where they are for now."""
    return frozenset(
        seat.agency for bundle in records.bundles if bundle.has_failed for seat in bundle.owing()
    )
