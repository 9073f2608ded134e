"""Reads values of one schema without asking the schema again for each of them: half of fastavro's time.

The twin of ``fast_encoding``: Python source made from the schema once. It gives what fastavro gives, or
raises one of ``DOUBT``: for bytes that are not what the schema says, and for rare ones that are (a list of
more than 63). The caller asks fastavro then, which says what is wrong and where.

No place is looked at twice and none is jumped over, so a reader has stayed within the bytes exactly when it
ends where they end: slices beyond the end are short, and what follows them fails or ends elsewhere. Fields
that nobody reads are walked through without being made into values: of a text, only its length is looked at.
"""

from collections.abc import Callable, Iterable
from itertools import count
from struct import Struct, error
from typing import Any

from aiokafka.record.util import decode_varint

from schemas.nodes import deref, kind_of, named_in
from schemas.sources import Schema

DOUBT = (ValueError, LookupError)
"""What a reader raises for bytes that are not its own to read."""

Read = Callable[[bytes, int], tuple[dict[str, Any], int]]
"""Takes bytes and where to begin; gives the value and where it ended, which the caller has to compare with
the length."""

_LONGEST = 10
_SAFE = f" safe = len(data) - {_LONGEST - 1}"
"""Before here, numbers are read by the C code of Kafka's client, whose records have them as Avro has them: it
looks at no end."""
_INSTANT = 8
"""Bytes of the instants of our days: 8 from 1988 to 2112."""
_MORE_FOLLOWS = 0x8080808080808080


_Unread = dict[str, Any]
"""Fields by name, each with its own unread fields in turn; one without any is unread as a whole."""


def fast_reader(schema: Schema, unread: Iterable[str] = ()) -> Read | None:
    """The reader of a record schema; None when the schema has a type that only fastavro reads.

    ``unread`` are paths of fields that its values are to be without, e.g. ``meta.hops``; through a list or an
    optional record a path goes on as if these were not there. What the schema does not have is let be.
    """
    source = _Source(named_in(schema))
    try:
        value = source.value(schema, 1, _tree(unread))
    except NotImplementedError:
        return None
    lines = ["def read(data, at):", _SAFE, *source.lines, f" return {value}, at"]
    exec("\n".join(lines), source.names)  # noqa: S102 - of our own schemas, whose names the catalogue checks
    read: Read = source.names["read"]
    return read


def _tree(paths: Iterable[str]) -> _Unread:
    tree: _Unread = {}
    for path in sorted(paths, key=len, reverse=True):  # a field after the fields in it, so that it wins
        *above, last = path.split(".")
        node = tree
        for name in above:
            node = node.setdefault(name, {})
        node[last] = {}
    return tree


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    """A varint before zigzag, and where it ended."""
    number = 0
    for place in range(_LONGEST):
        byte = data[at + place]
        number |= (byte & 127) << 7 * place
        if byte < 128:  # noqa: PLR2004 - the top bit says that more follows
            if number >> 64:
                break
            return number, at + place + 1
    raise ValueError("more than 64 bits")


