"""``samband parked``, run as a person runs it, beside a stage that fails until it is mended."""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from bus import topics
from bus.engine import Engine, Output
from bus.producer import Producer
from bus.settings import load_settings
from samband.cli.parked import app
from tests.waiting import wait_until

KEYS = ["1.anna", "1.arne", "1.bo"]


class Picky:
    """In the router's place: fails on ``odd``, until it is mended."""

    name = "router.citizen"
    inputs: tuple[str, ...] = ("person",)
    state_version = 1
    parks = True

    def __init__(self, *, mended: bool) -> None:
        self.mended = mended

    def decode(self, topic: str, key: bytes, value: bytes) -> str:
        return value.decode()

    def step(self, key: str, state: int | None, event: str) -> tuple[int | None, Sequence[Output]]:
        if event == "odd" and not self.mended:
            raise KeyError("Anna Hansen, 01019012345")
        return (state or 0) + 1, ()

    def dump(self, state: int) -> bytes:
        return str(state).encode()

    def load(self, data: bytes, version: int) -> int:
        return int(data)

    def wake(self, state: int) -> int | None:
        return None


@pytest.fixture
def environment(broker, topic_prefix, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAMBAND_BOOTSTRAP_SERVERS", broker)
    monkeypatch.setenv("SAMBAND_KAFKA__TOPIC_PREFIX", topic_prefix)
    asyncio.run(topics.apply(load_settings()))


@contextmanager
def running(*, mended: bool) -> Iterator[None]:
    """The stage, in a thread and loop of its own, since the commands have theirs."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        await Engine(Picky(mended=mended), load_settings()).run(stop)

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    with capture_logs():  # not into what the commands print
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()


def send(*letters: tuple[str, str]) -> None:
    async def write() -> None:
        async with Producer(load_settings()) as producer:
            for key, said in letters:
                await (await producer.send("person", key=key.encode(), value=said.encode()))

    asyncio.run(write())


def parked(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def rows() -> dict[str, int]:
    return {row["key"]: row["waiting"] for row in json.loads(parked("list", "--json"))}


@pytest.mark.usefixtures("environment")
def test_who_is_parked_is_listed_replayed_and_discarded() -> None:
    assert "Nobody is parked" in parked("list")
    send(*[(key, said) for key in KEYS for said in ("odd", "fine", "odd")])
    with running(mended=False):
        wait_until(lambda: rows() == dict.fromkeys(KEYS, 3), timeout=60, what="three to be parked")
        listed = parked("list")
        assert "KeyError" in listed
        assert "Hansen" not in listed
        shown = json.loads(parked("show", "1.bo"))
        assert (shown["topic"], shown["error"], shown["waiting"], "record" in shown) == (
            "person",
            "KeyError",
            3,
            False,
        )
        record = json.loads(parked("show", "1.bo", "--payload"))["record"]
        assert (record["key"], record["offset"]) == ("1.bo", shown["offset"])
        assert "several" in parked("show", "1.a", code=1)
        assert "No parked" in parked("replay", "2.", code=1)
        assert "still parked: KeyError at person/" in parked("replay", "1.bo", code=1)
        told = parked("discard", "1.bo", code=1)
        assert "1 carried through, 1 discarded, 1 waiting" in told
        assert "released: 0 carried through, 1 discarded" in parked("discard", "1.bo")
        assert "released: 0 carried through, 3 discarded" in parked("discard", "1.anna", "--all-waiting")
        assert rows() == {"1.arne": 3}
    assert "no answer yet" in parked("replay", "--all", "--wait", "0", code=3)
    with running(mended=True):
        wait_until(lambda: rows() == {}, timeout=60, what="the decision to be carried out")
    parked("replay", code=2)
    parked("replay", "1.bo", "--all", code=2)
