"""From a schema to the tree of nodes that reads or writes it."""

from types import ModuleType
from typing import Any

from schemas.nodes import deref, kind_of, named_in
from schemas.sources import Schema

Unread = dict[str, "Unread"]
"""Fields by name, each with its own unread fields in turn; one without any is unread as a whole."""

_SIMPLE = {"int": "Int", "long": "Long", "string": "String", "bytes": "Bytes", "boolean": "Boolean"}


class Tree:
    """Makes nodes of one module, ``reading`` or ``writing``, which name them alike."""

    def __init__(self, nodes: ModuleType, schema: Schema) -> None:
        self._nodes: Any = nodes
        self._types = named_in(schema)
        self._open: list[Schema] = []
        """The records around a node."""

    def node(self, node: Any, unread: Unread) -> Any:
        """For ``node`` of the schema. NotImplementedError where only fastavro can read or write it."""
        node = deref(node, self._types)
        kind = kind_of(node)
        nodes = self._nodes
        match kind:
            case "enum":
                return nodes.Enum(node["symbols"])
            case "array":
                return nodes.Array(self.node(node["items"], unread))
            case "map":
                return nodes.Map(self.node(node["values"], {}))
            case "union" if len(node) == 2 and "null" in node:  # noqa: PLR2004 - null and one other
                nothing = node.index("null")
                return nodes.Optional(self.node(node[1 - nothing], unread), nothing)
            case "record" if node not in self._open:
                return self._record(node, unread)
            case _ if kind in _SIMPLE:
                return getattr(nodes, _SIMPLE[kind])()
        raise NotImplementedError(kind)

    def _record(self, node: Schema, unread: Unread) -> Any:
        names, fields = [], []
        self._open.append(node)
        for field in node["fields"]:
            below = unread.get(field["name"])
            names.append(None if below == {} else field["name"])
            fields.append(self.node(field["type"], below or {}))
        self._open.pop()
        if not any(names):
            raise NotImplementedError("a record of which nothing is read")
        return self._nodes.Record(names, fields)
