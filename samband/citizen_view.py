"""What the citizen topics say at this moment: the latest revision of each entry, case and finding.

A citizen may have been known by several keys. ``CitizenMoved`` says under which key they are spoken of now;
what was said before stays where it was said, so a reader puts the keys together. ``EntryChanged`` and
``CaseWithdrawn`` say what was somebody else's after all (docs/router.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from schemas.records import (
    CaseStatus,
    CaseWithdrawn,
    CitizenMoved,
    EntryChanged,
    Finding,
    Proposal,
    TimelineEntry,
)

_Record = TypeVar(
    "_Record", TimelineEntry, EntryChanged, CaseStatus | CaseWithdrawn, Finding, Proposal, CitizenMoved
)


@dataclass(slots=True)
class CitizenView:
    """A fold over one citizen's records of ``timeline`` and ``coordination``, in any order."""

    entries: dict[str, TimelineEntry] = field(default_factory=dict)
    changes: dict[str, EntryChanged] = field(default_factory=dict)
    """By entry id; one may come before its entry, and under another of the citizen's keys."""
    findings: dict[str, Finding] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Entries that stood here and are somebody else's."""
    said_of_cases: dict[str, CaseStatus | CaseWithdrawn] = field(default_factory=dict)
    proposals: dict[str, Proposal] = field(default_factory=dict)

    @property
    def cases(self) -> dict[str, CaseStatus]:
        """The citizen's cases by their reference."""
        return {name: cast(CaseStatus, case) for name, case in self.said_of_cases.items() if "state" in case}

    @property
    def withdrawn(self) -> int:
        """How many entries and cases stood here that are somebody else's."""
        return len(self.gone) + sum("state" not in case for case in self.said_of_cases.values())

    def add(self, record: str, value: Mapping[str, Any]) -> bool:
        """Take in one record; True if it changes what is shown."""
        if record == "TimelineEntry":
            return _keep_latest(self.entries, value["entry_id"], cast(TimelineEntry, value))
        if record == "EntryChanged":
            return _keep_latest(self.changes, value["entry_id"], cast(EntryChanged, value))
        if record in {"CaseStatus", "CaseWithdrawn"}:
            return _keep_latest(self.said_of_cases, value["case"], cast(CaseStatus | CaseWithdrawn, value))
        if record == "Finding":
            return _keep_latest(self.findings, value["finding_id"], cast(Finding, value))
        if record == "Proposal":
            return _keep_latest(self.proposals, value["proposal_id"], cast(Proposal, value))
        return False

    def unite(self, other: "CitizenView") -> None:
        """Add what was said of the same citizen under another key."""
        for entry in other.entries.values():
            _keep_latest(self.entries, entry["entry_id"], entry)
        for change in other.changes.values():
            _keep_latest(self.changes, change["entry_id"], change)
        for case in other.said_of_cases.values():
            _keep_latest(self.said_of_cases, case["case"], case)
        for finding in other.findings.values():
            _keep_latest(self.findings, finding["finding_id"], finding)
        for proposal in other.proposals.values():
            _keep_latest(self.proposals, proposal["proposal_id"], proposal)

    def part(self, is_theirs: Callable[[str], bool]) -> None:
        """Leave out what turned out to be somebody else's; ``is_theirs`` is asked for the key whose it is."""
        for name, change in self.changes.items():
            entry = self.entries.get(name)
            if entry is not None and not is_theirs(change["moved_to"] or entry["citizen"]):
                del self.entries[name]
                self.gone.add(name)

    def take_back(self, other: "CitizenView", is_theirs: Callable[[str], bool]) -> None:
        """Add the entries that stand under somebody else's key and turned out to be this citizen's."""
        for name, change in other.changes.items():
            if change["moved_to"] is not None and is_theirs(change["moved_to"]) and name in other.entries:
                _keep_latest(self.changes, name, change)
                _keep_latest(self.entries, name, other.entries[name])

    def timeline(self) -> list[TimelineEntry]:
        """Entries by the time at which they happened; those that no longer stand are among them."""
        return sorted(map(self._present, self.entries.values()), key=_order)

    def _present(self, entry: TimelineEntry) -> TimelineEntry:
        """The entry with what was said of it later."""
        change = self.changes.get(entry["entry_id"])
        if change is None or change["revision"] <= entry["revision"]:
            return entry
        present = dict(entry)
        for name in ("revision", "status", "replaced_by"):
            present[name] = change[name]
        return cast(TimelineEntry, present)

    def open_findings(self) -> list[Finding]:
        """Findings whose cause lasts, by the first thing that takes part."""
        standing = (finding for finding in self.findings.values() if finding["status"] == "OPEN")
        return sorted(standing, key=lambda each: (each["parties"][0]["start"]["instant"], each["finding_id"]))

    def offered(self) -> list[Proposal]:
        """All proposals, the one that is open or was said last at the end."""
        return sorted(
            self.proposals.values(),
            key=lambda each: (
                each["status"] in {"OPEN", "ACCEPTED"},
                each["at"]["instant"],
                each["proposal_id"],
            ),
        )

    def as_object(self) -> dict[str, Any]:
        """Everything as JSON has it."""
        return {
            "timeline": self.timeline(),
            "findings": self.open_findings(),
            "cases": sorted(self.cases.values(), key=lambda case: case["case"]),
            "proposals": self.offered(),
            "withdrawn": self.withdrawn,
        }