def _long(data: bytes, at: int) -> tuple[int, int]:
    number, end = _unsigned(data, at)
    return number >> 1 ^ -(number & 1), end


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The number of bytes of a long text, and where it begins."""
    first, second = data[at], data[at + 1]
    if second < 128 and not first & 1:  # noqa: PLR2004 - the top bit says that more follows
        return (first & 127 | second << 7) >> 1, at + 2
    number, end = _unsigned(data, at)
    if number & 1:
        raise ValueError("a length below nothing")
    return number >> 1, end


_PAST = tuple(0 if length & 129 else 1 + (length >> 1) for length in range(256))
"""By the first byte of a short text: how many bytes it takes with this one. 0 for a long one."""


def _past_long_text(data: bytes, at: int) -> int:
    first, second = data[at], data[at + 1]
    if second < 128 and not first & 1:  # noqa: PLR2004 - a hash in hex, as every fact has one
        return 2 + ((first & 127 | second << 7) >> 1)
    length, begin = _length(data, at)
    return begin + length - at


_eight_bytes = Struct("<Q").unpack_from


def _past_long(data: bytes, at: int) -> int:
    try:
        if _eight_bytes(data, at)[0] & _MORE_FOLLOWS == _MORE_FOLLOWS >> 8:
            return _INSTANT
    except error:  # there are not so many
        pass
    return _unsigned(data, at)[1] - at


class _Source:
    """The source as it grows: statements that read into locals, and what puts these together."""

    def __init__(self, types: dict[str, Schema]) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "long_": _long, "length_": _length, "varint": decode_varint, "boolean": {0: False, 1: True},
            "past": _PAST, "past_long_text": _past_long_text, "past_long": _past_long, "past_boolean": (1, 1),
        }  # fmt: skip
        self._types = types
        self._numbers = count()

    def value(self, node: Any, depth: int, unread: _Unread) -> str:
        """Says how to read a value of ``node``; gives the expression for it."""
        node = deref(node, self._types)
        kind = kind_of(node)
        if kind == "record":
            return self._record(node, depth, unread)
        name = self._name()
        match kind:
            case "union":
                self._optional(node, name, depth, unread)
            case "array" | "map":
                self._items(node, kind, name, depth, unread)
            case "enum" if len(node["symbols"]) <= 64:  # noqa: PLR2004 - in one byte
                symbols = self._constant({2 * n: symbol for n, symbol in enumerate(node["symbols"])})
                self._say(depth, f"{name} = {symbols}[data[at]]; at += 1")
            case "boolean":
                self._say(depth, f"{name} = boolean[data[at]]; at += 1")
            case "int" | "long":
                self._say(
                    depth,
                    "n = data[at]",
                    f"if n < 128: {name} = n >> 1 ^ -(n & 1); at += 1",
                    f"else: {name}, at = varint(data, at) if at < safe else long_(data, at)",
                )
            case "string" | "bytes":
                text = ".decode()" if kind == "string" else ""
                self._say(
                    depth,
                    "n = past[data[at]]",
                    f"if n: {name} = data[at + 1:(at := at + n)]{text}",
                    f"else: n, at = length_(data, at); {name} = data[at:(at := at + n)]{text}",
                )
            case _:
                raise NotImplementedError(kind)
        return name

    def _record(self, node: Schema, depth: int, unread: _Unread) -> str:
        fields = []
        for field in node["fields"]:
            below = unread.get(field["name"])
            if below == {}:
                self._walk(field["type"], depth)
            else:
                fields.append(f"{field['name']!r}: {self.value(field['type'], depth, below or {})}")
        if not fields:
            raise NotImplementedError("a record without fields takes no bytes")
        return f"{{{', '.join(fields)}}}"

    def _optional(self, branches: list[Any], name: str, depth: int, unread: _Unread) -> None:
        inner, nothing = self._branches(branches)
        self._say(depth, "n = data[at]; at += 1", f"if n == {nothing}: {name} = None")
        self._say(depth, f"elif n == {2 - nothing}:")
        self._say(depth + 1, f"{name} = {self.value(inner, depth + 1, unread)}")
        self._say(depth, "else: raise ValueError")

    def _items(self, node: Schema, kind: str, name: str, depth: int, unread: _Unread) -> None:
        self._say(depth, f"{name} = {'[]' if kind == 'array' else '{}'}")
        left = self._each_item(depth)
        if kind == "array":
            self._say(depth + 2, f"{name}.append({self.value(node['items'], depth + 2, unread)})")
        else:
            key, value = self.value("string", depth + 2, {}), self.value(node["values"], depth + 2, unread)
            self._say(depth + 2, f"{name}[{key}] = {value}")
        self._say(depth + 1, f"{left} = data[at]; at += 1")

    def _walk(self, node: Any, depth: int) -> None:
        """Says how to get past a value of ``node``."""
        node = deref(node, self._types)
        match kind_of(node):
            case "record" if node["fields"]:
                for field in node["fields"]:
                    self._walk(field["type"], depth)
            case "union":
                inner, nothing = self._branches(node)
                self._say(depth, "n = data[at]; at += 1", f"if n == {2 - nothing}:")
                self._walk(inner, depth + 1)
                self._say(depth, f"elif n != {nothing}: raise ValueError")
            case "array" | "map" as kind:
                left = self._each_item(depth)
                if kind == "map":
                    self._walk("string", depth + 2)
                self._walk(node["items" if kind == "array" else "values"], depth + 2)
                self._say(depth + 1, f"{left} = data[at]; at += 1")
            case "enum" if len(node["symbols"]) <= 64:  # noqa: PLR2004 - in one byte
                known = self._constant(dict.fromkeys(range(0, 2 * len(node["symbols"]), 2), 1))
                self._say(depth, f"at += {known}[data[at]]")
            case "boolean":
                self._say(depth, "at += past_boolean[data[at]]")
            case "int" | "long":
                self._say(depth, "at += 1 if data[at] < 128 else past_long(data, at)")
            case "string" | "bytes":
                self._say(depth, "at += past[data[at]] or past_long_text(data, at)")
            case kind:
                raise NotImplementedError(kind)

    @staticmethod
    def _branches(branches: list[Any]) -> tuple[Any, int]:
        """The type that is not null, and the byte that stands for null."""
        if len(branches) != 2 or "null" not in branches:  # noqa: PLR2004 - null and one other
            raise NotImplementedError("union")
        nothing = branches.index("null")
        return branches[1 - nothing], 2 * nothing

    def _each_item(self, depth: int) -> str:
        """Begins a loop over the items of blocks, said two deeper; gives the name that ends a block."""
        left = self._name()
        self._say(depth, f"{left} = data[at]; at += 1")
        self._say(depth, f"while {left}:", f" if {left} & 129: raise ValueError")
        self._say(depth + 1, f"for _ in range({left} >> 1):")
        return left

    def _say(self, depth: int, *lines: str) -> None:
        self.lines.extend(" " * depth + line for line in lines)

    def _name(self) -> str:
        return f"v{next(self._numbers)}"

    def _constant(self, value: object) -> str:
        name = self._name().replace("v", "c")
        self.names[name] = value
        return name
