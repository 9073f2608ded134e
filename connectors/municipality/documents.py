"""Tells the documents apart that a municipality sends: Digisos cases, answers to requests, and free slots.

The bus's own two carry a member ``samband`` that says which they are; everything else is a case.
"""

from connectors.kit.inbox import Inbox
from connectors.kit.outcomes import DeadLetter, Publish, SourceInput
from connectors.kit.publisher import Publisher
from connectors.kit.slot_sets import SlotSets
from connectors.municipality.answers import KINDS, read_answer, read_slots
from connectors.municipality.node import Node
from connectors.municipality.parse import read_json
from connectors.municipality.source import Answer, Cases
from connectors.municipality.subject import Context
from schemas.errors import PoisonError
from schemas.records import InputOutcome

_MARK = b'"samband"'
_SYSTEM = "samband"


class Documents:
    """What becomes of each document of one connector."""

    def __init__(
        self, cases: Cases, publisher: Publisher, context: Context, slots: SlotSets, inbox: Inbox | None
    ) -> None:
        """``inbox`` knows the requests that answers name; without it, none is known."""
        self._cases = cases
        self._publisher = publisher
        self._context = context
        self._slots = slots
        self._inbox = inbox

    async def accept(self, payload: bytes, place: str, received: int) -> Answer:
        """Carry one document; when this returns, its outcome is on the bus.

        ``place`` is the case id that a file name or path gives, ``received`` in microseconds.

        Raises:
            RetriableError: Kafka or the disk is away, or the inbox is still being read after a start. The
                document is to be given again.
        """
        root = _own(payload)
        if root is None:
            return await self._cases.accept(payload, place, received)
        try:
            return Answer(await self._carry(root, payload, received))
        except PoisonError as error:
            kind = next((kind for kind in KINDS if kind == root.value["samband"]), "")
            source = self._source(kind, payload, received)
            letter = DeadLetter(error.reason, str(error), error.where, type(error).__name__)
            return Answer(await self._publisher.publish(source, letter), error)

    async def refuse(
        self, payload: bytes, received: int, problem: PoisonError, message_id: str = ""
    ) -> Answer:
        """Dead-letter what must not be read. ``message_id`` tells unread ones apart."""
        return await self._cases.refuse(payload, received, problem, message_id)

    async def _carry(self, root: Node, payload: bytes, received: int) -> InputOutcome:
        kind = root.code("samband")
        if kind not in KINDS:
            raise PoisonError("no document of the bus", reason="value.wrong_type", where=root.at("samband"))
        if kind == "slots":
            found = read_slots(root, received, self._context)
            return await self._slots.take(
                found.name, found.offers, payload,
                system=self._context.system or _SYSTEM, at=found.at, received=received,
            )  # fmt: skip
        said = read_answer(root, received, self._context)
        if self._inbox is None:
            raise PoisonError("this connector takes no requests", reason="request.unknown")
        fact = said.fact(await self._inbox.find(said.request_id))
        source = self._source(kind, payload, received, said.request_id)
        return await self._publisher.publish(source, Publish((fact,)))

    def _source(self, kind: str, payload: bytes, received: int, message_id: str = "") -> SourceInput:
        return SourceInput(
            payload=payload,
            received=received,
            kind=kind,
            system=self._context.system or _SYSTEM,
            message_id=message_id,
        )


def _own(payload: bytes) -> Node | None:
    """The document if it is the bus's own, else None; what cannot be read is left to those who read cases."""
    if _MARK not in payload:
        return None
    try:
        root = Node.of(read_json(payload))
    except PoisonError:
        return None
    return root if root.has("samband") else None
