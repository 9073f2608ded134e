"""Requests from an agency's inbox: what is known of them, and which are not to be carried out any more. Pure.

A request names its citizen by key only. An agency's answer names the request, so whoever reads answers asks
here whom it is about. Why it is like this: ``docs/adr/0023-the-way-back.md``.
"""

from typing import Final
from uuid import UUID

from connectors.kit.outcomes import Fact
from schemas.errors import PoisonError
from schemas.records import AgencyRequest, Code, RequestAction, RequestAnswer, Time

REASON_SYSTEM: Final = "samband:answer"
REASONS: Final = frozenset(
    {"TAKEN", "CLOSED", "UNKNOWN_APPOINTMENT", "UNKNOWN_SLOT", "NOT_ALLOWED", "AWAY", "OTHER", "UNKNOWN"}
)
"""The bus's words for why a request was not carried out (``RequestAnswered.reason``)."""
ANSWERS: Final[dict[RequestAction, tuple[RequestAnswer, ...]]] = {
    "HOLD": ("HELD", "GONE", "REFUSED"),
    "CONFIRM": ("CONFIRMED", "GONE", "REFUSED"),
    "RELEASE": ("RELEASED", "REFUSED"),
}
"""What each kind of request can be answered with."""
_KNOWN: Final = 50_000


class Requests:
    """The requests that were read, the youngest 50,000 of them."""

    def __init__(self, most: int = _KNOWN) -> None:
        """``most`` bounds the memory: about 2 KiB for each request."""
        self._most = most
        self._requests: dict[str, AgencyRequest] = {}
        self._latest: dict[str, int] = {}

    def learn(self, request: AgencyRequest) -> None:
        """Take in a request, done or not."""
        self._requests.pop(request["request_id"], None)
        self._requests[request["request_id"]] = request
        proposal = request["proposal_id"]
        self._latest[proposal] = max(self._latest.pop(proposal, 0), request["sequence"])
        for kept in (self._requests, self._latest):
            if len(kept) > self._most:
                del kept[next(iter(kept))]

    def find(self, request_id: str) -> AgencyRequest:
        """The request with this id; PoisonError when none is known."""
        found = self._requests.get(request_id)
        if found is None:
            raise PoisonError("the answer is to no request that is known", reason="request.unknown")
        return found

    def superseded(self, request: AgencyRequest) -> bool:
        """Whether a later request for the same proposal has taken its place."""
        return self._latest.get(request["proposal_id"], 0) > request["sequence"]


def answer(
    request: AgencyRequest,
    answered: RequestAnswer,
    *,
    at: Time,
    recorded: Time | None = None,
    reason: Code | None = None,
    remarks: tuple[str, ...] = (),
) -> Fact:
    """The fact that ``request`` was answered at ``at``.

    Raises:
        PoisonError: such a request cannot be answered so, e.g. a RELEASE with HELD.
    """
    if answered not in ANSWERS[request["action"]]:
        raise PoisonError("no answer to a request of this kind", reason="request.answer")
    return Fact(
        record="RequestAnswered",
        identifiers=(),
        key=request["citizen"],
        occurred=at,
        recorded=recorded or at,
        body={"request_id": request["request_id"], "answer": answered, "reason": reason},
        sensitivity=request["sensitivity"],
        protection=request["protection"],
        remarks=remarks,
    )


def reason(code: str, system: str = REASON_SYSTEM) -> Code:
    """Why not, from an agency's code: one of `REASONS`, in capitals or not; any other is UNKNOWN."""
    mapped = code.upper()
    return {"code": code, "system": system, "mapped": mapped if mapped in REASONS else "UNKNOWN"}


def file_name(request: AgencyRequest) -> str:
    """The request's id as the name of a file, without an ending; PoisonError where it is no UUID."""
    try:
        return str(UUID(request["request_id"]))
    except ValueError:
        raise PoisonError(
            "the request's id is no UUID", reason="request.undeliverable", where="request_id"
        ) from None
