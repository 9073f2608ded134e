"""Reads the JSON documents that are the bus's own: answers to requests, and free slots. Pure.

Their form: ``docs/connectors/municipality.md``. Whatever is wrong is refused with a JSON pointer.
"""

from dataclasses import dataclass
from typing import get_args

from connectors.kit import times
from connectors.kit.outcomes import Fact
from connectors.kit.requests import answer, reason
from connectors.kit.slots import Offer, check
from connectors.municipality.node import Node
from connectors.municipality.subject import Context, named_institution
from schemas.errors import PoisonError
from schemas.records import AgencyRequest, Code, Institution, RequestAnswer, Slot, Time
from schemas.shelves import shelf_key

KINDS = ("answer", "slots")
"""What the member ``samband`` of such a document can say."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, before it is known whom it is about."""

    request_id: str
    answer: RequestAnswer
    reason: Code | None
    at: Time

    def fact(self, request: AgencyRequest) -> Fact:
        """The fact about ``request``; PoisonError where it cannot be answered so."""
        remarks = ("code.unknown",) if self.reason and self.reason["mapped"] == "UNKNOWN" else ()
        try:
            return answer(request, self.answer, at=self.at, reason=self.reason, remarks=remarks)
        except PoisonError as error:
            raise PoisonError(str(error), reason=error.reason, where="/answer") from None


@dataclass(frozen=True, slots=True)
class SlotDocument:
    """All times that are free for one service at one institution."""

    name: str
    """Tells it from the documents of other services."""
    offers: tuple[Offer, ...]
    at: Time


def read_answer(root: Node, received: int, context: Context) -> Answered:
    """The answer in a document; PoisonError where it is none."""
    said = root.code("answer").upper()
    found = next((known for known in get_args(RequestAnswer) if known == said), None)
    if found is None:
        raise PoisonError("no answer that the bus knows", reason="request.answer", where=root.at("answer"))
    code = root.code("reason")
    return Answered(
        request_id=root.reference("requestId") or root.text("requestId"),
        answer=found,
        reason=reason(code) if code else None,
        at=_at(root, "answeredAt", received, context),
    )


def read_slots(root: Node, received: int, context: Context) -> SlotDocument:
    """The slots in a document; PoisonError where it is wrong."""
    institution, service = _institution(root, context), _service(root, context)
    if not root.has("slots"):
        raise PoisonError("the list of slots is missing", reason="value.missing", where=root.at("slots"))
    nodes = list(root.children("slots"))
    offers = tuple(Offer(institution, service, _slot(node, context)) for node in nodes)
    check(offers, [node.where for node in nodes])
    at = _at(root, "madeAt", received, context)
    return SlotDocument(shelf_key(institution, service), offers, at)


def _institution(root: Node, context: Context) -> Institution:
    settings = context.settings
    own: Institution = {
        "system": settings.institution_system, "id": settings.institution, "department": None,
    }  # fmt: skip
    if not root.has("institution"):
        return own
    node = root.child("institution")
    named = named_institution(node, context, "id") or own
    return {**named, "department": node.reference("department")}


def _service(root: Node, context: Context) -> Code:
    node = root.child("service")
    code = node.code("code")
    if not code:
        raise PoisonError("a code is missing here", reason="value.missing", where=node.at("code"))
    system = node.reference("system") or f"urn:samband:service:{context.agency}"
    return {"code": code, "system": system, "mapped": node.code("mapped") or "UNKNOWN"}


def _slot(node: Node, context: Context) -> Slot:
    zone = context.zone
    return {
        "id": node.reference("id") or node.text("id"),
        "start": node.time("start", zone),
        "end": node.time("end", zone),
        "resource": node.reference("resource"),
        "place": node.reference("place"),
        "valid_until": node.time("validUntil", zone) if node.has("validUntil") else None,
    }


def _at(root: Node, name: str, received: int, context: Context) -> Time:
    return root.time(name, context.zone) if root.has(name) else times.doubtful("", received)
