"""Which minutes are told, and whom they reach."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.engine.ticks import MINUTE, decode, encode, missing
from tests.bus.engine.diary import INPUT, NAME, OUTPUT
from tests.bus.engine.partition import CODEC, Partition, record

THREE_WEEKS = 21 * 24 * 60
NOW = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z"""


def test_time_begins_with_the_present_minute() -> None:
    assert list(missing(None, NOW + 59_999_999, 100)) == [NOW]


def test_nothing_is_told_twice_and_nothing_too_early() -> None:
    assert list(missing(NOW, NOW + MINUTE - 1, 100)) == []
    assert list(missing(NOW, NOW + MINUTE, 100)) == [NOW + MINUTE]


def test_a_clock_that_went_back_tells_nothing_until_it_has_come_up_again() -> None:
    assert list(missing(NOW, NOW - 5 * MINUTE, 100)) == []
    assert list(missing(NOW, NOW, 100)) == []


def test_three_weeks_are_caught_up_minute_by_minute() -> None:
    told: list[int] = []
    last = NOW
    while minutes := missing(last, NOW + THREE_WEEKS * MINUTE + 7, 5000):
        told.extend(minutes)
        last = minutes[-1]
    assert told == [NOW + n * MINUTE for n in range(1, THREE_WEEKS + 1)]


@given(st.lists(st.tuples(st.integers(-200, 200), st.integers(1, 50)), max_size=30))
def test_every_minute_is_told_once_in_order_whatever_the_clock_does(jumps: list[tuple[int, int]]) -> None:
    """An oracle of its own: all minutes from the first to the latest that the clock has shown."""
    clock = latest = NOW
    last: int | None = None
    told: list[int] = []
    for seconds, most in [(0, 1), *jumps]:
        clock += seconds * 1_000_000
        minutes = missing(last, clock, most)
        assert len(minutes) <= most
        told.extend(minutes)
        last = decode(encode(minutes[-1])) if minutes else last
        latest = max(latest, clock)
    rest = missing(last, latest, 10_000)
    assert [*told, *rest] == list(range(NOW, latest + 1, MINUTE))


@pytest.fixture
async def partition(tmp_path: Path) -> AsyncIterator[Partition]:
    partition = Partition(tmp_path)
    await partition.start(mended=False)
    yield partition
    partition.close()


def tick(offset: int, minute: int) -> object:
    return record(f"{NAME}.ticks", offset, b"0", CODEC.encode("Tick", {"minute": minute * MINUTE}))


async def test_a_tick_reaches_those_whose_time_has_come_by_time_then_key(
    partition: Partition,
) -> None:
    said = [(b"d", "alarm 4"), (b"b", "alarm 3"), (b"c", "alarm 3"), (b"a", "alarm 5"), (b"e", "hello")]
    await partition.process([record(INPUT, n, key, text.encode()) for n, (key, text) in enumerate(said)])
    partition.commit()
    before = len(partition.sent(OUTPUT))
    await partition.process([tick(0, 2), tick(1, 4), tick(2, 5), tick(3, 6)])
    assert partition.sent(OUTPUT)[before:] == [
        (b"b", b"rang 4:2"), (b"c", b"rang 4:2"), (b"d", b"rang 4:2"), (b"a", b"rang 5:2"),
    ]  # fmt: skip


async def test_time_stands_still_for_a_parked_key_until_it_is_released(partition: Partition) -> None:
    await partition.process([record(INPUT, 0, b"a", b"alarm 3"), record(INPUT, 1, b"a", b"bug 1")])
    await partition.process([tick(0, 3), tick(1, 4)])
    decision = {"decision_id": "x", "action": "DISCARD_FIRST", "topic": INPUT, "offset": 1, "at": 0}
    value = CODEC.encode("ParkedDecision", decision)
    await partition.process([record(f"{NAME}.operations", 0, b"a", value), tick(2, 5)])
    assert [value for _, value in partition.sent(OUTPUT)] == [b"alarm 3:1", b"rang 5:2"]


async def test_a_tick_that_cannot_be_read_is_a_dead_letter(partition: Partition) -> None:
    await partition.process([record(f"{NAME}.ticks", 0, b"0", b"nonsense")])
    assert len(partition.sent(f"{NAME}.ticks.dlq")) == 1
