"""The local store against a plain dictionary, and against what can lie on a disk."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.engine.disk import InUseError
from bus.engine.store import NewerStateError, Store, encode_positions
from bus.engine.value import POSITIONS, Head, fold, pack
from bus.errors import LocalStoreError, LostRecordsError
from tests.bus.engine.states import Note, Notes, Numbers


def opened(path: Path) -> Store[int]:
    store = Store(path, Numbers(), hot_limit=3)
    store.open(10**9)
    return store


def one(body: bytes) -> bytes:
    """A state as it stands in the changelog."""
    return pack(Head(version=1), body)


KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"\x00", b"w" * 30, b"s", b"p"])
NUMBERS = st.one_of(st.none(), st.integers(-2, 12), st.integers(-(1 << 63) + 1, (1 << 63) - 1))
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            KEYS,
            NUMBERS,
        ),
        st.tuples(st.just("commit"), st.none(), st.none()),
        st.tuples(st.just("rollback"), st.none(), st.none()),
        st.tuples(st.just("reopen"), st.none(), st.none()),
    ),
    max_size=40,
)


@given(operations=OPERATIONS)
@settings(max_examples=60, deadline=None)
def test_it_is_a_dictionary_with_transactions(operations, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "0"
    store = opened(path)
    committed: dict[bytes, int] = {}
    running: dict[bytes, int | None] = {}
    offset, log = 0, []
    for operation, key, value in operations:
        if operation == "put":
            store.put(key, value)
            running[key] = value
        elif operation == "commit":
            offset += 1
            changes = store.changes()
            log += changes
            store.committed(encode_positions({"in": offset}), offset)
            for changed, state in running.items():
                committed.pop(changed, None)
                if state is not None:
                    committed[changed] = state
            running = {}
        else:
            running = {}
            if operation == "rollback":
                store.rollback()
            else:
                store.close()
                assert store.open(10**9).offset == offset
        present = {**committed, **running}
        for each in [b"a", b"b", b"c", b"d", b"\x00", b"w" * 30, b"s", b"p"]:
            assert store.get(each) == present.get(each)
        for until in (-1, 0, 5, 10**6):
            waking = sorted((n, k) for k, n in present.items() if n is not None and 0 <= n <= until)
            assert store.due(until) == [key for _, key in waking]
            assert store.due(until, limit=2) == [key for _, key in waking[:2]]
    assert store.positions() == ({"in": offset} if offset else None)
    store.rollback()
    assert list(store.items()) == [(key, str(state).encode()) for key, state in sorted(committed.items())]
    assert fold(log) == {
        key: pack(Head(1, wake=None if n < 0 else n), str(n).encode()) for key, n in committed.items()
    }
    store.close()


def test_a_store_ahead_of_the_changelog_is_not_believed(tmp_path):
    store = opened(tmp_path / "0")
    store.apply([(b"a", one(b"1")), (POSITIONS, encode_positions({"in": 7}))], 5)
    store.close()
    assert store.open(4).discarded == "ahead_of_changelog"
    assert store.get(b"a") is None
    assert store.positions() is None
    store.close()


def test_a_store_older_than_the_kept_deletions_is_not_believed(tmp_path, monkeypatch):
    store = opened(tmp_path / "0")
    store.apply([(b"a", one(b"1"))], 5)
    store.close()
    real = __import__("time").time()
    monkeypatch.setattr("bus.engine.disk.time.time", lambda: real + 13 * 3600)
    assert store.open(5).discarded == "too_old"
    store.close()


@pytest.mark.parametrize("victim", ["CURRENT", "*.sst", "MANIFEST-*"])
def test_a_damaged_store_is_thrown_away(tmp_path, victim):
    store = opened(tmp_path / "0")
    store.apply([(b"a", one(b"1"))], 5)
    store.close()
    (file,) = sorted((tmp_path / "0").glob(victim))[:1]
    file.write_bytes(b"\xff" * 100)
    found = store.open(5)
    assert (found.offset, found.discarded) in {(0, "damaged"), (0, "incomplete")}
    assert store.get(b"a") is None
    store.close()


def test_memory_holds_no_more_decoded_states_than_allowed(tmp_path):
    store = opened(tmp_path / "0")
    for number in range(10):
        store.put(b"%d" % number, number)
    store.changes()
    store.committed(encode_positions({}), 1)
    assert len(store.hot) == 3
    assert [store.get(b"%d" % number) for number in range(10)] == list(range(10))
    store.close()


def test_large_states_count_by_the_kibibyte(tmp_path):
    store = Store(tmp_path / "0", Notes(), hot_limit=10)
    store.open(0)
    for number in range(10):
        store.put(b"%d" % number, Note(b"x" * (3000 if number % 2 else 10)))
    store.changes()
    store.committed(encode_positions({}), 1)
    # 1 3 1 3 1 3 1 3 1 3 are 20: from the old end six have to go, the last four are 8.
    assert list(store.hot) == [b"6", b"7", b"8", b"9"]
    for number in range(10):
        assert store.get(b"%d" % number) is not None
    store.put(b"0", None)
    store.changes()
    store.committed(encode_positions({}), 2)
    assert sum(1 if n % 2 == 0 else 3 for n in range(10) if b"%d" % n in store.hot) <= 10
    store.close()


def test_a_store_whose_data_went_bad_is_found_out_when_read_and_rebuilt(tmp_path):
    store = opened(tmp_path / "0")
    store.apply([(b"a", one(b"1" * 2000))], 5)
    store.close()
    (table,) = (tmp_path / "0").glob("*.sst")
    content = bytearray(table.read_bytes())
    content[:40] = b"\xff" * 40
    table.write_bytes(content)
    found = store.open(5)
    if not found.discarded:
        with pytest.raises(LocalStoreError):
            store.get(b"a")
        assert store.open(5).discarded == "failed"
    assert store.get(b"a") is None
    store.close()


class Worded(Numbers):
    """The same numbers, written as words of one letter each since version 2."""

    state_version = 2

    def dump(self, state: int) -> bytes:
        return b"i" * state

    def load(self, data: bytes, version: int) -> int:
        return len(data) if version == 2 else super().load(data, version)


def test_states_of_an_older_version_are_brought_up_when_they_are_met_and_written_anew(tmp_path):
    store = opened(tmp_path / "0")
    store.put(b"a", 3)
    store.put(b"b", 4)
    store.changes()
    store.committed(encode_positions({}), 1)
    store.close()
    newer: Store[int] = Store(tmp_path / "0", Worded(), hot_limit=3)
    newer.open(1)
    assert (newer.get(b"a"), newer.get(b"b")) == (3, 4)
    newer.put(b"a", 5)
    assert newer.changes() == [(b"a", pack(Head(2, wake=5), b"iiiii"))]
    newer.committed(encode_positions({}), 2)
    assert dict(newer.items()) == {b"a": b"iiiii", b"b": b"4"}
    newer.close()


def test_a_state_of_a_newer_version_stops_the_program(tmp_path):
    newer: Store[int] = Store(tmp_path / "0", Worded(), hot_limit=3)
    newer.open(0)
    newer.put(b"a", 3)
    newer.changes()
    newer.committed(encode_positions({}), 1)
    newer.close()
    store = opened(tmp_path / "0")
    with pytest.raises(NewerStateError, match="of version 2, this program knows 1") as failure:
        store.get(b"a")
    assert "replay" in failure.value.fix
    store.close()


def written(path: Path) -> dict[int, dict[bytes, bytes]]:
    """A store with two tables; its states at the offset of each."""
    store, states = opened(path), {}
    present = {b"%d" % n: n for n in range(600)}
    store.apply([(key, one(b"%d" % state)) for key, state in present.items()], 1)
    store.close()
    states[1] = {key: b"%d" % state for key, state in present.items()}
    store.open(10**9)
    for n in range(3):
        store.put(b"%d" % n, n * 7)
        present[b"%d" % n] = n * 7
    store.changes()
    store.committed(encode_positions({}), 2)
    store.close()
    states[2] = {key: b"%d" % state for key, state in present.items()}
    return states


@pytest.mark.parametrize("kind", ["*.sst", "MANIFEST-*"])
def test_a_byte_that_flips_in_any_file_is_noticed_or_does_no_harm(tmp_path, kind):
    states = written(tmp_path / "0")
    file = max((tmp_path / "0").glob(kind), key=lambda file: file.stat().st_size)
    sound = tmp_path / "sound"
    shutil.copytree(tmp_path / "0", sound)
    noticed = 0
    for at in range(0, file.stat().st_size, max(1, file.stat().st_size // 50)):
        shutil.rmtree(tmp_path / "0")
        shutil.copytree(sound, tmp_path / "0")
        content = bytearray(file.read_bytes())
        content[at] ^= 0x10
        file.write_bytes(content)
        store = Store(tmp_path / "0", Numbers(), hot_limit=1000)
        found = store.open(10**9)
        try:
            read = {b"%d" % n: store.get(b"%d" % n) for n in range(600)}
        except LocalStoreError:
            noticed += 1
            assert store.open(10**9).discarded == "failed"
        else:
            noticed += bool(found.discarded) or found.offset < 2
            assert (
                read == {b"%d" % n: None for n in range(600)}
                if found.discarded
                else ({key: str(state).encode() for key, state in read.items()} == states[found.offset])
            )
        store.close()
    assert noticed


def stands_at(folder: Path, copy: Path) -> int:
    """The offset at which a store would be found after a crash now."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    store = Store(copy, Numbers(), hot_limit=3)
    offset = store.open(10**9).offset
    store.close()
    return offset


