"""The root of the command line: global options, sub-commands, and errors as one line with the fix."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bus.process import INTERRUPTED, exit_code, report
from samband.cli.answer import EPILOG as ANSWER_EPILOG
from samband.cli.answer import answer
from samband.cli.broker import app as broker
from samband.cli.demo import demo
from samband.cli.diff import diff
from samband.cli.dlq import app as dlq
from samband.cli.identity import app as identity
from samband.cli.legacy import legacy
from samband.cli.parked import app as parked
from samband.cli.processes import connector, router, serve_contract
from samband.cli.replay import replay
from samband.cli.schemas import app as schemas
from samband.cli.simulate import simulate
from samband.cli.tail import tail
from samband.cli.timeline import timeline
from samband.cli.topics import app as topics
from samband.cli.up import up

_EPILOG = (
    "Exit codes: 0 done; 1 a check failed, or going on would do harm; 2 refused: the command, a setting or a "
    "request; 3 Kafka or another service is away, try again; 4 an input could not be read; 70 a bug; "
    "130 interrupted."
)

app = typer.Typer(
    name="samband", no_args_is_help=True, add_completion=False, rich_markup_mode="markdown",
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
app.command()(demo)
app.command()(up)
app.command()(simulate)
app.add_typer(broker, name="broker")
app.add_typer(topics, name="topics")
schemas.command("serve", epilog="Example: `SAMBAND_CONTRACT_SERVER__PORT=8081 samband schemas serve`.")(
    serve_contract
)
app.add_typer(schemas, name="schemas")
app.add_typer(connector, name="connector")
app.add_typer(router, name="router")
app.command()(replay)
app.command()(diff)
app.command()(timeline)
app.command(epilog=ANSWER_EPILOG)(answer)
app.command()(tail)
app.add_typer(dlq, name="dlq")
app.add_typer(parked, name="parked")
app.add_typer(identity, name="identity")
app.command(hidden=True)(legacy)


@app.callback(epilog=_EPILOG)
def root(*, debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False) -> None:
    """Samband: a message bus between public agencies.

    See it work: `samband demo`. Run your own: `samband up`. Settings come from samband.toml and
    SAMBAND_… variables (docs/configuration.md).
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code. ``--debug`` may stand anywhere."""
    debug = "--debug" in arguments
    command = typer.main.get_command(app)
    try:
        command.main(args=[argument for argument in arguments if argument != "--debug"], prog_name="samband")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(bool(leave.code))
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the outermost edge: everything becomes a line and a code
        report(error, debug=debug)
        return exit_code(error)
    return 0
