"""Says where a value does not fit a schema. Off the hot path: for errors, examples and the linter."""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.nodes import deref, full_name, kind_of, named_in
from schemas.sources import Schema

_PYTHON: dict[str, type | tuple[type, ...]] = {
    "null": type(None), "boolean": bool, "bytes": bytes, "string": str,
    "float": (float, int), "double": (float, int),
}  # fmt: skip
BITS = {"int": 31, "long": 63}
"""Bits of Avro's whole numbers, without the sign."""


def misfits(schema: Schema | str, value: object) -> Iterator[str]:
    """Each place where ``value`` does not fit: ``meta.occurred.instant: expected long, found str``.

    Names fields and types, never values. A field with a default may be missing; an unknown one may not
    be there.
    """
    return _check(schema, value, "", named_in(schema))


def _check(node: Any, value: Any, path: str, types: dict[str, Schema]) -> Iterator[str]:
    node = deref(node, types)
    match kind_of(node):
        case "union":
            yield from _check_union(node, value, path, types)
        case "record":
            yield from _check_record(node, value, path, types)
        case "array" if isinstance(value, list | tuple):
            for number, item in enumerate(value):
                yield from _check(node["items"], item, f"{path}[{number}]", types)
        case "map" if isinstance(value, Mapping):
            for key, item in value.items():
                yield from _check("string", key, f"{path}{{}}", types)
                yield from _check(node["values"], item, f"{path}{{}}", types)
        case "enum":
            if not isinstance(value, str) or value not in node["symbols"]:
                yield f"{path}: expected one of {', '.join(node['symbols'])}"
        case kind if not _is(kind, value):
            yield f"{path}: expected {kind}, found {_label(kind, value)}"


def _check_record(node: Schema, value: Any, path: str, types: dict[str, Schema]) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path or full_name(node)}: expected a {full_name(node)}, found {type(value).__name__}"
        return
    dot = f"{path}." if path else ""
    known = {field["name"]: field for field in node["fields"]}
    if unknown := sum(1 for name in value if name not in known):
        yield f"{path or full_name(node)}: {unknown} field(s) that {full_name(node)} does not have"
    for name, field in known.items():
        if name in value:
            yield from _check(field["type"], value[name], f"{dot}{name}", types)
        elif "default" not in field:
            yield f"{dot}{name}: is missing"


def _check_union(branches: list[Any], value: Any, path: str, types: dict[str, Schema]) -> Iterator[str]:
    tries = [list(_check(branch, value, path, types)) for branch in branches]
    if all(tries):
        yield from min(
            (p for b, p in zip(branches, tries, strict=True) if b != "null"), key=len, default=tries[0]
        )


def _is(kind: str, value: object) -> bool:
    if kind in BITS:
        return type(value) is int and -(1 << BITS[kind]) <= value < 1 << BITS[kind]
    if kind == "string" and isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return isinstance(value, _PYTHON.get(kind, ())) and (kind == "boolean" or not isinstance(value, bool))


def _label(kind: str, value: object) -> str:
    if kind in BITS and type(value) is int:
        return "one out of range"
    if kind == "string" and isinstance(value, str):
        return "text that UTF-8 cannot hold"
    return type(value).__name__
