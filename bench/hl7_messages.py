"""The HL7 messages that are measured: the real samples where they are on this machine, else our own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

from connectors.hospital.testing import Booking, Envelope, Patient, adt, siu

SAMPLES: Final = Path(__file__).resolve().parents[2] / "shared" / "samples" / "hl7v2"
RECORD_OF: Final = {
    "A01": "StayStarted",
    "A03": "StayEnded",
    "A08": "PersonUpdated",
    "A11": "StayCorrected",
    "A28": "PersonRegistered",
    "A40": "IdentityMerged",
    "A45": "StayCorrected",
    "S12": "AppointmentScheduled",
    "S13": "AppointmentRescheduled",
    "S14": "AppointmentModified",
    "S15": "AppointmentCancelled",
    "S17": "AppointmentCancelled",
    "S26": "AppointmentMissed",
}
"""The one fact that a message of each type is (docs/connectors/hospital.md)."""
_CARRIED = ("ADT-", "SIU-", "ADT_A40")
_MEAN_BYTES = 4_500
"""Mean size of the samples, which ours are filled up to."""
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages that each become one fact."""

    origin: str
    """Where they come from, for people."""
    payloads: tuple[bytes, ...]
    records: tuple[str, ...]
    """The record that each of them becomes."""


def messages() -> Messages:
    """The messages to measure with."""
    return samples() if SAMPLES.is_dir() else own()


def samples() -> Messages:
    """The samples that the hospital connector carries; their lines end as on the wire."""
    paths = [path for path in sorted(SAMPLES.glob("*/*.hl7")) if path.name.startswith(_CARRIED)]
    payloads = tuple(
        path.read_bytes().replace(b"\r\n", b"\r").replace(b"\n", b"\r").rstrip(b"\r") + b"\r"
        for path in paths
    )
    return Messages("sample messages", payloads, tuple(RECORD_OF[_trigger(path)] for path in paths))


def _trigger(path: Path) -> str:
    """``ADT-A01-01.hl7`` and ``ADT_A40_one_MRG.hl7`` name it in the same place."""
    return path.stem[4:7]


def own() -> Messages:
    """Messages of the project's own, about as large as the samples."""
    triggers = ("A01", "A03", "A08", "A28", "S12", "S13", "S14", "S15", "S26")
    payloads = tuple(_filled(_message(trigger, number)) for number, trigger in enumerate(triggers))
    return Messages("own messages", payloads, tuple(RECORD_OF[trigger] for trigger in triggers))


def _message(trigger: str, number: int) -> bytes:
    envelope = Envelope(control_id=f"B{number:08}", at=START)
    if trigger.startswith("A"):
        return adt(trigger, envelope, patient(number), visit=f"V{number}", department="MEDI")
    return siu(trigger, envelope, patient(number), booking(number))


def _filled(message: bytes) -> bytes:
    line = b"OBX|%d|NM|8867-4^Heart rate^LN||72|/min^^UCUM|60-100|N|||F|||20260302073000|||\r"
    numbers = count(1)
    while len(message) < _MEAN_BYTES:
        message += line % next(numbers)
    return message


def patient(number: int) -> Patient:
    """A patient of the hospital's own register; a made-up one, without a national identifier."""
    return Patient(number=f"{1_000_000 + number}", family=f"Familie{number}", given="Ola", born="20170115")


def booking(number: int, start: datetime | None = None) -> Booking:
    """An appointment within a year, or at ``start``."""
    start = start or START + timedelta(minutes=30 * (number % 10_000))
    return Booking(
        number=f"BK{number}",
        start=start,
        title="Kontroll",
        department="BARN",
        room="R1",
        practitioner="Lege",
    )


def bookings(first: int, citizens: int) -> Iterator[bytes]:
    """SIU^S12 messages without end, each about another appointment."""
    for number in count(first):
        envelope = Envelope(control_id=f"M{number:08}", at=START)
        yield siu("S12", envelope, patient(number % citizens), booking(number))
