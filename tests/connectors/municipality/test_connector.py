"""The connector as it runs: real Kafka, real HTTP, a real folder."""

# ruff: noqa: E501 - documents and tables read better with one to a line

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bus.endpoints import find
from bus.reader import read_to_end
from bus.settings import Settings, SettingsRefusedError, load_settings
from bus.topics import apply
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.runtime import run_connector
from connectors.kit.testing import MemoryBus, memory_publisher
from connectors.municipality.settings import MunicipalitySettings
from connectors.municipality.source import Cases
from connectors.municipality.state import StateStore, StateUnavailableError, StateUnreadableError
from connectors.municipality.subject import Context
from connectors.municipality.testing import CaseFile, FolderSender, HttpSender
from schemas.codec import Codec
from schemas.errors import RetriableError
from tests.waiting import until

FNR = "13116900216"
TOKEN = "a-token-of-a-test-sender"
KEY = "0123456789abcdefghijklmnopqrstuvwxyz"


def event(kind: str, minute: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "hendelsestidspunkt": f"2026-03-02T09:{minute:02}:00Z", **more}


@dataclass
class Town:
    """A running municipality connector and what it has written."""

    settings: Settings
    folder: Path
    url: str
    stop: asyncio.Event
    running: asyncio.Task[None]

    async def read(self, topic: str) -> list[dict[str, Any]]:
        codec = Codec()
        return [
            {"_record": (found := codec.decode(record.value or b"")).record, "_raw": record, **found.value}
            async for record in read_to_end(self.settings, topic)
        ]

    async def outcomes(self, count: int) -> list[dict[str, Any]]:
        async def there() -> list[dict[str, Any]]:
            found = await self.read("inputs")
            return found if len(found) >= count else []

        return await until(there, what=f"{count} outcomes")

    async def stopped(self) -> None:
        self.stop.set()
        await self.running


def settings_for(broker: str, prefix: str, data: Path, folder: Path, **http: Any) -> Settings:
    return load_settings(
        bootstrap_servers=broker,
        data_dir=data,
        kafka={"topic_prefix": prefix, "delivery_timeout_seconds": 5},
        pseudonym={"key": KEY},
        connectors={
            "town": {
                "kind": "municipality", "agency": "kommune.test", "legal_basis": "basis", "purpose": "purpose",
                "institution": "0301", "drop": {"folder": str(folder), "interval_seconds": 0.05},
                "http": {"token": TOKEN, **http},
            }
        },
    )  # fmt: skip


@asynccontextmanager
async def running(settings: Settings, folder: Path) -> AsyncIterator[Town]:
    stop = asyncio.Event()
    task = asyncio.create_task(run_connector("town", settings, stop))

    def listening() -> dict[str, str]:
        if task.done():
            task.result()
        return find(settings.data_dir, "connector.town") or {}

    try:
        endpoints = await until(listening, what="the connector")
        yield Town(settings, folder, endpoints["http"], stop, task)
    finally:
        stop.set()
        await asyncio.wait((task,), timeout=20)
        task.cancel()


@pytest.fixture
async def town(broker: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Town]:
    settings = settings_for(broker, topic_prefix, tmp_path / "data", tmp_path / "drop", max_bytes=20_000)
    await apply(settings)
    async with running(settings, tmp_path / "drop") as found:
        yield found


async def test_a_growing_case_over_http(town: Town) -> None:
    case = CaseFile("F-1", FNR).add(event("soknadsStatus", 0, status="MOTTATT"))
    async with HttpSender(town.url, TOKEN) as sender:
        first = await sender.send("F-1", case.payload())
        again = await sender.send("F-1", case.payload())
        case.add(event("soknadLest", 5)).add(event("soknadsStatus", 9, status="UNDER_BEHANDLING"))
        second = await sender.send("F-1", case.payload())
        del case.events[1]
        third = await sender.send("F-1", case.payload())
    assert [(reply.status, reply.body["outcome"], reply.body["events"]) for reply in (first, again, second, third)] == [
        (200, "PUBLISHED", 1), (200, "IGNORED", 0), (200, "PUBLISHED", 2), (200, "PUBLISHED", 1),
    ]  # fmt: skip
    assert again.body["reason"] == "duplicate"
    facts = await town.read("case")
    assert [fact["_record"] for fact in facts] == [
        "CaseOpened", "CaseStepCompleted", "CaseStepCompleted", "FactRetracted",
    ]  # fmt: skip
    assert facts[3]["meta"]["retracts"] == facts[1]["meta"]["event_id"]
    assert len({fact["_raw"].key for fact in facts}) == 1


