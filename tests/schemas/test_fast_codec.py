"""The compiled writers and readers, with fastavro as the judge of every byte and value."""

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from io import BytesIO
from typing import Any

import fastavro
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalogue import catalogue
from schemas.codec import parse
from schemas.fast import DOUBT, MISFIT, Read, Write, fast_reader, fast_writer
from schemas.nodes import deref, kind_of, named_in
from schemas.sources import Schema
from tests.schemas.values import values

RECORDS = [record.short_name for record in catalogue().record_types]
_BRANCHES = [
    {"type": "int"}, {"type": "long"}, {"type": "boolean"}, {"type": "bytes"}, {"type": "string"},
    ["null", "long"], ["string", "null"], ["null", {"type": "array", "items": ["null", "int"]}],
    {"type": "array", "items": {"type": "array", "items": "string"}},
    {"type": "map", "values": {"type": "array", "items": "bytes"}},
    {"type": "record", "name": "In", "fields": [{"name": "only", "type": "string"}]},
    ["null", {"type": "record", "name": "Deep", "fields": [{"name": "a", "type": ["null", "boolean"]},
                                                           {"name": "b", "type": ["bytes", "null"]}]}],
    {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"]},
]  # fmt: skip
EVERYTHING: Schema = {
    "type": "record",
    "name": "Everything",
    "fields": [{"name": f"f{number}", "type": branch} for number, branch in enumerate(_BRANCHES)],
}
SCHEMAS: dict[str, Schema] = {name: catalogue().records[name].schema for name in RECORDS} | {
    "Everything": EVERYTHING
}


def _made(schema: Schema) -> tuple[Write, Read]:
    write, read = fast_writer(schema), fast_reader(schema)
    assert write is not None
    assert read is not None
    return write, read


def _fastavro_writes(schema: Schema, value: Any) -> bytes:
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, schema, value, disable_tuple_notation=True)
    return buffer.getvalue()


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_same_bytes_and_values_as_fastavro(name: str) -> None:
    schema = parse(SCHEMAS[name])
    write, read = _made(SCHEMAS[name])

    @settings(max_examples=30, deadline=None)
    @given(values(SCHEMAS[name]))
    def same(value: dict[str, Any]) -> None:
        written = _fastavro_writes(schema, value)
        assert write(b"front", value) == b"front" + written
        assert read(b"12345" + written, 5) == value

    same()


def paths_of(schema: Schema) -> list[str]:
    """Every field of a record, with those of the records in it, e.g. ``meta.source.agency``."""
    return list(_paths(schema, named_in(schema), ""))


def _paths(node: Any, types: dict[str, Schema], front: str) -> Iterator[str]:
    node = deref(node, types)
    match kind_of(node):
        case "record":
            for field in node["fields"]:
                yield front + field["name"]
                yield from _paths(field["type"], types, f"{front}{field['name']}.")
        case "array":
            yield from _paths(node["items"], types, front)
        case "union":
            for branch in node:
                yield from _paths(branch, types, front)


def _without(value: Any, path: str) -> None:
    """Takes a field out of a value, the plain way."""
    name, _, below = path.partition(".")
    for item in value if isinstance(value, list) else [value]:
        if item is not None and name in item and not below:
            del item[name]
        elif item is not None and name in item:
            _without(item[name], below)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_reader_that_leaves_fields_out_reads_the_others_as_fastavro(name: str) -> None:
    schema = parse(SCHEMAS[name])
    paths = paths_of(SCHEMAS[name])

    @settings(max_examples=30, deadline=None)
    @given(values(SCHEMAS[name]), st.sets(st.sampled_from(paths), max_size=12))
    def same(value: dict[str, Any], unread: set[str]) -> None:
        read = fast_reader(SCHEMAS[name], [*unread, "nothing.of.that.name"])
        written = _fastavro_writes(schema, value)
        expected = deepcopy(value)
        for path in unread:
            _without(expected, path)
        if read is not None:  # else nothing of a record would be left, which is for fastavro to read
            assert read(b"12345" + written, 5) == expected

    same()


@settings(max_examples=500, deadline=None)
@given(values(EVERYTHING), st.data())
def test_a_damaged_record_reads_as_fastavro_reads_it_or_not_at_all(value: Any, data: st.DataObject) -> None:
    schema = parse(EVERYTHING)
    _, read = _made(EVERYTHING)
    bent = bytearray(_fastavro_writes(schema, value))
    for _ in range(data.draw(st.integers(1, 3))):
        bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(bent[: data.draw(st.integers(0, len(bent)))]) if data.draw(st.booleans()) else bytes(bent)
    try:
        found = read(cut, 0)
    except DOUBT:
        return
    body = BytesIO(cut)
    assert found == fastavro.schemaless_reader(body, schema, None)
    assert body.tell() == len(cut)


