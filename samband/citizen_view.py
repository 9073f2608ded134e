"""What a citizen's topics say at this moment: the latest revision of each entry, case and finding."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from schemas.records import CaseStatus, Finding, TimelineEntry

_Record = TypeVar("_Record", TimelineEntry, CaseStatus, Finding)


@dataclass(slots=True)
class CitizenView:
    """A fold over one citizen's records of ``timeline`` and ``coordination``, in any order."""

    entries: dict[str, TimelineEntry] = field(default_factory=dict)
    cases: dict[str, CaseStatus] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)

    def add(self, record: str, value: Mapping[str, Any]) -> bool:
        """Take in one record; True if it changes what is shown."""
        if record == "TimelineEntry":
            return _keep_latest(self.entries, value["entry_id"], cast(TimelineEntry, value))
        if record == "CaseStatus":
            return _keep_latest(self.cases, value["case"], cast(CaseStatus, value))
        if record == "Finding":
            return _keep_latest(self.findings, value["finding_id"], cast(Finding, value))
        return False

    def timeline(self) -> list[TimelineEntry]:
        """Entries by the time at which they happened; those that no longer stand are among them."""
        return sorted(self.entries.values(), key=_order)

    def open_findings(self) -> list[Finding]:
        """Findings whose cause lasts, by the first thing that takes part."""
        standing = (finding for finding in self.findings.values() if finding["status"] == "OPEN")
        return sorted(
            standing, key=lambda finding: (finding["parties"][0]["start"]["instant"], finding["finding_id"])
        )

    def as_object(self) -> dict[str, Any]:
        """Everything as JSON has it."""
        return {
            "timeline": self.timeline(),
            "findings": self.open_findings(),
            "cases": sorted(self.cases.values(), key=lambda case: case["case"]),
        }


def _order(entry: TimelineEntry) -> tuple[int, int, int, str]:
    """The order that the router promises: docs/router.md."""
    sequence = -1 if entry["sequence"] is None else entry["sequence"]
    return entry["at"]["instant"], entry["recorded"], sequence, entry["entry_id"]


def _keep_latest(known: dict[str, _Record], name: str, value: _Record) -> bool:
    if name in known and known[name]["revision"] >= value["revision"]:
        return False
    known[name] = value
    return True
