"""How the commands print records: one JSON object a line, or a short line for people."""

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from bus.reader import DecodedRecord


def instant(microseconds: int) -> str:
    """An instant for people, in UTC."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def as_object(found: "DecodedRecord") -> dict[str, Any]:
    """A record as JSON has it; bytes are base64."""
    record = found.record
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record.key.decode(errors="replace") if record.key is not None else None,
        "headers": {name: value.decode(errors="replace") for name, value in record.headers},
        "record": found.decoded.record if found.decoded else None,
        "schema_id": found.decoded.schema_id if found.decoded else None,
        "value": found.decoded.value if found.decoded else None,
        "problem": found.problem.reason if found.problem else None,
    }


def to_json(content: dict[str, Any]) -> str:
    """One line of JSON; bytes are base64."""
    return json.dumps(content, default=_bytes, ensure_ascii=False)


def print_record(found: "DecodedRecord", *, as_json: bool) -> None:
    """Print one record."""
    content = as_object(found)
    if as_json:
        typer.echo(to_json(content))
        return
    what = content["record"] or f"unreadable ({content['problem']})"
    place = f"{content['topic']}/{content['partition']}@{content['offset']}"
    typer.echo(f"{instant(found.record.timestamp)}  {place}  {content['key']}  {what}")
    if found.decoded:
        typer.echo("    " + to_json(found.decoded.value))


def _bytes(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"no JSON form for {type(value).__name__}")
