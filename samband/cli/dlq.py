"""``samband dlq``: what could not be handled, and why."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from bus.reader import DecodedRecord

app = typer.Typer(no_args_is_help=True, help="Dead letters: inputs and records that could not be handled.")

_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
_Topic = Annotated[str | None, typer.Option(help="Only of this dead-letter topic, e.g. inputs.dlq.")]
_Id = Annotated[str, typer.Argument(help="The id that `samband dlq list` shows; its beginning is enough.")]
_Payload = Annotated[
    bool, typer.Option("--payload", help="Show the input itself too. It may hold personal data.")
]
_COLUMNS = ("dead_letter_id", "component", "reason", "where", "problem", "topic", "partition", "offset")
_NOT_FOUND = 1


@app.command("list", epilog="Example: `samband dlq list --topic inputs.dlq --json`.")
def list_(topic: _Topic = None, as_json: _Json = False) -> None:
    """List all dead letters, oldest first in each topic. Payloads are not shown."""
    letters = asyncio.run(_letters(topic))
    rows = [{name: found.decoded.value[name] for name in _COLUMNS} for found in letters if found.decoded]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("id", "component", "reason", "where", "problem", "topic", "partition", "offset", box=None)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table if rows else "No dead letters.")


@app.command(epilog="Example: `samband dlq show 3f0c --payload`. Exit code 1 if there is none.")
def show(dead_letter_id: _Id, payload: _Payload = False) -> None:
    """Show one dead letter, as JSON."""
    from samband.cli.records import as_object, to_json

    for found in asyncio.run(_letters(None)):
        if found.decoded and found.decoded.value["dead_letter_id"].startswith(dead_letter_id):
            content = as_object(found)
            if not payload:
                content["value"] = {**content["value"], "payload": None}
            typer.echo(to_json(content))
            return
    typer.echo("No dead letter has this id. Fix: see `samband dlq list`.", err=True)
    raise typer.Exit(_NOT_FOUND)


async def _letters(topic: str | None) -> "list[DecodedRecord]":
    from bus.reader import decoded, read_to_end
    from bus.registry.codec import codec_of
    from bus.settings import load_settings
    from schemas.catalogue import catalogue

    known = catalogue().topics
    topics = (
        [topic] if topic else [name for name in known if "samband.inputs.DeadLetter" in known[name].records]
    )
    settings = load_settings()
    return [found async for found in decoded(read_to_end(settings, *topics), codec_of(settings))]
