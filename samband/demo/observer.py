"""Reads the citizen topics and the outcomes like any downstream app, and keeps what the screen shows."""

import asyncio
from dataclasses import dataclass, field

from bus.reader import decoded, follow
from bus.settings import Settings
from samband.accounting import UNIFIED_TOPICS, Ledger
from samband.citizen_view import CitizenView

TOPICS = ("inputs", *UNIFIED_TOPICS, "timeline", "coordination", *(f"{name}.dlq" for name in UNIFIED_TOPICS))


@dataclass(slots=True)
class Observer:
    """Follows the topics for as long as `run` runs."""

    settings: Settings
    ledger: Ledger = field(default_factory=Ledger)
    citizens: dict[str, CitizenView] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Read until cancelled."""
        async for found in decoded(follow(self.settings, *TOPICS, from_beginning=True)):
            if found.decoded is None:
                continue  # the contract has a record type that this program does not know yet
            record, value = found.decoded.record, found.decoded.value
            self.ledger.add(found.record.topic, (found.record.partition, found.record.offset), record, value)
            if "citizen" in value:
                self.citizens.setdefault(value["citizen"], CitizenView()).add(record, value)
            self.changed.set()

    def view(self, citizen: str) -> CitizenView:
        """What is known of a citizen so far."""
        return self.citizens.get(citizen) or CitizenView()
