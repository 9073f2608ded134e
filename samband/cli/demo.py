"""``samband demo``: one week in a small town, on a real Kafka."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from samband.languages import Language

if TYPE_CHECKING:
    from samband.demo.run import Result, Snapshot
    from samband.page import Viewer

_PACE_SECONDS = 20.0
_LAST_ENTRIES = 12


def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Do not wait for a key at the end, and do not slow the week down.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write totals and timeline to this file.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="How long the week takes.")] = None,
    language: Annotated[Language, typer.Option(help="Language of the citizen's page.")] = Language.EN,
    folder: Annotated[Path, typer.Option(help="Where its Kafka and files live; emptied first.")] = Path(
        "data/demo"
    ),
) -> None:
    """Live through one week of a small town: three agencies in, one timeline and one plan out.

    Starts a real Kafka, the contract server, three connectors and the router, and three simulated legacy
    systems that speak HL7 over MLLP, OneRoster and Digisos to them. Exit code 0 only if every input is
    accounted for. Example: `samband demo --once --json demo.json`.
    """
    from bus.logs import configure
    from bus.process import INTERRUPTED, run
    from bus.settings import LogSettings

    configure(LogSettings(level="error"))

    outcome: list[Result] = []

    async def main(stop: asyncio.Event) -> None:
        pace = seconds if seconds is not None else (0.0 if once else _PACE_SECONDS)
        demonstration = asyncio.create_task(
            _demonstrate(folder, pace, language, wait_for_key=not once and sys.stdin.isatty())
        )
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({demonstration, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not demonstration.done():
            demonstration.cancel()
        with suppress(asyncio.CancelledError):
            outcome.append(await demonstration)

    code = run("demo", main)
    if code:
        raise typer.Exit(code)
    if not outcome:
        raise typer.Exit(INTERRUPTED)
    if json_file is not None:
        json_file.write_text(outcome[0].as_json() + "\n", encoding="utf-8")
    raise typer.Exit(0 if outcome[0].snapshot.lost == 0 else 1)


async def _demonstrate(folder: Path, pace: float, language: Language, *, wait_for_key: bool) -> "Result":
    from samband.demo.acts import ZONE
    from samband.demo.agreement import Offer
    from samband.demo.institutions import REGISTER
    from samband.demo.run import Audience, Result, Snapshot, demonstrate
    from samband.names import institution_names
    from samband.page import Viewer
    from samband.texts import Texts
    from samband.views import offered

    console = Console()
    viewer = Viewer(ZONE, institution_names(REGISTER), Texts(language))
    with Live(Spinner("dots", "Starting"), console=console, transient=True, refresh_per_second=8) as live:

        def tell(doing: str) -> None:
            live.update(Spinner("dots", doing))
            if not console.is_terminal:
                console.print(doing)

        def show(snapshot: Snapshot) -> None:
            if console.is_terminal:
                live.update(_screen(snapshot, viewer, last=_LAST_ENTRIES))

        def offer(made: Offer) -> None:
            console.print(offered(made.findings, made.proposal, viewer))

        async def hold(result: Result) -> None:
            live.update(Text())
            live.stop()
            console.print(_screen(result.snapshot, viewer, last=None))
            if wait_for_key:
                console.print("Everything is still running. Press Enter to end.", style="bold")
                await _enter_pressed()

        return await demonstrate(folder, pace, Audience(tell, show, offer, hold))


def _screen(snapshot: "Snapshot", viewer: "Viewer", last: int | None) -> RenderableType:
    from samband.views import citizen, totals

    heading = Text(viewer.texts.say("page.demo"), style="bold underline")
    return Group(heading, citizen(snapshot.emil, viewer, last=last), totals(snapshot.totals, snapshot.lost))


async def _enter_pressed() -> None:
    pressed = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, pressed.set)
    try:
        await pressed.wait()
    finally:
        loop.remove_reader(sys.stdin)
        sys.stdin.readline()
