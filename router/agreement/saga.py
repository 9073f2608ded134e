"""How a bundle goes on: by what the citizen, the agencies and their appointments say, and by time.

All agencies are asked to hold, then all to confirm; one that cannot, will not or does not answer in time ends
it, and every agency that may hold something is asked to let go until it says that it has. Time comes from
ticks alone: what needs the present minute (asking for the first time, letting go) waits for the next tick.
"""

from collections.abc import Callable
from typing import NamedTuple

from router.agreement import words
from router.agreement.bundle import (
    ACCEPTED,
    CONFIRM,
    CONFIRMED,
    CONFIRMING,
    COUNTERED,
    DECLINED,
    EXPIRED,
    FAILED,
    FAILING,
    HELD,
    HOLD,
    HOLDING,
    NOTHING,
    OPEN,
    OUT,
    RELEASE,
    RELEASED,
    RELEASING,
    SETTLED,
    STATUSES,
    WITHDRAWN,
    Bundle,
    Move,
    Seat,
    request_id,
)
from router.events import Outputs
from router.refusals import Reason, refused
from router.rules import Patience
from router.spans import DAY, MINUTE

REMEMBERED = 30 * DAY
"""How long an ended bundle is kept, for answers that come late."""
QUIET = 6
"""After so many requests for a release without an answer, operators are told."""
_ANSWERS = {
    HOLD: {"HELD": HELD, "GONE": OUT, "REFUSED": OUT},
    CONFIRM: {"CONFIRMED": CONFIRMED, "GONE": OUT, "REFUSED": OUT},
    RELEASE: {"RELEASED": RELEASED, "GONE": OUT, "REFUSED": OUT},
}


StartOf = Callable[[Move], int | None]
"""When the appointment of a move begins now; None when it does not take place."""


class Saying(NamedTuple):
    """Under which key something is said of a bundle, and where to."""

    key: str
    outputs: Outputs

    def stands(self, bundle: Bundle) -> None:
        """Say how the proposal stands, with a new revision."""
        bundle.revision += 1
        self.outputs.append(words.proposal(self.key, bundle))

    def step(self, bundle: Bundle) -> None:
        """Tell the citizen."""
        self.outputs.append(words.entry(self.key, bundle))

    def ask(self, bundle: Bundle, seat: Seat, deadline: int) -> None:
        """Ask an agency."""
        self.outputs.append(words.request(bundle, seat, deadline))

    def refuse(self, bundle: Bundle, seat: Seat, reason: Reason) -> None:
        """Tell operators of a request that came to nothing."""
        name = request_id(bundle.proposal, seat.agency, seat.asked)
        self.outputs.append(refused(self.key, "AgencyRequest", name, seat.agency, reason, bundle.proposal))


def accept(bundle: Bundle, inboxes: frozenset[str]) -> None:
    """The citizen accepts: the agencies are asked at the next tick."""
    bundle.stage, bundle.until = ACCEPTED, bundle.since
    if not inboxes.issuperset(seat.agency for seat in bundle.seats):
        fail(bundle, "proposal.failed.away")


def decline(bundle: Bundle, moment: int, saying: Saying, *, countered: bool) -> None:
    """The citizen does not want it, or wants something else; the timeline has the citizen's own words."""
    bundle.since = _within(bundle, moment)
    _end(bundle, COUNTERED if countered else DECLINED, saying)


def withdraw(bundle: Bundle, saying: Saying) -> None:
    """What was offered does not fit any more."""
    _end(bundle, WITHDRAWN, saying)


def fail(bundle: Bundle, reason: str) -> None:
    """It cannot be: everything is let go at the next tick."""
    bundle.stage, bundle.reason, bundle.until = FAILING, reason, bundle.since


def answered(bundle: Bundle, seat: Seat, sequence: int, answer: str) -> Reason | None:
    """An agency's answer to one of its requests. Gives the reason when operators should know of it."""
    action = seat.action(sequence)
    said = _ANSWERS[action].get(answer)
    if said is None:
        return "request.unfit"
    if action == RELEASE:
        return _let_go(seat, sequence, said)
    if bundle.has_failed:
        return _late(bundle, seat, sequence, said)
    if bundle.stage == SETTLED:
        return "request.contradicted" if said == OUT and sequence == seat.heard else None
    if said == OUT and sequence >= seat.heard:
        _turned_down(seat, sequence)
        fail(bundle, f"proposal.failed.{answer.lower()}")
    elif sequence >= seat.heard:
        seat.said, seat.heard = max(seat.said, said), sequence
    return None


def _turned_down(seat: Seat, sequence: int) -> None:
    """Nothing is held, unless the agency has said of the same request that it is: then it has to let go."""
    if seat.said == NOTHING or (seat.said == HELD and sequence > seat.heard):
        seat.said = OUT
    seat.heard = max(seat.heard, sequence)


def _let_go(seat: Seat, sequence: int, said: int) -> Reason | None:
    if sequence < seat.asked or seat.said == RELEASED:
        return None
    if said == OUT:
        return "release.refused"
    seat.said, seat.heard, seat.again, seat.repeats = RELEASED, sequence, None, 0
    return None


def _late(bundle: Bundle, seat: Seat, sequence: int, said: int) -> Reason | None:
    """What is answered after it has failed: whatever is held all the same has to be let go."""
    if said == OUT:
        _turned_down(seat, sequence)
        if seat.said == OUT:
            seat.again = None
        return None
    if seat.said in (RELEASED, OUT):
        seat.said, seat.heard = said, seat.asked
        seat.again, seat.repeats = bundle.since, 0
        return "request.late"
    seat.said, seat.heard = max(seat.said, said), max(seat.heard, sequence)
    return None


