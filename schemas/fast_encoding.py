"""Writes values of one schema without asking the schema again for each of them: a quarter of fastavro's time.

The writer of a schema is Python source made from it once: straight code that takes each field in turn, as
``dataclasses`` and ``namedtuple`` do for their methods. It writes what fastavro writes, byte for byte, or
raises one of ``MISFIT``: for a value that does not fit, and for the rare one that it leaves to fastavro (a
field that was left out for its default, a text beyond 8 KiB). The caller asks fastavro then; so no rule of
what fits stands here only.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import count
from struct import Struct
from typing import Any

from schemas.nodes import deref, kind_of, named_in
from schemas.sources import Schema

MISFIT = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
"""What a writer raises for a value that is not its own to write."""

Write = Callable[[bytes, Mapping[str, Any]], bytes]
"""Takes what goes in front and the value."""

_SMALL = 1 << 13
_KEPT = 8192


def fast_writer(schema: Schema) -> Write | None:
    """The writer of a record schema; None when the schema has a type that only fastavro writes."""
    source = _Source(named_in(schema))
    try:
        pieces = source.pieces(schema, "value", 1)
    except NotImplementedError:
        return None
    lines = ["def write(front, value):", *source.lines, f" return join((front, {', '.join(pieces)},))"]
    exec("\n".join(lines), source.names)  # noqa: S102 - of our own schemas, whose names the catalogue checks
    write: Write = source.names["write"]
    return write


def _seven_bits_a_byte(number: int) -> bytes:
    written = bytearray()
    while number > 127:  # noqa: PLR2004 - the top bit says that more follows
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)


_LAST = tuple(_seven_bits_a_byte(number) for number in range(1 << 14))
_MORE = tuple(bytes((number & 127 | 128, number >> 7 | 128)) for number in range(1 << 14))


def varint(number: int) -> bytes:
    """A whole number of 64 bits as Avro has it: zigzag, then 7 bits a byte, the lowest first."""
    left = number << 1 if number >= 0 else ~(number << 1)
    written = b""
    while left >> 14:
        written += _MORE[left & 16383]
        left >>= 14
    return written + _LAST[left]


@lru_cache(_KEPT)
def _int(number: int) -> bytes:
    if -(1 << 31) <= number < 1 << 31:
        return varint(number)
    raise ValueError("more than 32 bits")


_eight_bytes = Struct("<Q").pack


def _long(number: int) -> bytes:
    """As `varint`. What takes eight bytes, as the microseconds of our days do, takes no table.

    Its bits are moved apart all at once: 28 from 28, 14 from 14, 7 from 7. A float raises TypeError at that.
    """
    if 1 << 48 <= number < 1 << 55:
        left = number + number
        left += (left & 0xFFFFFFF0000000) * 15
        left += (left & 0xFFFC0000FFFC000) * 3
        return _eight_bytes(left + (left & 0x3F803F803F803F80) | 0x80808080808080)
    if type(number) is not int:
        raise TypeError
    if -(1 << 63) <= number < 1 << 63:
        return varint(number)
    raise ValueError("more than 64 bits")


_LENGTHS = _LAST[::2]
_NAMES = {
    "join": b"".join,
    "utf8": str.encode,
    "length": _LENGTHS,
    "some_0": tuple(varint(0) + length for length in _LENGTHS),
    "some_1": tuple(varint(1) + length for length in _LENGTHS),
    "boolean": {False: b"\x00", True: b"\x01"},
    "int_": _int,
    "long_": _long,
}


class _Source:
    """The source as it grows: statements that look at the value, and the pieces that they leave behind."""

    def __init__(self, types: dict[str, Schema]) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = dict(_NAMES)
        self._types = types
        self._numbers = count()

    def pieces(self, node: Any, value: str, depth: int) -> list[str]:
        """Expressions of the bytes of ``value``, a Python expression; each is evaluated once, in order."""
        node = deref(node, self._types)
        kind = kind_of(node)
        if kind == "record":
            return self._record(node, value, depth)
        if kind == "union":
            return self._optional(node, value, depth)
        if kind in ("array", "map"):
            return self._items(node, kind, value, depth)
        return self._scalar(node, kind, value, depth)

    def _scalar(self, node: Any, kind: str, value: str, depth: int) -> list[str]:
        if kind == "enum":
            symbols = self._constant({symbol: varint(n) for n, symbol in enumerate(node["symbols"])})
            return [f"{symbols}[{value}]"]
        read = self._local(value, depth)
        match kind:
            case "string":
                self._say(depth, f"{read} = utf8({read})")
            case "bytes":
                self._refuse(depth, f"type({read}) is not bytes")
            case "int":
                self._refuse(depth, f"type({read}) is not int")
                return [f"(length[{read}] if 0 <= {read} < {_SMALL} else int_({read}))"]
            case "long":
                return [f"long_({read})"]
            case "boolean":
                self._refuse(depth, f"type({read}) is not bool")
                return [f"boolean[{read}]"]
            case _:
                raise NotImplementedError(kind)
        return [f"length[len({read})]", read]

    def _record(self, node: Schema, value: str, depth: int) -> list[str]:
        read = self._local(value, depth)
        self._refuse(depth, f"len({read}) != {len(node['fields'])}")
        return [
            piece
            for field in node["fields"]
            for piece in self.pieces(field["type"], f"{read}[{field['name']!r}]", depth)
        ]

    def _optional(self, branches: list[Any], value: str, depth: int) -> list[str]:
        if len(branches) != 2 or "null" not in branches:  # noqa: PLR2004 - null and one other
            raise NotImplementedError("union")
        nothing = branches.index("null")
        read, piece = self._local(value, depth), self._name()
        self._say(depth, f"if {read} is None:", f" {piece} = {varint(nothing)!r}", "else:")
        inner = self.pieces(branches[1 - nothing], read, depth + 1)
        if inner[0].startswith("length[len("):
            inner[0] = f"some_{1 - nothing}{inner[0][6:]}"
        else:
            inner.insert(0, repr(varint(1 - nothing)))
        pair = len(inner) == 2  # noqa: PLR2004 - two pieces are added, more are joined
        joined = " + ".join(inner) if pair else f"join(({', '.join(inner)}))"
        self._say(depth + 1, f"{piece} = {joined}")
        return [piece]

    def _items(self, node: Schema, kind: str, value: str, depth: int) -> list[str]:
        read, piece, item = self._local(value, depth), self._name(), self._name()
        kinds = ("list", "tuple") if kind == "array" else ("dict",)
        self._refuse(depth, " and ".join(f"type({read}) is not {fitting}" for fitting in kinds))
        self._say(depth, f"if {read}:", f" {piece} = [length[len({read})]]")
        if kind == "array":
            self._say(depth + 1, f"for {item} in {read}:")
            inner = self.pieces(node["items"], item, depth + 2)
        else:
            key = self._name()
            self._say(depth + 1, f"for {key}, {item} in {read}.items():")
            inner = self.pieces("string", key, depth + 2) + self.pieces(node["values"], item, depth + 2)
        self._say(depth + 2, f"{piece} += ({', '.join(inner)},)")
        self._say(depth + 1, f"{piece} = join({piece}) + b'\\0'")
        self._say(depth, "else:", f" {piece} = b'\\0'")
        return [piece]

    def _say(self, depth: int, *lines: str) -> None:
        self.lines.extend(" " * depth + line for line in lines)

    def _refuse(self, depth: int, condition: str) -> None:
        self._say(depth, f"if {condition}: raise TypeError")

    def _name(self) -> str:
        return f"v{next(self._numbers)}"

    def _local(self, value: str, depth: int) -> str:
        name = self._name()
        self._say(depth, f"{name} = {value}")
        return name

    def _constant(self, value: object) -> str:
        name = self._name().replace("v", "c")
        self.names[name] = value
        return name
