"""What the engine makes of a fetch answer, beside what aiokafka makes of the same bytes."""

import gc
import struct
import weakref
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from bus.engine.fetching import Fetch, Fetched

PLACE = TopicPartition("t.input", 3)
READ_COMMITTED = 1
CRC_AT, ATTRIBUTES_AT = 17, 21
CONTROL = 0x20
"""A bit of a batch's attributes (Kafka protocol, record batch)."""


class Piece(NamedTuple):
    """A batch of a producer, or the end of its transaction."""

    producer: int
    kind: str
    """``plain``, ``within`` a transaction, ``commit`` or ``abort``."""
    values: list[bytes | None]


class Stands:
    """Where a consumer stands in one partition: what FetchResult asks an assignment for."""

    active = True
    paused = False

    def __init__(self, position: int) -> None:
        self.position = position

    def state_value(self, place: TopicPartition) -> "Stands":
        """The only one there is."""
        return self

    def consumed_to(self, position: int) -> None:
        """Told by FetchResult."""
        self.position = position


def batch(base: int, piece: Piece) -> bytes:
    """``piece`` as the broker has it in its log."""
    inside, control = piece.kind != "plain", piece.kind in ("commit", "abort")
    builder = DefaultRecordBatchBuilder(2, 0, inside, piece.producer if inside else -1, 0, 0, 1 << 20)
    values = [b"\0\0\0\0\0\0"] if control else piece.values
    for number, value in enumerate(values):
        key = struct.pack(">hh", 0, piece.kind == "commit") if control else b"key-%d" % number
        builder.append(number, 1_000 + base + number, key, value, [])
    data = bytearray(builder.build())
    struct.pack_into(">q", data, 0, base)
    if control:
        (attributes,) = struct.unpack_from(">h", data, ATTRIBUTES_AT)
        struct.pack_into(">h", data, ATTRIBUTES_AT, attributes | CONTROL)
    struct.pack_into(">I", data, CRC_AT, calc_crc32c(bytes(data[ATTRIBUTES_AT:])))
    return bytes(data)


PIECES = st.lists(
    st.builds(
        Piece,
        st.integers(1, 3),
        st.sampled_from(["plain", "within", "within", "commit", "abort"]),
        st.lists(st.none() | st.binary(max_size=5), min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=12,
)


def log_of(pieces: list[Piece]) -> tuple[bytes, list[tuple[int, int]], int]:
    """The bytes of a log, the transactions in it that were given up, and where it ends."""
    data, at, aborted = b"", 0, []
    begun: dict[int, int] = {}
    for piece in pieces:
        if piece.kind == "within":
            begun.setdefault(piece.producer, at)
        elif piece.kind != "plain":
            first = begun.pop(piece.producer, None)
            if piece.kind == "abort" and first is not None:
                aborted.append((piece.producer, first))
        data += batch(at, piece)
        at += 1 if piece.kind in ("commit", "abort") else len(piece.values)
    return data, aborted, at


def answer(data: bytes, aborted: list[tuple[int, int]], begin: int) -> tuple[FetchResult, Stands]:
    """As the client keeps it."""
    checked: Any = (True, READ_COMMITTED)
    records = PartitionRecords(PLACE, MemoryRecords(data), aborted, begin, None, None, *checked)
    stands = Stands(begin)
    return FetchResult(PLACE, assignment=stands, partition_records=records, backoff=0), stands


def shaped(result: FetchResult) -> FetchResult:
    """As the engine keeps it."""
    result._partition_records = Fetch(PLACE, result._partition_records)  # noqa: SLF001 - as `tune` does
    return result


def essence(record: Any) -> Fetched:
    """What the engine uses of a ConsumerRecord."""
    return Fetched(
        record.topic, record.partition, record.offset, record.timestamp, record.key, record.value,
        record.serialized_value_size,
    )  # fmt: skip


@given(pieces=PIECES, begin=st.integers(0, 4), most=st.integers(1, 7))
def test_it_gives_the_records_and_stands_where_aiokafka_does(pieces, begin, most):
    data, aborted, end = log_of(pieces)
    begin = min(begin, len(pieces[0].values) - 1) if pieces[0].kind in ("plain", "within") else 0
    theirs, they_stand = answer(data, aborted, begin)
    ours, we_stand = answer(data, aborted, begin)
    shaped(ours)
    while theirs.has_more() or ours.has_more():
        assert ours.getall(most) == [essence(record) for record in theirs.getall(most)]
        assert we_stand.position in (they_stand.position, end)  # at the last, aiokafka looks beyond it later
    assert we_stand.position == they_stand.position == end


def test_only_what_is_committed_comes_and_nothing_from_before():
    data, aborted, end = log_of(
        [
            Piece(1, "within", [b"given up"]),  # 0
            Piece(2, "within", [b"a", None]),  # 1, 2
            Piece(1, "abort", []),  # 3
            Piece(2, "commit", []),  # 4
            Piece(1, "within", [b"b"]),  # 5
            Piece(1, "commit", []),  # 6
            Piece(3, "plain", [b"c"]),  # 7
        ]
    )
    assert (aborted, end) == ([(1, 0)], 8)
    result, stands = answer(data, aborted, 2)
    found = [
        (record.offset, record.value, record.serialized_value_size) for record in shaped(result).getall()
    ]
    assert found == [(2, None, -1), (5, b"b", 1), (7, b"c", 1)]
    assert stands.position == 8


def test_a_damaged_answer_is_an_error_once_and_then_asked_for_again():
    data, aborted, _ = log_of([Piece(1, "plain", [b"a"]), Piece(1, "plain", [b"b"])])
    result, stands = answer(data[:-1] + b"x", aborted, 0)
    shaped(result)
    with pytest.raises(CorruptRecordException):
        result.getall()
    assert result.getall() == []
    assert not result.has_more()
    assert stands.position == 0


def test_an_answer_that_nobody_takes_is_forgotten_at_once():
    """One that waited for a search for garbage would keep a megabyte, and many may come in a row."""
    data, aborted, _ = log_of([Piece(1, "plain", [b"a"])])
    result, _ = answer(data, aborted, 0)
    theirs = weakref.ref(result._partition_records)  # noqa: SLF001 - what `tune` replaces
    gc.disable()
    try:
        ours = weakref.ref(shaped(result))
        del result
        assert theirs() is None
        assert ours() is None
    finally:
        gc.enable()
