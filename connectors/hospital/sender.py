"""The MLLP client: one connection to the hospital, one message at a time, each until it is acknowledged.

A message that was not acknowledged is sent again as it was, under the same control id, so that a hospital
that had it already recognises it (chapter 2.9.2).
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, Self

from bus.logs import error_class
from bus.settings import SettingsRefusedError
from connectors.hospital.hl7 import Message, Unparseable
from connectors.hospital.mllp import Frame, FrameReader, frame
from connectors.hospital.settings import ClientTls, RequestSettings
from connectors.kit.carrier import AwayError
from schemas.errors import RetriableError

_READ: Final = 64 * 1024
_LARGEST: Final = 1024 * 1024
"""Bytes of an answer."""

Acknowledged = Callable[[bytes], Awaitable[None]]
"""Takes what acknowledges the message that is being sent."""
Unasked = Callable[[bytes], Awaitable[Sequence[bytes]]]
"""Takes whatever else the hospital says on this connection; gives what it is to be answered."""


class HospitalSilentError(RetriableError):
    """The hospital did not acknowledge in time, or could not do it just now; perhaps it has the message."""


class HospitalAwayError(AwayError):
    """The hospital cannot be connected to."""


class Sender:
    """Connects when there is something to send, and stays connected."""

    def __init__(self, settings: RequestSettings, acknowledged: Acknowledged) -> None:
        """``acknowledged`` is called for one message after the other."""
        self._settings = settings
        self._acknowledged = acknowledged
        self.unasked: Unasked = _unheard
        """Called for everything else, in order."""
        self._tls = _tls_context(settings.tls) if settings.tls else None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: tuple[str, asyncio.Future[None]] | None = None

    async def __aenter__(self) -> Self:
        """Nothing is connected before the first message."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self.disconnect()

    async def send(self, message: bytes, control_id: str) -> None:
        """Send, and return when the hospital has acknowledged ``control_id`` and that is taken.

        Raises:
            HospitalAwayError: it cannot be connected to.
            HospitalSilentError: it did not; the connection is closed. Send the same message again.

        """
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                writer = await self._connected()
        except (OSError, TimeoutError) as error:
            raise HospitalAwayError(
                f"the hospital cannot be connected to ({error_class(error)})",
                fix="it is tried again; check the host and port of the inbox",
            ) from None
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting = (control_id, waiting)
                writer.write(frame(message))
                await writer.drain()
                await waiting
        except (OSError, TimeoutError, EOFError) as error:
            await self.disconnect()
            raise HospitalSilentError(
                f"the hospital did not acknowledge a message ({error_class(error)})",
                fix="it is sent again, under the same control id",
            ) from None
        except BaseException:
            await self.disconnect()
            raise
        finally:
            self._waiting = None

    async def disconnect(self) -> None:
        """Close the connection; the next message opens another."""
        reading, self._reading = self._reading, None
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.transport.abort()
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
            if not reading.cancelled():
                reading.exception()  # seen: whoever waited for an answer has it, too

    async def _connected(self) -> asyncio.StreamWriter:
        if self._reading is not None and self._reading.done():
            await self.disconnect()
        if self._writer is None:
            reader, writer = await asyncio.open_connection(
                self._settings.host, self._settings.port, ssl=self._tls
            )
            raw: socket.socket | None = writer.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._writer = writer
            self._reading = asyncio.create_task(self._read(reader, writer))
        return self._writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand over what comes until the connection ends; then whoever waits for an answer hears of it."""
        frames = FrameReader(_LARGEST)
        problem: BaseException = EOFError("the hospital closed the connection")
        try:
            while data := await reader.read(_READ):
                for event in frames.feed(data):
                    if isinstance(event, Frame):
                        writer.write(b"".join(map(frame, await self._take(event.payload))))
        except BaseException as error:
            problem = error
            raise
        finally:
            if (
                self._waiting
                and not self._waiting[1].done()
                and not isinstance(problem, asyncio.CancelledError)
            ):
                self._waiting[1].set_exception(problem)

    async def _take(self, payload: bytes) -> Sequence[bytes]:
        waiting = self._waiting
        if waiting is None or waiting[1].done() or _acknowledges(payload) != waiting[0]:
            return await self.unasked(payload)
        await self._acknowledged(payload)
        if not waiting[1].done():
            waiting[1].set_result(None)
        return ()


async def _unheard(_: bytes) -> Sequence[bytes]:
    return ()


def _acknowledges(payload: bytes) -> str:
    """MSA-2, which is ASCII where it echoes a control id of ours; empty where there is none."""
    try:
        msa = Message(payload.decode("latin-1")).first("MSA")
    except Unparseable:
        return ""
    return msa.text(2).strip() if msa else ""


def _tls_context(tls: ClientTls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls.certificate is not None:
            context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsRefusedError(
            f"inbox.tls: a certificate or key cannot be used ({type(error).__name__})",
            fix="check that inbox.tls.ca, certificate and key are readable PEM files",
        ) from None
    return context
