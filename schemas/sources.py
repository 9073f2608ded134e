"""Reads the Avro files and resolves them to self-contained schemas.

One file per named type under ``schemas/avro/<family>/``; a file refers to other types by full name.
Registry clients differ in how they follow schema references, so what is served has every named type
written out at its first use.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from schemas.yaml_files import ContractError

Schema = dict[str, Any]

AVRO = Path(__file__).parent / "avro"


@cache
def named_types() -> dict[str, Schema]:
    """All named types of this distribution by full name, as written in their files."""
    return read_named_types(AVRO)


def read_named_types(folder: Path) -> dict[str, Schema]:
    """All named types under ``folder`` by full name.

    Raises:
        ContractError: a file does not hold a named type, or two hold the same; names the file.
    """
    types: dict[str, Schema] = {}
    for path in sorted(folder.rglob("*.avsc")):
        place = f"avro/{path.relative_to(folder)}"
        try:
            schema = json.loads(path.read_text(encoding="utf-8"))
            name = f"{schema['namespace']}.{schema['name']}"
            if schema["type"] not in ("record", "enum"):
                raise ContractError(f"{place}: is neither a record nor an enum", fix="Mend the file.")
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ContractError(f"{place}: not a named Avro type ({error})", fix="Mend the file.") from error
        if name in types:
            raise ContractError(
                f"{place}: {name} is in another file too", fix="Rename or remove one of them."
            )
        types[name] = schema
    return types


def resolve(full_name: str, types: dict[str, Schema] | None = None) -> Schema:
    """The schema of ``full_name`` with every named type written out at its first use."""
    known = named_types() if types is None else types
    resolved: Schema = _inline(full_name, known, set())
    return resolved


def _inline(node: Any, types: dict[str, Schema], seen: set[str]) -> Any:
    if isinstance(node, str):
        if node not in types or node in seen:
            return node
        seen.add(node)
        return _inline(types[node], types, seen)
    if isinstance(node, list):
        return [_inline(item, types, seen) for item in node]
    if not isinstance(node, dict):
        return node
    inlined = dict(node)
    for child in ("type", "items", "values"):
        if child in inlined and inlined[child] not in ("record", "enum", "array", "map"):
            inlined[child] = _inline(inlined[child], types, seen)
    if "fields" in inlined:
        inlined["fields"] = [_inline(item, types, seen) for item in inlined["fields"]]
    return inlined
