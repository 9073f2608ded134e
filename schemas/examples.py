"""Reads the examples that each version of a record type must have (``schemas/examples/<Record>/v<n>``).

They are written for people: instants as RFC 3339, bytes as text of which each character is one byte (Avro's own
JSON encoding does that too). ``from_json`` turns them into what the codec takes.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from schemas.compatibility import named_in
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
        if len(place.parts) != 4 or not (folder.startswith("v") and folder[1:].isdigit()):  # noqa: PLR2004
            raise ContractError(f"{place}: expected examples/<Record>/v<number>/<name>.json", fix="Move the file.")
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ContractError(f"{place}: {error}", fix="Mend the file.") from error
        if not isinstance(document, dict):
            raise ContractError(f"{place}: expected a JSON object", fix="Mend the file.")
        examples.append(Example(path.parts[-3], int(folder[1:]), path, document))
    return examples


def from_json(schema: Schema, document: Any) -> Any:
    """``document`` with instants as microseconds and bytes as bytes, as far as they can be read.

    What cannot be read stays as it is, for ``validation.misfits`` to name.
    """
    return _convert(schema, document, named_in(schema))


def _convert(node: Any, value: Any, types: dict[str, Schema]) -> Any:
    if isinstance(node, str) and node in types:
        return _convert(types[node], value, types)
    if isinstance(node, list):
        branches = [branch for branch in node if branch != "null"]
        return value if value is None or len(branches) != 1 else _convert(branches[0], value, types)
    kind = node["type"] if isinstance(node, dict) else node
    if isinstance(kind, dict | list) or kind in types:
        return _convert(kind, value, types)
    if kind == "record" and isinstance(value, dict):
        fields = {field["name"]: field["type"] for field in node["fields"]}
        return {name: _convert(fields[name], item, types) if name in fields else item for name, item in value.items()}
    if kind == "array" and isinstance(value, list):
        return [_convert(node["items"], item, types) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _convert(node["values"], item, types) for key, item in value.items()}
    return _scalar(kind, node, value)


def _scalar(kind: str, node: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        if kind == "bytes":
            return value.encode("latin-1")
        if isinstance(node, dict) and node.get("logicalType") == "timestamp-micros":
            return (datetime.fromisoformat(value) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError):
        return value
    return value
