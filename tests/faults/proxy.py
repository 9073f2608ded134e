"""A proxy between a Kafka client and its broker, which spoils chosen requests in chosen ways.

It reads the header of each request (api key, correlation id) and passes everything on as it is, except
that the broker's address in answers becomes its own, so that the client never goes around it.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Self

HOST = "127.0.0.1"


class Api(IntEnum):
    """Api keys of Kafka's protocol."""

    PRODUCE = 0
    FETCH = 1
    METADATA = 3
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    SYNC_GROUP = 14
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    TXN_OFFSET_COMMIT = 28


TRANSACTIONAL = (
    Api.INIT_PRODUCER_ID,
    Api.ADD_PARTITIONS_TO_TXN,
    Api.PRODUCE,
    Api.ADD_OFFSETS_TO_TXN,
    Api.TXN_OFFSET_COMMIT,
    Api.END_TXN,
)
"""What a transaction consists of, in the order of a transaction."""


class Harm(Enum):
    """What becomes of a request."""

    DELAY = "delay"
    """It reaches the broker when `Aim.release` says so; what follows on its connection waits behind it."""
    CUT_BEFORE = "cut before"
    """It does not reach the broker, and the connection breaks."""
    CUT_AFTER = "cut after"
    """The broker carries it out and answers; instead of the answer the client sees the connection break."""


@dataclass(eq=False)
class Aim:
    """A request type that is to be harmed, and how often yet."""

    api: Api
    harm: Harm
    times: int = 1
    hit: asyncio.Event = field(default_factory=asyncio.Event)
    """The first request was harmed. For CUT_AFTER: its answer has come and was withheld."""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let delayed requests go on."""
        self.released.set()


class Proxy:
    """Listens on a port of its own; ``address`` is where clients connect instead of to the broker."""

    def __init__(self, broker: str) -> None:
        """``broker`` is ``host:port`` on this machine, as the broker itself names it."""
        host, _, port = broker.rpartition(":")
        assert host == HOST, "answers are rewritten in place, so both hosts must be the same"
        self._broker = int(port)
        self._aims: list[Aim] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.seen: Counter[Api] = Counter()
        """Requests by type, of the types in `Api`."""

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        for aim in self._aims:
            aim.release()
        self._server.close()
        await self.cut()
        await self._server.wait_closed()

    def aim(self, api: Api, harm: Harm, times: int = 1) -> Aim:
        """Harm the next request of this type, or the next so many."""
        aim = Aim(api, harm, times)
        self._aims.append(aim)
        return aim

    async def cut(self) -> None:
        """Break all connections as they are now."""
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        if connections:
            await asyncio.wait(connections)

    def _take(self, api: int) -> Aim | None:
        """The aim that a request of this type meets, used up once."""
        for aim in self._aims:
            if aim.api == api:
                aim.times -= 1
                if not aim.times:
                    self._aims.remove(aim)
                return aim
        return None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(asyncio.CancelledError):  # cut
                async with _connection(self._broker) as (broker_reader, broker_writer):
                    connection = _Connection(self, self._broker)
                    await connection.carry((reader, writer), (broker_reader, broker_writer))
        except OSError:
            pass  # no broker: the client sees its connection break, as it would without a proxy
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    def met(self, api: int) -> Aim | None:
        """Count a request and say what is to become of it."""
        if api in Api._value2member_map_:
            self.seen[Api(api)] += 1
        return self._take(api)


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def _connection(port: int) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


class _Connection:
    """One client's connection and the broker's behind it."""

    def __init__(self, proxy: Proxy, broker: int) -> None:
        self._proxy = proxy
        self._theirs = HOST.encode() + struct.pack(">i", broker)
        self._ours = HOST.encode() + struct.pack(">i", proxy.port)
        self._withheld: dict[int, Aim] = {}
        """By correlation id: answers that the client does not get."""
        self._addressed: set[int] = set()
        """Correlation ids of requests whose answers name brokers."""

    async def carry(self, client: Streams, broker: Streams) -> None:
        """Until one side closes, or harm is done."""
        ways = {
            asyncio.ensure_future(self._requests(client[0], broker[1])),
            asyncio.ensure_future(self._answers(broker[0], client[1])),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
        for way in ways:
            if not way.cancelled():
                way.result()

    async def _requests(self, client: asyncio.StreamReader, broker: asyncio.StreamWriter) -> None:
        while frame := await _frame(client):
            api, _, correlation = struct.unpack_from(">hhi", frame, 4)
            if api in (Api.METADATA, Api.FIND_COORDINATOR):
                self._addressed.add(correlation)
            aim = self._proxy.met(api)
            if aim is not None:
                if aim.harm is Harm.CUT_AFTER:
                    self._withheld[correlation] = aim
                else:
                    aim.hit.set()
                if aim.harm is Harm.CUT_BEFORE:
                    return
                if aim.harm is Harm.DELAY:
                    await aim.released.wait()
            broker.write(frame)
            await broker.drain()

    async def _answers(self, broker: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while frame := await _frame(broker):
            (correlation,) = struct.unpack_from(">i", frame, 4)
            if aim := self._withheld.get(correlation):
                aim.hit.set()
                return
            if correlation in self._addressed:
                self._addressed.discard(correlation)
                frame = frame.replace(self._theirs, self._ours)
            client.write(frame)
            await client.drain()


async def _frame(stream: asyncio.StreamReader) -> bytes:
    """One request or answer with its length in front; empty at the end of the connection."""
    try:
        length = await stream.readexactly(4)
        return length + await stream.readexactly(int.from_bytes(length, "big"))
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
