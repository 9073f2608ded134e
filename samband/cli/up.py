"""``samband up``: the whole system on this machine, until it is told to stop."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from samband.system import System

_LOOK_SECONDS = 1.0


def up(
    *,
    config: Annotated[
        Path | None, typer.Option(help="Settings file; samband.toml here when not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the endpoints as one JSON object.")] = False,
) -> None:
    """Run everything: Kafka (or the configured cluster), the contract server, the connectors, the router.

    Example: `samband up`, with a samband.toml in this folder. Ctrl-C stops all of it.
    """
    from bus.logs import configure
    from bus.process import run
    from bus.settings import LogSettings

    configure(LogSettings(level="error"))

    async def main(stop: asyncio.Event) -> None:
        await _run(config, stop, as_json=as_json)

    raise typer.Exit(run("up", main))


async def _run(config: Path | None, stop: asyncio.Event, *, as_json: bool) -> None:
    from samband.system import running

    console = Console(stderr=True)
    with console.status("Starting") as status:
        async with running(config, status.update) as system:
            status.stop()
            _show(system, as_json=as_json)
            while not stop.is_set():
                system.supervisor.check()
                try:
                    await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
                except TimeoutError:
                    continue
            status.update("Stopping")
            status.start()


def _show(system: "System", *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(system.as_json() + "\n")
        sys.stdout.flush()
        return
    table = Table(title="Samband is up. Ctrl-C stops it.", title_justify="left")
    for heading in ("Part", "Speaks", "Where"):
        table.add_column(heading, overflow="fold")
    for component, found in system.endpoints.items():
        for kind, where in found.items():
            table.add_row(component, kind, where)
    Console().print(table)