async def test_what_is_said_is_remembered_over_a_restart(town: Town) -> None:
    case = CaseFile("F-1", FNR).add(event("soknadsStatus", 0, status="MOTTATT"))
    async with HttpSender(town.url, TOKEN) as sender:
        await sender.send("F-1", case.payload())
    await town.stopped()
    case.add(event("soknadLest", 5))
    async with running(town.settings, town.folder) as again, HttpSender(again.url, TOKEN) as sender:
        reply = await sender.send("F-1", case.payload())
        assert reply.body["events"] == 1
        assert [fact["_record"] for fact in await again.read("case")] == ["CaseOpened", "CaseStepCompleted"]


async def test_documents_in_the_folder_good_and_bad(town: Town) -> None:
    sender = FolderSender(town.folder)
    case = CaseFile("F-2", FNR).add(event("soknadsStatus", 0, status="MOTTATT"))
    sender.send("Ola Nordmann", case.payload())
    await town.outcomes(1)
    sender.send("Kari Nordmann", b'{"hendelser": [{"type": "soknadLest"}]}')
    await town.outcomes(2)
    (letter,) = await town.read("inputs.dlq")
    assert (letter["reason"], letter["where"]) == ("value.missing", "/hendelser/0/hendelsestidspunkt")
    reports = await until(lambda: list((town.folder / "failed").glob("*.report.txt")), what="a report")
    assert "/hendelser/0/hendelsestidspunkt" in reports[0].read_text()
    assert not list((town.folder / "in").iterdir())
    everything = str([*(await town.read("inputs")), *(await town.read("case")), letter])
    assert "Nordmann" not in everything
    assert FNR not in everything


async def test_http_says_what_is_wrong(town: Town) -> None:
    async with HttpSender(town.url, TOKEN) as sender:
        wrong = await sender.send("F-1", b'{"digisosSoker": {"hendelser": 3}, "fiksDigisosId": "F-1"}')
        large = await sender.send("F-1", b"[" + b" " * 30_000 + b"]")
    async with HttpSender(town.url, "not-the-right-token") as stranger:
        unknown = await stranger.send("F-1", b"{}")
    assert (wrong.status, wrong.body["where"]) == (400, "/digisosSoker/hendelser")
    assert (large.status, large.body["reason"]) == (413, "input.too_large")
    assert unknown.status == 401
    outcomes = await town.outcomes(2)
    assert [found["reason"] for found in outcomes] == ["value.wrong_type", "input.too_large"]


async def test_the_admin_server_counts_and_names_no_case(town: Town) -> None:
    endpoints = find(town.settings.data_dir, "connector.town")
    assert endpoints is not None
    async with HttpSender(town.url, TOKEN) as sender:
        await sender.send("F-77", CaseFile("F-77", FNR).add(event("soknadLest", 0)).payload())
    async with aiohttp.ClientSession() as session, session.get(f"{endpoints['admin']}/metrics") as answer:
        exposed = await answer.text()
    assert 'samband_connector_inputs_total{connector="town",outcome="PUBLISHED"' in exposed
    assert "F-77" not in exposed
    assert FNR not in exposed
    async with aiohttp.ClientSession() as session, session.get(f"{endpoints['admin']}/readyz") as answer:
        assert answer.status == 200


