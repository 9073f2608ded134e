"""A hospital connector that runs: real sockets, and a bus in memory or a real Kafka behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bus.endpoints import find
from bus.logs import get_logger
from bus.settings import ConnectorSettings
from connectors.hospital import connector
from connectors.hospital.testing import MllpSender
from connectors.kit.assembly import AssemblyContext
from connectors.kit.publisher import Publisher
from connectors.kit.runtime import ConnectorContext
from connectors.kit.testing import MemoryBus, memory_publisher
from tests.connectors.hospital.messages import AGENCY, PSEUDONYMS
from tests.waiting import until

NAME = "hospital"
CONTEXT = AssemblyContext(NAME, AGENCY, "testing-basis", "testing-purpose")


@dataclass
class Running:
    """A connector that listens."""

    address: tuple[str, int]
    bus: MemoryBus
    stop: asyncio.Event
    task: asyncio.Task[None]
    senders: list[MllpSender] = field(default_factory=list)

    def sender(self, **fields: Any) -> MllpSender:
        return MllpSender(*self.address, **{"answer_seconds": 10.0, "pause_seconds": 0.02, **fields})

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(record.value["outcome"], record.value["reason"]) for record in self.bus.on("inputs")]


@asynccontextmanager
async def running(
    folder: Path, bus: MemoryBus | None = None, publisher: Publisher | None = None, **settings: Any
) -> AsyncIterator[Running]:
    bus = bus or MemoryBus()
    own = ConnectorSettings.model_validate(
        {"kind": "hospital", "agency": AGENCY, "legal_basis": "testing-basis", "purpose": "testing-purpose",
         "port": 0, **settings}
    )  # fmt: skip
    context = ConnectorContext(
        NAME, own, publisher or memory_publisher(bus, CONTEXT), PSEUDONYMS, folder,
        get_logger(f"connector.{NAME}"), announce_in=folder,
    )  # fmt: skip
    stop = asyncio.Event()
    task = asyncio.create_task(connector.run(context, stop))
    try:
        address = await until(lambda: _address(folder, task), what="the listener")
        assert address is not None
        yield Running(address, bus, stop, task)
    finally:
        stop.set()
        await asyncio.wait([task])
    if not task.cancelled() and task.exception() is None:
        task.result()


def _address(folder: Path, task: asyncio.Task[None]) -> tuple[str, int] | None:
    if task.done():
        task.result()
    host, _, port = (find(folder, f"connector.{NAME}") or {}).get("mllp", "").rpartition(":")
    return (host, int(port)) if port else None
