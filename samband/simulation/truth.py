"""The shapes in which the oracle and the bus are held against each other. Nothing in them is personal."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple


class Entry(NamedTuple):
    """An entry of a timeline. Instants are microseconds since the epoch; "" and None: there is none."""

    at: int
    text: str
    agency: str
    institution: str
    """``system|id``."""
    start: int | None = None
    end: int | None = None
    holder: str = ""
    """Kind and institution of whoever has to act."""
    next_step: str = ""
    expected_by: int | None = None
    status: str = "CURRENT"


class Party(NamedTuple):
    """One thing that takes part in a finding."""

    kind: str
    start: int
    end: int | None
    institution: str

    def order(self) -> tuple[str, int, int, str]:
        """Any order, as long as it is one."""
        return self.kind, self.start, self.end or 0, self.institution


class Finding(NamedTuple):
    """Something that collides or burdens."""

    kind: str
    severity: str
    reason: str
    parties: tuple[Party, ...]
    numbers: tuple[tuple[str, int], ...] = ()
    confidence: str = "EXACT"


class Identifier(NamedTuple):
    """A number under which somebody is known, before it becomes a pseudonym."""

    system: str
    value: str
    national: bool = False


@dataclass(slots=True)
class Truth:
    """What the bus has to show of one citizen."""

    identifiers: list[Identifier] = field(default_factory=list)
    """The one under which the citizen is spoken of comes first."""
    entries: list[Entry] = field(default_factory=list)
    findings: Counter[Finding] = field(default_factory=Counter)
