"""Hands the core to the engine: decodes what comes in, encodes what goes out, and nothing else."""

from collections.abc import Sequence
from functools import cache

from bus.engine.stage import Output
from bus.metrics import ROUTER_REFUSED
from router import shelf
from router.events import MOVES, REFUSALS, SLOTS, Event, Outputs
from router.events import Output as Said
from router.rules import Rules
from router.shelf import Shelf
from router.state import KIND_NUMBER, Citizen
from router.step import step, tick, wake
from router.stored import FORMAT, dump, load
from schemas.catalogue import catalogue
from schemas.cloudevents import Header, constant_headers
from schemas.codec import Codec
from schemas.errors import FatalError, PoisonError
from schemas.shelves import PREFIX, shelf_key

_SOURCE = "urn:samband:router"
_NAMES = {
    "TimelineEntry": "entry_id",
    "EntryChanged": "entry_id",
    "CaseStatus": "case",
    "Finding": "finding_id",
    "CitizenMoved": "citizen",
    "CaseWithdrawn": "case",
    "IdentityRefused": "refusal_id",
    "Proposal": "proposal_id",
}
"""The field that, with citizen and revision, tells a record of a citizen topic from every other."""
UNREAD = (
    "meta.recorded.source", "meta.recorded.confidence", "meta.ingested", "meta.source.message_id",
    "meta.source.content_hash", "meta.legal_basis", "meta.purpose",
    "meta.remarks", "meta.traceparent", "meta.hops", "place", "ward", "disposition", "class_id", "other_key",
    "status.code", "status.system", "reason.code", "reason.system", "role.code", "role.system", "roles",
    "relations", "details.practitioner", "details.place", "details.items",
)  # fmt: skip
"""What a step never looks at, in whichever record has it: most of a record's bytes."""


class UnreadableStateError(FatalError):
    """A stored state was written by another version of the router, or is damaged."""


State = Citizen | Shelf
"""What stands under a key: a citizen, or the slots of a service at an institution."""
_SHELF_KEY = PREFIX.encode()
_ASIDE = {"SlotsAsked": "shelf", "SlotsWatched": "shelf", "SlotsFound": "citizen", "SlotLost": "citizen"}
"""What citizens and shelves say to each other, and the field that names whom it is for."""


class CitizenStage:
    """The stage ``router.citizen``: all facts of a citizen and the moves between keys, one state per key.

    Slots lie on shelves, which have keys of their own (``shelf.py``).
    """

    name: str = "router.citizen"
    inputs: tuple[str, ...] = ("person", "appointment", "stay", "case", "education", "citizen", SLOTS, MOVES)
    state_version: int = FORMAT
    parks: bool = True

    def __init__(self, codec: Codec, rules: Rules) -> None:
        """One codec and one set of rules serve all partitions of a process."""
        self._codec = codec.leaving_out(UNREAD)
        self._rules = rules

    def decode(self, topic: str, key: bytes, value: bytes) -> Event:
        """The event in a record.

        Raises:
            PoisonError: it is no fact or move that this version knows, or not under its own key.
        """
        event = self._fact(topic, value) if topic != MOVES else self._move(value)
        if event.key.encode() != key or (key[: len(_SHELF_KEY)] == _SHELF_KEY) != (
            event.record in shelf.RECORDS
        ):
            raise PoisonError(
                "the record's key is not that of the citizen or the shelf that it names",
                reason="key.mismatch",
                where="/meta/subject/key",
            )
        return event

    def step(self, key: str, state: State | None, event: Event) -> tuple[State | None, Sequence[Output]]:
        """The next state and the encoded outputs."""
        if event.record in shelf.RECORDS:
            lying, said = shelf.step(state if isinstance(state, Shelf) else None, event)
            return lying, self._encoded(said)
        after, said = step(key, state if isinstance(state, Citizen) else None, event, self._rules)
        return after, self._encoded(said)

    def tick(self, key: str, state: State, minute: int) -> tuple[State | None, Sequence[Output]]:
        """What time does to a citizen or a shelf."""
        if isinstance(state, Shelf):
            return shelf.tick(state, minute), ()
        after, said = tick(key, state, minute, self._rules)
        return after, self._encoded(said)

    def _encoded(self, said: Outputs) -> list[Output]:
        encode = self._codec.encode
        outputs = []
        for output in said:
            subject = output.key.encode()
            value = encode(output.record, output.value)
            outputs.append(Output(output.topic, subject, value, _headers(output, subject)))
            if output.topic == REFUSALS:
                ROUTER_REFUSED.labels(output.record, output.value["reason"]).inc()
        return outputs

    def dump(self, state: State) -> bytes:
        """The state as bytes."""
        return dump(state) if isinstance(state, Citizen) else shelf.dump(state)

    def wake(self, state: State) -> int | None:
        """When the state wants a tick."""
        return shelf.wake(state) if isinstance(state, Shelf) else wake(state)

    def load(self, data: bytes, version: int) -> State:
        """The state that ``dump`` wrote.

        Raises:
            UnreadableStateError: going on would forget what is known of a citizen.
        """
        try:
            return shelf.load(data) if data[:1] == shelf.MARK else load(data)
        except PoisonError as error:
            raise UnreadableStateError(
                str(error), fix="Run the version that wrote it, or rebuild the state by a replay."
            ) from None

    def _fact(self, topic: str, data: bytes) -> Event:
        decoded = self._codec.decode(data)
        record, value = decoded.record, decoded.value
        if record in KIND_NUMBER:
            return Event(topic, value["meta"]["subject"]["key"], record, value, data)
        if record in shelf.OFFERS:
            return Event(topic, shelf_key(value["institution"], value["service"]), record, value, data)
        raise PoisonError(
            f"{record} is not a fact that the router knows", reason="record.unknown", where="/1"
        )

    def _move(self, data: bytes) -> Event:
        decoded = self._codec.decode(data)
        move = decoded.value
        if decoded.record in _ASIDE:
            return Event(MOVES, move[_ASIDE[decoded.record]], decoded.record, move, data)
        if decoded.record != "Move":
            raise PoisonError(f"{decoded.record} is not a Move", reason="record.unknown", where="/1")
        moved: Event | Citizen | None = None
        if move["kind"] == "STATE":
            moved = load(move["payload"])
        elif move["kind"] == "FACT":
            moved = self._fact(move["source_topic"] or "", move["payload"])
        return Event(MOVES, move["to_key"], "Move", move, data, moved)


@cache
def _constant(record: str) -> tuple[Header, ...]:
    return constant_headers(catalogue().records[record], _SOURCE)


@cache
def _markings(sensitivity: str | None, protection: str | None) -> tuple[Header, ...]:
    if sensitivity is None or protection is None:
        return ()
    return ("samband_sensitivity", sensitivity.encode()), ("samband_protection", protection.encode())


def _headers(output: Said, subject: bytes) -> Sequence[Header]:
    """CloudEvents attributes and markings; none on what stays inside the router."""
    value, name = output.value, _NAMES.get(output.record)
    if name is not None:
        identity = f"{output.key}.{value[name]}.{value['revision']}"
    elif output.record == "AgencyRequest":
        identity = value["request_id"]
    elif output.record == "Refusal":
        identity = f"{value['event_id']}.{value['reason']}"
    else:
        return ()
    return (
        *_constant(output.record),
        ("ce_id", identity.encode()),
        ("ce_subject", subject),
        *_markings(value.get("sensitivity"), value.get("protection")),
    )