async def test_while_kafka_is_away_at_the_start_the_connector_waits_and_stops_when_asked(
    tmp_path: Path,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = settings_for(address, "", tmp_path, tmp_path / "drop")
        stop = asyncio.Event()
        task = asyncio.create_task(run_connector("town", settings, stop))
        await asyncio.wait((task,), timeout=0.5)
        assert not task.done()
        stop.set()
        await asyncio.wait_for(task, 15)


async def test_unsafe_or_wrong_settings_are_refused_by_name(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    settings = settings_for(broker, topic_prefix, tmp_path, tmp_path / "drop", host="0.0.0.0")  # noqa: S104 - refused
    await apply(settings)
    with pytest.raises(SettingsRefusedError, match=r"connectors.town.http.host"):
        await run_connector("town", settings, asyncio.Event())
    with pytest.raises(SettingsRefusedError, match="no connector named village"):
        await run_connector("village", settings, asyncio.Event())


# -- crash points, on a bus that can be broken at will


def cases_on(bus: MemoryBus, folder: Path) -> Cases:
    settings = MunicipalitySettings.model_validate({"drop": {"folder": "drop"}, "institution": "0301"})
    context = Context("agency.testing", settings, Pseudonyms(KEY.encode(), "1"))
    return Cases(memory_publisher(bus), context, StateStore(folder))


def standing(bus: MemoryBus) -> list[str]:
    gone = {
        value
        for record in bus.facts
        for value in (record.value["meta"]["retracts"], record.value["meta"]["supersedes"])
    }
    said = {record.headers["ce_id"]: record for record in bus.facts if record.record != "FactRetracted"}
    return sorted(
        record.value["meta"]["occurred"]["source"] for own, record in said.items() if own not in gone
    )


@pytest.mark.parametrize("confirmed", range(6))
async def test_a_crash_at_any_confirmation_then_another_document(confirmed: int, tmp_path: Path) -> None:
    bus = MemoryBus()
    case = CaseFile("F-1", FNR).add(event("soknadsStatus", 0, status="MOTTATT")).add(event("soknadLest", 1))
    await cases_on(bus, tmp_path).accept(case.payload(), "", 1)
    bus.fail_after = confirmed
    cut = (
        CaseFile("F-1", FNR)
        .add(event("soknadLest", 1))
        .add(event("nytt", 2))
        .add(event("nytt", 3))
        .add(event("nytt", 4))
    )
    try:
        await cases_on(bus, tmp_path).accept(cut.payload(), "", 2)
    except RetriableError:
        assert confirmed < 5
    bus.fail_after = None
    last = CaseFile("F-1", FNR).add(event("soknadsStatus", 0, status="MOTTATT")).add(event("nytt", 3))
    await cases_on(bus, tmp_path).accept(last.payload(), "", 3)
    assert standing(bus) == ["2026-03-02T09:00:00Z", "2026-03-02T09:03:00Z"]


async def test_a_crash_after_the_outcome_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = MemoryBus()
    case = CaseFile("F-1", FNR).add(event("soknadLest", 1))
    saved = 0
    save = StateStore.save

    def full_at_second(self: StateStore, name: str, state: Any) -> None:
        nonlocal saved
        saved += 1
        if saved == 2:
            raise StateUnavailableError("the disk is full")
        save(self, name, state)

    monkeypatch.setattr(StateStore, "save", full_at_second)
    with pytest.raises(StateUnavailableError):
        await cases_on(bus, tmp_path).accept(case.payload(), "", 1)
    answer = await cases_on(bus, tmp_path).accept(case.payload(), "", 2)
    assert answer.outcome["reason"] == "duplicate"
    assert len(bus.facts) == 1
    case.add(event("nytt", 2))
    assert len((await cases_on(bus, tmp_path).accept(case.payload(), "", 3)).outcome["events"]) == 1


async def test_states_hold_no_clear_text_and_damage_is_told(tmp_path: Path) -> None:
    bus = MemoryBus()
    cases = cases_on(bus, tmp_path)
    case = CaseFile("F-secret", FNR).add(event("saksStatus", 1, referanse="S-hush", tittel="Nodhjelp"))
    await cases.accept(case.payload(), "", 1)
    (path,) = tmp_path.rglob("*.json")
    kept = path.read_text()
    for word in ("F-secret", FNR, "S-hush", "Nodhjelp"):
        assert word not in kept
        assert word not in str(path)
    path.write_text(kept[:-9])
    with pytest.raises(StateUnreadableError):
        await cases_on(bus, tmp_path).accept(case.payload(), "", 2)


async def test_documents_of_one_case_at_the_same_time_end_with_one_of_them(tmp_path: Path) -> None:
    bus = MemoryBus()
    cases = cases_on(bus, tmp_path)
    sent = [CaseFile("F-1", FNR).add(event("nytt", minute)) for minute in range(8)]
    await asyncio.gather(*(cases.accept(case.payload(), "", 1) for case in sent))
    assert len(standing(bus)) == 1
