"""How often and how much to measure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LEAST_RUNS: Final = 3


def _silent(_: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Given to each benchmark."""

    runs: int = LEAST_RUNS
    scale: float = 1.0
    """Part of the full amount of work. Below 1 the machinery is tried out, and the figures mean little."""
    tell: Callable[[str], None] = field(default=_silent)
    """Is told in a few words what is being done now."""
    folder: Path = Path("build/bench")
    """Where pictures go."""

    def count(self, full: int) -> int:
        """``full`` by the scale, at least 1."""
        return max(1, round(full * self.scale))

    def each_run(self, what: str) -> Iterator[int]:
        """The number of each run, told as it begins. What is compared is done within every run."""
        for number in range(self.runs):
            self.tell(f"{what}, run {number + 1} of {self.runs}")
            yield number
