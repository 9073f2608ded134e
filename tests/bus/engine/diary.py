"""A stage that can fail halfway and that lives in time: each key keeps a diary of what happened to it.

It writes into its state before it fails, so a state that was not put back shows. Run as a program it is one
worker, so that tests can kill it.
"""

import sys
import time
from collections.abc import Sequence

import msgspec

from bus import process
from bus.engine import Output
from bus.engine.runner import StageRunner
from bus.engine.ticks import MINUTE
from bus.logs import configure
from bus.settings import load_settings
from schemas.errors import PoisonError

NAME = "test.diary"
INPUT = "letters"
OUTPUT = "replies"


class Pages(msgspec.Struct, array_like=True):
    """State of one key."""

    entries: list[str]
    wake: int | None = None


class Diary:
    """``alarm N`` wants a tick at minute N, ``bad alarm N`` fails on it, ``bug …`` fails: unless mended."""

    name = NAME
    inputs: tuple[str, ...] = (INPUT,)
    state_version = 1
    parks = True

    def __init__(self, *, mended: bool = False) -> None:
        self.mended = mended

    def decode(self, topic: str, key: bytes, value: bytes) -> str:
        if value == b"poison":
            raise PoisonError("not a letter", reason="test.poison", where="/0")
        if value == b"bug in decode" and not self.mended:
            raise KeyError("secret text of a citizen")
        return value.decode()

    def step(self, key: str, state: Pages | None, event: str) -> tuple[Pages | None, Sequence[Output]]:
        if event == "forget":
            return None, ()
        pages = state or Pages([])
        pages.entries.append(event)
        kind, _, minute = event.rpartition(" ")
        if kind in ("alarm", "bad alarm"):
            pages.wake = int(minute) * MINUTE
        if kind == "bug" and not self.mended:
            raise ZeroDivisionError("secret text of a citizen")
        return pages, (self._output(key, pages),)

    def tick(self, key: str, state: Pages, minute: int) -> tuple[Pages | None, Sequence[Output]]:
        state.wake = None
        bad = not self.mended and any(entry.startswith("bad") for entry in state.entries)
        state.entries.append(f"rang {minute // MINUTE}")
        if bad:
            raise LookupError("secret text of a citizen")
        return state, (self._output(key, state),)

    def _output(self, key: str, pages: Pages) -> Output:
        return Output(OUTPUT, key.encode(), f"{pages.entries[-1]}:{len(pages.entries)}".encode())

    def dump(self, state: Pages) -> bytes:
        return msgspec.msgpack.encode(state)

    def load(self, data: bytes, version: int) -> Pages:
        return msgspec.msgpack.decode(data, type=Pages)

    def wake(self, state: Pages) -> int | None:
        return state.wake


def run_clock(begun: float, shown: float, speed: float) -> None:
    """The wall clock becomes one that showed ``shown`` at ``begun`` and runs ``speed`` times as fast."""
    right = time.time
    time.time = lambda: shown + (right() - begun) * speed


def main() -> int:
    if "--clock" in sys.argv:
        at = sys.argv.index("--clock") + 1
        run_clock(*map(float, sys.argv[at : at + 3]))
    settings = load_settings()
    configure(settings.log)
    return process.run("worker", StageRunner([Diary(mended="--mended" in sys.argv)], settings).run)


if __name__ == "__main__":
    sys.exit(main())
