"""The root of the command line: global options, sub-commands, and errors as one line with the fix."""

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import click
import typer

from bus.process import exit_code
from samband.cli.broker import app as broker
from samband.cli.demo import demo
from samband.cli.dlq import app as dlq
from samband.cli.processes import connector, router
from samband.cli.schemas import app as schemas
from samband.cli.tail import tail
from samband.cli.timeline import timeline
from samband.cli.topics import app as topics
from samband.cli.up import up
from schemas.errors import SambandError

_EPILOG = """Exit codes: 0 done, 1 check failed, 2 usage, 3 refused, 4 try again, 5 stopped, 130 interrupted."""

app = typer.Typer(
    name="samband", no_args_is_help=True, add_completion=False, epilog=_EPILOG, rich_markup_mode="markdown",
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
app.command()(demo)
app.command()(up)
app.add_typer(broker, name="broker")
app.add_typer(topics, name="topics")
app.add_typer(schemas, name="schemas")
app.add_typer(connector, name="connector")
app.add_typer(router, name="router")
app.command()(timeline)
app.command()(tail)
app.add_typer(dlq, name="dlq")


@app.callback()
def root(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False) -> None:
    """Samband: a message bus between public agencies.

    Try it: `samband demo`. Settings come from samband.toml and SAMBAND_… variables (docs/configuration.md).
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code."""
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    command = typer.main.get_command(app)
    try:
        result = command.main(args=list(arguments), prog_name="samband", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as leave:
        return int(leave.exit_code)
    except (KeyboardInterrupt, click.exceptions.Abort):
        return 130
    except SambandError as error:
        if debug:
            traceback.print_exc()
        sys.stderr.write(f"samband: {error}{f' — {error.fix}' if error.fix else ''}\n")
        return exit_code(error)
    return int(result or 0)
