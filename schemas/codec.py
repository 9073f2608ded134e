"""Bytes on the wire and back: Confluent framing around Avro.

    0x00, schema id (4 bytes, big endian), Avro binary

Instants go in and come out as integers (microseconds since the epoch, UTC): logical types are taken off
before fastavro sees a schema, because a datetime costs more and rounds nothing better. Decoding never
raises anything but a ``DecodeError``, whatever the bytes, and no error holds a value from them.

What fits is written and read by compiled code (``schemas.fast``). Everything else goes to fastavro, which has
the last word on what is right.
"""

from collections.abc import Callable, Collection, Mapping
from io import BytesIO
from struct import Struct
from typing import Any, NamedTuple, Protocol

import fastavro
import msgspec
from fastavro.write import LOGICAL_WRITERS

from schemas.catalogue import Catalogue, RecordType, catalogue
from schemas.compatibility import incompatibilities
from schemas.errors import FatalError, PoisonError
from schemas.fast import DOUBT, MISFIT, Read, Write, fast_reader, fast_writer
from schemas.nodes import full_name
from schemas.sources import Schema
from schemas.validation import BITS, misfits

MAGIC = 0
_FRAME = Struct(">BI")
_BAD_BODY = (
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    ArithmeticError,
    MemoryError,
    RecursionError,
    StopIteration,
)
"""What fastavro raises for bytes that are not what the schema says."""


class DecodeError(PoisonError):
    """These bytes are not a record that the bus knows."""


class TruncatedFrameError(DecodeError):
    """Shorter than the five bytes of a frame."""


class WrongMagicByteError(DecodeError):
    """Does not begin with 0x00: not Confluent framing."""


class UnknownSchemaIdError(DecodeError):
    """The frame names a schema that neither catalogue nor registry knows."""


class BodyError(DecodeError):
    """The body is not what the frame's schema says."""


class TrailingBytesError(DecodeError):
    """The body ends before the bytes do."""


class SchemaMismatchError(DecodeError):
    """Written with a schema that the catalogue's version cannot be read from."""


