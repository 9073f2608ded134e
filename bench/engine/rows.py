"""What one system reached: a row of the table, an entry of the JSON file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from rich import box
from rich.table import Table

from bench.figures import Figure, readable, rounded
from bench.machine import Machine

LOW, HIGH = 1000, 5000
"""Records offered a second where waits are measured."""


@dataclass(slots=True)
class Row:
    """One system in one shape, over one part of the work. Lists have a value for each round."""

    system: str
    processes: int = 1
    threads: int = 1
    work: str = ""
    """Which records the figures are of."""
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Processor seconds for 100,000 records."""
    resident: list[float] = field(default_factory=list)
    """The most memory, in MB."""
    p50: dict[int, list[float]] = field(default_factory=lambda: {LOW: [], HIGH: []})
    p99: dict[int, list[float]] = field(default_factory=lambda: {LOW: [], HIGH: []})
    """Milliseconds by offered rate."""
    share: dict[int, list[float]] = field(default_factory=lambda: {0: [], LOW: [], HIGH: []})
    """Percent of a core by offered rate, 0 being idle."""
    correct: bool = True
    not_run: str = ""
    """Why there are no figures, or why there are no more."""
    goals: Sequence[Figure] = ()
    """What is held against other rows of the same run."""

    def as_dict(self, command: str, machine: Machine) -> dict[str, Any]:
        """The row as the JSON file has it; null where nothing was measured."""
        return {
            "system": self.system,
            "processes": self.processes,
            "threads": self.threads,
            "work": self.work,
            "records_per_s": _spread(self.rates),
            "cpu_s_per_100k": _middle(self.cpu),
            "rss_mb": _middle(self.resident),
            "p50_ms": _middle(self.p50[LOW]),
            "p99_ms": _middle(self.p99[LOW]),
            "p50_ms_at_5000": _middle(self.p50[HIGH]),
            "p99_ms_at_5000": _middle(self.p99[HIGH]),
            "cpu_percent": {str(rate): _middle(shares) for rate, shares in self.share.items()},
            "correct": self.correct,
            "not_run": self.not_run or None,
            "rounds": max(len(self.rates), len(self.p50[LOW])),
            "goals": [goal.as_dict(command, machine) for goal in self.goals],
            "command": command,
            "machine": asdict(machine),
        }


def _middle(values: Sequence[float]) -> float | None:
    return rounded(median(values)) if values else None


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {"min": None, "median": None, "max": None}
    return {"min": rounded(min(values)), "median": rounded(median(values)), "max": rounded(max(values))}


def table(rows: Sequence[Row]) -> Table:
    """All rows for people."""
    shown = Table(title="Side by side", box=box.SIMPLE_HEAD)
    for heading in ("system", "processes", "threads", "records"):
        shown.add_column(heading)
    for heading in ("records/s (min median max)", "CPU s/100k", "MB"):
        shown.add_column(heading, justify="right")
    for rate in (LOW, HIGH):
        shown.add_column(f"p50/p99 ms at {rate:,}/s", justify="right")
    shown.add_column("CPU % idle, 1,000/s, 5,000/s", justify="right")
    shown.add_column("answer")
    for row in rows:
        waits = (f"{_text(row.p50[rate])}/{_text(row.p99[rate])}" for rate in (LOW, HIGH))
        shown.add_row(
            row.system,
            str(row.processes),
            str(row.threads),
            row.work,
            " ".join(readable(value) for value in _three(row.rates)),
            _text(row.cpu),
            _text(row.resident),
            *waits,
            ", ".join(_text(row.share[rate]) for rate in (0, LOW, HIGH)),
            f"not run: {row.not_run}" if row.not_run else "right" if row.correct else "[red]wrong[/]",
        )
    return shown


def _three(values: Sequence[float]) -> Sequence[float]:
    return (min(values), median(values), max(values)) if values else ()


def _text(values: Sequence[float]) -> str:
    return readable(median(values)) if values else "-"
