"""Makes records out of facts: event id, ``meta``, topic and headers. Pure: the same input, the same records.

Why ids are made like this: ``docs/adr/0006-pseudonyms-and-event-ids.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1, sha256
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from connectors.kit import times
from connectors.kit.outcomes import Fact, SourceInput
from schemas.catalogue import catalogue
from schemas.cloudevents import Header, constant_headers
from schemas.errors import FatalError

NAMESPACE: Final = uuid5(NAMESPACE_URL, "urn:samband:event")
SEPARATOR: Final = "\x1f"
_NAMESPACE_BYTES: Final = NAMESPACE.bytes
_VARIANT: Final = {sign: "89ab"[int(sign, 16) & 3] for sign in "0123456789abcdef"}
"""The digit of a UUID whose two upper bits are the variant, 0b10."""
RETRACTION: Final = "FactRetracted"


@dataclass(frozen=True, slots=True)
class AssemblyContext:
    """What is the same in every fact of one connector."""

    connector: str
    agency: str
    legal_basis: str
    purpose: str


@dataclass(frozen=True, slots=True)
class InputIdentity:
    """An input's hashes and ids, worked out once."""

    system: str
    content_hash: str
    """SHA-256 of the payload, in hex."""
    input_id: str
    """UUIDv5 of system, message id and content hash; also the trace that its facts belong to."""

    @classmethod
    def of(cls, source: SourceInput, agency: str) -> "InputIdentity":
        """The identity of an input at ``agency``. Two agencies may run the same system, so both count."""
        system = f"{agency}|{source.system}"
        content_hash = sha256(source.payload).hexdigest()
        return cls(system, content_hash, _uuid5(SEPARATOR.join((system, source.message_id, content_hash))))


@dataclass(frozen=True, slots=True)
class Assembled:
    """A record that is ready to be encoded and sent."""

    topic: str
    key: str
    record: str
    value: dict[str, Any]
    headers: list[Header]

    @property
    def event_id(self) -> str:
        """The fact's id."""
        event_id: str = self.value["meta"]["event_id"]
        return event_id


class MisfitError(FatalError):
    """A connector made a fact that the contract does not have: a mistake of ours."""


def event_id(system: str, identity: str, content: str, number: int) -> str:
    """The id of a fact: UUIDv5 of agency|system, message identity, content hash and fact number.

    ``number`` counts, from 0, the facts of one input that share identity and content.
    """
    return _uuid5(SEPARATOR.join((system, identity, content, str(number))))


def assemble(
    facts: Sequence[Fact],
    source: SourceInput,
    context: AssemblyContext,
    identity: InputIdentity | None = None,
) -> list[Assembled]:
    """The records for the facts of one input, in their order.

    Raises:
        MisfitError: a fact's record type is none of the contract's, or no topic carries it.
    """
    known = identity or InputIdentity.of(source, context.agency)
    ingested = times.exact(source.received)
    trace = known.input_id.replace("-", "")
    hops = [{"component": f"connector.{context.connector}", "at": source.received}]
    seen: dict[tuple[str, str], int] = {}
    assembled = []
    for fact in facts:
        own = (fact.identity or source.message_id, fact.content or known.content_hash)
        number = seen.get(own, 0)
        seen[own] = number + 1
        made = event_id(known.system, *own, number)
        key = fact.key or fact.identifiers[0]["pseudonym"]
        traceparent = f"00-{trace}-{made.replace('-', '')[:16]}-01"
        meta = {
            "event_id": made,
            "occurred": fact.occurred,
            "recorded": fact.recorded,
            "ingested": ingested,
            "source": {
                "agency": context.agency,
                "system": source.system,
                "message_id": source.message_id,
                "content_hash": known.content_hash,
                "sequence": fact.sequence,
            },
            "subject": {"key": key, "identifiers": list(fact.identifiers)},
            "supersedes": fact.supersedes,
            "retracts": fact.retracts,
            "legal_basis": context.legal_basis,
            "purpose": context.purpose,
            "sensitivity": fact.sensitivity,
            "protection": fact.protection,
            "remarks": sorted(set(fact.remarks)),
            "traceparent": traceparent,
            "hops": hops,
        }
        constant, topic = _constants(fact.record, _carrier(fact), context.agency)
        headers = [
            *constant,
            ("ce_id", made.encode()),
            ("ce_time", _rfc3339(fact.occurred["instant"]).encode()),
            ("ce_subject", key.encode()),
            ("samband_sensitivity", fact.sensitivity.encode()),
            ("samband_protection", fact.protection.encode()),
            ("traceparent", traceparent.encode()),
        ]
        assembled.append(Assembled(topic, key, fact.record, {"meta": meta, **fact.body}, headers))
    return assembled


def _uuid5(name: str) -> str:
    """``str(uuid5(NAMESPACE, name))`` (RFC 9562, section 5.5), without the object."""
    text = sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def _carrier(fact: Fact) -> str:
    """The record type whose topic the fact goes to: a retraction goes where the withdrawn fact went."""
    return fact.body["record"] if fact.record == RETRACTION else fact.record


@cache
def _constants(record: str, carrier: str, agency: str) -> tuple[tuple[Header, ...], str]:
    """The headers that do not differ between facts of one record type, and its topic."""
    known = catalogue().records
    if record not in known or carrier not in known or len(known[carrier].topics) != 1:
        raise MisfitError(f"the contract has no single topic for {record} about {carrier}")
    kind = known[record]
    return constant_headers(kind, f"urn:samband:agency:{agency}"), known[carrier].topics[0]


def _rfc3339(instant: int) -> str:
    return f"{times.to_datetime(instant).isoformat()[:-6]}Z"