@pytest.mark.parametrize(
    "number",
    [
        0, -1, 1, 63, 64, -64, -65, 8191, 8192, 2**31 - 1, -(2**31), 2**48 - 1, 2**48, -(2**48), 2**55 - 1,
        2**55, 1_772_438_523_456_789, 0x55_5555_5555_5555, 0x2A_AAAA_AAAA_AAAA, 2**63 - 1, -(2**63),
    ],
)  # fmt: skip
def test_whole_numbers_of_every_length(number: int) -> None:
    schema: Schema = {"type": "record", "name": "N", "fields": [{"name": "n", "type": "long"}]}
    write, read = _made(schema)
    written = _fastavro_writes(parse(schema), {"n": number})
    assert write(b"", {"n": number}) == written
    assert read(written, 0) == {"n": number}


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("int", 2**31), ("int", -(2**31) - 1), ("int", True), ("int", 1.0), ("int", None),
        ("long", 2**63), ("long", "1"), ("long", True), ("long", 1.0), ("long", float(2**50)),
        ("boolean", 1), ("boolean", None), ("string", b"a"),
        ("string", "\ud800"), ("bytes", "a"), ("bytes", 3), ({"type": "array", "items": "string"}, "abc"),
        ({"type": "array", "items": "string"}, {"a": 1}), ({"type": "map", "values": "int"}, []),
        ({"type": "map", "values": "int"}, {1: 1}), (["null", "string"], 1),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "B"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, []),
        ({"type": "record", "name": "I", "fields": [{"name": "a", "type": "int"}]}, {}),
        ({"type": "record", "name": "I", "fields": [{"name": "a", "type": "int"}]}, {"a": 1, "b": 2}),
        ({"type": "record", "name": "I", "fields": [{"name": "a", "type": "int"}]}, "a"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_left_to_fastavro(kind: Any, bad: object) -> None:
    write, _ = _made({"type": "record", "name": "R", "fields": [{"name": "f", "type": kind}]})
    with pytest.raises(MISFIT):
        write(b"", {"f": bad})


@pytest.mark.parametrize("items", [(), ("a", "b"), [], ["a", "b"], ["a"] * 64, ["ø"] * 10_000])
def test_a_tuple_is_a_list(items: Any) -> None:
    schema: Schema = {
        "type": "record",
        "name": "L",
        "fields": [{"name": "l", "type": {"type": "array", "items": "string"}}],
    }
    write, read = _made(schema)
    written = _fastavro_writes(parse(schema), {"l": items})
    assert write(b"", {"l": items}) == written
    assert read(written, 0) == {"l": list(items)}


@pytest.mark.parametrize("text", ["", "a" * 63, "a" * 64, "ø" * 32, "a" * 8191, "ø" * 5000, "a" * 3_000_000])
def test_texts_of_every_length(text: str) -> None:
    schema: Schema = {"type": "record", "name": "T", "fields": [{"name": "t", "type": "string"}]}
    write, read = _made(schema)
    written = _fastavro_writes(parse(schema), {"t": text})
    assert read(written, 0) == {"t": text}
    assert write(b"", {"t": text}) == written


@pytest.mark.parametrize("kind", ["double", "float", ["int", "string"], ["null", "int", "string"]])
def test_types_that_only_fastavro_knows(kind: Any) -> None:
    schema: Schema = {"type": "record", "name": "R", "fields": [{"name": "f", "type": kind}]}
    assert fast_writer(schema) is None
    assert fast_reader(schema) is None


def test_blocks_that_begin_with_their_size_are_left_to_fastavro() -> None:
    schema: Schema = {
        "type": "record",
        "name": "L",
        "fields": [{"name": "l", "type": {"type": "array", "items": "int"}}],
    }
    written = bytes([3, 4, 2, 4, 0])  # a block of -(-2) items, of 2 bytes: 1 and 2; then the end
    assert fastavro.schemaless_reader(BytesIO(written), parse(schema), None) == {"l": [1, 2]}
    with pytest.raises(DOUBT):
        _made(schema)[1](written, 0)


@pytest.mark.parametrize(
    "written",
    [b"\x02", b"\x7f", b"\x7ea", b"\xff" * 11, b"\x80" * 9 + b"\x02", b"\xfe" + b"\xff" * 8 + b"\x01"],
)
def test_a_text_that_is_longer_than_what_is_there_is_not_read(written: bytes) -> None:
    schema: Schema = {"type": "record", "name": "T", "fields": [{"name": "t", "type": "string"}]}
    with pytest.raises(DOUBT):
        _made(schema)[1](written, 0)


@pytest.mark.parametrize("at", [-1, 3, 2**62])
def test_a_beginning_outside_the_bytes_is_refused(at: int) -> None:
    _, read = _made({"type": "record", "name": "T", "fields": [{"name": "t", "type": "int"}]})
    with pytest.raises(DOUBT):
        read(b"ab", at)


def test_a_record_within_itself_is_left_to_fastavro() -> None:
    schema: Schema = {"type": "record", "name": "T", "fields": [{"name": "t", "type": ["null", "T"]}]}
    assert fast_writer(schema) is None
    assert fast_reader(schema) is None


def test_neither_keeps_anything_of_what_it_was_given() -> None:
    write, read = _made(EVERYTHING)
    value = {
        "f0": 1, "f1": 1 << 60, "f2": True, "f3": b"b" * 500, "f4": "ø" * 500, "f5": 1 << 40, "f6": "text",
        "f7": [1, None], "f8": [["a" * 500], []], "f9": {"key": [b"b"]}, "f10": {"only": "o"},
        "f11": {"a": None, "b": b"b"}, "f12": "GREEN",
    }  # fmt: skip
    written = write(b"", value)
    assert read(written, 0) == value

    def some(times: int) -> None:
        for _ in range(times):
            read(write(b"", value), 0)
            for bad in ({**value, "f12": "BLUE"}, {**value, "f8": [["a" * 5000, None]]}):
                with suppress(*MISFIT):
                    write(b"", bad)
            with suppress(*DOUBT):
                read(written[:-1], 0)

    memory = psutil.Process().memory_info
    some(2_000)
    before = memory().rss
    some(20_000)  # one object of 500 bytes kept by each would be 10 MB
    assert memory().rss - before < 4_000_000


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_of_the_catalogue_has_both(name: str) -> None:
    _made(SCHEMAS[name])
