"""What a person sees of a citizen on a terminal: the timeline, what collides, who holds each case."""

from collections.abc import Mapping
from dataclasses import replace

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from samband import page
from samband.accounting import AgencyTotals
from samband.citizen_view import CitizenView
from samband.page import Viewer
from samband.texts import local_time
from schemas.records import Finding, Proposal

_SEVERITY_STYLE = {"CRITICAL": "bold red", "WARNING": "yellow", "INFO": "dim"}
_STATE_STYLE = {"OPEN": "green", "DECIDED": "cyan", "CLOSED": "dim"}


def citizen(view: CitizenView, viewer: Viewer, *, last: int | None = None) -> RenderableType:
    """Everything about one citizen; ``last`` shows only so many of the latest entries."""
    viewer = viewer.in_year_of(view)
    parts: list[RenderableType] = [_timeline(page.entries(view, viewer), viewer, last)]
    findings = view.open_findings()
    if findings:
        parts.append(_findings(findings, viewer))
    waiting = [each for each in view.offered() if each["status"] in {"OPEN", "ACCEPTED"}]
    parts += [proposal(each, viewer) for each in waiting]
    if view.cases:
        parts.append(_cases(view, viewer))
    if view.withdrawn:
        parts.append(Text(viewer.texts.say("page.withdrawn", count=view.withdrawn), style="dim"))
    return Group(*parts)


def offered(findings: list[Finding], made: Proposal, viewer: Viewer) -> RenderableType:
    """What collides for a citizen, and what is proposed instead."""
    viewer = replace(viewer, year=local_time(made["at"], viewer.zone).year)
    return Group(_findings(findings, viewer), proposal(made, viewer))


def proposal(found: Proposal, viewer: Viewer) -> RenderableType:
    """What is proposed to a citizen, and how it stands."""
    viewer = replace(viewer, year=local_time(found["at"], viewer.zone).year)
    say, table = viewer.texts.say, _table(viewer, "proposal")
    for name in ("now", "new", "where"):
        table.add_column(say(f"page.{name}"))
    for row in page.moves(found, viewer):
        table.add_row(row.now, row.new, row.where)
    lines = [Text(text) for text in page.gains(found, viewer)]
    answer_by = found["answer_by"]
    if found["status"] == "OPEN" and answer_by is not None:
        lines.append(Text(say("page.answer_by", when=viewer.moment(answer_by)), style="bold"))
    else:
        lines.append(Text(viewer.texts.entry(found["reason"]), style="bold"))
    return Group(table, *lines)


def _table(viewer: Viewer, name: str) -> Table:
    title = viewer.texts.say(f"page.{name}")
    return Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", expand=True)


def _timeline(rows: list[page.EntryRow], viewer: Viewer, last: int | None) -> Table:
    say, table = viewer.texts.say, _table(viewer, "timeline")
    table.add_column(say("page.when"), no_wrap=True)
    table.add_column(say("page.what"), ratio=3)
    table.add_column(say("page.planned"), no_wrap=True)
    table.add_column(say("page.who"), ratio=2)
    hidden = 0 if last is None else max(0, len(rows) - last)
    for row in rows[hidden:]:
        if row.year is not None:
            table.add_row(str(row.year), style="bold")
        struck = "" if row.stands else "dim strike"
        what = Text(row.what, style=struck)
        if row.title:
            what.append(f": {row.title}", style="italic")
        for note in row.notes:
            what.append(f"\n{note}", style="dim not strike")
        table.add_row(
            Text(row.when, style=struck), what, Text(row.planned, style=struck), Text(row.who, style=struck)
        )
    if hidden:
        table.caption = say("page.earlier", count=hidden)
    return table


def _findings(findings: list[Finding], viewer: Viewer) -> Table:
    say, table = viewer.texts.say, _table(viewer, "findings")
    table.add_column(say("page.severity"), no_wrap=True)
    table.add_column(say("page.what_collides"), ratio=2)
    table.add_column(say("page.between"), ratio=3)
    for finding, row in zip(findings, page.findings(findings, viewer), strict=True):
        severity = Text(row.severity, style=_SEVERITY_STYLE[finding["severity"]])
        table.add_row(severity, row.what, "\n".join(row.between))
    return table


def _cases(view: CitizenView, viewer: Viewer) -> Table:
    table = _table(viewer, "cases")
    for name in ("case", "state", "held_by", "since", "last_step", "next_step", "expected"):
        table.add_column(viewer.texts.say(f"page.{name}"))
    ordered = sorted(view.cases.values(), key=lambda each: each["case"])
    for case, row in zip(ordered, page.cases(ordered, viewer), strict=True):
        state = Text(row.state, style=_STATE_STYLE[case["state"]])
        said = (row.kind, state, row.held_by, row.since, row.last_step, row.next_step, row.expected)
        table.add_row(*said)
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
