"""The records that every system works on, and the right answer, by plain Python and fastavro alone.

The work: decode an appointment, look at the citizen's last 16, find the latest of them that overlaps and is
another agency's, remember the new one, write one answer. Nothing here is used by a program under measurement
but the schemas and, where it has no faster one of its own, `read` and `write`.
"""

from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from random import Random
from struct import Struct
from typing import Any, Final, NamedTuple
from uuid import UUID

import fastavro

CITIZENS: Final = 20_000
PARTITIONS: Final = 4
REMEMBERED: Final = 16
APPOINTMENT_ID: Final = 900_001
OVERLAP_ID: Final = 900_002
APPOINTMENT: Final[dict[str, Any]] = {
    "type": "record",
    "name": "BenchAppointment",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "recorded", "type": "long"},
        {"name": "agency", "type": "string"},
        {"name": "system", "type": "string"},
        {"name": "appointment", "type": "string"},
        {"name": "start", "type": "long"},
        {"name": "end", "type": "long"},
        {"name": "status", "type": "string"},
        {"name": "place", "type": "string"},
        {"name": "title", "type": "string"},
        {"name": "content_hash", "type": "string"},
    ],
}
"""Times are microseconds since the epoch. The citizen is the record's key."""
OVERLAP: Final[dict[str, Any]] = {
    "type": "record",
    "name": "BenchOverlap",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "recorded", "type": "long"},
        {"name": "agency", "type": "string"},
        {"name": "appointment", "type": "string"},
        {"name": "other_agency", "type": ["null", "string"]},
        {"name": "other_appointment", "type": ["null", "string"]},
    ],
}
"""The first four as in the appointment; the other one is null where none overlaps."""

_FRAME = Struct(">BI")
APPOINTMENT_FRAME: Final = _FRAME.pack(0, APPOINTMENT_ID)
OVERLAP_FRAME: Final = _FRAME.pack(0, OVERLAP_ID)
_AGENCIES = ("hospital.east", "hospital.west", "school.north", "municipality.south")
_PLACES = ("Outpatient clinic, 2nd floor", "Teachers' room, main house", "Town hall, room 114")
_TITLES = ("Control after surgery, bring your card", "Meeting about the individual plan")
_BASE = 1_772_438_400_000_000
_MINUTE = 60_000_000
_DAY = 24 * 60 * _MINUTE
_DAYS, _SLOTS_A_DAY = 14, 16
"""Working hours of two weeks in half hours: with 16 remembered, every eighth appointment meets another."""

_parsed = {id(schema): fastavro.parse_schema(schema) for schema in (APPOINTMENT, OVERLAP)}


class Made(NamedTuple):
    """An appointment before it is encoded."""

    key: bytes
    value: dict[str, Any]


def write(schema: dict[str, Any], frame: bytes, value: dict[str, Any]) -> bytes:
    """``value`` in Confluent framing."""
    buffer = BytesIO()
    buffer.write(frame)
    fastavro.schemaless_writer(buffer, _parsed[id(schema)], value)
    return buffer.getvalue()


def read(schema: dict[str, Any], data: bytes) -> dict[str, Any]:
    """The value in ``data``, all of its fields."""
    buffer = BytesIO(data)
    buffer.seek(_FRAME.size)
    value: Any = fastavro.schemaless_reader(buffer, _parsed[id(schema)], None)
    found: dict[str, Any] = value
    return found


def key_of(citizen: int) -> bytes:
    """The record key of a citizen."""
    return f"1.N{citizen:018}".encode()


class Appointments:
    """Made appointments of ``citizens`` citizens, the same for the same seed."""

    def __init__(self, citizens: int = CITIZENS, seed: int = 1) -> None:
        self._citizens = citizens
        self._random = Random(seed)
        self._number = 0

    def some(self, count: int) -> Iterator[Made]:
        """``count`` appointments of citizens at random."""
        for _ in range(count):
            yield self.of(self._random.randrange(self._citizens))

    def one_each(self, every: int = 1) -> Iterator[Made]:
        """One appointment of each citizen, or of ``every`` so manieth."""
        for citizen in range(0, self._citizens, every):
            yield self.of(citizen)

    def of(self, citizen: int) -> Made:
        """The next appointment, of that citizen."""
        self._number += 1
        number, random = self._number, self._random
        start = _BASE + random.randrange(_DAYS) * _DAY + random.randrange(_SLOTS_A_DAY) * 30 * _MINUTE
        event_id = UUID(int=random.getrandbits(128), version=4)
        agency = random.randrange(len(_AGENCIES))
        return Made(
            key_of(citizen),
            {
                "event_id": str(event_id),
                "recorded": _BASE + number * 1_000_000,
                "agency": _AGENCIES[agency],
                "system": "BENCH.v2",
                "appointment": f"A{number:09}",
                "start": start,
                "end": start + 45 * _MINUTE,
                "status": "BOOKED",
                "place": _PLACES[number % len(_PLACES)],
                "title": _TITLES[number % len(_TITLES)],
                "content_hash": sha256(event_id.bytes).hexdigest(),
            },
        )


Answers = dict[bytes, list[bytes]]
"""What has to come out: the encoded answers of each key, in their order."""


class Oracle:
    """The right answer, appointment by appointment."""

    def __init__(self) -> None:
        self._known: defaultdict[bytes, list[dict[str, Any]]] = defaultdict(list)

    def answer(self, made: Made) -> bytes:
        """The encoded answer to ``made``, which is then remembered."""
        known = self._known[made.key]
        new = made.value
        met = [
            old
            for old in known[-REMEMBERED:]
            if old["agency"] != new["agency"]
            and max(old["start"], new["start"]) < min(old["end"], new["end"])
        ]
        known.append({name: new[name] for name in ("agency", "appointment", "start", "end")})
        return write(
            OVERLAP,
            OVERLAP_FRAME,
            {
                **{name: new[name] for name in ("event_id", "recorded", "agency", "appointment")},
                "other_agency": met[-1]["agency"] if met else None,
                "other_appointment": met[-1]["appointment"] if met else None,
            },
        )
