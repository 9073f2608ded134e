"""What is stored of a proposal from its offer until nothing more can come of it.

Instants are microseconds since the epoch, UTC. Nothing is stored for a citizen to whom nothing was proposed.
"""

from collections.abc import Iterable
from uuid import UUID, uuid5

import msgspec

(
    OPEN, ACCEPTED, HOLDING, CONFIRMING, FAILING, RELEASING,
    SETTLED, FAILED, DECLINED, COUNTERED, EXPIRED, WITHDRAWN,
) = range(12)  # fmt: skip
"""ACCEPTED waits for a tick to ask the agencies, FAILING for one to let go. RELEASING: an agency that was
asked to confirm may have, and the citizen is not told before that is undone."""
STATUSES = (
    "OPEN", "ACCEPTED", "ACCEPTED", "ACCEPTED", "ACCEPTED", "ACCEPTED",
    "SETTLED", "FAILED", "DECLINED", "COUNTERED", "EXPIRED", "WITHDRAWN",
)  # fmt: skip
"""What a ``Proposal`` says of each stage."""

NOTHING, HELD, CONFIRMED, RELEASED, OUT = range(5)
"""What an agency said. OUT: it refused or the slot is gone, and it holds nothing."""
HOLD, CONFIRM, RELEASE = "HOLD", "CONFIRM", "RELEASE"

_NAMESPACE = UUID("0f6c1d1e-5a0b-5d3c-9b1f-7a3e2d4c6b58")


class Move(msgspec.Struct, array_like=True, gc=False):
    """One appointment and the slot that it is to move to."""

    system: str
    appointment: str
    seat: int
    """Whose it is: a place in ``Bundle.seats``."""
    institution: str
    """As ``facts.institution_name`` wrote it."""
    old_start: int
    old_end: int | None
    confidence: int
    """Of the old times."""
    slot: str
    start: int
    end: int
    resource: str | None
    place: str | None

    @property
    def ref(self) -> str:
        """The appointment as the router refers to it, see ``facts.py``."""
        return f"A|{self.system}|{self.appointment}"


class Seat(msgspec.Struct, array_like=True, gc=False):
    """An agency at the table: what it was last asked, and what it last said."""

    agency: str
    asked: int = 0
    """Sequence of the last request; 0 before the first."""
    confirms: bool = False
    """The second request was CONFIRM. The first is always HOLD, all others are RELEASE."""
    heard: int = 0
    """The highest sequence that was answered."""
    said: int = NOTHING
    again: int | None = None
    """When to ask for a release, for the first time or again."""
    repeats: int = 0
    """How often a release was asked without an answer."""

    def action(self, sequence: int) -> str:
        """What the request with this sequence asks for."""
        if sequence == 1:
            return HOLD
        return CONFIRM if sequence == 2 and self.confirms else RELEASE  # noqa: PLR2004 - the second


class Bundle(msgspec.Struct, array_like=True, gc=False):
    """A proposal and how it stands."""

    key: str
    """The citizen's key when it was offered; requests keep it to the end, and so their order."""
    proposal: str
    """Its id."""
    revision: int
    stage: int
    reason: str
    """Key of the text that says why it stands so."""
    since: int
    """The last minute that it was told."""
    until: int | None
    """When time alone takes it on: to its end when nobody answers, or out of memory when it has ended."""
    confirm_by: int
    """When all agencies have to have confirmed; 0 before they were asked."""
    moves: list[Move]
    seats: list[Seat]
    gains: list[str]
    numbers: dict[str, int]
    findings: list[str]
    marks: int
    """Sensitivity and protection, see ``state.marks_of``."""

    @property
    def is_open(self) -> bool:
        """Whether the citizen waits for it to end."""
        return self.stage < SETTLED

    @property
    def has_failed(self) -> bool:
        """Whether whatever is held for it is to be let go."""
        return self.stage in (FAILING, RELEASING) or self.stage > SETTLED

    def owing(self) -> list[Seat]:
        """The agencies that may hold something and have not let it go."""
        return [seat for seat in self.seats if seat.asked and seat.said not in (RELEASED, OUT)]


def request_id(proposal_id: str, agency: str, sequence: int) -> str:
    """The id of a request: the same whenever it is sent again."""
    return named_id(proposal_id, agency, str(sequence))


def named_id(*parts: str) -> str:
    """An id that follows from some texts."""
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))


def open_bundle(bundles: Iterable[Bundle]) -> Bundle | None:
    """The bundle that the citizen waits for; there is at most one."""
    return next((bundle for bundle in bundles if bundle.is_open), None)
