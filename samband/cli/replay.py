"""``samband replay``: the router's topics once more, from its inputs."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable

    from bus.replay.run import Replayed

_Into = Annotated[str, typer.Option("--into", help="Prefix of the topics to write, e.g. replay.")]
_Restore = Annotated[
    list[str], typer.Option("--restore", help="Write this lost live topic again; may be given often.")
]
_Replace = Annotated[
    bool, typer.Option("--replace", help="Delete what an earlier replay wrote under the prefix.")
]
_Delete = Annotated[bool, typer.Option("--delete", help="Only delete what a replay wrote under the prefix.")]
_Incomplete = Annotated[
    bool, typer.Option("--incomplete", help="Go on where the oldest inputs are gone, with what is left.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def replay(
    *,
    into: _Into = "",
    restore: _Restore = [],  # noqa: B006 - typer's way to say a list
    replace: _Replace = False,
    delete: _Delete = False,
    incomplete: _Incomplete = False,
    as_json: _Json = False,
) -> None:
    """Rebuild the router's topics from the unified ones, with the rules that are set now.

    Reads the live inputs in the order in which the router took them, and writes under another prefix; the
    live system may go on meanwhile. `samband diff` compares. Examples: `samband replay --into replay.`;
    `SAMBAND_ROUTER__RULES=new.yaml samband replay --into new. --replace`;
    `samband replay --into replay. --delete`; with all routers stopped, `samband replay --restore timeline`.
    """
    from bus.logs import configure
    from bus.process import search_garbage_rarely
    from bus.settings import LogSettings, load_settings
    from samband import replaying

    configure(LogSettings(level="error"))

    if bool(into) == bool(restore):
        raise replaying.NotWrittenError(
            "give either --into PREFIX or --restore TOPIC", fix="see `samband replay --help`"
        )
    settings = load_settings()
    if delete:
        gone = asyncio.run(replaying.delete(settings, into))
        typer.echo(json.dumps({"deleted": gone}) if as_json else f"{len(gone)} topics are deleted.")
        return
    search_garbage_rarely()
    with _progress() as on_progress:
        done = asyncio.run(
            replaying.restore(settings, frozenset(restore), on_progress, incomplete=incomplete)
            if restore
            else replaying.replay(settings, into, on_progress, replace=replace, incomplete=incomplete)
        )
    _show(done, ", ".join(restore) or f"the prefix {into}", as_json=as_json)


@contextmanager
def _progress() -> "Iterator[Callable[[int, int], None]]":
    """A bar on standard error, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("Replaying"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show(done: "list[Replayed]", where: str, *, as_json: bool) -> None:
    records = sum(one.records for one in done)
    outputs = sum(one.outputs for one in done)
    by_time = sum(one.by_time for one in done)
    seconds = sum(one.seconds for one in done)
    if as_json:
        content = {
            "records": records,
            "outputs": outputs,
            "by_time": by_time,
            "seconds": round(seconds, 3),
            "partitions": [asdict(one) for one in done],
        }
        typer.echo(json.dumps(content))
        return
    rate = f", {records / seconds:,.0f} a second" if seconds else ""
    typer.echo(f"{records:,} records in {seconds:.1f} s{rate}; {outputs:,} written to {where}.")
    if by_time:
        typer.echo(
            f"The order of {by_time:,} of them was not noted: they were taken in the order of their times, "
            "so what came of them may differ.",
            err=True,
        )