def test_a_crash_leaves_what_was_on_the_disk_with_its_checkpoint(tmp_path, monkeypatch):
    store = opened(tmp_path / "0")
    store.apply([(b"a", one(b"1"))], 1)
    shutil.copytree(tmp_path / "0", tmp_path / "1")
    monkeypatch.setattr("bus.engine.disk.FLUSH_SECONDS", 0.0)
    store.apply([(b"b", one(b"2"))], 2)
    monkeypatch.undo()
    while stands_at(tmp_path / "0", tmp_path / "looked at") < 2:  # it is written in a thread of RocksDB's
        pass
    store.put(b"c", 3)
    store.changes()
    store.committed(encode_positions({}), 3)
    shutil.copytree(tmp_path / "0", tmp_path / "2")
    store.close()
    shutil.copytree(tmp_path / "0", tmp_path / "3")
    for folder, states in (
        ("1", {}),
        ("2", {b"a": b"1", b"b": b"2"}),
        ("3", {b"a": b"1", b"b": b"2", b"c": b"3"}),
    ):
        crashed = Store(tmp_path / folder, Numbers(), hot_limit=3)
        assert crashed.open(10**9) == (len(states), "")
        assert dict(crashed.items()) == states
        crashed.close()


def test_a_store_that_does_not_fit_the_changelog_is_rebuilt(tmp_path):
    live = Store(tmp_path / "live", Notes(), hot_limit=3, difference_min_bytes=100)
    live.open(0)
    log = []
    for text in (b"x" * 300 + b"1", b"x" * 300 + b"2", b"x" * 300 + b"3"):
        live.put(b"a", Note(text))
        log += live.changes()
        live.committed(encode_positions({}), len(log))
    live.close()
    store = opened(tmp_path / "0")
    store.apply(log[:1], 2)
    store.close()
    assert store.open(3).offset == 2
    store.apply(log[2:], 3)  # a difference is missing that no compaction takes away
    with pytest.raises(LocalStoreError):
        store.check()
    assert store.open(3).discarded == "failed"
    store.apply([log[0], log[2]], 3)
    with pytest.raises(LostRecordsError):
        store.check()
    store.open(3)
    store.apply(log, 3)
    store.check()
    assert dict(store.items()) == {b"a": b"x" * 300 + b"3"}
    store.close()


def test_a_store_that_another_process_has_open_is_not_thrown_away_unless_seized(tmp_path):
    owner = opened(tmp_path / "0")
    with pytest.raises(InUseError):
        Store(tmp_path / "0", Numbers(), hot_limit=3).open(0, seize=False)
    owner.put(b"a", 1)
    owner.changes()
    owner.committed(encode_positions({}), 1)
    assert dict(owner.items()) == {b"a": b"1"}
    owner.close()


def test_a_wake_time_that_was_replaced_while_following_is_not_due(tmp_path):
    store = opened(tmp_path / "0")
    for offset, state in enumerate((5, 7, 3, -1, 9), start=1):
        value = pack(Head(1, wake=state if state >= 0 else None), b"%d" % state)
        store.apply([(b"a", value), (b"b", pack(Head(1, wake=offset), b"%d" % offset))], offset)
    assert store.due(8) == [b"b"]
    assert store.due(9) == [b"b", b"a"]
    store.apply([(b"b", None)], 6)
    assert store.due(9) == [b"a"]
    store.close()
