"""The wire format, by hand; round trips of every record; and bytes that are nothing of ours."""

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import fast
from schemas.catalogue import ROOT, catalogue
from schemas.codec import (
    BodyError,
    Codec,
    Decoded,
    DecodeError,
    EncodeError,
    SchemaMismatchError,
    TrailingBytesError,
    TruncatedFrameError,
    UnknownSchemaIdError,
    WrongMagicByteError,
)
from schemas.examples import Example, as_read_by, from_json, load_examples
from schemas.sources import Schema
from tests.schemas.values import values

CODEC = Codec()
RECORDS = [record.short_name for record in catalogue().record_types]
EXAMPLES = load_examples(ROOT)
MOVED = {"citizen": "a", "moved_to": "bø", "revision": -2, "cause": ""}
MOVED_ID = catalogue().records["CitizenMoved"].schema_id
# Avro 1.12, "Binary Encoding": a string is its zigzag length and its UTF-8, an int is zigzag, so -2 is 3.
MOVED_BODY = bytes([2]) + b"a" + bytes([6]) + "bø".encode() + bytes([3]) + bytes([0])
MOVED_FRAME = b"\x00" + MOVED_ID.to_bytes(4, "big")


@pytest.fixture(scope="module", params=[True, False], ids=["compiled", "fastavro alone"], autouse=True)
def _each_way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test here with and without the compiled modules, which not every machine can have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "COMPILED", fast.COMPILED and request.param)
        patch.setattr(sys.modules[__name__], "CODEC", Codec())
        yield


def test_the_wire_format_is_confluents() -> None:
    assert CODEC.encode("CitizenMoved", MOVED) == MOVED_FRAME + MOVED_BODY
    assert CODEC.decode(MOVED_FRAME + MOVED_BODY) == Decoded("CitizenMoved", MOVED_ID, MOVED)


def test_a_record_may_be_named_in_full() -> None:
    assert CODEC.encode("samband.timeline.CitizenMoved", MOVED) == CODEC.encode("CitizenMoved", MOVED)


def test_instants_are_integers_on_both_sides() -> None:
    example = next(e for e in EXAMPLES if e.path.stem == "hospital_books_a_check_up")
    value = from_json(catalogue().records[example.record].schema, example.document)
    decoded = CODEC.decode(CODEC.encode(example.record, value)).value
    # 2026-03-10T08:00:00Z is 20522 days and 8 hours after the epoch.
    assert decoded["start"]["instant"] == (20522 * 24 + 8) * 3600 * 1_000_000
    assert type(decoded["start"]["instant"]) is int


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.record}-{example.path.stem}")
def test_every_example_comes_back_as_it_was(example: Example) -> None:
    record = catalogue().records[example.record]
    value = from_json(record.schema, as_read_by(record.schema, example.document))
    whole = Decoded(example.record, record.schema_id, value)
    assert CODEC.decode(CODEC.encode(example.record, value)) == whole


@pytest.mark.parametrize("name", RECORDS)
def test_every_value_comes_back_as_it_was(name: str) -> None:
    @settings(max_examples=20, deadline=None)
    @given(values(catalogue().records[name].schema))
    def round_trip(value: dict[str, Any]) -> None:
        assert CODEC.decode(CODEC.encode(name, value)).value == value

    round_trip()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_record_or_a_decode_error(data: bytes) -> None:
    _decode_or_refuse(data)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(catalogue().by_id)), st.binary(max_size=300))
def test_any_body_in_a_good_frame_is_a_record_or_a_decode_error(schema_id: int, body: bytes) -> None:
    _decode_or_refuse(b"\x00" + schema_id.to_bytes(4, "big") + body)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(EXAMPLES), st.integers(min_value=0), st.integers(0, 255))
def test_a_damaged_record_is_a_record_or_a_decode_error(example: Example, place: int, byte: int) -> None:
    value = from_json(catalogue().records[example.record].schema, example.document)
    data = bytearray(CODEC.encode(example.record, value))
    data[place % len(data)] = byte
    _decode_or_refuse(bytes(data))


