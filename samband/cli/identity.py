"""``samband identity``: who is one citizen, where sources disagree and an operator decides."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from samband.identity import Decision

app = typer.Typer(
    no_args_is_help=True,
    help="Who is one citizen: what sources say and is not believed, and what you decide.",
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
_Key = Annotated[str, typer.Argument(help="The citizen's key, as on the topics.")]
_Other = Annotated[str, typer.Argument(help="The other key.")]
_Wait = Annotated[float, typer.Option(help="Seconds to wait for the router's answer.", min=0)]
_REFUSED, _NO_ANSWER = 1, 3
_COLUMNS = ("reason", "citizen", "other", "because", "agencies", "said")


@app.command(epilog="Example: `samband identity refused --json`.")
def refused(as_json: _Json = False) -> None:
    """List the links that sources state and that are not believed, the longest first, with the reason."""
    from bus.settings import load_settings
    from samband.cli.records import instant
    from samband.identity import standing
    from samband.texts import Texts

    found = asyncio.run(standing(load_settings())).open()
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    say = Texts("en").say
    table = Table(*_COLUMNS, box=None)
    for one in found:
        because, agencies = " ".join(one["because"]), " ".join(one["agencies"])
        said = instant(one["said"])
        table.add_row(say(one["reason"]), one["citizen"], one["other"], because, agencies, said)
    Console().print(table if found else "Every link that sources state is believed.")


@app.command(
    epilog="Example: `samband identity link 1.Zm9v 1.YmFy`. Exit code 1 if refused, 3 without an answer."
)
def link(key: _Key, other: _Other, wait: _Wait = 30.0) -> None:
    """State that two keys are one citizen. It counts against everything that sources say.

    Make sure first: each will see what is the other's. `samband identity unlink` takes it back.
    """
    _decide("linked", key, other, wait)


@app.command(
    epilog="Example: `samband identity unlink 1.Zm9v 1.YmFy`. Exit code 1 if they are still one citizen, "
    "3 without an answer."
)
def unlink(key: _Key, other: _Other, wait: _Wait = 30.0) -> None:
    """State that two keys are two citizens; each gets back what is theirs. What came under both is KEY's."""
    _decide("unlinked", key, other, wait)


def _decide(decision: "Decision", key: str, other: str, wait: float) -> None:
    from bus.settings import load_settings
    from samband.identity import decide, outcome
    from samband.texts import Texts

    if key == other:
        raise typer.BadParameter("name two different keys")
    settings = load_settings()

    async def run() -> int:
        made = await decide(settings, decision, key, other)
        found = await outcome(settings, decision, made, (key, other), wait)
        now = f"one citizen, spoken of under {found.keys.spoken_of(key)}"
        now = now if found.one(key, other) else "two citizens"
        if not found.heard:
            typer.echo("No answer yet: it is carried out as soon as the router runs.", err=True)
            return _NO_ANSWER
        if found.one(key, other) == (decision == "linked"):
            typer.echo(f"{key} and {other} are {now}.")
            return 0
        why = "; ".join(Texts("en").say(one["reason"]) for one in found.between(key, other))
        fix = "Fix: see `samband identity refused`, and take back what stands against it."
        typer.echo(f"They are still {now}{': ' if why else ''}{why}. {fix}", err=True)
        return _REFUSED

    raise typer.Exit(asyncio.run(run()))
