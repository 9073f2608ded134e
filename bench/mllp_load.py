"""The load generator of the MLLP benchmarks, a process of its own: `python -m bench.mllp_load '{…}'`.

Every connection sends its next message when the last one was acknowledged, as hospitals' systems do.
It prints one line of JSON: the seconds from the first byte to the last acknowledgement, and each wait.
"""

import asyncio
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Final

from bench.hl7_messages import bookings
from connectors.hospital.mllp import frame

_END: Final = b"\x1c\r"
_ACCEPTED: Final = b"MSA|AA|"


@dataclass(frozen=True, slots=True)
class Load:
    """What to send."""

    address: str
    connections: int
    messages: int
    first: int
    """Number of the first message: no two loads of one benchmark may share any."""
    citizens: int = 20_000


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    seconds: float
    acknowledged: int
    waits_ms: list[float] = field(default_factory=list)
    """In the order of the answers, in milliseconds."""


class Sender(asyncio.Protocol):
    """One connection, as light as can be: the generator shares the machine with what it measures."""

    def __init__(self, left: deque[bytes], waits: list[float], last: asyncio.Future[None]) -> None:
        """``left`` is shared by all connections; ``last`` ends when this one has nothing more to do."""
        self._left = left
        self._waits = waits
        self._done = last
        self._unread = b""
        self._sent = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type alone
        self._transport = transport

    def send(self) -> None:
        """Send the next message; nothing when there is none."""
        if not self._left:
            if not self._done.done():
                self._done.set_result(None)
            return
        self._sent = time.perf_counter()
        self._transport.write(self._left.popleft())

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._unread += data
        if not self._unread.endswith(_END):
            return
        if _ACCEPTED not in self._unread:
            self._fail("a message was not accepted")
            return
        self._waits.append((time.perf_counter() - self._sent) * 1000)
        self._unread = b""
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by asyncio."""
        self._fail("the connector closed the connection")

    def close(self) -> None:
        """Disconnect."""
        self._transport.close()

    def _fail(self, problem: str) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError(problem))


async def send(load: Load) -> Outcome:
    """Connect, then send everything.

    Raises:
        ConnectionError: a message was not accepted.
    """
    loop = asyncio.get_running_loop()
    host, _, port = load.address.rpartition(":")
    left = deque(frame(one) for one in islice(bookings(load.first, load.citizens), load.messages))
    waits: list[float] = []
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(load.connections)]
    senders = []
    for end in ends:
        _, sender = await loop.create_connection(lambda end=end: Sender(left, waits, end), host, int(port))  # type: ignore[misc] # a default is not inferred
        senders.append(sender)
    began = time.perf_counter()
    for sender in senders:
        sender.send()
    try:
        await asyncio.gather(*ends)
        seconds = time.perf_counter() - began
    finally:
        for sender in senders:
            sender.close()
    return Outcome(seconds, len(waits), waits)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(send(Load(**json.loads(sys.argv[1])))))))
