"""The rules of Avro's schema resolution, one by one; and whatever they allow, fastavro can read."""

import io
import json
from typing import Any

import avro.compatibility
import avro.schema
import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.compatibility import incompatibilities
from tests.schemas.values import values

COLOUR = {"type": "enum", "name": "Colour", "namespace": "t", "symbols": ["RED", "BLUE"]}
MORE_COLOURS = COLOUR | {"symbols": ["RED", "BLUE", "GREEN"]}
INNER = {"type": "record", "name": "Inner", "namespace": "t", "fields": [{"name": "x", "type": "int"}]}
INSTANT = {"type": "long", "logicalType": "timestamp-micros"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
HASH = {"type": "fixed", "name": "Hash", "namespace": "t", "size": 4}


def record(*fields: dict[str, Any], name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "namespace": "t", "fields": list(fields)}


def field(kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": "f", "type": kind} | more


NODE = record(field("int"), {"name": "next", "type": ["null", "t.R"], "default": None})

READABLE = [
    pytest.param(record(field("long")), record(field("int")), id="int becomes long"),
    pytest.param(record(field("double")), record(field("float")), id="float becomes double"),
    pytest.param(record(field("bytes")), record(field("string")), id="text becomes bytes"),
    pytest.param(record(field(["null", "long"])), record(field("int")), id="becomes nullable"),
    pytest.param(
        record(field("string")), record(field("string"), {"name": "g", "type": "int"}), id="field removed"
    ),
    pytest.param(
        record(field("string"), {"name": "g", "type": "int", "default": 0}),
        record(field("string")),
        id="field added",
    ),
    pytest.param(record(field(MORE_COLOURS)), record(field(COLOUR)), id="symbol added"),
    pytest.param(
        record(field(COLOUR | {"default": "RED"})),
        record(field(MORE_COLOURS)),
        id="symbol removed, with default",
    ),
    pytest.param(
        record({"name": "g", "type": "int", "aliases": ["f"]}),
        record(field("int")),
        id="field renamed by alias",
    ),
    pytest.param(
        record(field("int"), name="S") | {"aliases": ["R"]},
        record(field("int")),
        id="record renamed by alias",
    ),
    pytest.param(NODE, NODE, id="a type that holds itself"),
]

UNREADABLE = [
    pytest.param(
        record(field("int")), record(field("long")), "/f: long cannot be read as int", id="long to int"
    ),
    pytest.param(
        record(field("string")), record(field("bytes")), "/f: bytes cannot be read as string", id="bytes"
    ),
    pytest.param(
        record(field("int")), record(field(["null", "int"])), "/f: null cannot be read as int", id="not null"
    ),
    pytest.param(
        record(field(["null", "int"])),
        record(field("string")),
        "/f: the union has no branch for string",
        id="union",
    ),
    pytest.param(record(field("int")), record(), "/f: is new and has no default", id="field added"),
    pytest.param(
        record(field({"type": "array", "items": "int"})),
        record(field({"type": "array", "items": "long"})),
        "/f/[]: long cannot be read as int",
        id="items",
    ),
    pytest.param(
        record(field({"type": "map", "values": "int"})),
        record(field({"type": "map", "values": "string"})),
        "/f/{}: string cannot be read as int",
        id="values of a map",
    ),
    pytest.param(
        record(field(COLOUR)),
        record(field(MORE_COLOURS)),
        "/f: t.Colour has lost GREEN and has no default",
        id="enum",
    ),
    pytest.param(
        record(field(INNER | {"name": "Other"})),
        record(field(INNER)),
        "/f: t.Inner cannot be read as t.Other",
        id="another name",
    ),
    pytest.param(
        record(field(INNER | {"namespace": "u"})),
        record(field(INNER)),
        "/f: t.Inner cannot be read as u.Inner",
        id="another namespace",
    ),
    pytest.param(
        record(field(INNER | {"fields": [{"name": "y", "type": "int"}]})),
        record(field(INNER)),
        "/f/y: is new and has no default",
        id="nested",
    ),
    pytest.param(
        record(field(MILLIS)),
        record(field(INSTANT)),
        "/f: the logical type was timestamp-micros and is timestamp-millis",
        id="another unit",
    ),
    pytest.param(
        record(field(HASH | {"size": 8})), record(field(HASH)), "/f: t.Hash had 4 bytes and has 8", id="fixed"
    ),
]


@pytest.mark.parametrize(("reader", "writer"), READABLE)
def test_what_the_specification_allows_is_allowed(reader: Any, writer: Any) -> None:
    assert incompatibilities(reader=reader, writer=writer) == []


@pytest.mark.parametrize(("reader", "writer", "told"), UNREADABLE)
def test_what_breaks_readers_is_named_with_its_place(reader: Any, writer: Any, told: str) -> None:
    assert incompatibilities(reader=reader, writer=writer) == [told]


KINDS: list[Any] = [
    "int",
    "long",
    "float",
    "double",
    "string",
    "bytes",
    "boolean",
    ["null", "int"],
    ["null", "string"],
    ["null", "long", "string"],
    COLOUR,
    MORE_COLOURS,
    COLOUR | {"default": "RED"},
    {"type": "array", "items": "int"},
    {"type": "array", "items": ["null", "long"]},
    {"type": "map", "values": "int"},
    {"type": "map", "values": "long"},
    HASH,
    HASH | {"size": 5},
    ["null", COLOUR],
    ["null", INNER],
    INNER,
    INNER | {"fields": [{"name": "x", "type": "long"}, {"name": "y", "type": "string", "default": ""}]},
]
DEFAULTS = {"int": 0, "long": 0, "string": "", "boolean": False}


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """A record with the field f, and maybe others; each named type once, as Avro wants it."""
    fields = [{"name": "f", "type": draw(st.sampled_from(KINDS))}]
    for name in draw(st.lists(st.sampled_from("ghi"), unique=True, max_size=2)):
        kind = draw(st.sampled_from(sorted(DEFAULTS)))
        fields.append(
            {"name": name, "type": kind} | ({"default": DEFAULTS[kind]} if draw(st.booleans()) else {})
        )
    return record(*draw(st.permutations(fields)))


@st.composite
def readers(draw: st.DrawFn, writer: dict[str, Any]) -> dict[str, Any]:
    """A reader that is compatible: two records at random hardly ever are."""
    written = {field["name"]: field for field in writer["fields"]}
    alone = record(written.pop("f"))
    may_read = [
        kind
        for kind in KINDS
        if not incompatibilities(reader=record({"name": "f", "type": kind}), writer=alone)
    ]
    fields = [{"name": "f", "type": draw(st.sampled_from(may_read))}]
    for name in draw(st.lists(st.sampled_from("ghi"), unique=True)):
        kind = written[name]["type"] if name in written else draw(st.sampled_from(sorted(DEFAULTS)))
        needs_default = name not in written or draw(st.booleans())
        fields.append({"name": name, "type": kind} | ({"default": DEFAULTS[kind]} if needs_default else {}))
    return record(*draw(st.permutations(fields)))


@settings(max_examples=200, deadline=None)
@given(records(), st.data())
def test_fastavro_reads_whatever_is_compatible(writer: Any, data: st.DataObject) -> None:
    reader = data.draw(readers(writer))
    assert incompatibilities(reader=reader, writer=writer) == []
    value = data.draw(values(writer))
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(writer), value)
    buffer.seek(0)
    read = fastavro.schemaless_reader(buffer, fastavro.parse_schema(writer), fastavro.parse_schema(reader))
    assert isinstance(read, dict)
    assert set(read) == {f["name"] for f in reader["fields"]}
    plain = {f["name"] for f in reader["fields"] if f["type"] in ("int", "long", "string", "boolean")}
    for name in plain & value.keys():
        assert read[name] == value[name]


@settings(max_examples=150, deadline=None)
@given(records(), records())
def test_apaches_own_checker_finds_no_more_than_ours(reader: Any, writer: Any) -> None:
    """Where Apache's checker says no, ours does too; ours is stricter only where it says so."""
    theirs = avro.compatibility.ReaderWriterCompatibilityChecker().get_compatibility(
        avro.schema.parse(json.dumps(reader)), avro.schema.parse(json.dumps(writer))
    )
    if theirs.compatibility is not avro.compatibility.SchemaCompatibilityType.compatible:
        assert incompatibilities(reader=reader, writer=writer)
    elif problems := incompatibilities(reader=reader, writer=writer):
        assert all("bytes cannot be read as string" in p or "no branch for bytes" in p for p in problems)
