"""What a connector makes of an input: facts, a reason to ignore it, or a reason to dead-letter it."""

from dataclasses import dataclass
from typing import Any

from schemas.records import Identifier, Protection, Sensitivity, Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One business fact, before the kit gives it its ``meta`` record.

    ``record`` is the short name of the Avro record (``AppointmentScheduled``), ``body`` its fields but
    ``meta``. ``identifiers`` holds at least one, the strongest first: its pseudonym is the record key. Only
    a fact whose subject is known by its ``key`` alone (a shelf of slots, the citizen of a request) has none.
    A cumulative document or a set gives ``identity`` and ``content`` (a keyed digest), the identity and
    content of the part that gave this fact, so that sending the whole again gives the same event id.
    """

    record: str
    identifiers: tuple[Identifier, ...]
    occurred: Time
    recorded: Time
    body: dict[str, Any]
    sensitivity: Sensitivity = "SENSITIVE"
    protection: Protection = "NONE"
    remarks: tuple[str, ...] = ()
    supersedes: str | None = None
    retracts: str | None = None
    sequence: int | None = None
    identity: str = ""
    content: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInput:
    """An input as it was read: its bytes and what is known of it without personal data."""

    payload: bytes
    received: int
    """Microseconds since the epoch."""
    kind: str = ""
    """Message or file type, e.g. ``ADT^A01``; empty when unreadable."""
    system: str = ""
    """The source system's own name."""
    message_id: str = ""
    """The source's identity of the message; may be empty. Never a file name or anything personal."""


@dataclass(frozen=True, slots=True)
class Publish:
    """The input gave these facts. An input that changes nothing is ``Ignore("unchanged")``, not this.

    A request that was carried to the agency gives none: its answer comes as an input of its own.
    """

    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Ignore:
    """The input is well-formed, and the bus does not carry it. ``reason`` is from ``reasons.py``."""

    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The input cannot be carried although it should. No field holds a value from the payload."""

    reason: str
    problem: str
    where: str = ""
    error: str = ""
    facts: tuple[Fact, ...] = ()
    """What is said all the same: that a request is refused, so that nobody waits for it."""


Translation = Publish | Ignore | DeadLetter
