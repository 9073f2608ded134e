"""``samband topics``: what the cluster's topics are and should be."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from bus.topics import TopicPlan

app = typer.Typer(
    no_args_is_help=True, help="The cluster's topics: what the contract asks for, and making it so."
)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
_DIFFERS = 1


@app.command(
    epilog="Example: `samband topics plan`. Exit code 1 if a topic differs in a way that is never changed."
)
def plan(as_json: _Json = False) -> None:
    """Show what `apply` would do. Changes nothing."""
    from bus import topics
    from bus.settings import load_settings

    found = asyncio.run(topics.plan(load_settings()))
    _show(found, as_json=as_json)
    if found.refused:
        raise typer.Exit(_DIFFERS)


@app.command(
    epilog="Example: `samband topics apply`. Safe to run again; never changes a number of partitions."
)
def apply(as_json: _Json = False) -> None:
    """Create missing topics and mend settings that drifted."""
    from bus import topics
    from bus.settings import load_settings

    _show(asyncio.run(topics.apply(load_settings())), as_json=as_json)


def _show(found: "TopicPlan", *, as_json: bool) -> None:
    rows = [
        {
            "topic": step.topic.name,
            "partitions": step.topic.partitions,
            "action": step.action.value,
            "reason": step.reason,
        }
        for step in found.steps
    ]
    if as_json:
        typer.echo(json.dumps({"topics": rows}))
        return
    table = Table("topic", "partitions", "action", "reason", box=None)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)
