"""Model agencies: each has a real calendar, and holds and moves as the contract of AgencyRequest says.

Written from the contract alone; shares no code with the router.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Agency:
    """What one agency has in its books."""

    name: str
    calendar: dict[str, int] = field(default_factory=dict)
    """When each appointment is."""
    holds: dict[str, str] = field(default_factory=dict)
    """Which proposal a slot is held for."""
    once_held: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    """Slots that are somebody's."""
    moved: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    """By proposal and appointment: where it was before it was confirmed, and the slot that it took."""
    highest: dict[str, int] = field(default_factory=dict)
    """The highest sequence seen for a proposal."""
    answers: dict[str, str] = field(default_factory=dict)
    """What was answered, by request id: a request that comes again gets the same answer."""

    def receive(self, request: dict[str, Any], *, willing: bool = True, careful: bool = True) -> str:
        """Carry out a request, or not; the answer.

        Who is not careful carries out what has been overtaken by a later request: a system that is slow.
        """
        name = request["request_id"]
        if name not in self.answers:
            late = request["sequence"] < self.highest.get(request["proposal_id"], 0)
            if late and careful:
                self.answers[name] = "RELEASED" if request["action"] == "RELEASE" else "REFUSED"
            else:
                self.answers[name] = self._do(request, willing=willing)
        return self.answers[name]

    def has_held(self, request: dict[str, Any]) -> bool:
        """Whether the slots of a request were ever held."""
        return all(move["slot"] in self.once_held for move in request["moves"])

    def _do(self, request: dict[str, Any], *, willing: bool) -> str:
        proposal, action = request["proposal_id"], request["action"]
        self.highest[proposal] = max(request["sequence"], self.highest.get(proposal, 0))
        if action == "RELEASE":
            self._release(proposal)
            return "RELEASED"
        if not willing:
            self._release(proposal)
            return "REFUSED"
        return self._hold(request) if action == "HOLD" else self._confirm(request)

    def _hold(self, request: dict[str, Any]) -> str:
        proposal, slots = request["proposal_id"], [move["slot"] for move in request["moves"]]
        if any(slot in self.taken or slot in self.holds for slot in slots):
            return "GONE"
        self.holds.update(dict.fromkeys(slots, proposal))
        self.once_held.update(slots)
        return "HELD"

    def _confirm(self, request: dict[str, Any]) -> str:
        proposal, moves = request["proposal_id"], request["moves"]
        kept = all(self.holds.get(move["slot"]) == proposal for move in moves)
        as_planned = all(
            self.calendar.get(move["appointment"]["id"]) == move["old_start"]["instant"] for move in moves
        )
        if not kept or not as_planned:
            self._release(proposal)
            return "REFUSED"
        for move in moves:
            appointment, slot = move["appointment"]["id"], move["slot"]
            self.moved[proposal, appointment] = self.calendar[appointment], slot
            self.calendar[appointment] = move["start"]["instant"]
            del self.holds[slot]
            self.taken.add(slot)
        return "CONFIRMED"

    def _release(self, proposal: str) -> None:
        self.holds = {slot: holder for slot, holder in self.holds.items() if holder != proposal}
        for (confirmed, appointment), (before, slot) in list(self.moved.items()):
            if confirmed == proposal:
                self.calendar[appointment] = before
                self.taken.discard(slot)
                del self.moved[confirmed, appointment]
