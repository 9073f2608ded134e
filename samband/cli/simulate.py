"""``samband simulate``: a made-up town at full speed, checked against an oracle."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from samband.simulation.run import Outcome

_SHOWN = 20
_DIFFERS = 1
_EVERY_SECONDS = 2.0


def simulate(
    *,
    citizens: Annotated[
        int, typer.Option(min=1, max=100_000, help="How many people live in the town.")
    ] = 500,
    days: Annotated[int, typer.Option(min=1, max=180, help="How many days to live through.")] = 10,
    seed: Annotated[int, typer.Option(help="The same number gives the same town and the same days.")] = 1,
    check: Annotated[bool, typer.Option("--check", help="Compare with the oracle at the end.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write counts and differences to this file.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where its Kafka and files live; emptied first.")] = Path(
        "data/simulation"
    ),
) -> None:
    """Live through some days of a made-up town, on the real system, as fast as it goes.

    Families, pupils, patients and cases send what their agencies' legacy systems would send: HL7 over MLLP,
    OneRoster sets, Digisos documents. With --check, identities, timelines, findings, proposals and settled
    bundles are compared with an oracle that knows the town and not the messages; the last line says how many
    of each were compared, how many differ and how many are lost.

    Exit codes: 0 no difference and nothing lost; 1 something differs or is lost; 2 and 3 it could not run.

    Examples: `samband simulate --citizens 50 --days 5 --check`,
    `samband simulate --citizens 5000 --days 30 --seed 7 --check --json check.json`.
    """
    from bus.logs import configure
    from bus.process import INTERRUPTED, run
    from bus.settings import LogSettings
    from samband.simulation.run import Plan, simulate
    from schemas.errors import FatalError, RetriableError

    configure(LogSettings(level="error"))
    outcome: list[Outcome] = []
    plan = Plan(citizens, days, seed, check)

    async def main(stop: asyncio.Event) -> None:
        simulating = asyncio.create_task(simulate(plan, folder, _Teller()))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({simulating, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not simulating.done():
            simulating.cancel()
        try:
            outcome.append(await simulating)
        except asyncio.CancelledError:
            return
        except FatalError as error:  # code 1 is a check that failed; this one could not be made
            raise RetriableError(str(error), fix=error.fix) from error

    code = run("simulate", main)
    if code:
        raise typer.Exit(code)
    if not outcome:
        raise typer.Exit(INTERRUPTED)
    if json_file is not None:
        json_file.write_text(json.dumps(outcome[0].as_object(), indent=2) + "\n", encoding="utf-8")
    raise typer.Exit(0 if _show(outcome[0]) else _DIFFERS)


def _show(outcome: "Outcome") -> bool:
    """Say how it went; True if all is as it should be."""
    sent = ", ".join(f"{number:,} by {name}" for name, number in sorted(outcome.sent.items()))
    sys.stdout.write(f"sent: {sent}; {outcome.events:,} facts on the bus after {outcome.seconds:.1f} s\n")
    if outcome.verdict is None:
        sys.stdout.write(f"lost: {outcome.lost}\n")
        return not outcome.lost
    if outcome.verdict.proposals:
        standing = sorted(outcome.verdict.proposals.items())
        sys.stdout.write(f"proposals: {', '.join(f'{n:,} {status.lower()}' for status, n in standing)}\n")
    for difference in outcome.verdict.differences[:_SHOWN]:
        sys.stdout.write(f"{difference}\n")
    more = len(outcome.verdict.differences) - _SHOWN
    if more > 0:
        sys.stdout.write(f"… and {more} more; --json FILE writes all of them\n")
    sys.stdout.write(f"{outcome.verdict.line()}\n")
    return outcome.verdict.sound


class _Teller:
    """Shows what is being done: on a terminal in place, else a line every two seconds."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._status = self._console.status("Starting") if self._console.is_terminal else None
        if self._status is not None:
            self._status.start()
        self._last = 0.0

    def __call__(self, doing: str) -> None:
        """Say it."""
        if self._status is not None:
            self._status.update(doing)
        elif time.monotonic() - self._last > _EVERY_SECONDS:
            self._last = time.monotonic()
            self._console.print(doing)
