"""Rules about the Avro sources: documented, evolvable, readable by foreign clients, free of personal data."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from schemas.lint import Contract, Found, rule
from schemas.nodes import deref
from schemas.sources import Schema
from schemas.validation import misfits

_FIELD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_TYPE = re.compile(r"[A-Z][A-Za-z0-9]*\Z")
_SYMBOL = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_SCALARS = {"boolean", "int", "long", "double", "bytes", "string"}
_PERSONAL = {
    "name", "surname", "forename", "address", "street", "postcode", "zip", "phone", "telephone", "email",
    "ssn", "fnr", "cpr", "personnummer", "nin", "birth", "birthday", "dob", "age", "sex", "gender",
    "diagnosis", "comment", "note", "notes", "title", "description", "practitioner", "instructions",
}  # fmt: skip
"""Words that smell of personal data; they may be in a field's name only inside a ``…Details`` record."""


@rule("record.doc")
def everything_is_documented(contract: Contract) -> Found:
    """Every type and every field says what it is, in a sentence."""
    for name, schema in contract.types.items():
        if not str(schema.get("doc", "")).rstrip().endswith("."):
            yield name, "has no doc that is a sentence"
        for field in schema.get("fields", ()):
            if not str(field.get("doc", "")).rstrip().endswith("."):
                yield f"{name}.{field['name']}", "has no doc that is a sentence"


@rule("record.names")
def names_are_regular(contract: Contract) -> Found:
    """Types in PascalCase, fields in snake_case, symbols in capitals; short names are unique."""
    short = Counter(name.rpartition(".")[2] for name in contract.types)
    for name, schema in contract.types.items():
        space, _, own = name.rpartition(".")
        if not _TYPE.match(own) or space.split(".")[0] != "samband":
            yield name, "is not samband.<family>.<PascalCase>"
        if short[own] > 1:
            yield name, "shares its short name with another type"
        for field in schema.get("fields", ()):
            if not _FIELD.match(field["name"]):
                yield f"{name}.{field['name']}", "is not snake_case"
        for symbol in schema.get("symbols", ()):
            if not _SYMBOL.match(symbol):
                yield f"{name}.{symbol}", "is not written in capitals"


@rule("record.file")
def types_lie_where_they_belong(contract: Contract) -> Found:
    """One named type to a file, ``avro/<family>/<Name>.avsc``."""
    for path in sorted((contract.root / "avro").rglob("*.avsc")):
        name = contract.types.get(f"samband.{path.parent.name}.{path.stem}") or contract.types.get(
            f"samband.{path.stem}"
        )
        if name is None:
            yield str(path.relative_to(contract.root)), "does not hold the type that its path names"


@rule("record.details")
def details_can_be_sealed(contract: Contract) -> Found:
    """``details`` is the last field, nullable with default null, and every field of it can be absent."""
    for name, schema in contract.types.items():
        for position, field in enumerate(schema.get("fields", ())):
            if field["name"] != "details":
                continue
            if position != len(schema["fields"]) - 1:
                yield f"{name}.details", "is not the last field"
            if (
                not isinstance(field["type"], list)
                or field["type"][0] != "null"
                or field.get("default", "") is not None
            ):
                yield f"{name}.details", "is not nullable with default null"
    for name, schema in contract.types.items():
        for field in schema.get("fields", ()) if name.endswith("Details") else ():
            if "default" not in field:
                yield f"{name}.{field['name']}", "has no default: details may be there in part"


@rule("record.personal")
def personal_data_stays_in_details(contract: Contract) -> Found:
    """No field outside a ``…Details`` record has a name that smells of personal data."""
    for name, schema in contract.types.items():
        for field in schema.get("fields", ()) if not name.endswith("Details") else ():
            if smell := sorted(set(field["name"].split("_")) & _PERSONAL):
                yield f"{name}.{field['name']}", f"smells of personal data ({smell[0]}): put it into details"


@rule("record.enum")
def enums_may_grow(contract: Contract) -> Found:
    """An enum has a default for symbols that a reader does not know yet, or says ``"closed": true``."""
    for name, schema in contract.types.items():
        if schema["type"] != "enum":
            continue
        if "default" not in schema and schema.get("closed") is not True:
            yield name, 'has neither a default nor "closed": true'
        if "default" in schema and schema["default"] not in schema["symbols"]:
            yield name, "has a default that is not one of its symbols"


@rule("record.types")
def types_are_portable(contract: Contract) -> Found:
    """Only what every client reads alike: scalars, [null, X], arrays, maps, instants as timestamp-micros."""
    for name, schema in contract.types.items():
        for field in schema.get("fields", ()):
            for problem in _unportable(field["type"], contract.types):
                yield f"{name}.{field['name']}", problem


@rule("record.default")
def defaults_fit(contract: Contract) -> Found:
    """A nullable field has the default null, and every default fits its type."""
    for name, schema in contract.types.items():
        for field in schema.get("fields", ()):
            nullable = isinstance(field["type"], list)
            if nullable and field.get("default", "") is not None:
                yield f"{name}.{field['name']}", "is nullable and has not the default null"
            elif "default" in field and not nullable and _misfit(field, contract.types):
                yield f"{name}.{field['name']}", "has a default that does not fit its type"


@rule("record.orphan")
def every_type_is_used(contract: Contract) -> Found:
    """Every type is carried by a topic, or is a part of one that is."""
    used = set(contract.record_names())
    waiting = list(used)
    while waiting:
        for reference in _references(contract.types[waiting.pop()], contract.types):
            if reference not in used:
                used.add(reference)
                waiting.append(reference)
    for name in sorted(contract.types.keys() - used):
        yield name, "belongs to no topic"


def _unportable(node: Any, types: dict[str, Schema]) -> Iterator[str]:
    if isinstance(node, list):
        if len(node) != 2 or node[0] != "null" or node[1] == "null":  # noqa: PLR2004 - null and one other
            yield "is a union other than [null, X]"
        for branch in node[1:]:
            yield from _unportable(branch, types)
    elif isinstance(node, dict) and node["type"] in ("array", "map"):
        yield from _unportable(node["items" if node["type"] == "array" else "values"], types)
    elif isinstance(node, dict):
        if (node["type"], node.get("logicalType")) != ("long", "timestamp-micros"):
            yield "is neither a scalar, a named type nor an instant (long, timestamp-micros)"
    elif node not in _SCALARS and node not in types:
        yield f"is of type {node}, which is neither a scalar nor a named type"


def _misfit(field: Schema, types: dict[str, Schema]) -> bool:
    schema = deref(field["type"], types)
    default = field["default"]
    value = default.encode("latin-1") if schema == "bytes" and isinstance(default, str) else default
    return any(True for _ in misfits(schema, value))


def _references(node: Any, types: dict[str, Schema]) -> Iterator[str]:
    if isinstance(node, str) and node in types:
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from _references(item, types)
    elif isinstance(node, dict):
        for key in ("type", "items", "values", "fields"):
            yield from _references(node.get(key), types)
