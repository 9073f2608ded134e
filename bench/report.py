"""Figures and rows of systems as tables for people."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from bench.engine import rows
from bench.engine.rows import Row
from bench.figures import Entry, Figure, readable
from bench.machine import Machine

_MET = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}


def tables(entries: Sequence[Entry], machine: Machine) -> list[Table]:
    """The systems side by side where there are any, and all figures, the goals of the systems among them."""
    systems = [entry for entry in entries if isinstance(entry, Row)]
    figures = [entry for entry in entries if isinstance(entry, Figure)]
    figures += [goal for row in systems for goal in row.goals]
    return [*([rows.table(systems)] if systems else []), *([table(figures, machine)] if figures else [])]


def table(figures: Sequence[Figure], machine: Machine) -> Table:
    """One row for each figure; the median is in the middle of its spread."""
    shown = Table(title="Measured", caption=str(machine), box=box.SIMPLE_HEAD)
    shown.add_column("figure", no_wrap=True)
    shown.add_column("what")
    for heading in ("min", "median", "max"):
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("unit", no_wrap=True)
    shown.add_column("goal", no_wrap=True)
    shown.add_column("", no_wrap=True)
    for figure in figures:
        spread = (readable(value) for value in (min(figure.runs), figure.median, max(figure.runs)))
        goal = "" if figure.goal is None else str(figure.goal)
        shown.add_row(figure.name, figure.what, *spread, figure.unit, goal, _MET[figure.met])
    return shown
