"""The order record against the interleaving that it stands for."""

from collections.abc import Sequence

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from bus.engine.order import Order, OrderNotes, UnreadableOrderError, decode, encode, in_time_order

INPUTS = {TopicPartition(f"t.{name}", 3): name for name in ("person", "case", "moves")}
PLACES = list(INPUTS)


def record(place: TopicPartition, offset: int, timestamp: int) -> ConsumerRecord:
    return ConsumerRecord(
        place.topic, place.partition, offset, timestamp, 0, b"k", b"v", None, 1, 1, ()
    )  # fmt: skip


LOGS = st.lists(st.lists(st.integers(0, 5), max_size=12), min_size=3, max_size=3)
"""Per input the times of its records; equal and falling ones are frequent."""


@given(
    start=st.dictionaries(st.text(min_size=1), st.integers(0, 2**62), min_size=1, max_size=8),
    data=st.data(),
)
def test_what_is_encoded_comes_back(start, data):
    counts = st.lists(st.integers(0, 10**6), min_size=len(start), max_size=len(start))
    order = Order(start, data.draw(st.lists(counts, max_size=9)))
    back = decode(encode(order))
    assert back == order
    assert list(back.start) == list(start)


@given(
    times=LOGS,
    fetches=st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), max_size=9),
    cuts=st.lists(st.integers(1, 5), max_size=30),
)
def test_the_noted_order_is_the_one_in_which_records_were_taken(times, fetches, cuts):
    """However the records were fetched and cut, their counts and the logs give the same sequence again."""
    logs = [
        [record(place, offset, time) for offset, time in enumerate(log)]
        for place, log in zip(PLACES, times, strict=True)
    ]
    notes = OrderNotes(INPUTS)
    notes.begin({"person": 7, "case": 0, "moves": 1, "another": 5})
    rest = [list(log) for log in logs]
    taken: list[ConsumerRecord] = []
    sizes = iter(cuts)
    for fetch in fetches:
        batches = [
            [log.pop(0) for _ in range(min(most, len(log)))] for log, most in zip(rest, fetch, strict=True)
        ]
        merged = in_time_order(batches)
        while merged:
            size = next(sizes, len(merged))
            stretch, merged = merged[:size], merged[size:]
            notes.took(stretch)
            taken += stretch
    order = decode(notes.record(3)[1])
    assert list(order.start.items()) == [("person", 7), ("case", 0), ("moves", 1)]
    assert [id(one) for one in again(order, logs)] == [id(one) for one in taken]


def again(order: Order, logs: Sequence[Sequence[ConsumerRecord]]) -> list[ConsumerRecord]:
    places = [0] * len(logs)
    found: list[ConsumerRecord] = []
    for counts in order.rounds:
        batches = [log[at : at + n] for log, at, n in zip(logs, places, counts, strict=True)]
        places = [at + n for at, n in zip(places, counts, strict=True)]
        found += in_time_order(batches)
    return found


def test_of_equal_times_the_earlier_input_comes_first_and_each_input_keeps_its_order():
    person, case, moves = PLACES
    first, late = record(person, 0, 20), record(person, 1, 5)
    same, early = record(case, 0, 20), record(moves, 0, 10)
    assert in_time_order([[first, late], [same], [early]]) == [early, first, late, same]


def test_a_transaction_forgets_the_one_before():
    notes = OrderNotes(INPUTS)
    notes.begin(dict.fromkeys(INPUTS.values(), 0))
    notes.took([record(PLACES[0], 0, 0)])
    notes.begin(dict.fromkeys(INPUTS.values(), 1))
    assert decode(notes.record(3)[1]) == Order({"person": 1, "case": 1, "moves": 1}, [])


def test_a_record_of_one_fetch_takes_under_a_hundred_bytes():
    inputs = {
        TopicPartition(name, 0): name for name in ("person", "appointment", "stay", "case", "education")
    }
    notes = OrderNotes(inputs)
    notes.begin(dict.fromkeys(inputs.values(), 10**7))
    notes.took([record(TopicPartition("case", 0), 0, 0)])
    assert len(notes.record(3)[1]) < 100


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x02" + encode(Order({"a": 1}, []))[1:], id="another format"),
        pytest.param(encode(Order({"a": 1}, []))[:-1], id="cut"),
        pytest.param(encode(Order({"a": 1}, [[1, 2]])), id="more counts than inputs"),
    ],
)
def test_what_is_no_order_is_refused(data):
    with pytest.raises(UnreadableOrderError):
        decode(data)
