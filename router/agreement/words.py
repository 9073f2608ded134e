"""What is said on the way of a bundle: proposals, requests to agencies, entries of the citizen's timeline."""

from collections.abc import Mapping
from typing import Any

from router.agreement.bundle import (
    ACCEPTED,
    CONFIRMING,
    HOLDING,
    OPEN,
    STATUSES,
    Bundle,
    Move,
    Seat,
    named_id,
    request_id,
)
from router.events import COORDINATION, TIMELINE, Output
from router.facts import institution_of
from router.state import CONFIDENCES, PROTECTIONS, SENSITIVITIES, protection_of, sensitivity_of

INBOX = "inbox."
"""What the topic of an agency's requests begins with."""
KIND = "Proposal"
AGENCY = "samband"

REASONS = (
    "proposal.open", "proposal.accepted", "proposal.settled", "proposal.declined", "proposal.countered",
    "proposal.expired", "proposal.withdrawn", "proposal.failed.gone", "proposal.failed.refused",
    "proposal.failed.late", "proposal.failed.changed", "proposal.failed.away", "proposal.failed.unreleased",
)  # fmt: skip
"""The key of every text that a proposal may have as its reason."""
_STEPS = {
    OPEN: ("open", "proposal.open", "PROPOSAL_ANSWERED", 2),
    HOLDING: ("asked", "proposal.asked", "TIMES_HELD", 3),
    CONFIRMING: ("held", "proposal.held", "TIMES_CONFIRMED", 4),
}
"""By stage: the name of its entry, its text, what comes next, and its rank among entries of one minute."""
_END = 5
NOT_OPEN = "proposal.not_open"
TEXTS = (*(text for _, text, _, _ in _STEPS.values()), NOT_OPEN)
"""The key of every text of an entry that is not the reason of its proposal."""
STEPS = tuple(step for _, _, step, _ in _STEPS.values())


def time(instant: int) -> dict[str, Any]:
    """An instant that the router worked out."""
    return {"instant": instant, "source": "", "confidence": "EXACT"}


def proposal(key: str, bundle: Bundle) -> Output:
    """How the proposal stands now."""
    answer_by = {OPEN: bundle.until, HOLDING: bundle.confirm_by}.get(bundle.stage)
    value = {
        "citizen": key,
        "proposal_id": bundle.proposal,
        "revision": bundle.revision,
        "status": STATUSES[bundle.stage],
        "reason": bundle.reason,
        "moves": [_proposed(move, bundle.seats[move.seat].agency) for move in bundle.moves],
        "gains": bundle.gains,
        "numbers": bundle.numbers,
        "findings": bundle.findings,
        "at": time(bundle.since),
        "answer_by": None if answer_by is None else time(answer_by),
        **_markings(bundle),
    }
    return Output(COORDINATION, key, "Proposal", value)


def request(bundle: Bundle, seat: Seat, deadline: int) -> Output:
    """The last request to an agency, for the first time or again."""
    place = bundle.seats.index(seat)
    value = {
        "citizen": bundle.key,
        "agency": seat.agency,
        "request_id": request_id(bundle.proposal, seat.agency, seat.asked),
        "proposal_id": bundle.proposal,
        "sequence": seat.asked,
        "action": seat.action(seat.asked),
        "moves": [_requested(move) for move in bundle.moves if move.seat == place],
        "deadline": time(deadline),
        **_markings(bundle),
    }
    return Output(INBOX + seat.agency, bundle.key, "AgencyRequest", value)


def entry(key: str, bundle: Bundle) -> Output:
    """The entry that the citizen's timeline gets as the bundle comes to its present stage."""
    name, text, next_step, rank = _STEPS.get(bundle.stage, ("end", bundle.reason, None, _END))
    expected = bundle.until if next_step else None
    made = _entry(key, named_id(bundle.proposal, name), bundle.since, text, rank)
    made |= {
        "holder": _holder(bundle),
        "next_step": next_step and {"code": "", "system": "samband", "mapped": next_step},
        "expected_by": None if expected is None else time(expected),
        **_markings(bundle),
    }
    return Output(TIMELINE, key, "TimelineEntry", made)


def not_open(key: str, meta: Mapping[str, Any]) -> Output:
    """The entry for a citizen's answer, by its ``meta``, that came when the proposal was not open."""
    made = _entry(key, named_id(meta["event_id"]), meta["recorded"]["instant"], NOT_OPEN, _END)
    made |= {"sensitivity": meta["sensitivity"], "protection": meta["protection"]}
    return Output(TIMELINE, key, "TimelineEntry", made)


def _entry(key: str, name: str, at: int, text: str, rank: int) -> dict[str, Any]:
    return {
        "citizen": key,
        "entry_id": name,
        "revision": 1,
        "at": time(at),
        "recorded": at,
        "sequence": None,
        "placed": None,
        "rank": rank,
        "kind": KIND,
        "text": text,
        "agency": AGENCY,
        "institution": None,
        "case": None,
        "reference": None,
        "start": None,
        "end": None,
        "invited": [],
        "holder": None,
        "next_step": None,
        "expected_by": None,
        "status": "CURRENT",
        "replaced_by": None,
        "confidence": "EXACT",
        "details": None,
    }


def _holder(bundle: Bundle) -> dict[str, Any] | None:
    """Who has to act: the citizen, or the agencies; the institution where it is one."""
    if bundle.stage == OPEN:
        return {"kind": "CITIZEN", "institution": None}
    if bundle.stage not in (ACCEPTED, HOLDING, CONFIRMING):
        return None
    places = {move.institution for move in bundle.moves}
    return {"kind": "THIRD_PARTY", "institution": institution_of(min(places)) if len(places) == 1 else None}


def _requested(move: Move) -> dict[str, Any]:
    return {
        "appointment": {"system": move.system, "id": move.appointment},
        "institution": institution_of(move.institution),
        "old_start": {**time(move.old_start), "confidence": CONFIDENCES[move.confidence]},
        "slot": move.slot,
        "start": time(move.start),
        "end": time(move.end),
        "resource": move.resource,
        "place": move.place,
    }


def _proposed(move: Move, agency: str) -> dict[str, Any]:
    old_end = move.old_end
    confidence = CONFIDENCES[move.confidence]
    return {
        **_requested(move),
        "agency": agency,
        "old_end": None if old_end is None else {**time(old_end), "confidence": confidence},
    }


def _markings(bundle: Bundle) -> dict[str, str]:
    return {
        "sensitivity": SENSITIVITIES[sensitivity_of(bundle.marks)],
        "protection": PROTECTIONS[protection_of(bundle.marks)],
    }
