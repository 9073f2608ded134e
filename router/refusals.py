"""What was said to the router that it could read but not act upon, and why: an entry that operators see."""

from collections.abc import Mapping
from typing import Any, Literal

from router.events import REFUSALS, Output

Reason = Literal[
    "proposal.unknown", "proposal.not_theirs", "proposal.closed", "proposal.answered",
    "request.unknown", "request.not_theirs", "request.unfit", "request.late", "request.contradicted",
    "release.refused", "release.unanswered", "release.given_up",
    "slot.unnamed", "slot.untimed", "slot.ends_before_start", "slot.too_long", "slot.past", "slot.too_far",
    "slot.expired", "slot.too_many",
    "matters.unknown_kind", "matters.no_such_weekday", "matters.no_weekday", "matters.no_such_minute",
    "matters.too_many", "matters.no_time_left",
]  # fmt: skip
"""Why, from a closed list, which docs/coordination.md explains."""


def refusal(subject: str, record: str, value: Mapping[str, Any], reason: Reason, reference: str) -> Output:
    """The entry for a fact. ``reference`` is what it named: a proposal, request or slot."""
    meta = value["meta"]
    return refused(subject, record, meta["event_id"], meta["source"]["agency"], reason, reference)


def refused(subject: str, record: str, event_id: str, agency: str, reason: Reason, reference: str) -> Output:
    """The same for what is no fact: an agency's request, under its own id."""
    value = {
        "subject": subject,
        "event_id": event_id,
        "record": record,
        "agency": agency,
        "reason": reason,
        "reference": reference,
    }
    return Output(REFUSALS, subject, "Refusal", value)
