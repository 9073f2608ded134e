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

from connectors.hospital.hl7 import Delimiters, Message, escape
from connectors.hospital.mllp import Frame, FrameReader, frame

SIGNS: Final = Delimiters("|", "^", "~", "\\", "&")
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
    department: str = ""
    room: str = ""
    practitioner: str = ""
    note: str = ""
    status: str = "Booked"


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


def stamp(moment: datetime) -> str:
    """A time as HL7 writes it, with its offset."""
    return moment.strftime("%Y%m%d%H%M%S%z")


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
        _segment("EVN", {1: trigger, 2: stamp(envelope.at), 6: stamp(happened)}),
        *_pid(patient, envelope.facility),
    ]
    for other in prior:
        if trigger in ("A24", "A37"):
            segments += _pid(other, envelope.facility)
        else:
            segments.append(_segment("MRG", {1: _ids(other, envelope.facility), 5: _text(visit)}))
    if visit:
        ward = _text(department)
        discharged = trigger == "A03"
        times = {45 if discharged else 44: stamp(happened)}
        segments.append(
            _segment("PV1", {1: "1", 2: patient_class, 3: ward, 10: ward, 19: _text(visit), **times})
        )
    return _encoded(segments, envelope)


def siu(trigger: str, envelope: Envelope, patient: Patient, booking: Booking) -> bytes:
    """An SIU message about one appointment."""
    start, end = stamp(booking.start), stamp(booking.start + timedelta(minutes=booking.minutes))
    department, number, status = _text(booking.department), _text(booking.number), booking.status
    length = {7: str(booking.minutes), 8: "min"}
    segments = [
        _msh("SIU", trigger, envelope),
        _segment("SCH", {2: number, 11: f"^^^{start}^{end}", 25: status}),
        _segment("TQ1", {1: "1", 7: start, 8: end}),
        *_pid(patient, envelope.facility),
        _segment("PV1", {1: "1", 2: "O", 3: department, 10: department}),
        _segment("RGS", {1: "1", 2: "A"}),
        _segment("AIS", {1: "1", 2: "A", 3: f"^{_text(booking.title)}", 4: start, 10: status, **length}),
    ]
    if booking.note:
        segments.append(_segment("NTE", {1: "1", 3: _text(booking.note), 4: "PI"}))
    if booking.room:
        segments.append(_segment("AIL", {1: "1", 2: "A", 3: f"{department}^{_text(booking.room)}"}))
    if booking.practitioner:
        segments.append(_segment("AIP", {1: "1", 2: "A", 3: f"^{_text(booking.practitioner)}"}))
    return _encoded(segments, envelope)


def _segment(name: str, fields: dict[int, str]) -> str:
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def _msh(code: str, trigger: str, envelope: Envelope) -> str:
    fields = {
        2: _text(envelope.application),
        3: _text(envelope.facility),
        4: "SAMBAND",
        6: stamp(envelope.at),
        8: f"{code}^{trigger}",
        9: _text(envelope.control_id),
        10: envelope.processing,
        11: envelope.version,
        14: envelope.accept,
        15: envelope.application_accept,
        17: envelope.charset,
    }  # each one less than in the standard, where MSH-1 is the separator itself
    return _segment("MSH", {1: "^~\\&", **fields})


def _pid(patient: Patient, facility: str) -> list[str]:
    name = f"{_text(patient.family)}^{_text(patient.given)}"
    pid = _segment("PID", {1: "1", 3: _ids(patient, facility), 5: name, 7: patient.born})
    return [pid, _segment("PD1", {12: "Y"})] if patient.protected else [pid]


def _ids(patient: Patient, facility: str) -> str:
    own = f"{_text(patient.number)}^^^{_text(facility)}^MR"
    return f"{own}~{patient.national}^^^{NATIONAL_AUTHORITY}^NNNOR" if patient.national else own


def _text(text: str) -> str:
    return escape(text, SIGNS)


def _encoded(segments: list[str], envelope: Envelope) -> bytes:
    codec = "iso8859-1" if envelope.charset == "8859/1" else "utf-8"
    return ("\r".join(segments) + "\r").encode(codec)


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
