"""The whole system as operators run it: real processes, a real Kafka, real sockets, folders and HTTP."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiokafka.admin import AIOKafkaAdminClient

from bus.cluster import connection
from bus.reader import Record, decoded, read_to_end
from bus.settings import Settings
from connectors.hospital.testing import MllpSender
from connectors.kit.pseudonyms import Pseudonyms
from router.stage import CitizenStage
from samband.accounting import UNIFIED_TOPICS, Ledger
from samband.citizen_view import Citizens
from samband.system import System, running
from schemas.catalogue import catalogue
from tests.connectors.hospital.kafka_rig import KEY
from tests.connectors.hospital.messages import AGENCY as HOSPITAL
from tests.connectors.school.rig import AGENCY as SCHOOL
from tests.waiting import until

MUNICIPALITY = "kommune.test"
TOKEN = "a-token-of-a-test-sender"
PSEUDONYMS = Pseudonyms(KEY.encode(), "1")
CONNECTORS = ("hospital", "school", "municipality")
TOPICS = tuple(topic.name for topic in catalogue().topics.values() if topic.records and not topic.per_agency)
"""All but the changelog, which holds no records of the contract, and inboxes, which nobody has here."""
LETTERS = ("inputs.dlq", *(name for name in TOPICS if name.endswith(".dlq") and name != "inputs.dlq"))


@dataclass(frozen=True)
class Found:
    """A record that lies in a topic."""

    at: Record
    record: str
    value: dict[str, Any]


@dataclass(frozen=True)
class Account:
    """All topics, read back."""

    found: list[Found]
    ledger: Ledger = field(default_factory=Ledger)
    citizens: Citizens = field(default_factory=Citizens)

    def __post_init__(self) -> None:
        for each in self.found:
            self.ledger.add(each.at.topic, (each.at.partition, each.at.offset), each.record, each.value)
            if each.at.topic in ("timeline", "coordination"):
                self.citizens.add(each.record, each.value)

    def on(self, *topics: str) -> list[Found]:
        return [each for each in self.found if each.at.topic in topics]

    @property
    def facts(self) -> list[Found]:
        return self.on(*UNIFIED_TOPICS)

    def outcomes(self, connector: str) -> list[tuple[str, str]]:
        """Outcome and reason of each input of a connector, in order."""
        values = [each.value for each in self.on("inputs")]
        return [(one["outcome"], one["reason"]) for one in values if one["connector"] == connector]

    def letters(self) -> set[tuple[str, str, str]]:
        """Connector, reason and place of each dead letter."""
        values = [each.value for each in self.on(*LETTERS)]
        return {(one["component"], one["reason"], one["where"]) for one in values}

    def entries(self) -> list[str]:
        """Ids of the timeline entries, as often as they were said."""
        return [each.value["entry_id"] for each in self.found if each.record == "TimelineEntry"]


@dataclass(frozen=True)
class Town:
    """Three agencies and the system that connects them."""

    system: System
    path: Path

    @property
    def settings(self) -> Settings:
        return self.system.settings

    @property
    def mllp(self) -> tuple[str, int]:
        host, _, port = self.system.endpoints["connector.hospital"]["mllp"].rpartition(":")
        return host, int(port)

    @property
    def url(self) -> str:
        return self.system.endpoints["connector.municipality"]["http"]

    def inbox(self, connector: str) -> Path:
        return self.path / "drop" / connector / "in"

    def lying_in(self, connector: str, place: str) -> list[str]:
        """Names of the inputs in archive, claimed or failed."""
        folder = self.path / "drop" / connector / place
        return sorted(path.name for label in folder.iterdir() if label.is_dir() for path in label.iterdir())

    def sender(self, **fields: Any) -> MllpSender:
        return MllpSender(*self.mllp, **fields)

    async def read(self, *topics: str) -> Account:
        """What lies in ``topics``, or in all that the contract has."""
        found = []
        async for record, value, problem in decoded(read_to_end(self.settings, *(topics or TOPICS))):
            assert value is not None, problem
            found.append(Found(record, value.record, value.value))
        return Account(found)

    async def outcomes(self, connector: str, count: int, timeout: float = 60) -> None:
        """Wait until so many inputs of a connector have an outcome."""

        async def there() -> Any:
            return len((await self.read("inputs")).outcomes(connector)) >= count

        await until(there, timeout=timeout, what=f"{count} outcomes of {connector}")

    async def settled(self, timeout: float = 60) -> Account:
        """Wait until the router has worked off all that it reads; then read all topics."""
        stage = CitizenStage.inputs
        group = self.settings.topic(CitizenStage.name)
        admin = AIOKafkaAdminClient(**connection(self.settings, "test"))
        await admin.start()

        async def worked_off() -> Any:
            self.system.supervisor.check()
            # The positions first: what is read afterwards had no successor when they were taken.
            offsets = await admin.list_consumer_group_offsets(group)
            taken = {(place.topic, place.partition): found.offset for place, found in offsets.items()}
            account = await self.read(*stage)
            return all(
                taken.get((self.settings.topic(one.at.topic), one.at.partition), 0) > one.at.offset
                for one in account.found
            )

        try:
            await until(worked_off, timeout=timeout, what="the router to be done")
        finally:
            await admin.close()
        return await self.read()

    async def all_ready(self) -> Any:
        """Whether every process lives and says that it is ready."""
        self.system.supervisor.check()
        async with aiohttp.ClientSession() as session:
            for component, endpoints in self.system.endpoints.items():
                if component == "kafka":
                    continue
                async with session.get(f"{endpoints['admin']}/readyz") as answer:
                    if answer.status != 200:
                        return False
        return True

    def log_bytes(self) -> bytes:
        """All that the processes have said."""
        return b"".join(path.read_bytes() for path in (self.path / "data" / "logs").iterdir())


def system_id(connector: str) -> str:
    """The name space of a connector's own ids, as it stands in identifiers."""
    return {"school": f"oneroster:{SCHOOL}"}[connector]


@asynccontextmanager
async def town(path: Path, bootstrap_servers: str, **more: Any) -> AsyncIterator[Town]:
    """The system, ready. ``more`` are settings by dotted name with ``__`` for the dot."""
    config = path / "samband.toml"
    config.write_text(_config(path, bootstrap_servers, more), encoding="utf-8")
    async with running(config, lambda _: None) as system:
        yield Town(system, path)


def _config(path: Path, bootstrap_servers: str, more: dict[str, Any]) -> str:
    values = {
        "bootstrap_servers": bootstrap_servers,
        "data_dir": str(path / "data"),
        "kafka.topic_prefix": f"t{uuid.uuid4().hex[:12]}.",
        "kafka.session_timeout_seconds": 6,
        "pseudonym.key": KEY,
        "connectors.hospital.port": 0,
        "connectors.municipality.institution": "0301",
        "connectors.municipality.http.port": 0,
        "connectors.municipality.http.token": TOKEN,
        **{name.replace("__", "."): value for name, value in more.items()},
    }
    for name, agency in zip(CONNECTORS, (HOSPITAL, SCHOOL, MUNICIPALITY), strict=True):
        own = {"kind": name, "agency": agency, "legal_basis": "testing-basis", "purpose": "testing-purpose"}
        values |= {f"connectors.{name}.{key}": value for key, value in own.items()}
        if name != "hospital":
            values[f"connectors.{name}.drop.folder"] = str(path / "drop" / name)
            values[f"connectors.{name}.drop.interval_seconds"] = 0.05
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
