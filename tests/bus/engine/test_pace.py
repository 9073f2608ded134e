"""Small and soon while there is time to spare, large and cheap when not, and never a long slice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.engine.fetching import wait_ms
from bus.engine.pace import Dues, Load, Pace, Slice


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Machine:
    """A process of which so large a share of a core is used."""

    def __init__(self) -> None:
        self.clock = Hand()
        self.used = Hand()
        self.load = Load(self.clock, self.used)

    def patience_after(self, seconds: float, share: float) -> float:
        patience = 0.0
        for _ in range(int(seconds / 0.2)):
            self.clock.now += 0.2001
            self.used.now += 0.2 * share
            patience = self.load.patience()
        return patience


def test_patience_grows_under_load_and_shrinks_after_it():
    machine = Machine()
    calm = machine.patience_after(10, 0.1)
    busy = machine.patience_after(10, 0.95)
    assert calm < 1 < busy
    assert machine.patience_after(10, 0.1) == calm
    assert machine.patience_after(100, 0.95) == busy


def test_a_lone_record_is_committed_at_once():
    machine = Machine()
    pace = Pace(0.1, 1.0, machine.load, machine.clock)
    pace.begin()
    pace.committed(0.02)
    machine.clock.now += 5
    pace.begin()
    assert pace.left() <= 0
    assert not pace.over()


def a_pace_of_commits_that_take(machine: Machine, seconds: float) -> tuple[Pace, list[float]]:
    """Fifty commits, one after the other under a flow that never ends, and when they ended."""
    machine.patience_after(10, 0.95)
    pace = Pace(0.1, 1.0, machine.load, machine.clock)
    ends = []
    for _ in range(50):
        pace.begin()
        machine.clock.now = machine.used.now = max(machine.clock.now, pace.due) + seconds  # a core is full
        pace.committed(seconds)
        ends.append(machine.clock.now)
    return pace, ends


def test_commits_end_one_interval_after_each_other():
    _, ends = a_pace_of_commits_that_take(Machine(), 0.03)
    assert ends[-1] - ends[-2] == pytest.approx(0.1, abs=1e-4)


def test_a_commit_is_begun_half_an_interval_earlier_at_most():
    pace, ends = a_pace_of_commits_that_take(Machine(), 0.08)
    pace.begin()
    assert pace.due - ends[-1] == pytest.approx(0.05)


def test_what_is_nearly_due_is_not_waited_for():
    machine = Machine()
    pace, _ = a_pace_of_commits_that_take(machine, 0.03)
    pace.begin()
    machine.clock.now = pace.due - 0.02
    assert pace.left() == pytest.approx(0.02)
    machine.clock.now = pace.due - 0.007
    assert pace.left() == 0


def test_a_fetch_is_answered_shortly_before_the_next_commit():
    clock = Hand()
    dues = Dues(clock)
    assert dues.left() is None
    dues.note(0, clock.now + 0.05)
    dues.note(1, clock.now + 0.03)
    assert dues.left() == pytest.approx(0.026)
    clock.now += 0.025  # too late for partition 1: what it does not have by now, it has in its next
    assert dues.left() == pytest.approx(0.021)
    dues.note(1, clock.now + 0.015)
    assert dues.left() == pytest.approx(0.011)
    clock.now += 1
    assert dues.left() is None


@pytest.mark.parametrize(("left", "wait"), [(None, 20), (0.026, 20), (0.007, 7), (0.0001, 1)])
def test_a_fetch_waits_as_long_as_usual_or_until_a_commit_is_near(left: float | None, wait: int):
    assert wait_ms(20, left) == wait


@given(st.floats(0, 1), st.lists(st.floats(0, 3), max_size=20))
def test_no_transaction_waits_longer_than_the_interval_or_collects_longer_than_four(
    share: float, commits: list[float]
):
    machine = Machine()
    pace = Pace(0.1, 1.0, machine.load, machine.clock)
    for seconds in commits:
        patience = machine.patience_after(1, share)
        pace.begin()
        assert pace.left() <= 0.1 + 1e-9
        machine.clock.now += 0.1001 if patience <= 1 else 0.4001
        assert pace.over()
        machine.clock.now += seconds
        pace.committed(seconds)


def collects(pace: Pace, clock: Hand, late: float) -> float:
    """For how long a transaction collects whose first record is so many seconds old."""
    pace.begin(late)
    return pace.limit - clock.now


@pytest.mark.parametrize(("late", "seconds"), [(-3600, 0.1), (0.3, 0.1), (2, 0.5), (4, 1), (3600, 1)])
def test_what_is_late_may_become_a_quarter_later(late: float, seconds: float):
    machine = Machine()
    machine.patience_after(10, 0.1)  # however little there is to do
    pace = Pace(0.1, 1.0, machine.load, machine.clock)
    assert collects(pace, machine.clock, late) == pytest.approx(seconds)


@pytest.mark.parametrize("longest", [0.001, 0.1])
def test_no_transaction_collects_longer_than_is_set(longest: float):
    machine = Machine()
    machine.patience_after(10, 0.95)
    pace = Pace(0.1, longest, machine.load, machine.clock)
    assert collects(pace, machine.clock, 3600) == pytest.approx(0.1)


@given(st.floats(1e-6, 0.5), st.integers(1, 500))
def test_a_slice_is_bounded_in_time_whatever_a_step_costs(step_seconds: float, available: int):
    clock = Hand()
    slice_ = Slice(clock)
    for _ in range(20):
        assert slice_.size == 1 or slice_.size * step_seconds <= 0.0201
        size = min(slice_.size, available)
        slice_.begin()
        clock.now += size * step_seconds
        slice_.end(size)


def test_a_slice_grows_again_when_steps_become_cheap():
    clock = Hand()
    slice_ = Slice(clock)
    slice_.begin()
    clock.now += 3.0
    slice_.end(slice_.size)
    assert slice_.size == 1
    for _ in range(12):
        slice_.begin()
        clock.now += slice_.size * 1e-5
        slice_.end(slice_.size)
    assert slice_.size == 500
