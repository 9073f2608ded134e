"""Writes what is generated from the contract: ``schemas/records.py`` and ``docs/asyncapi.yaml``.

``records.py`` has a TypedDict for each Avro record, so that mypy checks the code against the contract.
The Avro files are the one source; the linter compares the checked-in files with fresh ones.
"""

from pathlib import Path
from typing import Any

from schemas.asyncapi import asyncapi_document
from schemas.catalogue import ROOT, load
from schemas.examples import load_examples
from schemas.sources import Schema, read_named_types

_PRIMITIVES = {
    "string": "str", "bytes": "bytes", "int": "int", "long": "int", "float": "float",
    "double": "float", "boolean": "bool", "null": "None",
}  # fmt: skip
_HEADER = '''"""Generated from ``schemas/avro`` by ``samband schemas generate``; do not edit.

Instants are integers: microseconds since 1970-01-01T00:00:00Z.
"""

# fmt: off

from typing import Literal, TypedDict
'''


def generated(root: Path = ROOT) -> dict[Path, str]:
    """Each generated file of the contract under ``root`` with the text it should have.

    Raises:
        ContractError: a file of the contract cannot be read, or a record type is not released.
    """
    files = {root / "records.py": records_module(read_named_types(root / "avro"))}
    docs = root.parent / "docs"
    if docs.is_dir():
        files[docs / "asyncapi.yaml"] = asyncapi_document(load(root), load_examples(root))
    return files


def records_module(types: dict[str, Schema]) -> str:
    """The text of ``schemas/records.py``."""
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
        parts.append(f"{schema['name']} = Literal[{symbols}]")
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
