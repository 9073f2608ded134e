"""Kafka goes away while all three agencies send: nobody is told "received", and nothing is lost or doubled.

Short absences by default; ``OUTAGE_SECONDS=60`` makes each of them last so long.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bus.embedded.server import EmbeddedBroker
from bus.setting_groups import user_cache
from connectors.hospital.testing import adt
from connectors.municipality.testing import CaseFile, FolderSender, HttpSender
from connectors.school.testing import SetWriter, user
from tests.connectors.hospital.messages import EMIL, FNR, envelope
from tests.system.town import TOKEN, Town, town
from tests.waiting import until

pytestmark = pytest.mark.skipif(
    "SAMBAND_BOOTSTRAP_SERVERS" in os.environ, reason="a Kafka of somebody else is not to be stopped"
)
OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "0"))
KINDS = ("SIGTERM", "SIGKILL", "SIGSTOP")


@dataclass
class Agencies:
    """Three legacy systems that go on sending, each until told to stop."""

    here: Town
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    """Case ids that HTTP answered 200 for."""
    refused: int = 0
    """How often HTTP answered 503."""
    sets: int = 0
    documents: int = 0

    def __post_init__(self) -> None:
        self.hospital = self.here.sender(answer_seconds=4, pause_seconds=0.1)

    async def send_messages(self) -> None:
        async with self.hospital as sender:
            while not self.stop.is_set():
                name = f"M{len(self.acknowledged)}"
                (answer,) = await sender.send(adt("A31", envelope(name), EMIL))
                assert (answer.code, answer.control_id) == ("AA", name)
                self.acknowledged.append(name)

    async def post_documents(self) -> None:
        async with HttpSender(self.here.url, TOKEN) as sender:
            while not self.stop.is_set():
                case = f"H-{len(self.accepted)}"
                reply = await sender.send(case, document(case))
                if reply.status == 503:
                    assert reply.body["reason"] == "unavailable"
                    self.refused += 1
                    continue
                assert (reply.status, reply.body["outcome"]) == (200, "PUBLISHED")
                self.accepted.append(case)

    def drop_files(self) -> None:
        """A set with one pupil more, and a document of a case of its own."""
        self.sets += 1
        self.documents += 1
        pupils = (user(f"p{n}", "student", ("Ola", "Nordmann"), "s1") for n in range(self.sets))
        SetWriter().add("users", *pupils).drop_zip(self.here.inbox("school"), f"{self.sets}.zip")
        case = f"D-{self.documents}"
        FolderSender(self.here.path / "drop" / "municipality").send(case, document(case))

    def progress(self) -> tuple[int, int]:
        return len(self.acknowledged), len(self.accepted)


def document(case: str) -> bytes:
    event = {"type": "soknadsStatus", "status": "MOTTATT", "hendelsestidspunkt": "2026-03-02T09:00:00Z"}
    return CaseFile(case, FNR).add(event).payload()


@asynccontextmanager
async def sending(here: Town) -> AsyncIterator[Agencies]:
    agencies = Agencies(here)
    async with asyncio.TaskGroup() as group:
        group.create_task(agencies.send_messages())
        group.create_task(agencies.post_documents())
        yield agencies
        agencies.stop.set()


async def take_away(kafka: EmbeddedBroker, kind: str) -> None:
    assert kafka.pid is not None
    if kind == "SIGTERM":
        await asyncio.to_thread(kafka.stop)
    else:
        os.killpg(kafka.pid, signal.Signals[kind])


async def bring_back(kafka: EmbeddedBroker, kind: str, address: str) -> None:
    if kind == "SIGSTOP":
        assert kafka.pid is not None
        os.killpg(kafka.pid, signal.SIGCONT)
        return
    await asyncio.to_thread(kafka.stop)
    assert await asyncio.to_thread(kafka.start) == address, "the same data, at the same address"


async def outage(agencies: Agencies, kafka: EmbeddedBroker, kind: str) -> None:
    """One absence: it begins while all send, files arrive in it, and it ends when all had to come again."""
    before = agencies.progress()
    await until(lambda: all(now > then for now, then in zip(agencies.progress(), before, strict=True)))
    began, resent, refused = time.monotonic(), agencies.hospital.resent, agencies.refused
    address = kafka.bootstrap_servers
    await take_away(kafka, kind)
    # What was confirmed just before may still be on its way; once a message had to be sent again, nothing is.
    await until(
        lambda: agencies.hospital.resent > resent and agencies.refused > refused, timeout=60, what="refusals"
    )
    away = agencies.progress()
    agencies.drop_files()
    resent, refused = agencies.hospital.resent, agencies.refused
    await until(came_again(agencies, resent, refused, began), timeout=120, what="senders that come again")
    assert agencies.progress() == away, "somebody was told that their input was received"
    assert not await agencies.here.all_ready()
    assert agencies.here.lying_in("school", "archive") == [f"{n + 1}.zip" for n in range(agencies.sets - 1)]
    await says_when_to_come_again(agencies)
    await bring_back(kafka, kind, address)
    await until(
        lambda: all(now > then for now, then in zip(agencies.progress(), away, strict=True)),
        timeout=60, what="inputs that are received again",
    )  # fmt: skip


async def says_when_to_come_again(agencies: Agencies) -> None:
    """The whole 503, for the document that is being tried anyway."""
    case = f"H-{len(agencies.accepted)}"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.post(f"{agencies.here.url}/digisos/{case}", data=document(case)) as answer,
    ):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert await answer.json() == {"reason": "unavailable", "problem": "send it again later"}


def came_again(agencies: Agencies, resent: int, refused: int, began: float) -> Callable[[], bool]:
    def condition() -> bool:
        again = agencies.hospital.resent > resent and agencies.refused > refused
        return again and time.monotonic() - began >= OUTAGE_SECONDS

    return condition


@pytest.mark.slow
@pytest.mark.timeout(240 + 3 * OUTAGE_SECONDS)
async def test_kafka_away_in_the_middle_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    kafka = EmbeddedBroker(tmp_path / "kafka", cache_dir=user_cache())
    impatient = {"kafka__delivery_timeout_seconds": 1.0, "kafka__request_timeout_seconds": 1.0}
    await asyncio.to_thread(kafka.start)
    try:
        async with town(tmp_path, kafka.bootstrap_servers, **impatient) as here:
            async with sending(here) as agencies:
                agencies.drop_files()
                await here.outcomes("school", 1)
                for kind in KINDS:
                    await outage(agencies, kafka, kind)
                    await here.outcomes("school", agencies.sets)
            await until(here.all_ready, timeout=30, what="all processes to be ready again")
            await until(
                lambda: len(here.lying_in("municipality", "archive")) == agencies.documents, timeout=30
            )
            account = await here.settled()
            log = here.log_bytes()
    finally:
        await asyncio.to_thread(kafka.stop)
    accounted_for(agencies, account)
    for word in (FNR, "Nordmann", "Øvrebø"):
        assert word.encode() not in log


def accounted_for(agencies: Agencies, account: Any) -> None:
    """What was received is there; what may be twice on the bus is once in the timeline."""
    by_message: dict[str, set[str]] = {}
    for each in account.facts:
        meta = each.value["meta"]
        if meta["source"]["agency"] == "hospital.test":
            by_message.setdefault(meta["source"]["message_id"], set()).add(meta["event_id"])
    assert set(by_message) == set(agencies.acknowledged)
    assert {len(ids) for ids in by_message.values()} == {1}
    cases = {each.value["case"]["id"] for each in account.facts if each.record == "CaseOpened"}
    assert len(cases) == len(agencies.accepted) + agencies.documents
    pupils = {each.at.key for each in account.facts if each.record == "PersonRegistered"}
    assert len(pupils) == agencies.sets
    said = Counter(account.entries())
    assert set(said.values()) == {1}, "an entry of the timeline was said twice"
    facts = {each.value["meta"]["event_id"] for each in account.facts}
    assert said.keys() == facts
    assert len(facts) == len(agencies.acknowledged) + len(cases) + len(pupils)
    sent = {
        "hospital": len(agencies.acknowledged), "school": agencies.sets,
        "municipality": len(agencies.accepted) + agencies.documents,
    }  # fmt: skip
    assert account.ledger.lost(sent) == 0
    assert account.letters() == set()