def _decode_or_refuse(data: bytes) -> None:
    try:
        reason = CODEC.decode(data).record
    except DecodeError as error:
        reason = error.reason
    assert reason in RECORDS or reason.split(".")[0] in ("frame", "schema", "body")


@pytest.mark.parametrize(
    ("data", "error", "reason", "where"),
    [
        (b"", TruncatedFrameError, "frame.truncated", "/0"),
        (MOVED_FRAME[:4], TruncatedFrameError, "frame.truncated", "/0"),
        (b"{" + MOVED_FRAME[1:] + MOVED_BODY, WrongMagicByteError, "frame.magic", "/0"),
        (b"\x00\x7f\xff\xff\xff" + MOVED_BODY, UnknownSchemaIdError, "schema.unknown", "/1"),
        (MOVED_FRAME, BodyError, "body.invalid", "/5"),
        (MOVED_FRAME + MOVED_BODY[:-2], BodyError, "body.invalid", "/11"),
        (MOVED_FRAME + b"\x02\xff" + MOVED_BODY[2:], BodyError, "body.invalid", "/7"),
        (MOVED_FRAME + MOVED_BODY + b"\x00", TrailingBytesError, "body.trailing", "/13"),
    ],
)
def test_what_is_wrong_has_a_type_a_reason_and_a_place(
    data: bytes, error: type[DecodeError], reason: str, where: str
) -> None:
    with pytest.raises(error) as caught:
        CODEC.decode(data)
    assert (caught.value.reason, caught.value.where) == (reason, where)


def test_an_error_in_decoding_holds_nothing_of_the_payload() -> None:
    data = MOVED_FRAME + bytes([22]) + b"01017012345" + bytes([200, 1]) + b"Granlund"
    with pytest.raises(BodyError) as caught:
        CODEC.decode(data)
    told = f"{caught.value!r} {caught.value} {caught.value.where} {caught.value.fix} {caught.value.__cause__}"
    assert "01017012345" not in told
    assert "Granlund" not in told
    assert caught.value.__suppress_context__


def _booked() -> dict[str, Any]:
    example = next(e for e in EXAMPLES if e.path.stem == "hospital_books_a_check_up")
    value: dict[str, Any] = from_json(catalogue().records[example.record].schema, example.document)
    return copy.deepcopy(value)


