"""Stages of the smallest kind, for tests of the store alone."""

from pathlib import Path
from typing import NamedTuple

from bus.engine.disk import Opened
from bus.engine.store import Store


class Numbers:
    """A state is a whole number. It wants a tick when that many microseconds have passed; never below 0."""

    state_version = 1

    def dump(self, state: int) -> bytes:
        return str(state).encode()

    def load(self, data: bytes, version: int) -> int:
        return int(data)

    def wake(self, state: int) -> int | None:
        return state if state >= 0 else None


class Note(NamedTuple):
    """A state of bytes with a wake time."""

    text: bytes
    wake: int | None = None


class Notes:
    """Keeps bytes as they are."""

    state_version = 1

    def dump(self, state: Note) -> bytes:
        return state.text

    def load(self, data: bytes, version: int) -> Note:
        return Note(data)

    def wake(self, state: Note) -> int | None:
        return state.wake


def numbers(path: Path, hot_limit: int = 3) -> Store[int]:
    return Store(path, Numbers(), hot_limit)


def opened(store: Store[int], end: int = 10**9) -> Store[int]:
    found: Opened = store.open(end)
    assert not found.discarded
    return store
