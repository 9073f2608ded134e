"""What a hospital was asked for one proposal, and what it said: all of the moves, or none. Pure.

A request becomes steps, one message each. When one step of a HOLD or CONFIRM is refused, the request is, and
whatever else it did is undone.
"""

from typing import Final, Literal

import msgspec

from connectors.hospital.answers import Verdict, is_gone
from connectors.hospital.asks import Act, Ask, ask, placer_id
from schemas.records import AgencyRequest, Code, RequestAction, RequestAnswer, RequestedMove

_DONE: Final[dict[str, RequestAnswer]] = {"HOLD": "HELD", "CONFIRM": "CONFIRMED", "RELEASE": "RELEASED"}
_UNDOING: Final = (Act.LET_GO, Act.MOVE_BACK)

StepState = Literal["NEW", "TAKEN", "DONE", "REFUSED", "DROPPED"]


class Step(msgspec.Struct):
    """One message. NEW and DROPPED may have arrived all the same; DROPPED is not sent again."""

    act: Act
    move: int
    """Place in ``Bundle.moves``."""
    request: str
    at: int
    """MSH-7, in microseconds since the epoch: the same however often it is sent."""
    state: StepState = "NEW"
    reason: Code | None = None
    again: int = 0
    """How often the request had been refused before: then it is a new message."""


class Request(msgspec.Struct):
    """One request of the bundle."""

    action: RequestAction
    deadline: int
    """Of the last time that it was asked, in microseconds since the epoch."""
    answer: RequestAnswer | None = None
    reason: Code | None = None
    by: Literal["", "REPLY", "MESSAGE"] = ""
    """How the answer goes to the bus: with the request, while that is carried, or with the hospital's own
    message, which is then on the bus already. Empty until that is so."""
    refused: int = 0
    """How often a release was refused, and asked again."""


class Bundle(msgspec.Struct):
    """All requests of one proposal, in their order."""

    proposal: str
    moves: list[RequestedMove] = []
    requests: dict[str, Request] = {}
    steps: list[Step] = []

    @property
    def latest(self) -> str:
        """The id of the request that counts."""
        return next(reversed(self.requests), "")

    @property
    def to_send(self) -> list[Step]:
        """The steps that the hospital has not acknowledged, in the order of sending."""
        return [step for step in self.steps if step.state == "NEW"]

    @property
    def waits(self) -> bool:
        """Whether the hospital has something to be told, or to say, or the bus has not heard what it said."""
        done = self.requests.get(self.latest)
        untold = done is not None and done.answer is not None and not done.by
        return untold or any(step.state in ("NEW", "TAKEN") for step in self.steps)

    @property
    def undoes(self) -> bool:
        """Whether something that was refused is to be undone, and the hospital has not heard it yet."""
        return any(
            step.act in _UNDOING and self.requests[step.request].action != "RELEASE" for step in self.to_send
        )

    def asked(self, step: Step) -> Ask:
        """The step's message."""
        return ask(step.act, step.request, self.proposal, self.moves[step.move], step.again)

    def placers(self) -> dict[str, str]:
        """The hospital's ids of the appointments, by ours."""
        return {
            placer_id(self.proposal, move["appointment"]): move["appointment"]["id"] for move in self.moves
        }


def take(bundle: Bundle, request: AgencyRequest, now: int) -> bool:
    """Add what ``request`` asks for; False when that is known. What was asked before it counts no more.

    A release that is asked again with a new deadline was not answered, or refused: it is sent again.
    """
    name, deadline = request["request_id"], request["deadline"]["instant"]
    known = bundle.requests.get(name)
    if known is not None:
        if known.action != "RELEASE" or known.deadline == deadline:
            return False
        known.deadline = deadline
        _again(bundle, name, known, now)
        return True
    bundle.requests[name] = Request(request["action"], deadline)
    for step in bundle.steps:
        if step.state in ("NEW", "TAKEN"):
            step.state = "DROPPED"
    places = [_place(bundle, move) for move in request["moves"]]
    if request["action"] == "RELEASE":
        _undo(bundle, name, places, now)
    else:
        act = Act.HOLD if request["action"] == "HOLD" else Act.MOVE
        bundle.steps += [Step(act, place, name, now) for place in places]
    _settle(bundle, name, now)
    return True


def _again(bundle: Bundle, name: str, request: Request, now: int) -> None:
    for step in bundle.steps:
        if step.request == name and step.state == "TAKEN":
            step.state = "NEW"
    if request.answer == "REFUSED":
        request.answer, request.reason, request.by = None, None, ""
        request.refused += 1
        for step in [step for step in bundle.steps if step.request == name and step.state == "REFUSED"]:
            step.state = "DROPPED"
            bundle.steps.append(Step(step.act, step.move, name, now, again=request.refused))


def judge(bundle: Bundle, step: Step, verdict: Verdict, now: int) -> None:
    """Take in what the hospital said about a step; what is decided stays so."""
    if step.state not in ("NEW", "TAKEN") or verdict.state == "AGAIN":
        return
    step.state, step.reason = verdict.state, verdict.reason
    _settle(bundle, step.request, now)


def _settle(bundle: Bundle, name: str, now: int) -> None:
    request = bundle.requests[name]
    if request.answer is not None:
        return
    steps = [step for step in bundle.steps if step.request == name]
    refused = next((step for step in steps if step.state == "REFUSED"), None)
    if request.action != "RELEASE" and refused is not None:
        if not any(step.act in _UNDOING for step in steps):
            for step in steps:
                if step.state in ("NEW", "TAKEN"):
                    step.state = "DROPPED"
            _undo(bundle, name, [step.move for step in steps], now)
        if _is_back(bundle, name):
            request.answer = "GONE" if is_gone(refused.reason) else "REFUSED"
            request.reason = refused.reason
    elif any(step.state in ("NEW", "TAKEN") for step in steps):
        return
    elif refused is not None:
        request.answer, request.reason = "REFUSED", refused.reason
    else:
        request.answer = _DONE[request.action]


def _is_back(bundle: Bundle, name: str) -> bool:
    """Whether everything is where it was before a request that the hospital refused.

    A refusal means that nothing stays where the request put it, so it is not answered before. If the hospital
    will not move something back, it is not answered at all, and its deadline brings a release.
    """
    return all(
        step.state == "DONE" for step in bundle.steps if step.request == name and step.act is Act.MOVE_BACK
    )


def _undo(bundle: Bundle, name: str, places: list[int], now: int) -> None:
    """Move back what may have been moved, and let go of what may be held; both where it is in doubt."""
    for place in places:
        own = [step for step in bundle.steps if step.move == place]
        moved = _stands(own, Act.MOVE, Act.MOVE_BACK)
        if moved is not None:
            bundle.steps.append(Step(Act.MOVE_BACK, place, name, now))
        held = _stands(own, Act.HOLD, Act.LET_GO)
        if (held is not None or not own) and (moved is None or moved.state != "DONE"):
            bundle.steps.append(Step(Act.LET_GO, place, name, now))


def _stands(steps: list[Step], done: Act, undone: Act) -> Step | None:
    """The step by which ``done`` may stand, by the last that was heard."""
    for step in reversed(steps):
        if step.act is undone and step.state == "DONE":
            return None
        if step.act is done and step.state != "REFUSED":
            return step
    return None


def _place(bundle: Bundle, move: RequestedMove) -> int:
    for place, known in enumerate(bundle.moves):
        if known["appointment"] == move["appointment"]:
            return place
    bundle.moves.append(move)
    return len(bundle.moves) - 1
