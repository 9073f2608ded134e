"""Hypothesis strategies derived from Avro schemas: any value that fits."""

from typing import Any

from hypothesis import strategies as st

from schemas.nodes import deref, kind_of, named_in

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "string": _TEXT,
    "bytes": st.binary(max_size=20),
}


def values(schema: Any) -> st.SearchStrategy[Any]:
    """Values of ``schema``, which is not recursive."""
    return _values(schema, named_in(schema))


def _values(node: Any, types: dict[str, Any]) -> st.SearchStrategy[Any]:
    node = deref(node, types)
    match kind_of(node):
        case "union":
            return st.one_of([_values(branch, types) for branch in node])
        case "record":
            return st.fixed_dictionaries({f["name"]: _values(f["type"], types) for f in node["fields"]})
        case "enum":
            return st.sampled_from(node["symbols"])
        case "array":
            return st.lists(_values(node["items"], types), max_size=3)
        case "map":
            return st.dictionaries(_TEXT, _values(node["values"], types), max_size=3)
    size = node.get("size") if isinstance(node, dict) else None
    return st.binary(min_size=size, max_size=size) if size else _SCALARS[kind_of(node)]