@pytest.mark.parametrize(
    ("path", "bad", "told"),
    [
        ("start.instant", "2026-03-10", "start.instant: expected long, found str"),
        ("start.instant", 1.5e15, "start.instant: expected long, found float"),
        ("start.instant", True, "start.instant: expected long, found bool"),
        ("start.instant", 2**63, "start.instant: expected long, found one out of range"),
        ("start.confidence", "SURE", "start.confidence: expected one of EXACT, NO_ZONE, DATE_ONLY, DOUBTFUL"),
        ("meta.subject.key", None, "meta.subject.key: expected string, found NoneType"),
        (
            "meta.subject.key",
            "\ud800",
            "meta.subject.key: expected string, found text that UTF-8 cannot hold",
        ),
        ("meta.remarks", "time.no_zone", "meta.remarks: expected array, found str"),
        ("meta.remarks", [None], "meta.remarks[0]: expected string, found NoneType"),
        ("details", [], "details: expected a samband.appointment.AppointmentDetails, found list"),
        ("details.title", 7, "details.title: expected string, found int"),
        ("meta.source.surname", "Granlund", "meta.source: 1 field(s) that samband.Source does not have"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_field(path: str, bad: object, told: str) -> None:
    value = _booked()
    *parents, last = path.split(".")
    target = value
    for parent in parents:
        target = target[parent]
    target[last] = bad
    with pytest.raises(EncodeError) as caught:
        CODEC.encode("AppointmentScheduled", value)
    assert str(caught.value) == f"AppointmentScheduled: {told}"
    assert "Granlund" not in str(caught.value)


def test_a_missing_field_is_refused_and_a_default_may_be_left_out() -> None:
    value = _booked()
    del value["details"]
    assert CODEC.decode(CODEC.encode("AppointmentScheduled", value)).value["details"] is None
    del value["start"]
    with pytest.raises(EncodeError, match=r"^AppointmentScheduled: start: is missing$"):
        CODEC.encode("AppointmentScheduled", value)


def test_a_whole_number_of_more_than_32_bits_is_refused_where_the_contract_says_int() -> None:
    with pytest.raises(EncodeError, match="revision: expected int, found one out of range"):
        CODEC.encode("CitizenMoved", MOVED | {"revision": 2**31})


def test_a_record_type_that_nobody_knows_is_refused() -> None:
    with pytest.raises(EncodeError, match="CitizenLost is not a record type"):
        CODEC.encode("CitizenLost", MOVED)


class _Elsewhere:
    """Ids of a registry in which others have versions of their own."""

    def __init__(self, schemas: dict[int, Schema]) -> None:
        self.schemas = schemas
        self.asked: list[int] = []

    def id_of(self, record: object) -> int:
        return 77

    def schema_of(self, schema_id: int) -> Schema | None:
        self.asked.append(schema_id)
        return self.schemas.get(schema_id)


def _version(**changes: Any) -> Schema:
    """Another version of CitizenMoved: without the fields named None, with those given."""
    schema: Schema = json.loads(json.dumps(catalogue().records["CitizenMoved"].schema))
    schema["fields"] = [f for f in schema["fields"] if f["name"] not in changes]
    schema["fields"] += [{"name": n, **f} for n, f in changes.items() if f is not None]
    return schema


def test_ids_come_from_where_the_codec_is_told() -> None:
    ids = _Elsewhere({77: catalogue().records["CitizenMoved"].schema})
    codec = Codec(ids)
    data = codec.encode("CitizenMoved", MOVED)
    assert data[:5] == b"\x00\x00\x00\x00\x4d"
    assert codec.decode(data).value == codec.decode(data).value == MOVED
    assert ids.asked == [77]


def test_a_newer_version_from_elsewhere_comes_in_the_shape_of_ours() -> None:
    newer = _version(note={"type": "string", "default": "", "doc": "New."})
    body = MOVED_BODY + bytes([4]) + b"hi"
    decoded = Codec(_Elsewhere({9: newer})).decode(b"\x00\x00\x00\x00\x09" + body)
    assert decoded == Decoded("CitizenMoved", 9, MOVED)


def test_a_version_that_ours_cannot_be_read_from_is_a_decode_error() -> None:
    codec = Codec(_Elsewhere({9: _version(cause=None)}))
    for _ in range(2):
        with pytest.raises(SchemaMismatchError, match="/cause: is new and has no default"):
            codec.decode(b"\x00\x00\x00\x00\x09" + MOVED_BODY)


def test_a_schema_of_a_stranger_is_unknown() -> None:
    stranger = {"type": "record", "name": "Thing", "namespace": "other", "fields": []}
    with pytest.raises(UnknownSchemaIdError):
        Codec(_Elsewhere({9: stranger})).decode(b"\x00\x00\x00\x00\x09")


def test_fastavro_alone_reads_what_the_codec_wrote(tmp_path: Path) -> None:
    """With the released file as it lies there, logical types and all."""
    record = catalogue().records["AppointmentScheduled"]
    path = tmp_path / "body"
    path.write_bytes(CODEC.encode("AppointmentScheduled", _booked())[5:])
    with path.open("rb") as file:
        read = fastavro.schemaless_reader(file, fastavro.parse_schema(record.schema), None)
    assert isinstance(read, dict)
    assert read["start"]["instant"].isoformat() == "2026-03-10T08:00:00+00:00"
