"""``samband legacy`` (hidden): one simulated legacy system of the demonstration."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer


def legacy(
    name: Annotated[str, typer.Argument(help="hospital, school or municipality.")],
    *,
    seconds: Annotated[float, typer.Option(min=0, help="How long the week takes.")] = 0.0,
    report: Annotated[Path, typer.Option(help="Where it writes how much it has sent.")],
) -> None:
    """Live through the demonstration's week as one legacy system."""
    from bus.logs import configure
    from bus.process import run
    from bus.settings import load_settings
    from samband.demo.legacy import live

    settings = load_settings()
    configure(settings.log)

    async def main(_: asyncio.Event) -> None:
        await live(name, settings, seconds, report)

    raise typer.Exit(run("legacy", main))
