"""What a person sees of a citizen on a terminal: the timeline, what collides, who holds each case.

Built only from the citizen topics, as any downstream app would be. Times are shown in one zone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from samband.accounting import AgencyTotals
from samband.citizen_view import CitizenView
from samband.texts import finding_text, holder_text, invited_text, step_text, text
from schemas.records import CaseStatus, Finding, Institution, Time, TimelineEntry

_SEVERITY_STYLE = {"CRITICAL": "bold red", "WARNING": "yellow", "INFO": "dim"}
_STATE_STYLE = {"OPEN": "green", "DECIDED": "cyan", "CLOSED": "dim"}


@dataclass(frozen=True, slots=True)
class Viewer:
    """How things are shown: the zone of times, and what institutions are called."""

    zone: tzinfo
    name_of: Callable[[Institution], str]

    def instant(self, time: Time) -> str:
        """A time in the viewer's zone; only the day where the source gave only the day."""
        local = datetime.fromtimestamp(time["instant"] / 1_000_000, UTC).astimezone(self.zone)
        shown = f"{local:%a %d %b}" if time["confidence"] == "DATE_ONLY" else f"{local:%a %d %b %H:%M}"
        return f"{shown} ?" if time["confidence"] == "DOUBTFUL" else shown

    def place(self, institution: Institution | None, agency: str) -> str:
        """An institution's name, with its department where there is one."""
        if institution is None:
            return agency
        department = institution["department"]
        return f"{self.name_of(institution)}, {department}" if department else self.name_of(institution)


def citizen(view: CitizenView, viewer: Viewer, *, last: int | None = None) -> RenderableType:
    """Everything about one citizen; ``last`` shows only so many of the latest entries."""
    parts: list[RenderableType] = [_timeline(view.timeline(), viewer, last)]
    findings = view.open_findings()
    if findings:
        parts.append(_findings(findings, viewer))
    if view.cases:
        parts.append(_cases(list(view.cases.values()), viewer))
    return Group(*parts)


def _timeline(entries: list[TimelineEntry], viewer: Viewer, last: int | None) -> Table:
    table = Table(
        title="Timeline", box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", expand=True
    )
    table.add_column("When", no_wrap=True)
    table.add_column("What happened", ratio=3)
    table.add_column("Planned for", no_wrap=True)
    table.add_column("Who", ratio=2)
    hidden = 0 if last is None else max(0, len(entries) - last)
    for entry in entries[hidden:]:
        style = "" if entry["status"] == "CURRENT" else "dim strike"
        planned = viewer.instant(entry["start"]) if entry["start"] else ""
        what = Text(text(entry["text"]))
        title = entry["details"]["title"] if entry["details"] else None
        if title:
            what.append(f": {title}", style="italic")
        if entry["invited"]:
            what.append(f"\nwith {invited_text(entry['invited'], viewer.name_of)}", style="dim")
        table.add_row(
            viewer.instant(entry["at"]),
            what,
            planned,
            viewer.place(entry["institution"], entry["agency"]),
            style=style,
        )
    if hidden:
        table.caption = f"{hidden} earlier"
    return table


def _findings(findings: list[Finding], viewer: Viewer) -> Table:
    table = Table(
        title="What collides or burdens",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
        expand=True,
    )
    table.add_column("Severity", no_wrap=True)
    table.add_column("What", ratio=2)
    table.add_column("Between", ratio=3)
    for finding in findings:
        between = "\n".join(
            f"{viewer.instant(party['start'])}  {viewer.place(party['institution'], party['agency'])}"
            for party in finding["parties"]
        )
        severity = Text(finding["severity"].lower(), style=_SEVERITY_STYLE[finding["severity"]])
        table.add_row(severity, finding_text(finding), between)
    return table


def _cases(cases: list[CaseStatus], viewer: Viewer) -> Table:
    table = Table(
        title="Who holds each case",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
        expand=True,
    )
    for name in ("Case", "State", "Held by", "Since", "Last step", "Expected"):
        table.add_column(name)
    for case in sorted(cases, key=lambda each: each["case"]):
        expected = viewer.instant(case["expected_by"]) if case["expected_by"] else ""
        held_by = holder_text(case["holder"], viewer.name_of, case["agency"])
        table.add_row(
            step_text(case["kind"]["mapped"]),
            Text(case["state"].lower(), style=_STATE_STYLE[case["state"]]), held_by,
            viewer.instant(case["since"]), step_text(case["last_step"]["mapped"]), expected,
        )  # fmt: skip
    return table


def totals(by_agency: Mapping[str, AgencyTotals], lost: int) -> Table:
    """Inputs, events, ignored, dead-lettered and lost, by agency."""
    table = Table(
        title="Every input accounted for" if not lost else "NOT every input accounted for",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
    )
    table.add_column("Agency")
    for name in ("sent", "inputs", "published", "ignored", "dead-lettered", "lost", "events"):
        table.add_column(name, justify="right")
    for agency, row in by_agency.items():
        table.add_row(
            agency,
            *(
                str(n)
                for n in (
                    row.sent,
                    row.inputs,
                    row.published,
                    row.ignored,
                    row.dead_lettered,
                    row.lost,
                    row.events,
                )
            ),
        )
    table.add_section()
    sums = [
        sum(getattr(row, name) for row in by_agency.values())
        for name in ("sent", "inputs", "published", "ignored", "dead_lettered")
    ]
    events = sum(row.events for row in by_agency.values())
    table.add_row(
        "total",
        *map(str, sums),
        Text(str(lost), style="bold green" if not lost else "bold red"),
        str(events),
        style="bold",
    )
    return table