class EncodeError(FatalError):
    """A value does not fit its record type: a mistake of ours, found before anything is sent."""


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A record as it was read, in the shape of its latest version.

    A struct because it is made for each record: a named tuple takes three times as long.
    """

    record: str
    """Short name of the record type."""
    schema_id: int
    """The id that was in the frame."""
    value: dict[str, Any]


class SchemaIds(Protocol):
    """Where schema ids come from: the catalogue, or an external registry."""

    def id_of(self, record: RecordType) -> int:
        """The id under which the latest version of ``record`` is written."""

    def schema_of(self, schema_id: int) -> Schema | None:
        """The schema that ``schema_id`` was written with; None when nobody knows it.

        Raises:
            RetriableError: it cannot be asked for at the moment.
        """


class FixedIds:
    """The ids of the catalogue itself."""

    def __init__(self, known: Catalogue) -> None:
        """Ids as ``ids.yaml`` has them."""
        self._known = known

    def id_of(self, record: RecordType) -> int:
        """The id under which the latest version of ``record`` is written."""
        return record.schema_id

    def schema_of(self, schema_id: int) -> Schema | None:
        """The released schema with this id, or None."""
        found = self._known.by_id.get(schema_id)
        return found and found[1].schema


class _Writer(NamedTuple):
    frame: bytes
    schema: Schema
    fast: Write | None


class _Reader(NamedTuple):
    record: str
    schema_id: int
    writer: Schema
    latest: Schema | None
    """None where it is the same as ``writer``."""
    fast: Read | None


class Codec:
    """Encodes and decodes records. Parsed schemas are kept; one instance serves a whole process."""

    def __init__(
        self, ids: SchemaIds | None = None, known: Catalogue | None = None, unread: Collection[str] = ()
    ) -> None:
        """``ids`` default to the fixed ones of the catalogue; ``unread`` as ``leaving_out`` has it."""
        self._catalogue = known or catalogue()
        self._ids = ids or FixedIds(self._catalogue)
        self._unread = unread
        self._writers: dict[str, _Writer] = {}
        self._readers: dict[bytes, _Reader] = {}

    def leaving_out(self, unread: Collection[str]) -> "Codec":
        """A codec that saves the time for fields that its user never looks at, e.g. ``meta.hops``.

        They are missing from what it decodes, or not: records that fastavro has to read come whole. Damage
        within a field that is left out may go unnoticed, as long as the record ends where it should.
        """
        return Codec(self._ids, self._catalogue, unread)

    def encode(self, record: str, value: Mapping[str, Any]) -> bytes:
        """``value`` as the latest version of ``record`` (short or full name), framed.

        Raises:
            EncodeError: no such record type, or the value does not fit it; names the field, not the value.
        """
        frame, schema, fast = self._writers.get(record) or self._writer(record)
        if fast is not None:
            try:
                return fast(frame, value)
            except MISFIT:
                pass
        buffer = BytesIO()
        buffer.write(frame)
        try:
            fastavro.schemaless_writer(
                buffer, schema, value, strict_allow_default=True, disable_tuple_notation=True
            )
        except MISFIT:
            raise _misfit(record, value, schema) from None
        return buffer.getvalue()

    def decode(self, data: bytes) -> Decoded:
        """The record in ``data``; one that an older version wrote comes in the shape of the latest.

        Raises:
            DecodeError: the bytes are not such a record.
            RetriableError: the registry that knows the schema is away.
        """
        frame = data[: _FRAME.size]
        record, schema_id, writer, reader, fast = self._readers.get(frame) or self._reader(frame)
        if fast is not None:
            try:
                return Decoded(record, schema_id, fast(data, _FRAME.size))
            except DOUBT:
                pass
        body = BytesIO(data)
        body.seek(_FRAME.size)
        try:
            value: Any = fastavro.schemaless_reader(body, writer, reader)
        except _BAD_BODY as error:
            raise BodyError(
                f"not a {record} of schema {schema_id} ({type(error).__name__})",
                reason="body.invalid",
                where=f"/{body.tell()}",
            ) from None
        if body.tell() != len(data):
            raise TrailingBytesError(
                f"{len(data) - body.tell()} bytes after the end of the {record}",
                reason="body.trailing",
                where=f"/{body.tell()}",
            )
        return Decoded(record, schema_id, value)

    def _writer(self, name: str) -> _Writer:
        record = self._catalogue.records.get(name)
        if record is None:
            raise EncodeError(
                f"{name} is not a record type of the catalogue",
                fix="Use a name that `samband schemas list` shows.",
            )
        frame = _FRAME.pack(MAGIC, self._ids.id_of(record))
        writer = _Writer(frame, parse(record.schema, checked=True), fast_writer(record.schema))
        self._writers[name] = writer
        return writer

    def _reader(self, frame: bytes) -> _Reader:
        if len(frame) < _FRAME.size:
            raise TruncatedFrameError(
                f"{len(frame)} bytes are too few for a frame", reason="frame.truncated", where="/0"
            )
        magic, schema_id = _FRAME.unpack(frame)
        if magic != MAGIC:
            message = f"the first byte is {magic}, not {MAGIC}"
            raise WrongMagicByteError(
                message, reason="frame.magic", where="/0", fix="Write with Confluent framing."
            )
        schema = self._ids.schema_of(schema_id)
        record = self._catalogue.records.get(full_name(schema)) if schema is not None else None
        if schema is None or record is None:
            message = f"no schema with id {schema_id} is known"
            raise UnknownSchemaIdError(
                message,
                reason="schema.unknown",
                where="/1",
                fix="Update this installation, or set its registry.",
            )
        latest = parse(record.schema)
        writer = parse(schema)
        if writer != latest and (problems := incompatibilities(reader=record.schema, writer=schema)):
            raise SchemaMismatchError(
                f"{record.short_name} as schema {schema_id} has it cannot be read: {problems[0]}",
                reason="schema.mismatch",
                where="/1",
            )
        same = writer == latest
        fast = fast_reader(schema, self._unread) if same else None
        reader = _Reader(record.short_name, schema_id, writer, None if same else latest, fast)
        self._readers[frame] = reader
        return reader


def parse(schema: Schema, *, checked: bool = False) -> Schema:
    """``schema`` as fastavro wants it, without logical types: instants stay integers.

    ``checked`` makes writing refuse what fastavro would otherwise bend into a whole number: 1.5, True, and
    values beyond 32 or 64 bits; and a text where a list is meant.
    """
    parsed = fastavro.parse_schema(_plain(schema, _CHECKED if checked else {}))
    if not isinstance(parsed, dict):
        raise EncodeError("a record schema is expected")
    return parsed


def _misfit(record: str, value: object, schema: Schema) -> EncodeError:
    problems = "; ".join(misfits(schema, value)) or "does not fit its schema"
    return EncodeError(f"{record}: {problems}", fix="Mend the code that makes the record.")


def _plain(node: Any, checked: Mapping[str, Any]) -> Any:
    if isinstance(node, str):
        return {"type": node} | checked[node] if node in checked else node
    if isinstance(node, list):
        return [_plain(item, checked) for item in node]
    plain = {key: item for key, item in node.items() if key != "logicalType"}
    for child in ("type", "items", "values"):
        if child in plain and plain[child] != "array":
            plain[child] = _plain(plain[child], checked)
    if "fields" in plain:
        plain["fields"] = [_plain(field, checked) for field in plain["fields"]]
    if plain.get("type") == "array":
        plain |= checked.get("array", {})
    return plain["type"] if plain.keys() == {"type"} else plain


def _whole_number(bits: int) -> Callable[[Any, Any], int]:
    low, high = -(1 << bits), 1 << bits

    def check(value: Any, _: Any) -> int:
        if type(value) is int and low <= value < high:
            return value
        raise ValueError("not a whole number of this size")

    return check


def _list(value: Any, _: Any) -> Any:
    if isinstance(value, list | tuple):
        return value
    raise ValueError("not a list")


_CHECKED = {kind: {"logicalType": "samband-checked"} for kind in (*BITS, "array")}
LOGICAL_WRITERS.update({f"{kind}-samband-checked": _whole_number(bits) for kind, bits in BITS.items()})
LOGICAL_WRITERS["array-samband-checked"] = _list
