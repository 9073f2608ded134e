"""What the changelog holds of a state, whatever log compaction takes away, against a plain dictionary."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.engine.store import Store, encode_positions
from bus.engine.value import (
    LARGEST,
    SLOTS,
    Change,
    Head,
    Replayed,
    UnknownFormatError,
    advanced,
    body_of,
    difference,
    fold,
    has_wake,
    head_of,
    is_plain,
    pack,
)
from tests.bus.engine.states import Note, Notes

INSTANTS = st.one_of(st.none(), st.integers(-(1 << 63) + 1, (1 << 63) - 1))
HEADS = st.builds(Head, st.integers(0, 65535), st.integers(0, 255), st.integers(0, 255), INSTANTS)


@given(head=HEADS, body=st.binary())
def test_an_envelope_gives_back_what_was_put_into_it(head: Head, body: bytes):
    value = pack(head, body)
    assert (head_of(value), body_of(value)) == (head, body)
    assert has_wake(value) == (head.wake is not None)
    assert is_plain(value) == (head.slots == 0 and head.wake is None)


@pytest.mark.parametrize("value", [b"", b"\x01", b"{}", b"\xe1" * 5, b"\xe0" + bytes(30)])
def test_a_value_without_an_envelope_is_of_another_format(value):
    with pytest.raises(UnknownFormatError):
        head_of(value)
    with pytest.raises(UnknownFormatError):
        fold([(b"key", b"\x01" + value[1:])])


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


@given(
    size=st.integers(0, 33_000),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=40)), max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_a_difference_makes_the_new_state_from_its_base_and_from_nothing_else(size, edits):
    base = body = noise(size)
    for place, cut, insert in edits:
        at = int(place * len(body))
        body = body[:at] + insert + body[at + cut :]
    old, new = pack(Head(1, 2, 4, 7), base), Head(3, 3, 4, 99)
    change = difference(old, new, body)
    if change is None:
        assert max(len(old), len(body)) > LARGEST or len(body) < 1500
        return
    assert (len(change) - 13) * 4 <= len(body)
    assert advanced(old, change) == pack(new, body)
    assert advanced(pack(Head(1, 1, 4, 7), base), change) is None
    assert advanced(pack(Head(1, 2, 4, 7), b"x" + base), change) is None
    assert advanced(pack(Head(1, 2, 4, 7), b""), change) is None
    assert advanced(old, change[:-1]) is None


class Log:
    """A changelog with compaction: of each key any record but the last may go, in any order."""

    def __init__(self) -> None:
        self.records: dict[int, Change] = {}
        self.end = 0

    def append(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self.records[self.end] = change
            self.end += 1

    def compact(self, chance: random.Random, tombstones_before: int) -> None:
        last = {key: offset for offset, (key, _) in self.records.items()}
        for offset, (key, value) in sorted(self.records.items()):
            superseded = last[key] != offset
            forgotten = value is None and offset < tombstones_before and not self._earlier(key, offset)
            if (superseded or forgotten) and chance.random() < 0.6:
                del self.records[offset]

    def _earlier(self, key: bytes, offset: int) -> bool:
        return any(key == other for at, (other, _) in self.records.items() if at < offset)

    def read(self, start: int, end: int) -> list[Change]:
        return [change for offset, change in sorted(self.records.items()) if start <= offset < end]


class Follower:
    """A local store that was brought up to some offset, in memory."""

    def __init__(self) -> None:
        self.states: dict[bytes, bytes] = {}
        self.offset = 0
        self.unfinished: set[bytes] = set()

    def follow(self, log: Log, end: int) -> None:
        replayed = Replayed(self.states.get)
        replayed.take(log.read(self.offset, end))
        for key, value in replayed.states.items():
            self.unfinished.discard(key)
            self.states.pop(key, None)
            if value is not None:
                self.states[key] = value
        self.unfinished |= replayed.unfinished
        self.offset = end


KEYS = (b"1.A", b"1.B")
OFTEN = ("change", "change", "change", "change", "change", "change", "compact", "follow")
SOMETIMES = ("edit", "forget", "commit", "follow anew", "open again")
STEPS = st.lists(
    st.tuples(st.sampled_from((*OFTEN, *SOMETIMES)), st.sampled_from((*KEYS, KEYS[0]))),
    min_size=10,
    max_size=60,
)


@given(steps=STEPS, seed=st.integers(0, 1 << 30))
@settings(max_examples=60, deadline=None)
def test_whatever_compaction_takes_away_a_restore_gives_the_live_state(steps, seed, tmp_path_factory):
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("store")
    live: Store[Note] = Store(folder / "live", Notes(), 10, difference_min_bytes=150)
    live.open(0)
    log, follower = Log(), Follower()
    texts: dict[bytes, bytes] = {}
    for step, key in [*steps, ("commit", b"")]:
        if step in ("edit", "change"):
            text = texts.get(key) or chance.randbytes(chance.choice((20, 400, 400)))
            at = chance.randrange(len(text))
            texts[key] = text[:at] + chance.randbytes(3) + text[at + chance.randrange(5) :]
            live.put(key, Note(texts[key], chance.choice((None, 5))))
        elif step == "forget":
            texts.pop(key, None)
            live.put(key, None)
        if step in ("commit", "change"):
            log.append(live.changes())
            live.committed(encode_positions({}), log.end)
        elif step == "compact":
            log.compact(chance, tombstones_before=follower.offset)
        elif step == "open again":
            live.rollback()
            live.close()
            live.open(log.end)
            texts = dict(live.items())
        elif step.startswith("follow"):
            if step == "follow anew":
                follower = Follower()
            follower.follow(log, chance.randint(follower.offset, log.end))
    expected = {key: fold_one(live, key) for key in texts}
    follower.follow(log, log.end)
    assert follower.unfinished == set()
    assert {key: body_of(value) for key, value in follower.states.items()} == texts == dict(live.items())
    assert follower.states == expected
    assert fold(log.read(0, log.end)) == expected
    restored: Store[Note] = Store(folder / "restored", Notes(), 10)
    restored.open(log.end)
    restored.apply(log.read(0, log.end), log.end)
    restored.check()
    assert dict(restored.items()) == texts
    assert restored.due(5) == live.due(5)
    restored.close()
    live.close()


def fold_one(store: Store[Note], key: bytes) -> bytes:
    value = store._disk.get(key)  # noqa: SLF001 - the whole value, not only the stage's part
    assert value is not None
    return value


def test_nothing_of_a_forgotten_state_is_left_for_compaction_to_keep(tmp_path):
    store: Store[Note] = Store(tmp_path / "0", Notes(), 10, difference_min_bytes=100)
    store.open(0)
    last: dict[bytes, bytes | None] = {}
    for number in range(2 * SLOTS):
        store.put(b"a", Note(noise(500) + b"%d" % number))
        last.update(store.changes())
        store.committed(encode_positions({}), number + 1)
    assert len(last) == SLOTS + 1
    store.close()
    store.open(10**9)  # what the changelog holds of it is known after a restart too
    store.put(b"a", None)
    last.update(store.changes())
    assert set(last.values()) == {None}
    store.close()
