"""The work as a stage of Samband's engine.

The remembered appointments are kept in memory as they are stored: each is compared with every new one, but
hardly one is ever looked at as a whole. A state is how many there are in a byte, start and end of each (16
bytes, microseconds, little-endian), then agency and appointment of each with a mark after either; the newest
first.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Any

from bench.engine.work import APPOINTMENT, APPOINTMENT_FRAME, OVERLAP, OVERLAP_FRAME, REMEMBERED
from bus.engine import Output
from schemas.errors import PoisonError
from schemas.fast import Read, fast_reader, fast_writer

UNREAD = ("system", "status", "place", "title", "content_hash")
"""Five fields of eleven that the work does not look at."""

_TIMES, _HEAD = Struct("<qq"), Struct("<Bqq")
_SIZE = _TIMES.size
_AFTER_AGENCY, _AFTER_APPOINTMENT = b"\xfe", b"\xff"
"""Bytes that UTF-8 never has."""


State = bytes
Appointment = dict[str, Any]

_write = fast_writer(OVERLAP)
assert _write is not None  # noqa: S101 - `bench` does not begin without
write = _write
NOTHING = b"\0"
BODY = len(APPOINTMENT_FRAME)
"""Where an appointment begins in a record."""


def reader(unread: Sequence[str] = UNREAD) -> Read:
    """Reads an appointment but for ``unread``; ValueError or LookupError for anything else."""
    fast = fast_reader(APPOINTMENT, unread)
    assert fast is not None  # noqa: S101 - as above
    return fast


def answer(state: State, event: Appointment) -> tuple[State, bytes]:
    """The state with ``event``, and the answer to it."""
    count = state[0]
    times, texts = state[1 : 1 + count * _SIZE], state[1 + count * _SIZE :]
    start, end, agency = event["start"], event["end"], event["agency"]
    own = agency.encode()
    other_agency = other_appointment = None
    for number, (old_start, old_end) in enumerate(_TIMES.iter_unpack(times)):
        if old_start < end and start < old_end:
            text = texts.split(_AFTER_APPOINTMENT, number + 1)[number]
            other, _, appointment = text.partition(_AFTER_AGENCY)
            if other != own:
                other_agency, other_appointment = other.decode(), appointment.decode()
                break
    if count == REMEMBERED:
        count -= 1
        times = times[:-_SIZE]
        texts = texts[: texts.rindex(_AFTER_APPOINTMENT, 0, -1) + 1]
    text = own + _AFTER_AGENCY + event["appointment"].encode() + _AFTER_APPOINTMENT
    said = {
        "event_id": event["event_id"],
        "recorded": event["recorded"],
        "agency": agency,
        "appointment": event["appointment"],
        "other_agency": other_agency,
        "other_appointment": other_appointment,
    }
    return _HEAD.pack(count + 1, start, end) + times + text + texts, write(OVERLAP_FRAME, said)


class OverlapStage:
    """The work; each run has a name and topics of its own."""

    state_version = 1

    def __init__(self, name: str, source: str, sink: str, unread: Sequence[str] = UNREAD) -> None:
        self.name = name
        self.inputs: tuple[str, ...] = (source,)
        self._sink = sink
        self._read = reader(unread)

    def decode(self, topic: str, key: bytes, value: bytes) -> Appointment:
        """The appointment in a record. PoisonError if there is none."""
        try:
            return self._read(value, BODY)
        except (ValueError, LookupError):
            raise PoisonError("not an appointment", reason="body.invalid", where="/5") from None

    def step(self, key: str, state: State | None, event: Appointment) -> tuple[State, Sequence[Output]]:
        """The appointments known now, and the answer."""
        known, said = answer(state or self.start(key), event)
        return known, (Output(self._sink, key.encode(), said),)

    def start(self, key: str) -> State:
        """What is known of a citizen of whom nothing came yet."""
        return NOTHING

    def dump(self, state: State) -> bytes:
        """The state as bytes."""
        return state

    def load(self, data: bytes, version: int) -> State:
        """The state that ``dump`` wrote."""
        return data

    def wake(self, state: State) -> None:
        """Nothing here lives in time."""


_PAST = 1_700_000_000_000_000
_HOUR = 3_600_000_000
_AGENCY = b"hospital.east"


class HistoryStage(OverlapStage):
    """The work where each citizen has had sixteen appointments before the first record."""

    def start(self, key: str) -> State:
        """Appointments of the past, which overlap with nothing."""
        numbers = range(REMEMBERED)
        times = (_TIMES.pack(_PAST + number * _HOUR, _PAST + (number + 1) * _HOUR) for number in numbers)
        texts = (f"H{number:02}{key[-7:]}".encode() for number in numbers)
        marked = (_AGENCY + _AFTER_AGENCY + text + _AFTER_APPOINTMENT for text in texts)
        return bytes((REMEMBERED,)) + b"".join(times) + b"".join(marked)
