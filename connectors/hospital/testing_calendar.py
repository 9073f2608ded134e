"""A hospital that can be asked: an MLLP listener with a calendar behind it, and habits good and bad.

Used by the tests, the simulator and the demonstration. All people are made up.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self
from zoneinfo import ZoneInfo

from connectors.hospital.hl7 import Message
from connectors.hospital.mllp import Frame, FrameReader, frame
from connectors.hospital.testing import Booking, Envelope, FreeTime, Patient, siu, slot
from connectors.hospital.write import components, encoded, segment, stamp
from connectors.kit import times

_LIMIT: Final = 1024 * 1024
_HOLDING: Final = ("S01", "S12")
_MOVING: Final = ("S02", "S13")
_ENDING: Final = ("S04", "S15")
_UNKNOWN_KEY: Final = "204"
_TAKEN: Final = "TAKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """What the hospital does with one message that asks for something."""

    silent: bool = False
    """It takes no notice: no acknowledgement, and nothing is done."""
    deaf: bool = False
    """It does what is asked, and the acknowledgement is lost."""
    refuse: str = ""
    """The code of its refusal, whatever the calendar says."""
    busy: bool = False
    """It answers AR with 207: not now."""
    twice: bool = False
    """It acknowledges twice, and says what changed twice."""


GOOD: Final = Habit()


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that asks for something, read."""

    trigger: str
    control_id: str
    placer: str
    placer_field: str
    filler: str
    start: datetime | None
    enhanced: bool
    srm: bool


@dataclass(slots=True)
class Calendar:
    """What is booked, pencilled and free. Plain data that a test may look at and change."""

    bookings: dict[str, tuple[Patient, Booking]] = field(default_factory=dict)
    """By the booking's number."""
    free: dict[str, FreeTime] = field(default_factory=dict)
    pencilled: dict[str, FreeTime] = field(default_factory=dict)
    """Times that are held, by the placer's id."""

    def hold(self, asked: Asked) -> str:
        """Pencil a free time in; empty, or the code of the refusal."""
        if asked.placer in self.pencilled:
            return ""
        if asked.filler not in self.free:
            return _TAKEN
        self.pencilled[asked.placer] = self.free.pop(asked.filler)
        return ""

    def move(self, asked: Asked) -> str:
        """Move a booking, into the time that is pencilled for it or to wherever it is asked."""
        known = self.bookings.get(asked.filler)
        if known is None or asked.start is None:
            return _UNKNOWN_KEY
        patient, booking = known
        held = self.pencilled.get(asked.placer)
        if held is not None and held.start == asked.start:
            del self.pencilled[asked.placer]
            moved = replace(
                booking, start=held.start, minutes=held.minutes, room=held.room,
                practitioner=held.practitioner, placer=asked.placer_field,
            )  # fmt: skip
        else:
            moved = replace(booking, start=asked.start, placer=asked.placer_field)
        self.bookings[asked.filler] = patient, moved
        return ""

    def let_go(self, asked: Asked) -> str:
        """Free what is pencilled."""
        held = self.pencilled.pop(asked.placer, None)
        if held is None:
            return _UNKNOWN_KEY
        self.free[held.number] = held
        return ""


Say = Callable[[bytes], Awaitable[object]]
"""Sends a message of the hospital's own to the connector; ``MllpSender.send`` does."""


