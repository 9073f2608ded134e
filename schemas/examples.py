"""Reads the examples that each version of a record type must have (``schemas/examples/<Record>/v<n>``).

They are written for people: instants as RFC 3339, bytes as text of which each character is one byte (as in
Avro's own JSON encoding). ``from_json`` turns them into what the codec takes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from schemas.nodes import deref, kind_of, logical_type, named_in
from schemas.sources import Schema
from schemas.yaml_files import ContractError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Example:
    """One example as its file has it."""

    record: str
    """Short name of the record type."""
    version: int
    path: Path
    document: dict[str, Any]

    @property
    def title(self) -> str:
        """What it shows, in words."""
        return self.path.stem.replace("_", " ")


def load_examples(root: Path) -> list[Example]:
    """All examples under ``root/examples``, by record, version and name.

    Raises:
        ContractError: a file is not a JSON object, or does not lie under ``<Record>/v<n>``.
    """
    examples = []
    for path in sorted((root / "examples").rglob("*.json")):
        place = path.relative_to(root)
        folder = path.parent.name
        if len(place.parts) != 4 or not (folder.startswith("v") and folder[1:].isdigit()):  # noqa: PLR2004 - parts of the path
            raise ContractError(
                f"{place}: expected examples/<Record>/v<number>/<name>.json", fix="Move the file."
            )
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ContractError(f"{place}: {error}", fix="Mend the file.") from error
        if not isinstance(document, dict):
            raise ContractError(f"{place}: expected a JSON object", fix="Mend the file.")
        examples.append(Example(path.parts[-3], int(folder[1:]), path, document))
    return examples


def as_read_by(schema: Schema, document: Mapping[str, Any]) -> dict[str, Any]:
    """An example of an earlier version as this one reads it: fields that it lacks have their defaults."""
    lacking = [field for field in schema["fields"] if field["name"] not in document]
    return {**document, **{field["name"]: field["default"] for field in lacking if "default" in field}}


def from_json(schema: Schema, document: Any) -> Any:
    """``document`` with instants as microseconds and bytes as bytes, as far as they can be read.

    What cannot be read stays as it is, for ``validation.misfits`` to name.
    """
    return _convert(schema, document, named_in(schema))


def _convert(node: Any, value: Any, types: dict[str, Schema]) -> Any:
    node = deref(node, types)
    match kind_of(node):
        case "union":
            branches = [branch for branch in node if branch != "null"]
            return _convert(branches[0], value, types) if value is not None and len(branches) == 1 else value
        case "record" if isinstance(value, dict):
            kinds = {field["name"]: field["type"] for field in node["fields"]}
            return {name: _convert(kinds.get(name), item, types) for name, item in value.items()}
        case "array" if isinstance(value, list):
            return [_convert(node["items"], item, types) for item in value]
        case "map" if isinstance(value, dict):
            return {key: _convert(node["values"], item, types) for key, item in value.items()}
    return _scalar(node, value) if isinstance(value, str) else value


def _scalar(node: Any, value: str) -> Any:
    try:
        if kind_of(node) == "bytes":
            return value.encode("latin-1")
        if logical_type(node) == "timestamp-micros":
            return (datetime.fromisoformat(value) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError):
        return value
    return value
