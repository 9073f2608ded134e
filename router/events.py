"""What goes into the router's core and what comes out of it: plain values, nothing of Kafka.

Structs, because several are made for each fact, and outside the search for garbage in circles, because they
are in none.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from router.rules import Rules

if TYPE_CHECKING:
    from router.state import Citizen

TIMELINE = "timeline"
COORDINATION = "coordination"
MOVES = "router.moves"
SLOTS = "slot"
REFUSALS = "refusals"


class Event(msgspec.Struct, frozen=True, gc=False):
    """A record as the core sees it. Instants in ``value`` are microseconds since the epoch, UTC."""

    topic: str
    """Logical name of the topic that it came on."""
    key: str
    record: str
    """Short name of the record type."""
    value: Mapping[str, Any]
    data: bytes
    """The framed record as it was read, so that it can be passed on unchanged."""
    moved: "Event | Citizen | None" = None
    """For a ``Move``: the fact or the state that it carries, already decoded."""


class Output(msgspec.Struct, frozen=True, gc=False):
    """A record that the core wants written: the stage encodes it."""

    topic: str
    key: str
    record: str
    value: Mapping[str, Any]


Outputs = list[Output]


class Turn(msgspec.Struct, frozen=True, gc=False):
    """What every part of one step needs to know."""

    home: str
    """The key whose state it is."""
    rules: Rules
    cause: str
    """Event id of the fact that set this off."""
    outputs: Outputs
    """What to say, in order; added to."""
    hops: int = 0
    """How often a move was passed on until it set this off."""
