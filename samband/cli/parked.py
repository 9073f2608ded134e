"""``samband parked``: citizens that wait because the router failed on one of their records."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from samband.parked import ParkedKey
    from schemas.records import ParkedAction

app = typer.Typer(
    no_args_is_help=True,
    help="Citizens that wait, with all their later records, because the router failed on one of them.",
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
_Key = Annotated[
    str, typer.Argument(help="The citizen's key that `samband parked list` shows; its beginning is enough.")
]
_Payload = Annotated[
    bool, typer.Option("--payload", help="Show the first waiting record itself too. It holds personal data.")
]
_All = Annotated[bool, typer.Option("--all", help="All parked citizens.")]
_Rest = Annotated[bool, typer.Option("--all-waiting", help="Discard all that waits, not the first alone.")]
_Wait = Annotated[float, typer.Option(help="Seconds to wait for the router's answer.", min=0)]
_STILL_PARKED, _NOT_FOUND, _NO_ANSWER = 1, 1, 3


@app.command("list", epilog="Example: `samband parked list --json`.")
def list_(as_json: _Json = False) -> None:
    """List the parked citizens, those that wait longest first. No contents are shown."""
    from samband.cli.records import instant

    columns = ("stage", "key", "topic", "partition", "offset", "error", "since", "waiting")
    rows = []
    for each in _parked():
        values = {"stage": each.stage, "key": each.key, **each.status}
        values["since"] = instant(each.status["since"])
        rows.append({name: values[name] for name in columns})
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table if rows else "Nobody is parked.")


@app.command(epilog="Example: `samband parked show 1.Zm9v --payload`. Exit code 1 if there is none.")
def show(key: _Key, payload: _Payload = False) -> None:
    """Show one parked citizen, as JSON."""
    from samband.cli.records import as_object, to_json

    parked = _one(key)
    content = {"stage": parked.stage, "key": parked.key, **parked.status}
    if payload:
        from bus.reader import decoded, read_one
        from bus.registry.codec import codec_of
        from bus.settings import load_settings

        async def first() -> list[dict[str, object]]:
            settings, status = load_settings(), parked.status
            found = read_one(settings, status["topic"], status["partition"], status["offset"])
            return [as_object(record) async for record in decoded(found, codec_of(settings))]

        content["record"] = next(iter(asyncio.run(first())), None)
    typer.echo(to_json(content))


@app.command(
    epilog="Example: `samband parked replay --all`. Exit code 1 if someone is still parked, 3 without answer."
)
def replay(key: _Key = "", all_: _All = False, wait: _Wait = 30.0) -> None:
    """Carry all that waits through the router again, in order, e.g. after an upgrade has mended it."""
    if bool(key) == all_:
        raise typer.BadParameter("name a citizen's key, or say --all")
    _decide("REPLAY", _parked() if all_ else [_one(key)], wait)


@app.command(
    epilog="Example: `samband parked discard 1.Zm9v`. Exit code 1 if still parked, 3 without an answer."
)
def discard(key: _Key, all_waiting: _Rest = False, wait: _Wait = 30.0) -> None:
    """Make the first waiting record a dead letter and carry the rest through the router again."""
    _decide("DISCARD_ALL" if all_waiting else "DISCARD_FIRST", [_one(key)], wait)


def _parked() -> "list[ParkedKey]":
    from bus.settings import load_settings
    from samband.parked import parked_keys

    return asyncio.run(parked_keys(load_settings()))


def _one(key: str) -> "ParkedKey":
    found = [each for each in _parked() if each.key.startswith(key)]
    if len(found) == 1:
        return found[0]
    what = "No parked citizen's key begins" if not found else "The keys of several parked citizens begin"
    typer.echo(f"{what} like this. Fix: see `samband parked list`.", err=True)
    raise typer.Exit(_NOT_FOUND)


def _decide(action: "ParkedAction", parked: "list[ParkedKey]", wait: float) -> None:
    from bus.settings import load_settings
    from samband.parked import decide

    answers = asyncio.run(decide(load_settings(), action, parked, wait))
    for answer in answers:
        typer.echo(f"{answer.parked.key}  {answer}")
    if any(answer.status is None for answer in answers):
        raise typer.Exit(_NO_ANSWER)
    if not all(answer.released for answer in answers):
        raise typer.Exit(_STILL_PARKED)
