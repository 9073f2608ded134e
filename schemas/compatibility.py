"""Whether data written with one schema can be read with another: Avro 1.12, "Schema Resolution".

BACKWARD_TRANSITIVE means that every new version reads what any earlier version wrote. In three places
this is stricter than the specification, because clients differ or meaning would be lost: named types must
keep their full name (Java compares it, Python does not), bytes do not become a string (not every byte
sequence is text), and a logical type stays what it was (a micro does not become a milli).
"""

from collections.abc import Iterator
from typing import Any

from schemas.nodes import deref, full_name, kind_of, logical_type, named_in
from schemas.sources import Schema

_PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
_PROMOTIONS = {
    ("int", "long"), ("int", "float"), ("int", "double"), ("long", "float"), ("long", "double"),
    ("float", "double"), ("string", "bytes"),
}  # fmt: skip


def incompatibilities(*, reader: Schema, writer: Schema) -> list[str]:
    """Why ``reader`` cannot read what ``writer`` wrote: one line each with the place; empty when it can."""
    return list(_Resolution(reader, writer).compare(reader, writer, ""))


class _Resolution:
    """One comparison; remembers pairs of named types, since a type may hold itself."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self._reader_types = named_in(reader)
        self._writer_types = named_in(writer)
        self._begun: set[tuple[str, str]] = set()

    def compare(self, reader: Any, writer: Any, path: str) -> Iterator[str]:
        reader = deref(reader, self._reader_types)
        writer = deref(writer, self._writer_types)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.compare(reader, branch, path)
        elif isinstance(reader, list):
            yield from self._into_union(reader, writer, path)
        elif not _matches(reader, writer):
            yield f"{path or '/'}: {_label(writer)} cannot be read as {_label(reader)}"
        elif logical_type(reader) != logical_type(writer):
            yield f"{path or '/'}: the logical type was {logical_type(writer)} and is {logical_type(reader)}"
        else:
            yield from self._inside(reader, writer, path)

    def _into_union(self, branches: list[Any], writer: Any, path: str) -> Iterator[str]:
        for branch in branches:
            if _matches(deref(branch, self._reader_types), writer):
                yield from self.compare(branch, writer, path)
                return
        yield f"{path or '/'}: the union has no branch for {_label(writer)}"

    def _inside(self, reader: Any, writer: Any, path: str) -> Iterator[str]:
        kind = kind_of(reader)
        if kind == "array":
            yield from self.compare(reader["items"], writer["items"], f"{path}/[]")
        elif kind == "map":
            yield from self.compare(reader["values"], writer["values"], f"{path}/{{}}")
        elif kind == "fixed" and reader["size"] != writer["size"]:
            yield f"{path or '/'}: {full_name(reader)} had {writer['size']} bytes and has {reader['size']}"
        elif kind == "enum":
            yield from _symbols(reader, writer, path)
        elif kind == "record" and (pair := (full_name(reader), full_name(writer))) not in self._begun:
            self._begun.add(pair)
            yield from self._fields(reader, writer, path)

    def _fields(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            names = (field["name"], *field.get("aliases", ()))
            source = next((written[name] for name in names if name in written), None)
            place = f"{path}/{field['name']}"
            if source is not None:
                yield from self.compare(field["type"], source["type"], place)
            elif "default" not in field:
                yield f"{place}: is new and has no default"


def _label(node: Any) -> str:
    return full_name(node) if isinstance(node, dict) and "name" in node else kind_of(node)


def _matches(reader: Any, writer: Any) -> bool:
    if isinstance(reader, list):
        return False
    kind, written = kind_of(reader), kind_of(writer)
    if kind in _PRIMITIVES or written in _PRIMITIVES:
        return kind == written or (written, kind) in _PROMOTIONS
    if kind != written or kind in ("array", "map"):
        return kind == written
    return full_name(reader) == full_name(writer) or full_name(writer) in _aliases(reader)


def _aliases(schema: Schema) -> set[str]:
    space = full_name(schema).rpartition(".")[0]
    return {alias if "." in alias else f"{space}.{alias}" for alias in schema.get("aliases", ())}


def _symbols(reader: Schema, writer: Schema, path: str) -> Iterator[str]:
    gone = sorted(set(writer["symbols"]) - set(reader["symbols"]))
    if gone and "default" not in reader:
        yield f"{path or '/'}: {full_name(reader)} has lost {', '.join(gone)} and has no default"
