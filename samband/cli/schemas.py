"""``samband schemas``: look at the contract, check it, release new versions, publish it."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(no_args_is_help=True, help="The contract: look at it, check it, release it, publish it.")

_CHECK_FAILED = 1
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
_Registry = Annotated[
    str | None,
    typer.Option(
        help="The registry's address (Confluent API); settings.registry_url otherwise.", metavar="URL"
    ),
]


@app.command(epilog="Example: `samband schemas check`. Exit code 1 if there is something to mend.")
def check(as_json: _Json = False) -> None:
    """Check topics, records, versions, compatibility, examples and generated files."""
    from schemas.lint import lint, rules

    problems = lint()
    if as_json:
        typer.echo(json.dumps([problem._asdict() for problem in problems]))
    elif problems:
        for problem in problems:
            typer.echo(f"{problem.rule}: {problem.where}: {problem.what}", err=True)
    else:
        typer.echo(f"The contract keeps all {len(rules())} rules.")
    if problems:
        raise typer.Exit(_CHECK_FAILED)


@app.command(
    "list", epilog="Example: `samband schemas list`, or `samband schemas list --json | jq '.[].id'`."
)
def list_(as_json: _Json = False) -> None:
    """List every record type with its versions, ids and topics."""
    from schemas.catalogue import catalogue

    versions = [
        (record, version) for record in catalogue().record_types for version in record.versions.values()
    ]
    if as_json:
        rows = [
            {"record": r.full_name, "version": v.number, "id": v.schema_id, "topics": r.topics}
            for r, v in versions
        ]
        typer.echo(json.dumps(rows))
        return
    table = Table("record", "version", "id", "topics")
    for record, version in versions:
        table.add_row(record.full_name, str(version.number), str(version.schema_id), ", ".join(record.topics))
    Console().print(table)


@app.command(epilog="Example: `samband schemas generate`, after a file under schemas/avro was changed.")
def generate() -> None:
    """Write what is made from the contract: schemas/records.py and docs/asyncapi.yaml."""
    from schemas.generate import generated

    for path, text in generated().items():
        fresh = path.exists() and path.read_text(encoding="utf-8") == text
        if not fresh:
            path.write_text(text, encoding="utf-8")
        typer.echo(f"{path.name}: {'was fresh' if fresh else 'written'}")


@app.command(epilog="Example: `samband schemas release`, then add an example, and commit all of it.")
def release() -> None:
    """Make a new version of every record type whose source has changed; refused when it breaks readers."""
    from schemas.generate import generated
    from schemas.release import release as make

    made = make()
    for version in made:
        typer.echo(f"{version.full_name} version {version.version} has id {version.schema_id}")
    if not made:
        typer.echo("No source differs from its latest version.")
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")


@app.command(epilog="Example: `samband schemas publish --registry http://127.0.0.1:8081`. Safe to run again.")
def publish(registry: _Registry = None, as_json: _Json = False) -> None:
    """Put every version into an external registry; the codec takes its ids from there afterwards."""
    from bus.registry.client import RegistryClient
    from bus.registry.client import publish as put
    from bus.settings import load_settings
    from schemas.errors import RefusedError

    address = registry or load_settings().registry_url
    if address is None:
        raise RefusedError("no registry is named", fix="pass --registry URL, or set registry_url")
    progress = Console(stderr=True)
    with progress.status("Publishing the contract") as status:
        published = []
        for entry in put(RegistryClient(address)):
            published.append(entry)
            status.update(f"Publishing the contract: {entry.subject}")
    if as_json:
        typer.echo(json.dumps([{**p._asdict(), "outcome": p.outcome.name.lower()} for p in published]))
        return
    table = Table("subject", "version", "id", "")
    for entry in published:
        table.add_row(entry.subject, str(entry.version), str(entry.schema_id), entry.outcome.value)
    Console().print(table)
