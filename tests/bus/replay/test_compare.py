"""The comparison against interleavings that are right by construction, and against known damage."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from bus.replay.compare import WINDOW, About, Comparison, First, Item, Outcome, item

WRITERS = st.lists(st.lists(st.integers(0, 30), max_size=15), min_size=1, max_size=4)


def record(text: str, offset: int = 0, **other: object) -> ConsumerRecord:
    fields = {"key": b"k", "timestamp": 7, "headers": (), "value": text.encode(), **other}
    return ConsumerRecord(
        "t", 0, offset, fields["timestamp"], 0, fields["key"], fields["value"], None, 1, 1, fields["headers"]
    )


async def stream(values: Iterable[str]) -> AsyncIterator[Item]:
    for offset, value in enumerate(values):
        yield item(record(value, offset))


def compared(live: list[str], *writers: list[str], live_end: int = 10**9, cut: bool = False) -> Outcome:
    comparison = Comparison(About(), live_end, cut=cut)
    return asyncio.run(comparison.run(stream(live), [stream(values) for values in writers]))


@st.composite
def interleavings(draw):
    """What some writers wrote (each value names its writer), and one way in which it can lie."""
    writers = [[f"{name}.{value}" for value in values] for name, values in enumerate(draw(WRITERS))]
    turns = draw(st.permutations([name for name, values in enumerate(writers) for _ in values]))
    left = [iter(values) for values in writers]
    return [next(left[name]) for name in turns], writers


@given(interleavings())
def test_every_interleaving_is_equal(case):
    live, writers = case
    outcome = compared(live, *writers)
    assert (outcome.equal, outcome.different, outcome.by_record()) == (len(live), False, {})


@given(interleavings(), st.data())
def test_a_lost_record_is_found(case, data):
    live, writers = case
    if not live:
        return
    lost = data.draw(st.integers(0, len(live) - 1))
    outcome = compared(live[:lost] + live[lost + 1 :], *writers)
    assert outcome.different
    assert sum(one["only_replay"] - one["only_live"] for one in outcome.by_record().values()) == 1


@given(interleavings(), st.data())
def test_a_record_that_should_not_be_there_is_found_at_its_place(case, data):
    live, writers = case
    place = data.draw(st.integers(0, len(live)))
    outcome = compared([*live[:place], "foreign", *live[place:]], *writers)
    assert outcome.first == First("live", place)
    assert outcome.equal == len(live)
    assert outcome.only_live.total() == 1


def test_a_doubled_record_is_found():
    outcome = compared(["a", "b", "b", "c"], ["a", "b", "c"])
    assert (outcome.equal, outcome.first) == (3, First("live", 2))


def test_the_order_of_one_writer_counts_and_that_between_writers_does_not():
    assert not compared(["b1", "a1", "b2", "a2"], ["a1", "a2"], ["b1", "b2"]).different
    swapped = compared(["b2", "a1", "b1", "a2"], ["a1", "a2"], ["b1", "b2"])
    assert swapped.different
    assert swapped.moved == 1


def test_a_changed_record_is_one_change_and_not_two():
    outcome = compared(["a", "x", "c"], ["a", "b", "c"])
    assert outcome.by_record() == {"record": {"changed": 1, "only_live": 0, "only_replay": 0}}
    assert (outcome.equal, outcome.first) == (2, First("live", 1))


@pytest.mark.parametrize(
    "other",
    [
        {"key": b"l"}, {"key": None}, {"key": b""}, {"timestamp": 8}, {"value": b""},
        {"headers": (("a", b"b"),)}, {"headers": (("a", None),)}, {"headers": (("ab", b""),)},
    ],
    ids=str,
)  # fmt: skip
def test_every_part_of_a_record_counts(other):
    assert item(record("v", **other)).digest != item(record("v")).digest


def test_what_is_beside_each_other_is_not_mixed_up():
    """The same bytes, cut otherwise."""
    assert item(record("bc", key=b"a")).digest != item(record("c", key=b"ab")).digest
    one, other = (("a", b"bc"), ("d", b"")), (("a", b"b"), ("cd", b""))
    assert item(record("v", headers=one)).digest != item(record("v", headers=other)).digest


def test_what_was_written_after_the_replay_began_is_newer_and_no_difference():
    outcome = compared(["a", "b", "new", "c", "newer"], ["a", "b", "c"], live_end=2)
    assert (outcome.equal, outcome.newer, outcome.different) == (3, 2, False)
    assert compared(["a", "new"], ["a"], live_end=2).different


def test_what_retention_took_from_the_live_topic_is_no_difference():
    outcome = compared(["a3", "b9", "a4"], ["a1", "a2", "a3", "a4"], ["b8", "b9"], cut=True)
    assert (outcome.equal, outcome.expired, outcome.different) == (3, 3, False)
    assert compared(["a3", "a5"], ["a2", "a3", "a4", "a5"], cut=True).different


def test_many_records_more_on_one_side_do_not_lose_the_thread():
    extra = [f"extra {number}" for number in range(WINDOW - 1)]
    outcome = compared(["a", "b", "c"], ["a", *extra, "b", "c"])
    assert (outcome.equal, outcome.only_replay.total()) == (3, len(extra))
