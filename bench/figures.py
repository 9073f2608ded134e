"""A measured figure: its runs, their spread, and whether it reaches its goal."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Protocol

from bench.machine import Machine


class Entry(Protocol):
    """What a benchmark gives: an entry of the JSON file."""

    def as_dict(self, command: str, machine: Machine) -> dict[str, Any]:
        """As the file has it. ``command`` makes it again."""


class WrongAnswerError(Exception):
    """The work that was timed did not give the right answer, so its time means nothing."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the median of the runs is held against."""

    at_least: float | None = None
    below: float | None = None

    def met(self, value: float) -> bool:
        """Whether ``value`` reaches it."""
        enough = self.at_least is None or value >= self.at_least
        return enough and (self.below is None or value < self.below)

    def __str__(self) -> str:
        """As people write it: ``≥ 5,000`` or ``< 120``."""
        parts = [] if self.at_least is None else [f"≥ {readable(self.at_least)}"]
        parts += [] if self.below is None else [f"< {readable(self.below)}"]
        return " and ".join(parts)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one benchmark, measured at least once."""

    name: str
    """The benchmark's name, a dot, and what of it, e.g. ``hl7.messages``."""
    what: str
    unit: str
    runs: tuple[float, ...]
    goal: Goal | None = None

    def __post_init__(self) -> None:
        if not self.runs:
            raise ValueError(f"{self.name}: a figure needs a run")

    @property
    def median(self) -> float:
        """The middle run, or the mean of the two middle ones."""
        return median(self.runs)

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the goal; None where there is no goal."""
        return None if self.goal is None else self.goal.met(self.median)

    def as_dict(self, command: str, machine: Machine) -> dict[str, Any]:
        """The figure as the JSON file has it."""
        return {
            "name": self.name,
            "what": self.what,
            "unit": self.unit,
            "runs": [rounded(run) for run in self.runs],
            "min": rounded(min(self.runs)),
            "median": rounded(self.median),
            "max": rounded(max(self.runs)),
            "goal": None if self.goal is None else str(self.goal),
            "met": self.met,
            "command": command,
            "machine": asdict(machine),
        }


def as_json(entries: Sequence[Entry], command: str, machine: Machine) -> str:
    """All entries as a JSON list."""
    return json.dumps([entry.as_dict(command, machine) for entry in entries], indent=2, ensure_ascii=False)


_DIGITS = 3


def rounded(value: float) -> float:
    """``value`` with three digits that count; whole numbers above a thousand keep all of theirs."""
    return float(round(value)) if abs(value) >= 10**_DIGITS else float(f"{value:.{_DIGITS}g}")


def readable(value: float) -> str:
    """``value`` as people write it: 12,345 or 6.78."""
    return f"{rounded(value):,.10g}"
