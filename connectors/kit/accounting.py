"""Counts what became of every input: the sum of the three outcomes is the number of inputs, always."""

from collections import Counter
from dataclasses import dataclass, field

from schemas.records import InputOutcome


@dataclass
class Accounting:
    """The totals of one connector since it started."""

    inputs: int = 0
    published: int = 0
    facts: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    """By reason."""
    dead_lettered: Counter[str] = field(default_factory=Counter)
    """By reason."""

    def count(self, outcome: InputOutcome) -> None:
        """Add an input whose outcome Kafka has confirmed."""
        self.inputs += 1
        if outcome["outcome"] == "PUBLISHED":
            self.published += 1
            self.facts += len(outcome["events"])
        elif outcome["outcome"] == "IGNORED":
            self.ignored[outcome["reason"]] += 1
        else:
            self.dead_lettered[outcome["reason"]] += 1

    @property
    def unaccounted(self) -> int:
        """Inputs without an outcome; 0, or something is wrong."""
        return self.inputs - self.published - self.ignored.total() - self.dead_lettered.total()
