"""``samband connector`` and ``samband router``: one process of the system each, until it is told to stop."""

import asyncio
from typing import Annotated

import typer

from samband.cli.release import release

connector = typer.Typer(no_args_is_help=True, help="A connector: run it, let a held set pass.")
router = typer.Typer(no_args_is_help=True, help="The router: run it.")


@connector.command(
    "run", epilog="Example: `samband connector run hospital`, with `[connectors.hospital]` in samband.toml."
)
def run_connector(name: Annotated[str, typer.Argument(help="Its name in samband.toml.")]) -> None:
    """Run one connector until SIGTERM or Ctrl-C."""
    from bus.logs import configure
    from bus.process import run
    from bus.settings import load_settings
    from connectors.kit.runtime import run_connector as main

    settings = load_settings()
    configure(settings.log)

    async def until(stop: asyncio.Event) -> None:
        await main(name, settings, stop)

    raise typer.Exit(run("connector", until))


connector.command(
    "release", epilog="Example: `samband connector release school`, after reading the report in held/."
)(release)


@router.command(
    "run", epilog="Example: `samband router run`. More of them share the work: partitions move by themselves."
)
def run_router() -> None:
    """Run the router until SIGTERM or Ctrl-C."""
    from bus.logs import configure
    from bus.process import run
    from bus.settings import load_settings
    from router.run import run_router as main

    settings = load_settings()
    configure(settings.log)

    async def until(stop: asyncio.Event) -> None:
        await main(settings, stop)

    raise typer.Exit(run("router", until))


def serve_contract() -> None:
    """Serve the contract over the Confluent registry API, read-only, until SIGTERM or Ctrl-C."""
    from bus.admin import AdminServer
    from bus.endpoints import announced
    from bus.logs import configure
    from bus.process import run
    from bus.registry.server import ContractServer
    from bus.settings import load_settings

    settings = load_settings()
    configure(settings.log)
    listener = settings.contract_server

    async def until(stop: asyncio.Event) -> None:
        async with (
            AdminServer(settings.admin) as admin,
            ContractServer(listener.host, listener.port) as server,
        ):
            with announced(settings.data_dir, "contract", {"admin": admin.url, "registry": server.url}):
                await stop.wait()

    raise typer.Exit(run("contract", until))
