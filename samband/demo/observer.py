"""Reads the citizen topics and the outcomes like any downstream app, and keeps what the screen shows."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bus.reader import decoded, follow
from bus.registry.codec import codec_of
from bus.settings import Settings
from samband.accounting import OFFERS, UNIFIED_TOPICS, Ledger
from samband.citizen_view import Citizens

TOPICS = (
    "inputs",
    *UNIFIED_TOPICS,
    OFFERS,
    "router.moves",
    "timeline",
    "coordination",
    *(f"{name}.dlq" for name in (*UNIFIED_TOPICS, OFFERS, "router.moves")),
)


@dataclass(slots=True)
class Observer:
    """Follows the topics for as long as `run` runs."""

    settings: Settings
    ledger: Ledger = field(default_factory=Ledger)
    citizens: Citizens = field(default_factory=Citizens)
    proposals: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """How each proposal stands, by its id."""
    offered: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Each proposal as it was said first, by its id."""
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    """What comes next, by physical topic and partition."""
    last_change: float = 0.0
    """When the last record came, on the monotonic clock."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Read until cancelled."""
        records = follow(self.settings, *TOPICS, from_beginning=True)
        async for found in decoded(records, codec_of(self.settings)):
            place = self.settings.topic(found.record.topic), found.record.partition
            self.positions[place] = found.record.offset + 1
            if found.decoded is None:
                continue  # the contract has a record type that this program does not know yet
            record, value = found.decoded.record, found.decoded.value
            self.ledger.add(found.record.topic, (found.record.partition, found.record.offset), record, value)
            if record == "Proposal":
                known = self.proposals.get(value["proposal_id"])
                if known is None or known["revision"] < value["revision"]:
                    self.proposals[value["proposal_id"]] = value
                if value["status"] == "OPEN":
                    self.offered.setdefault(value["proposal_id"], value)
            if "citizen" in value:
                self.citizens.add(record, value)
            self.last_change = time.monotonic()
            self.changed.set()

    def quiet(self, seconds: float) -> bool:
        """Whether nothing has come for so long: what passes between two keys of a citizen has arrived."""
        return time.monotonic() - self.last_change > seconds
