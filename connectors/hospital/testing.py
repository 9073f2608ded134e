"""A hospital's systems as they meet the connector: its own messages, and a sender that insists.

Used by the tests and by the demonstration. All people are made up.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from connectors.hospital.hl7 import Message
from connectors.hospital.mllp import Frame, FrameReader, frame
from connectors.hospital.write import components, encoded, segment, stamp, text

NATIONAL_AUTHORITY: Final = "&2.16.578.1.12.4.1.4.1&ISO"
_LIMIT = 1024 * 1024
_REJECTED = ("AR", "CR", "AE", "CE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A patient as the hospital's register has them."""

    number: str
    """The hospital's own number (MR)."""
    national: str = ""
    family: str = ""
    given: str = ""
    born: str = ""
    """YYYYMMDD."""
    protected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """An appointment as the hospital's booking system has it."""

    number: str
    start: datetime
    minutes: int = 30
    title: str = ""
    service: str = ""
    """Code of what is done; times are offered for it."""
    department: str = ""
    room: str = ""
    practitioner: str = ""
    note: str = ""
    status: str = "Booked"
    placer: str = ""
    """Whoever asked for it calls it this (SCH-1, with its authority)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeTime:
    """A time that can be booked, as the hospital's calendar has it."""

    number: str
    start: datetime
    service: str
    minutes: int = 30
    department: str = ""
    room: str = ""
    practitioner: str = ""
    """Code of the person that it is with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What stands in MSH beside the type."""

    control_id: str
    at: datetime
    """When it is sent; aware."""
    application: str = "PAS"
    facility: str = "SYKEHUS"
    version: str = "2.5.1"
    processing: str = "P"
    accept: str = ""
    """MSH-15: AL, NE, ER or SU for enhanced mode."""
    application_accept: str = ""
    """MSH-16."""
    charset: str = "UNICODE UTF-8"


def adt(  # noqa: PLR0913 - the parts of a message
    trigger: str,
    envelope: Envelope,
    patient: Patient,
    *,
    visit: str = "",
    department: str = "",
    patient_class: str = "I",
    happened: datetime | None = None,
    prior: Sequence[Patient] = (),
) -> bytes:
    """An ADT message. ``prior`` are the patients of MRG (A34, A40, A45, A47) or the second PID (A24, A37)."""
    happened = happened or envelope.at
    segments = [
        _msh("ADT", trigger, envelope),
        segment("EVN", {1: trigger, 2: stamp(envelope.at), 6: stamp(happened)}),
        *_pid(patient, envelope.facility),
    ]
    for other in prior:
        if trigger in ("A24", "A37"):
            segments += _pid(other, envelope.facility)
        else:
            segments.append(segment("MRG", {1: _ids(other, envelope.facility), 5: text(visit)}))
    if visit:
        ward = text(department)
        discharged = trigger == "A03"
        times = {45 if discharged else 44: stamp(happened)}
        segments.append(
            segment("PV1", {1: "1", 2: patient_class, 3: ward, 10: ward, 19: text(visit), **times})
        )
    return encoded(segments, envelope.charset)


def siu(trigger: str, envelope: Envelope, patient: Patient, booking: Booking) -> bytes:
    """An SIU message about one appointment."""
    start, end = stamp(booking.start), stamp(booking.start + timedelta(minutes=booking.minutes))
    department, number, status = text(booking.department), text(booking.number), booking.status
    length = {7: str(booking.minutes), 8: "min"}
    segments = [
        _msh("SIU", trigger, envelope),
        segment("SCH", {1: booking.placer, 2: number, 11: f"^^^{start}^{end}", 25: status}),
        segment("TQ1", {1: "1", 7: start, 8: end}),
        *_pid(patient, envelope.facility),
        segment("PV1", {1: "1", 2: "O", 3: department, 10: department}),
        segment("RGS", {1: "1", 2: "A"}),
        segment(
            "AIS",
            {1: "1", 2: "A", 3: components(booking.service, booking.title), 4: start, 10: status, **length},
        ),
    ]
    if booking.note:
        segments.append(segment("NTE", {1: "1", 3: text(booking.note), 4: "PI"}))
    if booking.room:
        segments.append(segment("AIL", {1: "1", 2: "A", 3: f"{department}^{text(booking.room)}"}))
    if booking.practitioner:
        segments.append(segment("AIP", {1: "1", 2: "A", 3: f"^{text(booking.practitioner)}"}))
    return encoded(segments, envelope.charset)


