"""Accounts for every input from what stands in the topics: what it became, and whether anything is lost.

The ledger reads outcomes, facts, timeline entries and dead letters like any other consumer, so it does not
trust what connectors and router say of themselves in their metrics.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNIFIED_TOPICS = ("person", "appointment", "stay", "case", "education", "citizen")
OFFERS = "slot"
"""The topic whose facts are about nobody, so that no timeline shows them."""
REQUEST = "AgencyRequest"
"""How the kind of an input begins that came from the agency's inbox, and that no legacy system has sent."""


@dataclass(frozen=True, slots=True)
class AgencyTotals:
    """What became of one connector's inputs."""

    sent: int
    inputs: int
    published: int
    ignored: int
    dead_lettered: int
    events: int

    @property
    def lost(self) -> int:
        """Inputs that were sent and have no outcome."""
        return max(0, self.sent - self.inputs)


@dataclass(slots=True)
class Ledger:
    """Counts while records are read; a record that is read twice counts once."""

    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    requests: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """As `outcomes`, of the requests that were carried to the connector's agency."""
    reasons: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    promised: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    facts: set[str] = field(default_factory=set)
    offers: set[str] = field(default_factory=set)
    routed: set[str] = field(default_factory=set)
    stage_dead_letters: int = 0
    _read: set[tuple[str, int, int]] = field(default_factory=set)

    def add(self, topic: str, position: tuple[int, int], record: str, value: Mapping[str, Any]) -> None:
        """Take in one record of logical ``topic`` at (partition, offset)."""
        if (topic, *position) in self._read:
            return
        self._read.add((topic, *position))
        if record == "InputOutcome":
            counted = self.requests if value["kind"].startswith(REQUEST) else self.outcomes
            counted[value["connector"]][value["outcome"]] += 1
            self.promised[value["connector"]].update(value["events"])
            if value["reason"]:
                self.reasons[value["connector"]][value["reason"]] += 1
        elif topic == OFFERS:
            self.offers.add(value["meta"]["event_id"])
        elif topic in UNIFIED_TOPICS:
            self.facts.add(value["meta"]["event_id"])
        elif record == "TimelineEntry":
            self.routed.add(value["entry_id"])
        elif record == "DeadLetter" and value["origin"] == "STAGE":
            self.stage_dead_letters += 1

    def totals(self, sent: Mapping[str, int]) -> dict[str, AgencyTotals]:
        """By connector; ``sent`` is how many inputs its legacy system says it has delivered."""
        totals = {}
        for connector in sorted({*sent, *self.outcomes}):
            counted = self.outcomes.get(connector, Counter())
            totals[connector] = AgencyTotals(
                sent=sent.get(connector, 0),
                inputs=counted.total(),
                published=counted["PUBLISHED"],
                ignored=counted["IGNORED"],
                dead_lettered=counted["DEAD_LETTERED"],
                events=len(self.promised.get(connector, ())),
            )
        return totals

    def lost(self, sent: Mapping[str, int]) -> int:
        """Inputs without outcome, promised facts that are not there, facts that the router never showed."""
        inputs = sum(totals.lost for totals in self.totals(sent).values())
        promised = set().union(*self.promised.values())
        unrouted = max(0, len(self.facts - self.routed) - self.stage_dead_letters)
        return inputs + len(promised - self.facts - self.offers) + unrouted
