"""A process: what operators can ask it, how it ends, and what it says then."""

import asyncio
import json
import os
import signal
import socket

import aiohttp
import pytest

from bus import process
from bus.admin import AdminServer
from bus.errors import BusUnavailableError, StageError
from bus.settings import Listener, SettingsRefusedError
from schemas.errors import PoisonError, RefusedError


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def test_it_tells_how_it_is():
    reasons = ["waiting for the consumer group"]
    async with AdminServer(Listener(), ready=lambda: reasons) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert (await get(f"{server.url}/healthz"))[0] == 200
        status, body = await get(f"{server.url}/readyz")
        assert (status, json.loads(body)) == (503, {"ready": False, "reasons": reasons})
        reasons.clear()
        status, body = await get(f"{server.url}/readyz")
        assert (status, json.loads(body)) == (200, {"ready": True, "reasons": []})
        status, body = await get(f"{server.url}/metrics")
        assert status == 200
        assert "samband_engine_records_total" in body


async def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsRefusedError, match=f"admin.port: cannot listen on 127.0.0.1:{port}"):
            async with AdminServer(Listener(port=port)):
                pass


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RefusedError("no", fix="ask"), 2),
        (BusUnavailableError("away"), 3),
        (PoisonError("bad", reason="x"), 4),
        (StageError("bug"), 1),
        (KeyError("0101901234"), 70),
    ],
)
def test_an_error_becomes_one_line_and_a_code(error, code, capsys):
    async def fail(_: asyncio.Event) -> None:
        raise error

    assert process.run("test", fail) == code
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("samband:")]
    assert "0101901234" not in line
    assert not getattr(error, "fix", "") or line.endswith("Fix: ask.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_an_orderly_end(number):
    ended = []

    async def work(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), number)
        await stop.wait()
        ended.append(True)

    assert process.run("test", work) == 0
    assert ended


def test_a_second_signal_ends_at_once():
    async def hang(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    assert process.run("test", hang) == 130
