"""The load generator of the benchmark of findings, a process of its own: `python -m bench.paced_load '{…}'`.

It sends bookings at a steady rate over several connections, each of which waits for its acknowledgements. It
prints one line of JSON: when each booking that collides with an earlier one was acknowledged.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from bench.hl7_messages import START, booking, patient
from connectors.hospital.mllp import frame
from connectors.hospital.testing import Envelope, siu

_END = b"\x1c\r"
_ACCEPTED = b"MSA|AA|"
_EVERY = 20
_BEFORE = 500
"""A booking that collides is of the patient who was booked so many bookings before."""


@dataclass(frozen=True, slots=True)
class PacedLoad:
    """What to send."""

    address: str
    connections: int
    rate: int
    """Messages a second."""
    messages: int


@dataclass(slots=True)
class Acknowledged:
    """What came of it."""

    count: int = 0
    collided: dict[str, float] = field(default_factory=dict)
    """When (seconds since the epoch) by the control id of each message that makes a finding."""
    latest: float = 0.0
    """The most by which a message was sent later than it should have been, in seconds."""


def collides(number: int) -> bool:
    """Whether booking ``number`` is half way over an earlier one of the same patient: every twentieth is."""
    return number >= _BEFORE and number % _EVERY == 0


def control_id(number: int) -> str:
    """The control id of booking ``number``."""
    return f"M{number:08}"


def message(number: int) -> bytes:
    """Booking ``number``: each of another patient, but for those that collide."""
    if not collides(number):
        person, booked = patient(number), booking(number)
    else:  # the one before was no such booking itself: 499 is no multiple of twenty
        earlier = number - _BEFORE + 1
        first = booking(earlier)
        person, booked = (
            patient(earlier),
            booking(number, first.start + timedelta(minutes=first.minutes // 2)),
        )
    return siu("S12", Envelope(control_id=control_id(number), at=START), person, booked)


async def send(load: PacedLoad) -> Acknowledged:
    """Send everything, each message at its time.

    Raises:
        ConnectionError: a message was not accepted.
    """
    host, _, port = load.address.rpartition(":")
    messages = [frame(message(number)) for number in range(load.messages)]
    found, numbers, began = Acknowledged(), iter(range(load.messages)), time.time() + 0.2

    async def connect() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            for number in numbers:
                due = began + number / load.rate
                await asyncio.sleep(max(0.0, due - time.time()))
                found.latest = max(found.latest, time.time() - due)
                writer.write(messages[number])
                if _ACCEPTED not in await reader.readuntil(_END):
                    raise ConnectionError("a message was not accepted")
                found.count += 1
                if collides(number):
                    found.collided[control_id(number)] = time.time()
        finally:
            writer.close()

    await asyncio.gather(*(connect() for _ in range(load.connections)))
    return found


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(send(PacedLoad(**json.loads(sys.argv[1])))))))
