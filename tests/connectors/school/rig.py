"""A school connector on real folders and a bus in memory (or any other publisher)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import schemas
from bus.logs import get_logger
from bus.settings import ConnectorSettings
from connectors.kit.assembly import AssemblyContext
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.publisher import Publisher
from connectors.kit.reasons import DEAD_LETTER_REASONS, IGNORED_REASONS
from connectors.kit.runtime import ConnectorContext
from connectors.kit.testing import MemoryBus, Written, memory_publisher
from connectors.school.settings import SchoolSettings
from connectors.school.source import SchoolSource

AGENCY = "school.granvik"
REMARKS = frozenset(yaml.safe_load((Path(schemas.__file__).parent / "remarks.yaml").read_text()))
SYSTEM = f"oneroster:{AGENCY}"
PSEUDONYMS = Pseudonyms(b"a key for tests that protects nothing", "1")
CONTEXT = AssemblyContext("school", AGENCY, "opplæringsloven", "coordination")


@dataclass
class Rig:
    """``restart`` gives a new process on the same folders and the same bus."""

    path: Path
    options: dict[str, Any] = field(default_factory=dict)
    bus: MemoryBus = field(default_factory=MemoryBus)
    publisher: Publisher | None = None

    def __post_init__(self) -> None:
        drop = {"folder": self.path / "drop", "interval_seconds": 0.01, "patience_seconds": 0.0}
        drop |= self.options.pop("drop", {})
        self.settings = SchoolSettings.model_validate({"drop": drop, **self.options})
        self.restart()

    def restart(self) -> None:
        own = ConnectorSettings.model_validate(
            {"kind": "school", "agency": AGENCY, "legal_basis": "opplæringsloven", "purpose": "coordination"}
        )
        publisher = self.publisher or memory_publisher(self.bus, CONTEXT)
        log = get_logger("connector.school")
        data = self.path / "data"
        context = ConnectorContext("school", own, publisher, PSEUDONYMS, data, log)
        self.source = SchoolSource(context, self.settings)
        self.drop = self.source.drop
        self.drop.prepare()

    @property
    def inbox(self) -> Path:
        return self.drop.inbox

    async def work(self) -> list[Written]:
        """Take all that is in the folder; the facts that this gave."""
        before = len(self.bus.facts)
        self.drop.poll()
        while claims := self.drop.poll():
            await self.source.take(claims[0])
        facts = self.bus.facts[before:]
        for fact in facts:
            assert REMARKS.issuperset(fact.value["meta"]["remarks"])
        for _, reason in self.outcomes:
            assert reason in {"", *IGNORED_REASONS, *DEAD_LETTER_REASONS}
        return facts

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(record.value["outcome"], record.value["reason"]) for record in self.bus.on("inputs")]

    def lying_in(self, place: str) -> list[str]:
        """File names in archive, failed or held."""
        folder = self.path / "drop" / place
        return sorted(path.name for label in folder.iterdir() if label.is_dir() for path in label.iterdir())

    def reports(self, place: str = "failed") -> str:
        return "\n".join(path.read_text() for path in (self.path / "drop" / place).glob("*.report.txt"))


def local(sourced_id: str, system: str = SYSTEM) -> dict[str, Any]:
    return {"system": system, "pseudonym": PSEUDONYMS.of(system, sourced_id), "national": False}


def norwegian(number: str) -> dict[str, Any]:
    system = "urn:oid:2.16.578.1.12.4.1.4.1"
    return {"system": system, "pseudonym": PSEUDONYMS.of(system, number), "national": True}
