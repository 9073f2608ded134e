"""Figures as a table for people."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from bench.figures import Figure, readable
from bench.machine import Machine

_MET = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}


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
