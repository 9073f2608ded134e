"""Offers appointments at a steady rate, whatever becomes of them. A process of its own.

Each record says when it was to be sent (microseconds since the epoch), so a late sender shows as a wait.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass

from confluent_kafka import Producer

from bench.engine.work import APPOINTMENT, APPOINTMENT_FRAME, PARTITIONS, Appointments, write
from bus.partitioning import key_hash

_TICK_SECONDS = 0.002
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Phase:
    """A time at one rate."""

    rate: int
    """Records a second."""
    begin: float
    end: float
    """Both in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What is to be sent."""

    bootstrap_servers: str
    topic: str
    citizens: int
    phases: tuple[Phase, ...]

    @property
    def records(self) -> int:
        """How many records that makes."""
        return sum(int(phase.rate * (phase.end - phase.begin)) for phase in self.phases)

    def as_json(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "Offer":
        """What `as_json` wrote."""
        said = json.loads(text)
        return Offer(**{**said, "phases": tuple(Phase(**phase) for phase in said["phases"])})


def send(offer: Offer) -> int:
    """Send it all in its time; how many records could not be delivered."""
    producer = Producer({"bootstrap.servers": offer.bootstrap_servers, "acks": "1", "linger.ms": 1})
    made = Appointments(offer.citizens)
    citizen = 0
    for phase in offer.phases:
        count = int(phase.rate * (phase.end - phase.begin))
        sent = 0
        while sent < count:
            due = min(count, int((time.time() - phase.begin) * phase.rate) + 1)
            while sent < due:
                citizen = (citizen + 7919) % offer.citizens  # a prime: neighbours in time are not in number
                record = made.of(citizen)
                record.value["recorded"] = int((phase.begin + sent / phase.rate) * 1_000_000)
                producer.produce(
                    offer.topic,
                    write(APPOINTMENT, APPOINTMENT_FRAME, record.value),
                    record.key,
                    key_hash(record.key) % PARTITIONS,
                )
                sent += 1
            producer.poll(0)
            time.sleep(_TICK_SECONDS)
    return int(producer.flush(_PATIENCE_SECONDS))


if __name__ == "__main__":
    sys.exit(1 if send(Offer.from_json(sys.argv[1])) else 0)
