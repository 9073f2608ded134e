"""Walking Avro schemas that are plain JSON: names, references and kinds."""

from collections.abc import Iterator
from typing import Any

from schemas.sources import Schema


def full_name(schema: Schema) -> str:
    """The full name of a named type."""
    name = str(schema["name"])
    return name if "." in name or not schema.get("namespace") else f"{schema['namespace']}.{name}"


def named_in(schema: Any) -> dict[str, Schema]:
    """All named types written out in ``schema``, by full name."""
    return {full_name(found): found for found in _named(schema)}


def deref(node: Any, types: dict[str, Schema]) -> Any:
    """``node`` without the wrappers that JSON allows around a type; a name becomes what it names."""
    while True:
        inner = node["type"] if isinstance(node, dict) else node
        if isinstance(inner, str) and inner in types:
            return types[inner]
        if inner is node or isinstance(inner, str):
            return node
        node = inner


def kind_of(node: Any) -> str:
    """``record``, ``enum``, ``union``, ``array``, ``map``, ``fixed`` or a primitive's name."""
    if isinstance(node, list):
        return "union"
    return str(node["type"] if isinstance(node, dict) else node)


def logical_type(node: Any) -> str | None:
    """The logical type, where the node has one."""
    return node.get("logicalType") if isinstance(node, dict) else None


def _named(node: Any) -> Iterator[Schema]:
    if isinstance(node, list):
        for item in node:
            yield from _named(item)
    elif isinstance(node, dict):
        if node.get("type") in ("record", "enum", "fixed"):
            yield node
        for child in ("type", "items", "values", "fields"):
            if isinstance(node.get(child), dict | list):
                yield from _named(node[child])