@dataclass(slots=True)
class Keys:
    """Which keys mean the same citizen, as ``CitizenMoved`` has it so far, and where their entries stand."""

    moves: dict[str, CitizenMoved] = field(default_factory=dict)
    lenders: dict[str, set[str]] = field(default_factory=dict)
    """By key: other keys under which entries stand that are, or were for a while, this one's."""

    def add(self, record: str, value: Mapping[str, Any]) -> bool:
        """Take in one record of ``timeline``; True if it says something new of keys."""
        if record == "CitizenMoved":
            return _keep_latest(self.moves, value["citizen"], cast(CitizenMoved, value))
        if record != "EntryChanged" or value["moved_to"] is None:
            return False
        known = self.lenders.setdefault(value["moved_to"], set())
        if value["citizen"] in known:
            return False
        known.add(value["citizen"])
        return True

    def spoken_of(self, key: str) -> str:
        """The key under which this citizen is spoken of now."""
        seen = {key}
        while key in self.moves and self.moves[key]["moved_to"] not in seen:
            key = self.moves[key]["moved_to"]
            seen.add(key)
        return key

    def members(self, key: str) -> set[str]:
        """All keys of the citizen who is, or was, known by ``key``."""
        now = self.spoken_of(key)
        return {now, key} | {other for other in self.moves if self.spoken_of(other) == now}

    def sources(self, key: str) -> set[str]:
        """All keys under which something stands that may be this citizen's."""
        members = self.members(key)
        return members.union(*(self.lenders.get(member, ()) for member in members))


@dataclass(slots=True)
class Citizens:
    """All citizens that somebody follows at once; keeps everything in memory."""

    views: dict[str, CitizenView] = field(default_factory=dict)
    keys: Keys = field(default_factory=Keys)

    def add(self, record: str, value: Mapping[str, Any]) -> bool:
        """Take in one record of ``timeline`` or ``coordination``; True if it changes what is shown."""
        changed = self.keys.add(record, value)
        if record == "CitizenMoved":
            return changed
        return self.views.setdefault(value["citizen"], CitizenView()).add(record, value) or changed

    def view(self, key: str) -> CitizenView:
        """What is known of a citizen, under all keys."""
        members = self.keys.members(key)
        view = CitizenView()
        for member in members & self.views.keys():
            view.unite(self.views[member])
        view.part(members.__contains__)
        for lender in (self.keys.sources(key) - members) & self.views.keys():
            view.take_back(self.views[lender], members.__contains__)
        return view

    def everybody(self) -> dict[str, CitizenView]:
        """All citizens by the key under which each is spoken of now."""
        found: dict[str, CitizenView] = {}
        for key, view in self.views.items():
            found.setdefault(self.keys.spoken_of(key), CitizenView()).unite(view)
        for key, view in list(found.items()):
            for name, change in view.changes.items():
                owner = key if change["moved_to"] is None else self.keys.spoken_of(change["moved_to"])
                if owner != key and name in view.entries:
                    theirs = found.setdefault(owner, CitizenView())
                    theirs.entries[name], theirs.changes[name] = view.entries.pop(name), change
        return found


def _order(entry: TimelineEntry) -> tuple[int, int, int, int, str]:
    """The order that the router promises: docs/router.md."""
    sequence = -1 if entry["sequence"] is None else entry["sequence"]
    placed = entry["at"]["instant"] if entry["placed"] is None else entry["placed"]
    return placed, entry["recorded"], sequence, entry["rank"], entry["entry_id"]


def _keep_latest(known: dict[str, _Record], name: str, value: _Record) -> bool:
    if name in known and known[name]["revision"] >= value["revision"]:
        return False
    known[name] = value
    return True
