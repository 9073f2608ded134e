"""What waits for the local store's database, against a plain dictionary and a plain sum."""

from hypothesis import given
from hypothesis import strategies as st

from bus.engine.disk import Disk, Wakes
from bus.engine.unwritten import Unwritten

KEYS = st.sampled_from([b"a", b"b", b"c", b"d"])
ENTRIES = st.dictionaries(KEYS, st.none() | st.binary(max_size=400), max_size=4)


@given(taken=st.lists(st.tuples(ENTRIES, ENTRIES), max_size=30), most=st.integers(0, 3000))
def test_it_holds_the_last_of_each_key_and_is_full_by_what_it_holds(taken, most):
    waiting = Unwritten(most)
    states: dict[bytes, bytes | None] = {}
    others: dict[bytes, bytes | None] = {}
    for some_states, some_others in taken:
        waiting.take(some_states, some_others)
        states |= some_states
        others |= some_others
        assert (waiting.states, waiting.others) == (states, others)
        entries = [*states.values(), *others.values()]
        held = 100 * len(entries) + sum(len(value or b"") for value in entries)
        if waiting.is_full():
            assert held >= most
            waiting.clear()
            states, others = {}, {}
        else:  # what was overwritten makes it look half of the bound too late at most
            assert held < most + max(1, most // 2)
    waiting.clear()
    assert not waiting.states
    assert not waiting.others


def test_a_state_that_changes_often_reaches_the_database_once(tmp_path):
    disk = Disk(tmp_path / "0")
    disk.open(0)
    value = bytes(100_000)
    for number in range(200):  # 20 MB in all
        disk.write({b"often": value, b"once": b"1"} if number == 0 else {b"often": value}, None, number)
        assert not list((tmp_path / "0").glob("*.sst"))
    assert (disk.get(b"often"), disk.get(b"once")) == (value, b"1")
    disk.close()
    (table,) = (tmp_path / "0").glob("*.sst")
    assert table.stat().st_size < len(value)
    assert disk.open(199) == (199, "")
    assert dict(disk.items()) == {b"often": value, b"once": b"1"}
    disk.close()


def test_what_many_states_hold_in_memory_is_bounded(tmp_path):
    disk = Disk(tmp_path / "0", unwritten_bytes=1_000_000)
    disk.open(0)
    held = 0
    for number in range(1200):  # 12 MB in all
        disk.write({b"%d" % number: bytes(10_000)}, None, number)
        held = max(held, sum(map(len, filter(None, disk._unwritten.states.values()))))  # noqa: SLF001 - memory
    assert 900_000 < held < 1_600_000
    assert all(disk.get(b"%d" % number) == bytes(10_000) for number in range(1200))
    disk.close()


def test_what_was_forgotten_while_it_waited_stays_forgotten(tmp_path):
    disk = Disk(tmp_path / "0")
    disk.open(0)
    disk.write({b"a": b"1", b"b": b"2"}, b"at 1", 1, Wakes([], [(7, b"a")]), {b"note": b"x"})
    disk.close()
    disk.open(1)
    disk.write({b"a": None}, b"at 2", 2, Wakes([(7, b"a")], []), {b"note": None})
    for _ in range(2):  # before and after the database has it
        assert (disk.get(b"a"), disk.get(b"b"), disk.note(b"note")) == (None, b"2", None)
        assert disk.positions() == b"at 2"
        assert list(disk.items()) == [(b"b", b"2")]
        assert list(disk.waking()) == []
    disk.close()
