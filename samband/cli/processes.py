"""``samband connector`` and ``samband router``: one process of the system each, until it is told to stop."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from samband.cli.release import release

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bus.settings import Settings

connector = typer.Typer(no_args_is_help=True, help="A connector: run it, let a held set pass.")
router = typer.Typer(no_args_is_help=True, help="The router: run it.")


@connector.command(
    "run", epilog="Example: `samband connector run hospital`, with `[connectors.hospital]` in samband.toml."
)
def run_connector(name: Annotated[str, typer.Argument(help="Its name in samband.toml.")]) -> None:
    """Run one connector until SIGTERM or Ctrl-C."""
    from connectors.kit.runtime import run_connector as main

    _until_stopped("connector", partial(main, name))


connector.command(
    "release", epilog="Example: `samband connector release school`, after reading the report in held/."
)(release)


@router.command(
    "run", epilog="Example: `samband router run`. More of them share the work: partitions move by themselves."
)
def run_router() -> None:
    """Run the router until SIGTERM or Ctrl-C."""
    from router.run import run_router as main

    _until_stopped("router", main)


def serve_contract() -> None:
    """Serve the contract over the Confluent registry API, read-only, until SIGTERM or Ctrl-C."""
    from bus.admin import AdminServer
    from bus.endpoints import announced
    from bus.registry.server import ContractServer

    async def main(settings: "Settings", stop: asyncio.Event) -> None:
        listener = settings.contract_server
        async with (
            AdminServer(settings.admin) as admin,
            ContractServer(listener.host, listener.port) as server,
        ):
            with announced(settings.data_dir, "contract", {"admin": admin.url, "registry": server.url}):
                await stop.wait()

    _until_stopped("contract", main)


def _until_stopped(kind: str, main: "Callable[[Settings, asyncio.Event], Awaitable[None]]") -> None:
    """Run ``main`` with the settings and logs of a process of its own, and leave with its exit code."""
    from bus.logs import configure
    from bus.process import run
    from bus.settings import load_settings

    settings = load_settings()
    configure(settings.log)
    raise typer.Exit(run(kind, partial(main, settings)))
