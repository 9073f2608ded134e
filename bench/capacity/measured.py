"""The measured figures that capacity is worked out from: the table of `docs/performance.md`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
_NAME, _MEDIAN = 0, 4
"""Columns of the page's table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one process, one fact and one citizen take; medians."""

    facts_per_second: float
    """One router process."""
    restored_per_second: float
    """Values of the changelog, one process."""
    unified_bytes: float
    """On disk for each fact in the unified topics, one replica."""
    router_bytes: float
    """On disk for each fact in what the router writes, one replica."""
    state_bytes: float
    """In the router's local store for each citizen."""
    connector_mb: float

    @classmethod
    def read(cls, page: str | None = None) -> Self:
        """The medians of ``page``, by default of the page in the repository.

        Raises:
            KeyError: the page has no such figure.
        """
        medians = _medians(PAGE.read_text(encoding="utf-8") if page is None else page)
        return cls(
            facts_per_second=medians["router.facts"],
            restored_per_second=medians["restore.values"],
            unified_bytes=medians["volume.unified"],
            router_bytes=medians["volume.router"],
            state_bytes=medians["volume.state"],
            connector_mb=medians["memory.connector"],
        )


def _medians(page: str) -> dict[str, float]:
    medians = {}
    for line in page.splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|\n").split("|")]
            medians[cells[_NAME].strip("`")] = float(cells[_MEDIAN].replace(",", ""))
    return medians