class AskedHospital:
    """Listens for SRM and SIU, keeps the calendar, acknowledges, and tells what changed.

    ``async with AskedHospital(calendar) as hospital: … hospital.port``. What it has to tell (SIU about
    bookings, times that are held and let go) waits in ``unsaid`` until ``tell`` sends it.
    """

    def __init__(
        self,
        calendar: Calendar,
        *,
        habit: Callable[[Asked], Habit] = lambda _: GOOD,
        clock: Callable[[], datetime] = lambda: datetime.now(ZoneInfo("Europe/Oslo")),
        facility: str = "SYKEHUS",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``habit`` decides for each message that comes; ``clock`` gives MSH-7, aware."""
        self._tls = tls
        self.calendar = calendar
        self.habit = habit
        self.port = 0
        self.received: Counter[str] = Counter()
        """How often each control id came in."""
        self.done: list[str] = []
        """Control ids of what was carried out, in order, each once."""
        self.unsaid: list[bytes] = []
        self._clock = clock
        self._facility = facility
        self._answers: dict[str, tuple[str, str]] = {}
        self._number = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        """Listen on a free port, or on the port of the time before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the listener and every connection; it may be entered again."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        if server is not None:
            await server.wait_closed()

    @property
    def connections(self) -> int:
        """How many are connected."""
        return len(self._writers)

    async def tell(self, say: Say) -> int:
        """Send what is unsaid, in order; how many messages that were."""
        said = 0
        while self.unsaid:
            await say(self.unsaid[0])
            self.unsaid.pop(0)
            said += 1
        return said

    def book(self, patient: Patient, booking: Booking) -> bytes:
        """Put a booking into the calendar; the SIU^S12 that tells of it."""
        self.calendar.bookings[booking.number] = patient, booking
        return siu("S12", self._envelope(), patient, booking)

    def offer(self, free: FreeTime) -> bytes:
        """Open a time; the SIU^S24 that tells of it."""
        self.calendar.free[free.number] = free
        return slot("S24", self._envelope(), free)

    def block(self, number: str) -> bytes:
        """Take a free time back; the SIU^S23 that tells of it."""
        return slot("S23", self._envelope(), self.calendar.free.pop(number))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader(_LIMIT)
        self._writers.add(writer)
        try:
            while data := await reader.read(65_536):
                for event in frames.feed(data):
                    if isinstance(event, Frame):
                        writer.write(b"".join(map(frame, self.take(event.payload))))
                await writer.drain()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def take(self, payload: bytes) -> list[bytes]:
        """What becomes of one message: the answers, in order. The same control id gets the same answer."""
        message = Message(payload.decode("utf-8"))
        if message.first("MSA") is not None:
            return []
        asked = _read(message)
        self.received[asked.control_id] += 1
        habit = self.habit(asked)
        if habit.silent:
            return []
        if habit.busy:
            return [self._acknowledgement(asked, "AR", "207")]
        if asked.control_id not in self._answers:
            refusal = habit.refuse or self._carry_out(asked, habit)
            self._answers[asked.control_id] = ("AE" if refusal else "AA", refusal)
        if habit.deaf:
            return []
        code, refusal = self._answers[asked.control_id]
        answers = [self._acknowledgement(asked, "CA", "")] if asked.enhanced else []
        return [*answers, *[self._acknowledgement(asked, code, refusal)] * (2 if habit.twice else 1)]

    def _carry_out(self, asked: Asked, habit: Habit) -> str:
        calendar = self.calendar
        held = calendar.pencilled.get(asked.placer)
        if asked.trigger in _HOLDING:
            refusal = calendar.hold(asked)
        elif asked.trigger in _MOVING:
            refusal = calendar.move(asked)
        elif asked.trigger in _ENDING:
            refusal = calendar.let_go(asked)
        else:
            refusal = "200"
        if not refusal:
            self.done.append(asked.control_id)
            self.unsaid += self._told(asked, held) * (2 if habit.twice else 1)
        return refusal

    def _told(self, asked: Asked, held: FreeTime | None) -> list[bytes]:
        """What other systems hear of the change: the booking or the pencilled one, and the time."""
        if asked.trigger in _MOVING:
            return [siu("S13", self._envelope(), *self.calendar.bookings[asked.filler])]
        holding = asked.trigger in _HOLDING
        free = self.calendar.pencilled[asked.placer] if holding else held
        assert free is not None  # noqa: S101 - what was let go was held
        return [
            self._pencilled("S12" if holding else "S15", asked, free, "Pending" if holding else "Cancelled"),
            slot("S23" if holding else "S24", self._envelope(), free),
        ]

    def _pencilled(self, trigger: str, asked: Asked, free: FreeTime, status: str) -> bytes:
        start, end = stamp(free.start), stamp(free.start + timedelta(minutes=free.minutes))
        envelope = self._envelope()
        head = _msh("SIU", trigger, envelope)
        fields = {1: asked.placer_field, 2: components(free.number), 11: f"^^^{start}^{end}", 25: status}
        return encoded([head, segment("SCH", fields), segment("RGS", {1: "1"})], envelope.charset)

    def _acknowledgement(self, asked: Asked, code: str, refusal: str) -> bytes:
        envelope = self._envelope()
        kind = "SRR" if asked.srm and not code.startswith("C") else "ACK"
        segments = [
            _msh(kind, asked.trigger, envelope),
            segment("MSA", {1: code, 2: asked.control_id}),
        ]
        if refusal:
            number = refusal if refusal.isdigit() else "207" if code == "AR" else "101"
            own = "" if refusal.isdigit() else components(refusal)
            segments.append(segment("ERR", {3: f"{number}^^HL70357", 4: "E", 5: own}))
        return encoded(segments, envelope.charset)

    def _envelope(self) -> Envelope:
        self._number += 1
        return Envelope(control_id=f"H{self._number:08}", at=self._clock(), facility=self._facility)


def _msh(code: str, trigger: str, envelope: Envelope) -> str:
    fields = {
        2: "^~\\&", 3: envelope.application, 4: envelope.facility, 7: stamp(envelope.at),
        9: f"{code}^{trigger}", 10: envelope.control_id, 11: "P", 12: "2.5.1", 18: envelope.charset,
    }  # fmt: skip
    return segment("MSH", fields)


def _read(message: Message) -> Asked:
    head, arq, sch = message.first("MSH"), message.first("ARQ"), message.first("SCH")
    first = arq or sch
    assert head is not None  # noqa: S101 - Message raises where there is none
    trigger = head.text(9, 2)
    if first is None:
        return Asked(trigger, head.text(10), "", "", "", None, enhanced=bool(head.text(15)), srm=True)
    start = times.hl7(first.text(11, 1 if arq else 4), ZoneInfo("Europe/Oslo"))
    return Asked(
        trigger=trigger,
        control_id=head.text(10),
        placer=first.text(1),
        placer_field=first.raw(1),
        filler=first.text(2),
        start=times.to_datetime(start["instant"]).astimezone(ZoneInfo("Europe/Oslo")) if start else None,
        enhanced=bool(head.text(15)),
        srm=arq is not None,
    )
