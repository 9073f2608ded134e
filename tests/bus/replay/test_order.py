"""The order in which a replay takes records, against a simulated stage that noted its order now and then."""

import asyncio
from dataclasses import dataclass, field

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from bus.engine.order import OrderNotes, in_time_order
from bus.errors import LostRecordsError
from bus.replay.cursor import Cursor
from bus.replay.order import Inputs

NAMES = ("person", "case")
PLACES = {TopicPartition(name, 2): name for name in NAMES}
ORDER = TopicPartition("order", 2)


def record(place: TopicPartition, offset: int, time: int, value: bytes = b"") -> ConsumerRecord:
    return ConsumerRecord(place.topic, 2, offset, time, 0, b"k", value, None, 1, 1, ())


@dataclass
class Log:
    """A partition in memory; it has the two calls of a client that a cursor makes."""

    records: list[ConsumerRecord]
    end: int
    at: int = 0

    async def position(self, _: TopicPartition) -> int:
        return self.at

    async def getmany(
        self, place: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        assert timeout_ms
        found = [one for one in self.records if one.offset >= self.at][: min(3, max_records)]
        self.at = found[-1].offset + 1 if found else self.end
        return {place: found}

    def pause(self, _: TopicPartition) -> None:
        """Nothing is fetched ahead here."""

    def cursor(self, place: TopicPartition) -> Cursor:
        return Cursor(self, place, self.at, self.end)


@dataclass
class Simulated:
    """What a stage did with its inputs, and what it noted of it."""

    logs: dict[str, Log]
    order: Log
    taken: list[ConsumerRecord] = field(default_factory=list)
    unnoted: int = 0

    def inputs(self, *, incomplete: bool = False) -> Inputs:
        cursors = {name: self.logs[name].cursor(place) for place, name in PLACES.items()}
        return Inputs(cursors, self.order.cursor(ORDER), dict.fromkeys(NAMES, 10**6), incomplete=incomplete)

    def replayed(self, *, incomplete: bool = False) -> tuple[list[ConsumerRecord], int]:
        async def main() -> tuple[list[ConsumerRecord], int]:
            inputs = self.inputs(incomplete=incomplete)
            found = [one async for records in inputs.records() for one in records]
            return found, inputs.by_time

        return asyncio.run(main())


@st.composite
def runs(draw):
    """Two topics with gaps between offsets (as transactions leave them), and transactions that took them."""
    logs = {}
    for place, name in PLACES.items():
        steps = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9)), max_size=12))
        offset, records = -1, []
        for step, time in steps:
            offset += step
            records.append(record(place, offset, time))
        logs[name] = Log(records, offset + draw(st.integers(1, 3)))
    rest = {name: list(log.records) for name, log in logs.items()}
    positions = dict.fromkeys(NAMES, 0)
    done = Simulated(logs, Log([], 0))
    notes = OrderNotes(PLACES)
    gap: dict[str, list[ConsumerRecord]] = {name: [] for name in NAMES}
    while any(rest.values()):
        notes.begin(positions)
        noted = draw(st.booleans())
        taken = []
        for _ in range(draw(st.integers(1, 3))):
            batches = []
            for name in NAMES:
                count = draw(st.integers(0, 3))
                batches.append(rest[name][:count])
                rest[name] = rest[name][count:]
            records = in_time_order(batches)
            if records:
                notes.took(records)
            taken += records
        for one in taken:
            positions[one.topic] = one.offset + 1
        if noted:
            done.unnoted += sum(map(len, gap.values()))
            done.taken += in_time_order(list(gap.values())) + taken
            gap = {name: [] for name in NAMES}
            done.order.records.append(record(ORDER, done.order.end, 0, notes.record(2)[1]))
            done.order.end += 1
        else:
            for one in taken:
                gap[one.topic].append(one)
    done.unnoted += sum(map(len, gap.values()))
    done.taken += in_time_order(list(gap.values()))
    return done


@given(runs())
def test_records_come_in_the_noted_order_and_by_time_where_none_was_noted(run):
    assert run.replayed() == (run.taken, run.unnoted)


def simple() -> Simulated:
    """Two records of each topic, taken in one noted transaction each, case before person."""
    logs = {name: Log([record(place, 0, 1), record(place, 1, 2)], 2) for place, name in PLACES.items()}
    done = Simulated(logs, Log([], 2))
    notes = OrderNotes(PLACES)
    for number in range(2):
        notes.begin(dict.fromkeys(NAMES, number))
        for name in reversed(NAMES):
            notes.took([logs[name].records[number]])
            done.taken.append(logs[name].records[number])
        done.order.records.append(record(ORDER, number, 0, notes.record(2)[1]))
    return done


def test_it_ends_where_the_live_stage_is_and_not_where_the_topics_do():
    run = simple()
    run.order.end = 1
    inputs = run.inputs()
    inputs.end = {}
    run.logs["case"].end = 5

    async def main() -> int:
        return sum([len(records) async for records in inputs.records()])

    assert asyncio.run(main()) == 2


@pytest.mark.parametrize("lost", NAMES)
def test_lost_inputs_end_the_replay_unless_it_may_be_incomplete(lost):
    run = simple()
    del run.logs[lost].records[0]
    run.logs[lost].at = 1
    with pytest.raises(LostRecordsError):
        run.replayed()
    run = simple()
    del run.logs[lost].records[0]
    run.logs[lost].at = 1
    found, by_time = run.replayed(incomplete=True)
    assert (len(found), by_time) == (3, 1)


def test_a_topic_that_was_made_anew_ends_the_replay():
    run = simple()
    run.logs["case"].records.clear()
    run.logs["case"].end = 0
    with pytest.raises(LostRecordsError):
        run.replayed()
