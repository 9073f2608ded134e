"""A bus in memory and a publisher on it, for connectors' tests without Kafka.

It passes the same suite as the real one (``tests/connectors/kit/test_publisher_contract.py``).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bus.errors import BusUnavailableError
from connectors.kit.assembly import AssemblyContext
from connectors.kit.memory import Memory
from connectors.kit.publisher import Publisher
from schemas.cloudevents import Header
from schemas.codec import Codec

CONTEXT = AssemblyContext("testing", "agency.testing", "testing-basis", "testing-purpose")


@dataclass(frozen=True, slots=True)
class Written:
    """A record that was confirmed, decoded."""

    topic: str
    key: str
    record: str
    value: dict[str, Any]
    headers: dict[str, str]
    raw: bytes


@dataclass
class MemoryBus:
    """Keeps what is sent. ``away`` makes it fail as Kafka does, ``fail_after`` only after so many records."""

    written: list[Written] = field(default_factory=list)
    away: bool = False
    fail_after: int | None = None
    _codec: Codec = field(default_factory=Codec)

    async def send(
        self, topic: str, *, key: bytes, value: bytes, headers: Sequence[Header] = ()
    ) -> asyncio.Future[Any]:
        """Confirm at once, or fail."""
        if self.away:
            raise BusUnavailableError("the bus is away")
        confirmed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.fail_after is not None:
            if self.fail_after == 0:
                confirmed.set_exception(BusUnavailableError("Kafka did not confirm a record in time"))
                return confirmed
            self.fail_after -= 1
        decoded = self._codec.decode(value)
        named = {name: text.decode() for name, text in headers}
        self.written.append(Written(topic, key.decode(), decoded.record, decoded.value, named, value))
        confirmed.set_result(None)
        return confirmed

    def on(self, topic: str) -> list[Written]:
        """What lies in one topic, in order."""
        return [record for record in self.written if record.topic == topic]

    @property
    def facts(self) -> list[Written]:
        """What lies in the unified topics, in order."""
        return [record for record in self.written if not record.topic.startswith("inputs")]


def memory_publisher(
    bus: MemoryBus, context: AssemblyContext = CONTEXT, memory: Memory | None = None
) -> Publisher:
    """The real publisher on a bus in memory. Without ``memory`` it remembers what lies on ``bus`` already."""
    if memory is None:
        memory = Memory()
        for record in bus.on("inputs"):
            if record.key == context.connector:
                memory.learn(record.value["input_id"], record.value["outcome"], record.value["kind"])
    return Publisher(bus, context, memory)
