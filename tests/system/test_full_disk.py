"""The disk fills up under a running process, and is freed again: nothing is lost, nothing is doubled.

A process that may not make files longer (``RLIMIT_FSIZE``) is refused every write as on a full disk, with
EFBIG in place of ENOSPC, and the limit can be lifted again. That needs neither root nor a disk of one's own.
"""

import json
import os
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bus.engine.store import Store
from bus.engine.value import Head, pack
from bus.errors import LocalStoreError
from connectors.hospital.testing import adt
from connectors.municipality.testing import CaseFile, FolderSender, HttpSender
from connectors.school.testing import SetWriter, user
from tests.bus.engine.states import numbers
from tests.connectors.hospital.messages import EMIL, FNR, envelope
from tests.system.town import TOKEN, Account, Town, town
from tests.waiting import until

pytestmark = pytest.mark.skipif(
    not hasattr(resource, "prlimit"),
    reason=f"{sys.platform} has no limits that can be set for a running process",
)
FULL = 0


def pid(here: Town, component: str) -> int:
    content = json.loads((here.path / "data" / "run" / f"{component}.json").read_text())
    number: int = content["pid"]
    return number


def fill(here: Town, component: str) -> None:
    """From now on no file of the process grows, its log among them."""
    _, most = resource.prlimit(pid(here, component), resource.RLIMIT_FSIZE)
    resource.prlimit(pid(here, component), resource.RLIMIT_FSIZE, (FULL, most))


def free(here: Town, component: str) -> None:
    _, most = resource.prlimit(pid(here, component), resource.RLIMIT_FSIZE)
    resource.prlimit(pid(here, component), resource.RLIMIT_FSIZE, (most, most))


def roster(count: int) -> SetWriter:
    pupils = (user(f"p{n}", "student", ("Ola", "Nordmann"), "s1") for n in range(count))
    return SetWriter().add("users", *pupils)


def case(number: int) -> bytes:
    event = {"type": "soknadsStatus", "status": "MOTTATT", "hendelsestidspunkt": "2026-03-02T09:00:00Z"}
    return CaseFile(f"F-{number}", FNR).add(event).payload()


def once(account: Account, **records: int) -> None:
    """Each fact has one id on the bus, however often it was written, and one entry in the timeline."""
    facts = {one.value["meta"]["event_id"]: one.record for one in account.facts}
    assert Counter(facts.values()) == records
    assert sorted(account.entries()) == sorted(facts)
    assert account.ledger.lost({}) == 0
    assert account.letters() == set()


def more_than_memory_holds(store: Store[int]) -> None:
    """Some megabytes wait in memory until it is full; then they are written."""
    for number in range(2, 2_000):
        store.apply([(b"b%d" % number, pack(Head(version=1), os.urandom(65_536)))], number)


def test_a_local_store_on_a_full_disk_is_a_clear_error_and_comes_back(tmp_path: Path) -> None:
    store = numbers(tmp_path / "store")
    store.open(0)
    store.apply([(b"a", pack(Head(version=1), b"1"))], 1)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, most))
    try:
        with pytest.raises(LocalStoreError, match="store failed"):
            more_than_memory_holds(store)
        with pytest.raises(LocalStoreError, match="store failed"):
            store.open(2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert store.open(2) == (0, "failed"), "nothing that it holds is believed"
    assert store.positions() is None
    store.close()


@pytest.mark.slow
async def test_a_full_disk_holds_everything_up_and_loses_nothing(broker: str, tmp_path: Path) -> None:
    async with town(tmp_path, broker) as here:
        await school(here)
        await municipality(here)
        await hospital(here)
        await router(here)
        await until(here.all_ready, what="all processes to be ready")
        account = await here.settled()
        once(account, PersonRegistered=2, CaseOpened=3, PersonUpdated=5)
        assert account.outcomes("hospital") == [("PUBLISHED", "")] * 5
        log = here.log_bytes()
    for word in (FNR, "Nordmann", "Øvrebø", "Traceback"):
        assert word.encode() not in log


async def held_up(here: Town) -> Any:
    return not await here.all_ready()


async def school(here: Town) -> None:
    """The accepted set cannot be kept, so the set stays claimed; then it is recognised and archived."""
    roster(1).drop_zip(here.inbox("school"), "first.zip")
    await until(lambda: here.lying_in("school", "archive") == ["first.zip"], what="the first set")
    fill(here, "connector.school")
    roster(2).drop_zip(here.inbox("school"), "second.zip")
    await until(lambda: held_up(here), what="the connector to say that it is held up")
    assert here.lying_in("school", "claimed") == ["second.zip"]
    free(here, "connector.school")
    await until(lambda: len(here.lying_in("school", "archive")) == 2, what="the second set")


async def municipality(here: Town) -> None:
    """No plan is kept, so nothing is said: HTTP is told to come again, and a file stays."""
    folder = FolderSender(here.path / "drop" / "municipality")
    async with HttpSender(here.url, TOKEN) as sender:
        assert (await sender.send("F-1", case(1))).status == 200
        fill(here, "connector.municipality")
        reply = await sender.send("F-2", case(2))
        assert (reply.status, reply.body["reason"]) == (503, "unavailable")
        folder.send("F-3", case(3))
        await until(lambda: here.lying_in("municipality", "claimed") == ["F-3.json"], what="the claim")
        assert len((await here.read("case")).facts) == 1
        await until(lambda: held_up(here), what="the connector to say that it is held up")
        free(here, "connector.municipality")
        assert (await sender.send("F-2", case(2))).status == 200
    await until(lambda: here.lying_in("municipality", "archive") == ["F-3.json"], what="the file")


async def hospital(here: Town) -> None:
    """It keeps nothing on disk: that its log cannot be written is no reason to refuse a message."""
    fill(here, "connector.hospital")
    async with here.sender(patience_seconds=10) as sender:
        for number in range(2):
            (answer,) = await sender.send(adt("A31", envelope(f"M{number}"), EMIL))
            assert answer.code == "AA"
        assert sender.resent == 0
    free(here, "connector.hospital")
    async with here.sender() as sender:
        await sender.send(adt("A31", envelope("M2"), EMIL))


async def router(here: Town) -> None:
    """Its local stores are copies of the changelog: what they cannot write yet waits in memory."""
    before = len((await here.settled()).entries())
    fill(here, "router")
    async with here.sender() as sender:
        await sender.send(adt("A31", envelope("M3"), EMIL))
        assert len((await here.settled()).entries()) == before + 1
        free(here, "router")
        await sender.send(adt("A31", envelope("M4"), EMIL))
    assert len((await here.settled()).entries()) == before + 2
    assert await here.all_ready()
