"""A citizen whose state is stored after every record, as the engine stores it, and which is told the time."""

from dataclasses import dataclass, field
from typing import Any

from router.agreement import desk
from router.events import Event, Output
from router.rules import load_rules
from router.state import Citizen, Records
from router.step import step, tick, wake
from router.stored import dump, load
from tests.router.agreement.building import KEY, MINUTE
from tests.router.building import at, encoded

AGENCIES = ("clinic.a", "hospital.b", "school.c")
RULES = load_rules(inboxes=AGENCIES)
START = at("2026-03-02 08:00")


@dataclass
class Rig:
    """One key of the router."""

    key: str = KEY
    minute: int = START
    stored: bytes = b""
    said: list[Output] = field(default_factory=list)
    warm: Citizen | None = None
    """The same state, never stored: both must say the same."""

    def take(self, event: Event) -> list[Output]:
        """A record comes."""
        warm, again = step(self.key, self.warm, event, RULES)
        first, outputs = step(self.key, load(self.stored) if self.stored else None, event, RULES)
        second, replayed = step(self.key, load(self.stored) if self.stored else None, event, RULES)
        return self._keep(first, second, warm, [outputs, replayed, again])

    def offer(self, proposal: dict[str, Any]) -> list[Output]:
        """Planning proposes something."""
        first, second, warm = load(self.stored), load(self.stored), self.warm or Citizen()
        outputs: list[list[Output]] = [[], [], []]
        for citizen, said in zip((first, second, warm), outputs, strict=True):
            desk.offer(citizen.records, proposal, said)
        return self._keep(first, second, warm, outputs)

    def pass_to(self, minute: int) -> list[Output]:
        """Time passes; the citizen is told of those minutes that it wants, as the engine does it."""
        found = []
        while self.stored:
            wanted = wake(load(self.stored))
            if wanted is None or wanted > minute:
                break
            self.minute = max(-(-wanted // MINUTE) * MINUTE, self.minute + MINUTE)
            if self.minute > minute:
                break
            found += self._tick()
        self.minute = minute
        return found

    def _tick(self) -> list[Output]:
        assert self.warm is not None
        first, outputs = tick(self.key, load(self.stored), self.minute, RULES)
        second, replayed = tick(self.key, load(self.stored), self.minute, RULES)
        warm, again = tick(self.key, self.warm, self.minute, RULES)
        return self._keep(first, second, warm, [outputs, replayed, again])

    def _keep(self, first, second, warm, outputs: list[list[Output]]) -> list[Output]:
        """A crash before the commit makes nothing else of the same record, nor does a restart."""
        assert outputs[0] == outputs[1] == outputs[2]
        if first is not None:
            assert dump(first) == dump(second) == dump(warm)
            assert wake(first) == wake(warm)
            self.stored, self.warm = dump(first), warm
        for output in outputs[0]:
            encoded(output)
        self.said += outputs[0]
        return outputs[0]

    @property
    def records(self) -> Records:
        assert self.warm is not None
        return self.warm.records

    def values(self, record: str) -> list[dict[str, Any]]:
        """The records of a type that were said, in order."""
        return [dict(output.value) for output in self.said if output.record == record]

    def requests(self) -> list[dict[str, Any]]:
        return self.values("AgencyRequest")

    def statuses(self) -> list[str]:
        return [value["status"] for value in self.values("Proposal")]

    def refusals(self) -> list[str]:
        return [value["reason"] for value in self.values("Refusal")]

    def told(self) -> list[str]:
        """The texts of the entries that the agreement made, in order."""
        return [value["text"] for value in self.values("TimelineEntry") if value["kind"] == "Proposal"]
