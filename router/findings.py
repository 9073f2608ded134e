"""What collides or burdens: drafts from the detectors, their lasting ids, and what to say when they change.

A draft is a function of the current views alone. What was said of it, its revision, is in the state: a
finding opens with a new draft, is said again when its draft changes, and closes when its draft is gone.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from router.appointments import Visit
from router.events import COORDINATION, Output, Outputs
from router.facts import institution_of
from router.planning.outlook import mark_due
from router.state import CONFIDENCES, PROTECTIONS, SENSITIVITIES, Citizen

_NAMESPACE = UUID("6a1b3f0e-6f43-5f0c-9c1c-0d6a6f1f7f5e")
_SEPARATOR = "\x1f"


class PartyDraft(NamedTuple):
    """One thing that takes part."""

    ref: str
    kind: str
    agency: str
    institution: str
    start: int
    end: int | None
    confidence: int


class Draft(NamedTuple):
    """A finding before anybody was told."""

    id: bytes
    kind: str
    severity: str
    parties: tuple[PartyDraft, ...]
    reason: str
    numbers: tuple[tuple[str, int], ...]
    confidence: int
    sensitivity: int
    protection: int


Drafts = dict[bytes, Draft]

REASONS = (
    "finding.overlap", "finding.travel_gap.walk", "finding.travel_gap.car",
    "finding.travel_gap.public_transport", "finding.travel_gap.register", "finding.travel_gap.unknown",
    "finding.preparation", "finding.after_care", "finding.school_hours", "finding.exam",
    "finding.closed_day.day", "finding.closed_day.holiday", "finding.closed_day.weekday",
    "finding.burden", "finding.busy_day",
)  # fmt: skip
"""The key of every text that a finding may have as its reason."""


def finding_id(citizen: str, kind: str, parties: Iterable[str]) -> bytes:
    """UUIDv5 of the citizen's key, the kind and what takes part, in any order (RFC 9562, section 5.5)."""
    name = _SEPARATOR.join((citizen, kind, *sorted(parties)))
    digest = bytearray(hashlib.sha1(_NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def party(visit: Visit) -> PartyDraft:
    """A visit as a party. The end is the source's; one by rule is not passed on."""
    given = visit.given_end if visit.given_end == visit.end else None
    return PartyDraft(
        visit.ref, visit.kind, visit.agency, visit.institution, visit.start, given, visit.confidence
    )


def say_changes(
    citizen: Citizen,
    key: str,
    before: Drafts,
    after: Drafts,
    outputs: Outputs,
    movable: frozenset[str] = frozenset(),
) -> None:
    """Open, repeat and close what has changed between two sets of drafts.

    A grave one about an appointment of an agency in ``movable`` asks for better times.
    """
    if before == after:
        return
    revisions = citizen.records.findings
    for stored, draft in before.items():
        if stored not in after:
            revision = abs(revisions.get(stored, 0)) + 1
            revisions[stored] = -revision
            outputs.append(_output(key, draft, revision, "CLOSED"))
    for stored, draft in after.items():
        if before.get(stored) != draft:
            revision = abs(revisions.get(stored, 0)) + 1
            revisions[stored] = revision
            outputs.append(_output(key, draft, revision, "OPEN"))
            if movable and draft.severity != "INFO" and _may_move(draft, movable):
                citizen.records.outlook = mark_due(citizen.records.outlook)


def _may_move(draft: Draft, movable: frozenset[str]) -> bool:
    return any(item.kind == "APPOINTMENT" and item.agency in movable for item in draft.parties)


def _output(key: str, draft: Draft, revision: int, status: str) -> Output:
    value = {
        "citizen": key,
        "finding_id": str(UUID(bytes=draft.id)),
        "revision": revision,
        "kind": draft.kind,
        "severity": draft.severity,
        "status": status,
        "parties": [_party_record(item) for item in draft.parties],
        "reason": draft.reason,
        "numbers": dict(draft.numbers),
        "confidence": CONFIDENCES[draft.confidence],
        "sensitivity": SENSITIVITIES[draft.sensitivity],
        "protection": PROTECTIONS[draft.protection],
    }
    return Output(COORDINATION, key, "Finding", value)


def _party_record(item: PartyDraft) -> dict[str, object]:
    confidence = CONFIDENCES[item.confidence]
    return {
        "reference": item.ref[2:],
        "kind": item.kind,
        "agency": item.agency,
        "institution": institution_of(item.institution),
        "start": {"instant": item.start, "source": "", "confidence": confidence},
        "end": None if item.end is None else {"instant": item.end, "source": "", "confidence": confidence},
    }
