"""The MLLP listener: connections, back-pressure, silence, shutdown. What a message says is not known here."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, Self

from bus import metrics
from bus.logs import Event, Log
from bus.settings import SettingsRefusedError
from connectors.hospital.mllp import Frame, FrameReader, Noise, TooLarge, frame
from connectors.hospital.settings import HospitalSettings, Tls
from schemas.errors import RetriableError

_READ = 256 * 1024
_NOISE_LIMIT = 64 * 1024
"""Bytes outside any frame after which it is plain that the other side does not speak MLLP."""
_GOODBYE: Final = 2.0
"""Seconds for the last answer to leave when a connection is closed."""

Take = Callable[[Frame | TooLarge, str], Awaitable[Sequence[bytes]]]
"""Handles one message from a peer and gives the answers, in order."""


class MllpListener:
    """Accepts connections. On each, messages are taken and answered one after the other.

    While a message is in work nothing more is read from its connection, so a sender that does not wait for
    its answers is slowed down by TCP. When the ``take`` function raises RetriableError, the connection is
    closed without an answer: the sender keeps its message and comes again.
    """

    def __init__(self, name: str, settings: HospitalSettings, take: Take, log: Log) -> None:
        """``name`` is the connector's, for logs and metrics."""
        self._name = name
        self._settings = settings
        self._take = take
        self._log = log
        self._server: asyncio.Server | None = None
        self._sessions: dict[asyncio.Task[None], _Session] = {}
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Ends with the error that no connection can get over; the connector has to stop."""
        self._open = metrics.CONNECTOR_CONNECTIONS.labels(name)

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            SettingsRefusedError: the address is taken or not ours, or a TLS file cannot be used.

        """
        tls = _tls_context(self._settings.tls) if self._settings.tls else None
        host, port = self._settings.host, self._settings.port
        try:
            self._server = await asyncio.start_server(self._accept, host, port, limit=_READ, ssl=tls)
        except OSError as error:
            raise SettingsRefusedError(
                f"cannot listen on {host}:{port}: {error.strerror or type(error).__name__}",
                fix="choose another port, or 0 for a free one",
            ) from None
        self._log.emit(Event.LISTENING, kind="mllp", address=self.address, port=self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take no more; finish and answer the messages in work, then close."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for task, session in self._sessions.items():
            session.stop(task)
        while self._sessions:
            await asyncio.wait(self._sessions)
        if server is not None:
            await server.wait_closed()
        if self.failed.done() and not self.failed.cancelled():
            self.failed.exception()  # seen; whoever waits for it has it too

    @property
    def stopping(self) -> bool:
        """Whether no further message is taken."""
        return self._server is None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            return 0
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"{self._settings.host}:{self.port}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of the server runs in a task
        peer = ":".join(str(part) for part in (writer.get_extra_info("peername") or ("unknown",))[:2])
        session = _Session(self._name, self._settings, self._take, reader, writer, peer, self._log)
        if self.stopping or len(self._sessions) >= self._settings.max_connections:
            await session.close("limit")
            return
        self._sessions[task] = session
        self._open.set(len(self._sessions))
        self._log.emit(Event.CONNECTION_OPENED, connector=self._name, peer=peer)
        reason = "failed"
        try:
            reason = await session.run()
        except asyncio.CancelledError:
            reason = "stopping"  # only stop() cancels, while the session waits for its sender
        except Exception as error:  # noqa: BLE001 - handed to the connector, which ends with it
            if not self.failed.done():
                self.failed.set_exception(error)
        finally:
            await session.close(reason)
            del self._sessions[task]
            self._open.set(len(self._sessions))


class _Session:
    """One connection."""

    def __init__(
        self,
        name: str,
        settings: HospitalSettings,
        take: Take,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: str,
        log: Log,
    ) -> None:
        self._name = name
        self._take = take
        self._reader = reader
        self._writer = writer
        self._peer = peer
        self._log = log
        self._silence = settings.frame_timeout_seconds
        self._frames = FrameReader(settings.max_message_bytes)
        self._taken = 0
        self._waiting = False
        self._stopping = False
        self._noise = metrics.CONNECTOR_NOISE_BYTES.labels(name)
        raw: socket.socket | None = writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def stop(self, task: asyncio.Task[None]) -> None:
        """End after the message in work; at once while there is none."""
        self._stopping = True
        if self._waiting:
            task.cancel()

    async def run(self) -> str:
        """Take messages until the connection ends; the reason why it did."""
        try:
            while not self._stopping:
                data = await self._read()
                if not data:
                    return "half_frame" if self._frames.pending else "peer"
                await self._handle(data)
                if not self._frames.inside and self._frames.pending_size > _NOISE_LIMIT:
                    return "noise"
        except TimeoutError:
            return "silence"
        except RetriableError:
            return "unavailable"
        except OSError:
            return "lost"
        return "stopping"

    async def _handle(self, data: bytes) -> None:
        for event in self._frames.feed(data):
            if isinstance(event, Noise):
                self._report(event.size)
            elif not self._stopping:  # what is not taken is not answered, so its sender keeps it
                await self._answer(await self._take(event, self._peer))
                self._taken += 1

    async def close(self, reason: str) -> None:
        """Close the connection, giving the last answer time to leave."""
        left = self._frames.pending_size
        if left:
            self._report(left)
        metrics.CONNECTOR_CONNECTIONS_CLOSED.labels(self._name, reason).inc()
        self._log.emit(
            Event.CONNECTION_CLOSED, connector=self._name, peer=self._peer, reason=reason, count=self._taken
        )
        self._writer.close()
        try:
            async with asyncio.timeout(_GOODBYE):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def _read(self) -> bytes:
        self._waiting = True
        try:
            if not self._frames.pending:
                return await self._reader.read(_READ)
            async with asyncio.timeout(self._silence):
                return await self._reader.read(_READ)
        finally:
            self._waiting = False

    async def _answer(self, answers: Sequence[bytes]) -> None:
        if not answers:
            return
        self._writer.write(b"".join(map(frame, answers)))
        transport = self._writer.transport
        if transport.get_write_buffer_size() or transport.is_closing():  # it did not leave at once
            async with asyncio.timeout(self._silence):
                await self._writer.drain()

    def _report(self, size: int) -> None:
        self._noise.inc(size)
        self._log.emit(Event.INPUT_NOISE, connector=self._name, peer=self._peer, count=size)


def _tls_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(tls.client_ca)
    except (OSError, ssl.SSLError) as error:
        raise SettingsRefusedError(
            f"tls: a certificate or key cannot be used ({type(error).__name__})",
            fix="check that tls.certificate, tls.key and tls.client_ca are readable PEM files",
        ) from None
    return context
