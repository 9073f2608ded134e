"""Reads the Avro files and resolves them to self-contained schemas.

One file per named type under ``schemas/avro/<family>/``; a file refers to other types by full name.
Registry clients differ in how they follow schema references, so what is served has every named type
written out at its first use.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

AVRO = Path(__file__).parent / "avro"


@cache
def named_types(folder: Path = AVRO) -> dict[str, Schema]:
    """All named types by full name, as written in their files."""
    types: dict[str, Schema] = {}
    for path in sorted(folder.rglob("*.avsc")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        types[f"{schema['namespace']}.{schema['name']}"] = schema
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
