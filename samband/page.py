"""What a citizen's page says, in words and in rows: the same on a terminal and anywhere else.

Built only from the citizen topics, as any downstream app would be. Times are shown in one zone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from samband.citizen_view import CitizenView
from samband.texts import Texts, local_time
from schemas.records import CaseStatus, Finding, Institution, Proposal, Time, TimelineEntry


@dataclass(frozen=True, slots=True)
class Viewer:
    """How things are shown: the zone of times, what institutions are called, and the language."""

    zone: tzinfo
    name_of: Callable[[Institution], str]
    texts: Texts
    year: int | None = None
    """The year that goes without saying."""

    def moment(self, time: Time, *, year: int | None = None) -> str:
        """A time in the viewer's zone; only the day where the source gave only the day."""
        return self.texts.moment(time, self.zone, year=self.year if year is None else year)

    def place(self, institution: Institution | None, agency: str) -> str:
        """An institution's name, with its department where there is one."""
        if institution is None:
            return agency
        department = institution["department"]
        return f"{self.name_of(institution)}, {department}" if department else self.name_of(institution)

    def in_year_of(self, view: CitizenView) -> "Viewer":
        """The same, with the year of the latest entry going without saying."""
        entries = view.timeline()
        year = local_time(_place(entries[-1]), self.zone).year if entries else None
        return Viewer(self.zone, self.name_of, self.texts, year)


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry. ``year`` is set where another year begins."""

    year: int | None
    when: str
    what: str
    title: str
    notes: tuple[str, ...]
    planned: str
    who: str
    stands: bool


@dataclass(frozen=True, slots=True)
class FindingRow:
    """What collides or burdens. ``between`` is a line for each thing that takes part."""

    severity: str
    what: str
    between: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseRow:
    """Where a case stands."""

    kind: str
    state: str
    held_by: str
    since: str
    last_step: str
    next_step: str
    expected: str


def entries(view: CitizenView, viewer: Viewer) -> list[EntryRow]:
    """The timeline, in its order; what no longer holds stays where it was and says so."""
    timeline = view.timeline()
    by_id = {entry["entry_id"]: entry for entry in timeline}
    replaced: dict[str, list[TimelineEntry]] = {}
    for entry in timeline:
        if entry["replaced_by"]:
            replaced.setdefault(entry["replaced_by"], []).append(entry)
    rows, year = [], None
    for entry in timeline:
        began = local_time(_place(entry), viewer.zone).year
        notes = _standing(entry, by_id, viewer)
        for other in replaced.get(entry["entry_id"], ()):
            key = "entry.retracts" if other["status"] == "RETRACTED" else "entry.corrects"
            notes.append(viewer.texts.say(key, when=viewer.moment(_place(other), year=began)))
        notes += _plans(entry, viewer, began)
        rows.append(
            EntryRow(
                began if began != year else None,
                viewer.moment(_place(entry), year=began),
                viewer.texts.entry(entry["text"]),
                (entry["details"] or {"title": None})["title"] or "",
                tuple(notes),
                _planned(entry, viewer, began),
                viewer.texts.say("who.said.you")
                if entry["agency"] == _CITIZEN
                else viewer.place(entry["institution"], entry["agency"]),
                entry["status"] == "CURRENT",
            )
        )
        year = began
    return rows


def _place(entry: TimelineEntry) -> Time:
    """When it happened; where that cannot be, when it was recorded, and then it is uncertain."""
    if entry["placed"] is None:
        return entry["at"]
    return {"instant": entry["placed"], "source": "", "confidence": "DOUBTFUL"}


def _planned(entry: TimelineEntry, viewer: Viewer, year: int) -> str:
    """When it takes place; empty when that is when it happened."""
    start = entry["start"]
    if start is None or start["instant"] == entry["at"]["instant"]:
        return ""
    return viewer.moment(start, year=year)


def _standing(entry: TimelineEntry, by_id: dict[str, TimelineEntry], viewer: Viewer) -> list[str]:
    """That it no longer holds, and where to see why."""
    if entry["status"] == "CURRENT":
        return []
    key = f"entry.{entry['status'].lower()}"
    by = by_id.get(entry["replaced_by"] or "")
    if by is None:
        return [viewer.texts.say(key)]
    when = viewer.moment(_place(by), year=local_time(_place(entry), viewer.zone).year)
    return [viewer.texts.say(f"{key}_by", when=when)]


def _plans(entry: TimelineEntry, viewer: Viewer, year: int) -> list[str]:
    """Who is invited, who has to act, what comes next, and by when."""
    say, notes = viewer.texts.say, []
    end, holder, expected = entry["end"], entry["holder"], entry["expected_by"]
    if end and entry["kind"] in _LASTING:
        notes.append(say("entry.until", when=viewer.moment(end, year=year)))
    if entry["invited"]:
        notes.append(say("entry.invited", who=viewer.texts.invited(entry["invited"], viewer.name_of)))
    if entry["status"] != "CURRENT":
        return notes
    if holder:
        several = holder["kind"] == "THIRD_PARTY" and holder["institution"] is None
        who = say("who.agencies") if several else viewer.place(holder["institution"], entry["agency"])
        notes.append(say(f"entry.holder.{holder['kind'].lower()}", who=who))
    if entry["next_step"]:
        notes.append(say("entry.next", step=viewer.texts.step(entry["next_step"]["mapped"])))
    if expected and expected != entry["start"]:
        notes.append(say("entry.expected", when=viewer.moment(expected, year=year)))
    return notes


_CITIZEN = "citizen"
"""The agency of what citizens say themselves."""
_LASTING = frozenset({"StayOnLeave", "EnrollmentChanged"})
"""Of which the end matters to a reader, and not only how long they take."""


@dataclass(frozen=True, slots=True)
class MoveRow:
    """An appointment and its new time."""

    now: str
    new: str
    where: str


def moves(proposal: Proposal, viewer: Viewer) -> list[MoveRow]:
    """What is to be moved, by the new times."""
    return [
        MoveRow(
            viewer.moment(move["old_start"]),
            viewer.moment(move["start"]),
            viewer.place(move["institution"], move["agency"]),
        )
        for move in proposal["moves"]
    ]


def gains(proposal: Proposal, viewer: Viewer) -> list[str]:
    """What it saves, the weightiest first; what has no words here is left out."""
    return [text for text in (viewer.texts.gain(key, proposal) for key in proposal["gains"]) if text]


def findings(found: list[Finding], viewer: Viewer) -> list[FindingRow]:
    """What collides or burdens, in the order given."""
    return [
        FindingRow(
            viewer.texts.say(f"severity.{finding['severity'].lower()}"),
            viewer.texts.finding(finding),
            tuple(
                f"{viewer.moment(party['start'])}  {viewer.place(party['institution'], party['agency'])}"
                for party in finding["parties"]
            ),
        )
        for finding in found
    ]


def cases(found: list[CaseStatus], viewer: Viewer) -> list[CaseRow]:
    """Who holds each case, since when, and what comes next, in the order given."""
    texts = viewer.texts
    return [
        CaseRow(
            texts.kind(case["kind"]["mapped"]),
            texts.say(f"case.state.{case['state'].lower()}"),
            texts.holder(case["holder"], viewer.name_of, case["agency"]),
            viewer.moment(case["since"]),
            texts.step(case["last_step"]["mapped"]),
            texts.step(case["next_step"]["mapped"]) if case["next_step"] else "",
            viewer.moment(case["expected_by"]) if case["expected_by"] else "",
        )
        for case in found
    ]
