"""Writes ``schemas/records.py``: a TypedDict for each Avro record, so that mypy checks the contract.

The Avro files are the one source. A test compares the checked-in file with a fresh one.
"""

from pathlib import Path
from typing import Any

from schemas.sources import Schema, named_types

RECORDS = Path(__file__).parent / "records.py"
_PRIMITIVES = {
    "string": "str", "bytes": "bytes", "int": "int", "long": "int", "float": "float",
    "double": "float", "boolean": "bool", "null": "None",
}  # fmt: skip
_HEADER = '''"""Generated from ``schemas/avro`` by ``samband schemas generate``; do not edit.

Instants are integers: microseconds since 1970-01-01T00:00:00Z.
"""

# fmt: off
# ruff: noqa: E501 - documentation strings are as long as the contract has them

from typing import Literal, TypedDict
'''


def records_module() -> str:
    """The text of ``schemas/records.py``."""
    types = named_types()
    done: set[str] = set()
    parts = [_HEADER]
    for full_name in types:
        _emit(full_name, types, done, parts)
    return "\n\n".join(parts) + "\n"


def _emit(full_name: str, types: dict[str, Schema], done: set[str], parts: list[str]) -> None:
    if full_name in done:
        return
    done.add(full_name)
    schema = types[full_name]
    if schema["type"] == "enum":
        symbols = ", ".join(f'"{symbol}"' for symbol in schema["symbols"])
        parts.append(
            f"type_{schema['name']} = None" if not symbols else f"{schema['name']} = Literal[{symbols}]"
        )
        return
    lines = [f"class {schema['name']}(TypedDict):", f'    """{schema["doc"]}"""', ""]
    for field in schema["fields"]:
        annotation = _annotation(field["type"], types, done, parts)
        lines.append(f"    {field['name']}: {annotation}")
        lines.append(f'    """{field["doc"]}"""')
    parts.append("\n".join(lines))


def _annotation(node: Any, types: dict[str, Schema], done: set[str], parts: list[str]) -> str:
    if isinstance(node, list):
        return " | ".join(sorted((_annotation(item, types, done, parts) for item in node), key="None".__eq__))
    if isinstance(node, dict):
        if node["type"] == "array":
            return f"list[{_annotation(node['items'], types, done, parts)}]"
        if node["type"] == "map":
            return f"dict[str, {_annotation(node['values'], types, done, parts)}]"
        return _annotation(node["type"], types, done, parts)
    if node in _PRIMITIVES:
        return _PRIMITIVES[node]
    _emit(node, types, done, parts)
    return str(types[node]["name"])
