"""``samband broker``: the Kafka that Samband brings along, as a background process of its own."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

app = typer.Typer(no_args_is_help=True, help="The Kafka that Samband brings along: start, look at, stop.")

_NOT_RUNNING = 1
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
_Port = Annotated[
    int | None, typer.Option(min=1, max=65535, help="A fixed port; a free one is picked otherwise.")
]
_Heap = Annotated[str, typer.Option(help="Memory for Java's heap, e.g. 512m or 2g.")]


@app.command(
    epilog="Example: `samband broker start`, then `samband topics apply`. For a fixed port: "
    "`samband broker start --port 19092`."
)
def start(port: _Port = None, heap: _Heap = "512m", as_json: _Json = False) -> None:
    """Start Kafka in the background, on its data from last time; wait until it answers."""
    from bus.embedded.server import EmbeddedBroker
    from bus.settings import load_settings

    settings = load_settings()
    with _progress("Starting Kafka", quiet=as_json) as on_fetch:
        broker = EmbeddedBroker(
            settings.data_dir / "broker",
            cache_dir=settings.cache_dir,
            heap=heap,
            port=port,
            on_fetch=on_fetch,
        )
        broker.start(detached=True)
    _report(as_json, f"Kafka is ready at {broker.bootstrap_servers}.", broker.bootstrap_servers)


@app.command(epilog="Example: `samband broker status --json`. Exit code 1 if it does not run.")
def status(as_json: _Json = False) -> None:
    """Tell whether the broker runs, and where."""
    from bus.embedded.folder import BrokerFolder
    from bus.settings import load_settings

    broker = BrokerFolder(load_settings().data_dir / "broker").running()
    if broker is None:
        _report(as_json, "Kafka does not run. Start it with `samband broker start`.", None)
        raise typer.Exit(_NOT_RUNNING)
    text = f"Kafka runs at {broker.bootstrap_servers} (process {broker.pid})."
    _report(as_json, text, broker.bootstrap_servers, pid=broker.pid)


@app.command(epilog="Example: `samband broker stop`. Its data stay for the next start.")
def stop(as_json: _Json = False) -> None:
    """Stop the broker in an orderly way; fine if it does not run."""
    from bus.embedded.server import stop_running
    from bus.settings import load_settings

    stopped = stop_running(load_settings().data_dir / "broker")
    _report(as_json, "Kafka has stopped." if stopped else "Kafka does not run.", None)


@app.command(epilog="Example: `samband broker fetch`, on the network, before going where there is none.")
def fetch(as_json: _Json = False) -> None:
    """Download Kafka's jars, check them, mend damaged ones, and let Java prepare for quick starts."""
    from bus.embedded.jars import JarCache
    from bus.embedded.server import archive_classes
    from bus.settings import load_settings

    cache_dir = load_settings().cache_dir
    cache = JarCache(cache_dir)
    with _progress("Checking Kafka's jars", quiet=as_json) as on_fetch:
        jars = cache.fetch(on_fetch)
    with _progress("Letting Java prepare for quick starts, once", quiet=as_json):
        prepared = archive_classes(cache_dir)
    if as_json:
        typer.echo(json.dumps({"jars": len(jars), "folder": str(cache.folder), "prepared": prepared}))
    else:
        slow = "" if prepared else " Java was too slow to prepare for quick starts; they take longer."
        typer.echo(f"Kafka's {len(jars)} jars are in {cache.folder}, each as listed.{slow}")


@contextmanager
def _progress(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """What is going on, on standard error: a bar on a terminal, plain lines elsewhere."""
    console = Console(stderr=True, quiet=quiet)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[count]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None, count="")

        def on_fetch(done: int, total: int) -> None:
            if done == 1 and not console.is_terminal:
                console.print(f"Fetching Kafka: {total} jars")
            fetched = done == total
            bar.update(
                task,
                description=what if fetched else "Fetching Kafka",
                completed=done,
                total=None if fetched else total,
                count="" if fetched else f"{done} of {total} jars",
            )

        yield on_fetch


def _report(as_json: bool, text: str, bootstrap_servers: str | None, **more: object) -> None:
    if as_json:
        running = bootstrap_servers is not None
        typer.echo(json.dumps({"running": running, "bootstrap_servers": bootstrap_servers, **more}))
    else:
        typer.echo(text)
