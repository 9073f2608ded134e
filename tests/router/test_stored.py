"""A state is stored whole, whatever part of it stands in blocks, and however often it is read and written."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import router.step
from router.events import Output
from router.packing import apart, pack, together, unpack
from router.state import Block, Citizen, compact
from router.step import step
from router.stored import BLOCK, FORMAT, dump, load
from schemas.errors import PoisonError
from tests.router.building import appointment, id_of, linked, retracted, step_done
from tests.router.test_identity_whole import RULES
from tests.router.test_order import facts
from tests.router.test_totality import events

FORMAT_2 = bytes.fromhex(
    "02dc0012c0c282a24e31cf0000000403eb7af1a24c310096b2686f73706974616c2e696e6e6c616e646574ad4845521f686f"
    "73706974616c1fa6424f4f4b4544b86d756e69636970616c6974792e6c696c6c6568616d6d6572b14845521f6d756e696369"
    "70616c6974791fb672656365697665641f746573741f524543454956454481a8417c4849537c6131919cc4106a1b3f0e6f43"
    "5f0c9c1c0d6a6f1f7f5e04ce69a3e3f0c0c0000008ce69a55190ce69a55898010281aa437c43415345537c6331919fc4046f"
    "6464ff0ece69a40010c0c00203080405c0c0c0c0c081b4467c686f73706974616c2e696e6e6c616e6465749198c4106a1b3f"
    "0e6f435f0c9c1c0d6a6f1f7f5f18ce69a3f200c0c001000881c4106a1b3f0e6f435f0c9c1c0d6a6f1f7f5e9192c4106a1b3f"
    "0e6f435f0c9c1c0d6a6f1f7f5fc381c4106a1b3f0e6f435f0c9c1c0d6a6f1f7f5e9402c4106a1b3f0e6f435f0c9c1c0d6a6f"
    "1f7f5f02c081aa437c43415345537c63310180939392000100ce69a3e3f093910000ce69a3f20093910003ce69a400109001"
    "8090c090"
)
"""What the version before wrote of the three facts below."""
BOOKED = appointment(
    "N1",
    "a1",
    "2026-03-02 10:00",
    "2026-03-02 10:30",
    id="6a1b3f0e-6f43-5f0c-9c1c-0d6a6f1f7f5e",
    also=({"system": "mrn", "pseudonym": "L1", "national": False},),
)
TAKEN_BACK = retracted(
    "N1",
    "AppointmentScheduled",
    BOOKED,
    id="6a1b3f0e-6f43-5f0c-9c1c-0d6a6f1f7f5f",
    recorded="2026-03-01 09:00",
)
READ = step_done("N1", "c1", "RECEIVED", id="odd", recorded="2026-03-01 10:00")


def told(*given_events, state=None, reloading=False):
    """The state after some facts about N1, and all that was said."""
    said: list[Output] = []
    for event in given_events:
        if reloading and state is not None:
            state = load(dump(state))
        state, outputs = step("N1", state, event, RULES)
        said += outputs
    return state, said


def test_a_state_of_the_format_before_is_read_and_goes_on_as_one_of_this():
    whole, _ = told(BOOKED, TAKEN_BACK, READ)
    old = load(FORMAT_2)
    assert dump(old) == dump(whole)
    assert dump(old)[0] == FORMAT
    later = appointment("N1", "a1", "2026-03-03 10:00", recorded="2026-03-01 11:00")
    assert told(later, state=old)[1] == told(later, state=whole)[1]


@pytest.mark.parametrize("data", [b"", b"\x01\x90", b"\x04\x90"])
def test_other_formats_are_refused(data):
    with pytest.raises(PoisonError) as raised:
        load(data)
    assert raised.value.reason == "state.format"


def test_a_long_history_stands_in_blocks_and_is_small():
    facts_ = [
        appointment("N1", f"a{day}", f"2026-{1 + day % 12:02}-{1 + day % 28:02} 10:00") for day in range(200)
    ]
    state, _ = told(*facts_)
    assert [len(block.ids) for block in state.records.blocks] == [16 * BLOCK] * 3
    read = load(dump(state))
    assert read.records.plans == state.records.plans
    assert list(read.records.plans) == list(state.records.plans)
    assert read.records.names == state.records.names
    assert read.loose == state.loose == 200 - 3 * BLOCK
    assert len(dump(state)) < 40 * 200


def test_when_it_is_worked_out_anew_who_is_who_blocks_are_made_anew():
    booked = [appointment("N1", f"a{day}", f"2026-03-{day:02} 10:00") for day in (2, 4, 6)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(router.step, "BLOCK", 2)
        state, _ = told(*booked)
        assert [len(block.ids) // 16 for block in state.records.blocks] == [2]
        state, _ = told(linked("N1", "L2"), state=state)
    assert [len(block.ids) // 16 for block in state.records.blocks] == [4], "the three and the link"
    assert state.loose == 0


@pytest.mark.parametrize("cut", [2, 30, -3])
def test_a_damaged_block_is_no_state(cut):
    block = pack(told(BOOKED, TAKEN_BACK, READ)[0].records)
    state = Citizen()
    state.records.blocks = (Block(block.ids, block.rows[:cut]),)
    state.first_loose = {}
    with pytest.raises(PoisonError) as raised:
        load(dump(state))
    assert raised.value.reason == "state.invalid"


def test_a_block_without_its_ids_is_no_state():
    state = Citizen()
    state.records.blocks = (Block(b"", pack(told(BOOKED)[0].records).rows),)
    with pytest.raises(PoisonError):
        load(dump(state))


def test_a_block_names_who_took_back_what_by_place_and_keeps_odd_ids():
    records = told(BOOKED, TAKEN_BACK, READ)[0].records
    before = dump(Citizen(records))
    again = unpack(pack(records))
    assert dump(Citizen(records)) == before, "packing leaves the rows as they are"
    assert (again.plans, again.cases, again.others) == (records.plans, records.cases, records.others)
    assert again.withdrawals == records.withdrawals
    assert [row.id for rows in again.cases.values() for row in rows] == [b"odd\xff"]
    ours = told(BOOKED, TAKEN_BACK)[0].records
    assert pack(ours).ids == bytes.fromhex((id_of(BOOKED) + id_of(TAKEN_BACK)).replace("-", ""))


@pytest.mark.parametrize(
    ("instant", "base", "stands_as"),
    [
        (1_000, 990, 20),
        (1_000, 1_000, 0),
        (990, 1_000, 19),
        (0, (1 << 32) - 1, (1 << 33) - 3),
        (-1, 1_000, -1),
        ((1 << 63) + 5, 1_000, (1 << 63) + 5),
    ],
)
def test_whole_seconds_stand_as_differences(instant, base, stands_as):
    assert apart(instant, base) == stands_as
    assert together(stands_as, base) == instant


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, (1 << 32) - 1))
def test_every_instant_comes_back(instant, base):
    assert together(apart(compact(instant), base), base) == compact(instant)


@st.composite
def of_one_citizen(draw):
    return [draw(facts(number)) for number in range(draw(st.integers(4, 14)))]


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(of_one_citizen() | st.lists(events(), min_size=3, max_size=8), st.integers(1, 5))
def test_blocks_and_restarts_change_nothing(given_events, block):
    """The same facts with blocks, with blocks and a restart before each fact, and without any block."""
    plain, said = told(*given_events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(router.step, "BLOCK", block)
        packed, said_packed = told(*given_events)
        restarted, said_restarted = told(*given_events, reloading=True)
    assert said_packed == said_restarted
    if not any(output.record == "Move" and output.value["kind"] == "STATE" for output in said):
        assert said_packed == said, "what is said does not depend on blocks"
    if packed is not None:
        assert dump(packed) == dump(restarted)
        for name in ("names", "plans", "cases", "others", "withdrawals", "marks", "findings"):
            assert getattr(load(dump(packed)).records, name) == getattr(plain.records, name)
