"""The work as a stage of Samband's engine."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from bench.engine.work import APPOINTMENT, APPOINTMENT_FRAME, OVERLAP, OVERLAP_FRAME, REMEMBERED
from bus.engine import Output
from schemas.errors import PoisonError
from schemas.fast_decoding import fast_reader
from schemas.fast_encoding import fast_writer

UNREAD = ("system", "status", "place", "title", "content_hash")
"""Five fields of eleven that the work does not look at."""


class Slot(NamedTuple):
    """What is remembered of an appointment."""

    start: int
    end: int
    agency: str
    appointment: str


class Appointment(NamedTuple):
    """What the work needs of an appointment."""

    event_id: str
    recorded: int
    slot: Slot


State = list[Slot]
Read = Callable[[bytes], Appointment]

_write = fast_writer(OVERLAP)
assert _write is not None  # noqa: S101 - the schema has no type that only fastavro writes
write = _write
encode_state = msgspec.msgpack.Encoder().encode
decode_state = msgspec.msgpack.Decoder(State).decode


def reader(unread: Sequence[str] = UNREAD) -> Read:
    """Reads an appointment but for ``unread``; ValueError or LookupError for anything else."""
    fast = fast_reader(APPOINTMENT, unread)
    assert fast is not None  # noqa: S101 - the schema has no type that only fastavro reads
    body = len(APPOINTMENT_FRAME)

    def read(data: bytes) -> Appointment:
        value, end = fast(data, body)
        if end != len(data):
            raise ValueError("bytes after the end")
        slot = Slot(value["start"], value["end"], value["agency"], value["appointment"])
        return Appointment(value["event_id"], value["recorded"], slot)

    return read


def answer(state: State, event: Appointment) -> bytes:
    """The answer to ``event``, which is then remembered in ``state``."""
    slot = event.slot
    start, end, agency, appointment = slot
    found: Slot | None = None
    for old in reversed(state):
        if old[0] < end and start < old[1] and old[2] != agency:
            found = old
            break
    state.append(slot)
    if len(state) > REMEMBERED:
        del state[0]
    return write(
        OVERLAP_FRAME,
        {
            "event_id": event.event_id,
            "recorded": event.recorded,
            "agency": agency,
            "appointment": appointment,
            "other_agency": found and found.agency,
            "other_appointment": found and found.appointment,
        },
    )


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
            return self._read(value)
        except (ValueError, LookupError):
            raise PoisonError("not an appointment", reason="body.invalid", where="/5") from None

    def step(self, key: str, state: State | None, event: Appointment) -> tuple[State, Sequence[Output]]:
        """The appointments known now, and the answer."""
        known = self.start(key) if state is None else state
        return known, (Output(self._sink, key.encode(), answer(known, event)),)

    def start(self, key: str) -> State:
        """What is known of a citizen of whom nothing came yet."""
        return []

    def dump(self, state: State) -> bytes:
        """The state as bytes."""
        return encode_state(state)

    def load(self, data: bytes, version: int) -> State:
        """The state that ``dump`` wrote."""
        return decode_state(data)

    def wake(self, state: State) -> None:
        """Nothing here lives in time."""


_PAST = 1_700_000_000_000_000
_HOUR = 3_600_000_000


class HistoryStage(OverlapStage):
    """The work where each citizen has had sixteen appointments before the first record."""

    def start(self, key: str) -> State:
        """Appointments of the past, which overlap with nothing."""
        tail = key[-7:]
        return [
            Slot(_PAST + number * _HOUR, _PAST + (number + 1) * _HOUR, "hospital.east", f"H{number:02}{tail}")
            for number in range(REMEMBERED)
        ]
