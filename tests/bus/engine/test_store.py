"""The local store against a plain dictionary, and against what can lie on a disk."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.engine.store import POSITIONS, Store, encode_positions
from bus.errors import LocalStoreError


def make_store(path: Path, hot_limit: int = 3) -> Store[int]:
    return Store(path, lambda state: str(state).encode(), int, hot_limit)


def opened(path: Path, end: int = 10**9) -> Store[int]:
    store = make_store(path)
    store.open(end)
    return store


KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"\x00", b"\xff" * 3, b"s", b"p"])
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.one_of(st.none(), st.integers())),
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
    offset = 0
    for operation, key, value in operations:
        if operation == "put":
            store.put(key, value)
            running[key] = value
        elif operation == "commit":
            offset += 1
            changes = store.changes()
            assert dict(changes) == {k: None if v is None else str(v).encode() for k, v in running.items()}
            store.committed(changes, encode_positions({"in": offset}), offset)
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
        for one in [b"a", b"b", b"c", b"d", b"\x00", b"\xff" * 3, b"s", b"p"]:
            assert store.get(one) == {**committed, **running}.get(one)
    assert store.positions() == ({"in": offset} if offset else None)
    store.rollback()
    assert dict(store.items()) == {key: str(state).encode() for key, state in sorted(committed.items())}
    store.close()


def test_a_store_ahead_of_the_changelog_is_not_believed(tmp_path):
    store = opened(tmp_path / "0")
    store.apply([(b"a", b"1"), (POSITIONS, encode_positions({"in": 7}))], 5)
    store.close()
    assert store.open(4).discarded == "ahead_of_changelog"
    assert store.get(b"a") is None
    assert store.positions() is None
    store.close()


def test_a_store_older_than_the_kept_deletions_is_not_believed(tmp_path, monkeypatch):
    store = opened(tmp_path / "0")
    store.apply([(b"a", b"1")], 5)
    store.close()
    real = __import__("time").time()
    monkeypatch.setattr("bus.engine.store.time.time", lambda: real + 13 * 3600)
    assert store.open(5).discarded == "too_old"
    store.close()


@pytest.mark.parametrize("victim", ["CURRENT", "*.sst", "MANIFEST-*"])
def test_a_damaged_store_is_thrown_away(tmp_path, victim):
    store = opened(tmp_path / "0")
    store.apply([(b"a", b"1")], 5)
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
    store.committed(store.changes(), encode_positions({}), 1)
    assert len(store._hot) == 3  # noqa: SLF001 - what memory holds shows nowhere else
    assert [store.get(b"%d" % number) for number in range(10)] == list(range(10))
    store.close()


def test_a_store_whose_data_went_bad_is_found_out_when_read_and_rebuilt(tmp_path):
    store = opened(tmp_path / "0")
    store.apply([(b"a", b"1" * 2000)], 5)
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