def appointment_seen(bundle: Bundle, ref: str, start_of: StartOf) -> bool:
    """An appointment was changed: perhaps an agency's answer, perhaps the end of what was planned.

    True when the bundle no longer fits.
    """
    move = next((move for move in bundle.moves if move.ref == ref), None)
    if move is None or not bundle.is_open or bundle.has_failed:
        return False
    start = start_of(move)
    if start == move.old_start:
        return False
    if start != move.start or bundle.stage in (OPEN, ACCEPTED):
        return True
    seat = bundle.seats[move.seat]
    moves = [other for other in bundle.moves if other.seat == move.seat]
    if bundle.stage == CONFIRMING and all(start_of(other) == other.start for other in moves):
        seat.said, seat.heard = CONFIRMED, seat.asked
    return False


def proceed(bundle: Bundle, moment: int, saying: Saying) -> None:
    """Go on when all that was awaited has been said. ``moment`` is when the last of it was recorded."""
    said = {seat.said for seat in bundle.seats}
    if bundle.stage == HOLDING and said <= {HELD, CONFIRMED}:
        bundle.since = _within(bundle, moment)
        bundle.stage, bundle.until = CONFIRMING, bundle.confirm_by
        for seat in bundle.seats:
            seat.asked, seat.confirms = seat.asked + 1, True
            saying.ask(bundle, seat, bundle.confirm_by)
        saying.step(bundle)
    elif bundle.stage == CONFIRMING and said == {CONFIRMED}:
        bundle.since = _within(bundle, moment)
        _end(bundle, SETTLED, saying)
    elif bundle.stage == RELEASING and not _undone_by(bundle):
        bundle.since = _within(bundle, moment)
        _end(bundle, FAILED, saying)


def _undone_by(bundle: Bundle) -> list[Seat]:
    """The agencies that may have moved appointments and have not moved them back."""
    return [seat for seat in bundle.owing() if seat.confirms]


def _within(bundle: Bundle, moment: int) -> int:
    """A moment by a source's clock, which is not before the last tick and not after the next that matters."""
    latest = bundle.since if bundle.until is None else max(bundle.since, bundle.until)
    return min(max(bundle.since, moment), latest)


def _end(bundle: Bundle, stage: int, saying: Saying) -> None:
    bundle.stage = stage
    if stage != FAILED:
        bundle.reason = f"proposal.{STATUSES[stage].lower()}"
    bundle.until = bundle.since + REMEMBERED
    saying.stands(bundle)
    if stage not in (DECLINED, COUNTERED):
        saying.step(bundle)


def told(bundle: Bundle, minute: int, patience: Patience, saying: Saying) -> bool:
    """Take a bundle on by the time. False when it can be forgotten."""
    due = bundle.until is not None and bundle.until <= minute
    if bundle.is_open:
        bundle.since = minute
    if due and bundle.stage == OPEN:
        _end(bundle, EXPIRED, saying)
    elif bundle.stage == ACCEPTED:
        _begin(bundle, minute, patience, saying)
    elif due and bundle.stage in (HOLDING, CONFIRMING):
        fail(bundle, "proposal.failed.late")
    elif due and bundle.stage == RELEASING:
        bundle.reason = "proposal.failed.unreleased"
        _end(bundle, FAILED, saying)
    elif due and not bundle.is_open:
        bundle.until = max((seat.again for seat in bundle.seats if seat.again is not None), default=None)
        if bundle.until is None:
            return False
    if bundle.stage == FAILING:
        for seat in bundle.owing():
            seat.again, seat.repeats = minute, 0
        bundle.stage, bundle.until = RELEASING, minute + patience.tell
        proceed(bundle, minute, saying)
    _ask_to_let_go(bundle, minute, patience, saying)
    return True


def _begin(bundle: Bundle, minute: int, patience: Patience, saying: Saying) -> None:
    """Ask all agencies to hold. All has to be done before the first of the old and new times comes."""
    first = min(min(move.start, move.old_start) for move in bundle.moves)
    bundle.confirm_by = min(minute + patience.hold + patience.confirm, first)
    half = (bundle.confirm_by - minute) // 2 // MINUTE * MINUTE
    bundle.stage, bundle.until = HOLDING, minute + min(patience.hold, half)
    if bundle.until <= minute:
        fail(bundle, "proposal.failed.late")
        return
    bundle.reason = "proposal.accepted"
    for seat in bundle.seats:
        seat.asked += 1
        saying.ask(bundle, seat, bundle.until)
    saying.stands(bundle)
    saying.step(bundle)


def _ask_to_let_go(bundle: Bundle, minute: int, patience: Patience, saying: Saying) -> None:
    """Ask for releases whose time has come, with growing pauses, until the times themselves have passed."""
    for place, seat in enumerate(bundle.seats):
        if seat.again is None or seat.again > minute:
            continue
        if seat.repeats and minute >= max(move.end for move in bundle.moves if move.seat == place):
            seat.again = None
            saying.refuse(bundle, seat, "release.given_up")
            continue
        if seat.action(seat.asked) != RELEASE or seat.heard == seat.asked:
            seat.asked += 1
        if seat.repeats == QUIET:
            saying.refuse(bundle, seat, "release.unanswered")
        seat.again = minute + min(patience.release << min(seat.repeats, QUIET * 2), DAY)
        seat.repeats += 1
        saying.ask(bundle, seat, seat.again)
