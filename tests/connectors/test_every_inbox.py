"""What every connector with an inbox must: real Kafka, a process, the agency's system on its real wire."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bus.settings import Settings, load_settings
from connectors.kit import times
from connectors.registry import KINDS
from schemas.records import AgencyRequest
from tests.connectors.inboxes import AGENCIES, Agency
from tests.connectors.kit.inbox_rig import (
    CITIZEN,
    answers,
    ask,
    common,
    ended,
    make_topics,
    outcomes,
    overrides,
    read,
    request,
)
from tests.waiting import until

REPOSITORY = Path(__file__).resolve().parents[2]
PUBLISHED = ("PUBLISHED", "")
WORKER = """
import json, sys
from bus.logs import configure
from bus.process import run
from bus.settings import load_settings
from connectors.kit.runtime import run_connector
settings = load_settings(**json.loads(sys.argv[1]))
configure(settings.log)
raise SystemExit(run("connector", lambda stop: run_connector("one", settings, stop)))
"""


class Rig:
    """A connector of one kind, its agency's system, and their bus."""

    def __init__(self, agency: Agency, given: dict[str, Any], path: Path) -> None:
        self.agency = agency
        self._given = given
        self._log = path / "log"

    @property
    def settings(self) -> Settings:
        return load_settings(**self.given)

    @property
    def given(self) -> dict[str, Any]:
        one = {**common(self.agency.kind), **self.agency.settings()}
        return {**self._given, "connectors": {"one": one}}

    def start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", WORKER, json.dumps(self.given)],
                cwd=REPOSITORY,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                stdout=log,
                stderr=log,
            )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[subprocess.Popen[bytes]]:
        before = len(self.log.splitlines()) if self._log.exists() else 0
        process = self.start()
        try:
            yield process
        finally:
            # a signal that comes before Python was told what to do with it ends the process at once
            await until(lambda: process.poll() is not None or len(self.log.splitlines()) > before + 1)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            assert process.wait(30) in (0, -signal.SIGKILL)

    async def has_ended(self, count: int) -> Counter[tuple[str, str]]:
        async def there() -> Counter[tuple[str, str]]:
            found = await ended(self.settings)
            return found if found.total() >= count else Counter()

        return await until(there, timeout=40, what=f"{count} outcomes")

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")


@pytest.fixture(params=sorted(AGENCIES))
async def rig(
    request: pytest.FixtureRequest, broker: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[Rig]:
    agency = AGENCIES[request.param](tmp_path)
    made = Rig(agency, overrides(broker, topic_prefix, tmp_path / "data"), tmp_path)
    await agency.up()
    await make_topics(made.settings)
    yield made
    await agency.down()


def test_every_kind_has_an_inbox() -> None:
    assert {agency.kind for agency in AGENCIES.values()} == set(KINDS)


async def test_requests_come_once_and_answers_come_back(rig: Rig) -> None:
    first, second, late = request(), request(), request(deadline=times.now() - 1)
    async with rig.running():
        await ask(rig.settings, first, second, late)
        await rig.has_ended(3)
        rig.agency.send_answer(first["request_id"], "HELD")
        rig.agency.send_answer(second["request_id"], "GONE", "TAKEN")
        rig.agency.send_answer(second["request_id"], "RELEASED")
        rig.agency.send_answer("0b8a51b1-58d0-5a5c-9cf0-11ad1bbd9b10", "HELD")
        found = await rig.has_ended(7)
    assert found == {PUBLISHED: 5, **dict.fromkeys(rig.agency.odd, 1)}
    assert rig.agency.seen() == {first["request_id"]: 1, second["request_id"]: 1}
    assert await answers(rig.settings) == sorted(
        [
            (first["request_id"], "HELD", None),
            (second["request_id"], "GONE", "TAKEN"),
            (late["request_id"], "REFUSED", "AWAY"),
        ]
    )
    facts = await read(rig.settings, "appointment")
    assert {key for key, _, _ in facts} == {CITIZEN}
    assert {fact["meta"]["subject"]["key"] for _, _, fact in facts} == {CITIZEN}
    shown = rig.log + str([letter["problem"] for _, _, letter in await read(rig.settings, "inputs.dlq")])
    assert CITIZEN not in shown
    assert first["request_id"] not in rig.log


async def test_an_agency_that_is_away_holds_up_its_own_requests_only(rig: Rig) -> None:
    known, waiting = request(), [request() for _ in range(3)]
    async with rig.running():
        await ask(rig.settings, known)
        await rig.has_ended(1)
        await rig.agency.down()
        await ask(rig.settings, *waiting)
        rig.agency.send_answer(known["request_id"], "HELD")
        assert await rig.has_ended(2) == {PUBLISHED: 2}  # its own facts go on
        assert await answers(rig.settings) == [(known["request_id"], "HELD", None)]
        await until(lambda: "agency_unavailable" in rig.log)
        await rig.agency.up()
        assert await rig.has_ended(5) == {PUBLISHED: 5}
        await until(lambda: "agency_available" in rig.log)
    assert set(rig.agency.seen()) >= {each["request_id"] for each in waiting}
    assert set(rig.agency.seen().values()) == {1}


async def test_killed_in_the_middle_each_request_has_come_once(rig: Rig) -> None:
    asked: list[AgencyRequest] = [request() for _ in range(40)]
    await ask(rig.settings, *asked)
    for _ in range(2):
        before = len(rig.agency.seen())
        async with rig.running() as process:
            await until(lambda: len(rig.agency.seen()) > before, timeout=40)  # noqa: B023 - waited for here
            process.kill()
    async with rig.running():

        async def carried() -> list[str]:
            found = await outcomes(rig.settings)
            ids = sorted(message for message, outcome, _ in found if outcome == "PUBLISHED")
            return ids if len(ids) >= len(asked) else []

        wanted = sorted(each["request_id"] for each in asked)
        found: list[str] = await until(carried, timeout=40, what="all of them")
        assert found == wanted
        await until(lambda: len(rig.agency.seen()) == len(asked))
    assert rig.agency.seen() == {each["request_id"]: 1 for each in asked}
    others = {(outcome, reason) for _, outcome, reason in await outcomes(rig.settings)} - {PUBLISHED}
    assert others <= {("IGNORED", "duplicate")}