def slot(trigger: str, envelope: Envelope, free: FreeTime) -> bytes:
    """An SIU message about a time in the calendar: S24 opened, S23 blocked."""
    start, end = stamp(free.start), stamp(free.start + timedelta(minutes=free.minutes))
    status = "Blocked" if trigger == "S23" else ""
    segments = [
        _msh("SIU", trigger, envelope),
        segment("SCH", {2: text(free.number), 6: trigger, 11: f"^^^{start}^{end}", 25: status}),
        segment("TQ1", {1: "1", 7: start, 8: end}),
        segment("RGS", {1: "1", 2: "A"}),
        segment("AIS", {1: "1", 2: "A", 3: text(free.service), 4: start, 7: str(free.minutes), 8: "min"}),
        segment("AIL", {1: "1", 2: "A", 3: components(free.department, free.room)}),
    ]
    if free.practitioner:
        segments.append(segment("AIP", {1: "1", 2: "A", 3: text(free.practitioner)}))
    return encoded(segments, envelope.charset)


def _msh(code: str, trigger: str, envelope: Envelope) -> str:
    fields = {
        3: text(envelope.application),
        4: text(envelope.facility),
        5: "SAMBAND",
        7: stamp(envelope.at),
        9: f"{code}^{trigger}",
        10: text(envelope.control_id),
        11: envelope.processing,
        12: envelope.version,
        15: envelope.accept,
        16: envelope.application_accept,
        18: envelope.charset,
    }
    return segment("MSH", {2: "^~\\&", **fields})


def _pid(patient: Patient, facility: str) -> list[str]:
    name = f"{text(patient.family)}^{text(patient.given)}"
    pid = segment("PID", {1: "1", 3: _ids(patient, facility), 5: name, 7: patient.born})
    return [pid, segment("PD1", {12: "Y"})] if patient.protected else [pid]


def _ids(patient: Patient, facility: str) -> str:
    own = f"{text(patient.number)}^^^{text(facility)}^MR"
    return f"{own}~{patient.national}^^^{NATIONAL_AUTHORITY}^NNNOR" if patient.national else own


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement, read."""

    code: str
    """MSA-1."""
    control_id: str
    """MSA-2: the MSH-10 that is answered."""
    message: Message

    @property
    def rejected(self) -> bool:
        """Whether the sender is told to do something about it."""
        return self.code in _REJECTED


class NotAcknowledgedError(Exception):
    """The connector did not acknowledge a message within the sender's patience."""


@dataclass(slots=True)
class MllpSender:
    """A sender as hospitals run them: one message at a time, sent again until it is acknowledged.

    ``async with MllpSender(host, port) as sender: await sender.send(message)``
    """

    host: str
    port: int
    answer_seconds: float = 30.0
    """How long it waits for an answer before it connects again."""
    patience_seconds: float = 300.0
    """How long it tries with one message."""
    pause_seconds: float = 0.2
    tls: ssl.SSLContext | None = None
    resent: int = 0
    """How often a message had to be sent again."""
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    _frames: FrameReader = field(default_factory=lambda: FrameReader(_LIMIT))
    _unread: list[Frame] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        """Nothing is connected before the first message."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._disconnect()

    async def send(self, message: bytes, *, answers: int = 1) -> tuple[Answer, ...]:
        """Send, and send again until it is answered ``answers`` times (0: the message asks for none).

        Raises:
            NotAcknowledgedError: the patience is over.

        """
        deadline = asyncio.get_running_loop().time() + self.patience_seconds
        while True:
            try:
                return await self._attempt(message, answers)
            except (OSError, TimeoutError, EOFError):
                await self._disconnect()
                self.resent += 1
            if asyncio.get_running_loop().time() > deadline:
                raise NotAcknowledgedError(f"no acknowledgement within {self.patience_seconds:g} s")
            await asyncio.sleep(self.pause_seconds)

    async def send_raw(self, data: bytes) -> None:
        """Write bytes as they are, framed or not, and wait for nothing."""
        _, writer = await self._connected()
        writer.write(data)
        await writer.drain()

    async def receive(self) -> Answer:
        """The next answer; EOFError when the connector closes the connection first."""
        reader, _ = await self._connected()
        while not self._unread:
            data = await reader.read(65_536)
            if not data:
                raise EOFError("the connector closed the connection")
            self._unread += [event for event in self._frames.feed(data) if isinstance(event, Frame)]
        return _read(self._unread.pop(0).payload)

    async def _attempt(self, message: bytes, answers: int) -> tuple[Answer, ...]:
        await self.send_raw(frame(message))
        async with asyncio.timeout(self.answer_seconds):
            return tuple([await self.receive() for _ in range(answers)])

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._frames, self._unread = FrameReader(_LIMIT), []
            self._streams = await asyncio.open_connection(self.host, self.port, ssl=self.tls)
        return self._streams

    async def _disconnect(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()


def _read(payload: bytes) -> Answer:
    message = Message(payload.decode("iso8859-1"))
    msa = message.first("MSA")
    return Answer(msa.text(1) if msa else "", msa.text(2) if msa else "", message)
