"""The whole connector process on a real Kafka, in this event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus import reader, topics
from bus.endpoints import find
from bus.producer import Producer
from bus.settings import Settings, load_settings
from connectors.hospital.testing import MllpSender
from connectors.kit.runtime import run_connector
from schemas.codec import Codec
from schemas.records import AgencyRequest
from tests.connectors.hospital.messages import AGENCY
from tests.waiting import until

NAME = "hospital"
KEY = "a key for tests, at least 32 bytes long"
FACTS = ("person", "appointment", "stay")


@dataclass
class Connected:
    """A connector that listens, and the Kafka behind it."""

    address: tuple[str, int]
    settings: Settings

    def sender(self, **fields: Any) -> MllpSender:
        return MllpSender(*self.address, **fields)

    async def records(self, *names: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Topic, record type and value of all that lies in the topics."""
        found = []
        async for record, decoded, problem in reader.decoded(reader.read_to_end(self.settings, *names)):
            assert decoded is not None, problem
            found.append((record.topic, decoded.record, decoded.value))
        return found

    async def ask(self, *requests: AgencyRequest) -> None:
        """Put requests into the agency's inbox, in order."""
        async with Producer(self.settings, "test-router") as producer:
            for request in requests:
                value = Codec().encode("AgencyRequest", dict(request))
                key = request["citizen"].encode()
                await (await producer.send(f"inbox.{AGENCY}", key=key, value=value))

    async def answers(self) -> list[tuple[str, str]]:
        """Request and answer of each ``RequestAnswered``, in order."""
        found = await self.records("appointment")
        return [
            (value["request_id"], value["answer"]) for _, name, value in found if name == "RequestAnswered"
        ]

    async def outcomes(self) -> list[tuple[str, str, str]]:
        """Message id, outcome and reason of each input."""
        found = await self.records("inputs")
        return [(value["message_id"], value["outcome"], value["reason"]) for _, _, value in found]


@asynccontextmanager
async def connected(
    broker: str, prefix: str, folder: Path, kafka: dict[str, Any] | None = None, **own: Any
) -> AsyncIterator[Connected]:
    hospital = {
        "kind": "hospital", "agency": AGENCY, "legal_basis": "testing-basis", "purpose": "testing-purpose",
        "port": 0, **own,
    }  # fmt: skip
    settings = load_settings(
        bootstrap_servers=broker, data_dir=folder, pseudonym={"key": KEY, "version": "1"},
        kafka={"topic_prefix": prefix, **(kafka or {})}, connectors={NAME: hospital},
        router={"inboxes": [AGENCY] if "inbox" in own else []},
    )  # fmt: skip
    await topics.apply(settings)
    stop = asyncio.Event()
    task = asyncio.create_task(run_connector(NAME, settings, stop))
    try:
        address = await until(lambda: _address(folder, task), what="the connector")
        assert address is not None
        yield Connected(address, settings)
    finally:
        stop.set()
        await asyncio.wait([task])
    task.result()


def _address(folder: Path, task: asyncio.Task[None]) -> tuple[str, int] | None:
    if task.done():
        task.result()
    host, _, port = (find(folder, f"connector.{NAME}") or {}).get("mllp", "").rpartition(":")
    return (host, int(port)) if port else None
