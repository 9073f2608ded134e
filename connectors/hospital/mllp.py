"""MLLP frames (HL7 Minimal Lower Layer Protocol, release 1) as a state machine without I/O.

A frame is ``0x0B``, the message, ``0x1C 0x0D``. What real senders do to it is accepted: a last CR that is
missing, CR and LF between frames, several frames in one packet and one frame in many.
"""

from dataclasses import dataclass

START = b"\x0b"
END = b"\x1c"
_STRAY_START = b"\x0bMSH"
_BETWEEN = b"\r\n"
_HEAD = 65_536
"""Bytes kept of a frame that is too large: enough to answer it and to recognise it."""


def frame(message: bytes) -> bytes:
    """A message as it goes over the wire."""
    return START + message + b"\x1c\x0d"


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole message."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A frame above the limit, of which only the head was kept."""

    head: bytes
    size: int
    """Bytes of the whole frame."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Bytes that belong to no frame, or a frame that its sender began again; never acknowledged."""

    size: int
    """Bytes; CR and LF between frames are not noise."""


FrameEvent = Frame | TooLarge | Noise


class FrameReader:
    """Takes bytes as they come, gives frames as they end. How the bytes were cut makes no difference."""

    def __init__(self, limit: int) -> None:
        """``limit``: bytes of the largest message that is accepted. No more than that is ever held."""
        self._limit = limit
        self._buffer = bytearray()
        self._size = 0
        self._inside = False
        self._noise = 0

    @property
    def inside(self) -> bool:
        """Whether the stream stands within a frame."""
        return self._inside

    @property
    def pending(self) -> bool:
        """Whether the stream stands within a frame, or after bytes that belong to none."""
        return self._inside or self._noise > 0

    @property
    def pending_size(self) -> int:
        """Bytes of the unfinished frame or of the noise so far."""
        return self._size if self._inside else self._noise

    def feed(self, data: bytes) -> list[FrameEvent]:
        """The events that ``data`` completes, in order."""
        events: list[FrameEvent] = []
        position = 0
        while position < len(data):
            if self._inside:
                end = data.find(END, position)
                self._keep(data[position : end if end >= 0 else len(data)])
                if end < 0:
                    break
                self._finish(events)
                position = end + 1
            else:
                start = data.find(START, position)
                between = data[position : start if start >= 0 else len(data)]
                self._noise += len(between) - between.count(b"\r") - between.count(b"\n")
                if start < 0:
                    break
                if self._noise:
                    events.append(Noise(self._noise))
                    self._noise = 0
                self._inside = True
                position = start + 1
        return events

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._limit:
            self._buffer += part
            return
        keep = min(_HEAD, self._limit)
        self._buffer += part[: max(0, keep - len(self._buffer))]
        del self._buffer[keep:]

    def _finish(self, events: list[FrameEvent]) -> None:
        payload, size = bytes(self._buffer), self._size
        self._buffer = bytearray()
        self._size = 0
        self._inside = False
        if size > self._limit:
            events.append(TooLarge(payload, size))
            return
        # A sender that died within a frame and began again leaves its first attempt before a second start.
        # Only before MSH: software that copies from a word processor sends 0x0B within text, too.
        again = payload.rfind(_STRAY_START)
        if again >= 0:
            events.append(Noise(again))
            payload = payload[again + 1 :]
        events.append(Frame(payload))
