"""`python -m bench`: runs benchmarks, shows their figures, and writes them down. What `make bench` calls."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.benchmarks import BENCHMARKS
from bench.figures import Entry, WrongAnswerError, as_json
from bench.machine import machine
from bench.plan import LEAST_RUNS, Plan
from bench.report import tables
from bus.process import exit_code, report
from schemas.errors import RefusedError, SambandError
from schemas.fast import COMPILED

WRONG = 1
_FILE_WIDTH = 200
"""Of the tables where no terminal says how wide it is."""
_EPILOG = (
    'Example: `make bench ARGS="--only hl7 --json figures.json"`. Exit codes: 0 measured, goals met or not; '
    "1 an answer was wrong; 2 refused."
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog=_EPILOG)
def main(
    only: Annotated[
        list[str] | None, typer.Option(help="Run this benchmark alone; may be given again.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Name the benchmarks and end.")] = False,  # noqa: FBT002 - a flag
    runs: Annotated[int, typer.Option(min=LEAST_RUNS, help="How often each is measured.")] = LEAST_RUNS,
    scale: Annotated[
        float, typer.Option(min=0.0001, max=1, help="Part of the work; less than 1 is only for a try.")
    ] = 1.0,
) -> None:
    """Measure Samband's speed and memory on this machine."""
    if listed:
        for name, benchmark in BENCHMARKS.items():
            print(f"{name:14}{benchmark.what}")
        return
    unknown = [name for name in only or () if name not in BENCHMARKS]
    if unknown:
        raise typer.BadParameter(
            f"{', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", param_hint="--only"
        )
    if not COMPILED:
        error = RefusedError(
            "the codec is not compiled, so other figures would come out",
            fix="install a C compiler and Python's headers, remove .venv, and run this again",
        )
        report(error)
        raise typer.Exit(exit_code(error))
    figures = _measure(tuple(only or BENCHMARKS), runs, scale)
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(as_json(figures, _command(only or (), scale), machine()) + "\n", encoding="utf-8")
    console = Console()
    if not console.is_terminal:
        console = Console(width=_FILE_WIDTH)
    for shown in tables(figures, machine()):
        console.print(shown)


def _measure(names: tuple[str, ...], runs: int, scale: float) -> list[Entry]:
    console = Console(stderr=True)
    figures: list[Entry] = []
    for name in names:
        with console.status(name) as status:

            def tell(what: str, name: str = name) -> None:
                line = f"{name}: {what}"
                status.update(line)
                if not console.is_terminal:
                    console.print(line)

            try:
                figures += BENCHMARKS[name].run(Plan(runs, scale, tell))
            except WrongAnswerError as error:
                console.print(f"{name}: wrong answer: {error}", style="red", markup=False)
                raise typer.Exit(WRONG) from None
            except SambandError as error:
                report(error)
                raise typer.Exit(exit_code(error)) from None
    return figures


def _command(only: Sequence[str], scale: float) -> str:
    """The command that makes the figures again, without where they are written to."""
    names = [f"--only {name}" for name in only]
    if scale != 1:
        names.append(f"--scale {scale:g}")
    return f'make bench ARGS="{" ".join(names)}"' if names else "make bench"


if __name__ == "__main__":
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # new topics have no leader for a moment
    app()
