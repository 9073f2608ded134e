"""What the hospital's tests share: readings, messages, people. Numbers are from official test lists."""

from datetime import datetime, timedelta, timezone
from typing import Any

from connectors.hospital.header import Header
from connectors.hospital.parse import Reading
from connectors.hospital.settings import HospitalSettings
from connectors.hospital.testing import Envelope, Patient
from connectors.hospital.translate import describe, translate
from connectors.kit.outcomes import DeadLetter, Fact, Ignore, Publish, SourceInput, Translation
from connectors.kit.pseudonyms import Pseudonyms

AGENCY = "hospital.test"
PSEUDONYMS = Pseudonyms(b"a key for tests, at least 32 bytes long", "1")
RECEIVED = 1_793_000_000_000_000
FNR = "13116900216"
"""Of Helsenorge's public test person."""
FNR_SYSTEM = "urn:oid:2.16.578.1.12.4.1.4.1"
ZONE = timezone(timedelta(hours=1))
MORNING = datetime(2026, 11, 16, 9, 0, tzinfo=ZONE)
EMIL = Patient(number="4711", national=FNR, family="Øvrebø", given="Emil", born="20170301")


def reading(**settings: object) -> Reading:
    return Reading(HospitalSettings.model_validate(settings), AGENCY, PSEUDONYMS)


def envelope(control_id: str = "M1", **fields: Any) -> Envelope:
    return Envelope(control_id=control_id, at=MORNING, **fields)


def described(payload: bytes, using: Reading | None = None) -> SourceInput:
    return describe(payload, RECEIVED, using or reading(), Header.of(payload))


def read(payload: bytes, using: Reading | None = None) -> Translation:
    using = using or reading()
    return translate(described(payload, using), using)


def facts(payload: bytes, using: Reading | None = None) -> tuple[Fact, ...]:
    translation = read(payload, using)
    assert isinstance(translation, Publish), translation
    return translation.facts


def letter(payload: bytes, using: Reading | None = None) -> tuple[str, str]:
    translation = read(payload, using)
    assert isinstance(translation, DeadLetter), translation
    return translation.reason, translation.where


def ignored(payload: bytes, using: Reading | None = None) -> str:
    translation = read(payload, using)
    assert isinstance(translation, Ignore), translation
    return translation.reason


def raw(*segments: str, kind: str = "ADT^A01", version: str = "2.5", control_id: str = "M1") -> bytes:
    msh = f"MSH|^~\\&|PAS|SYKEHUS|||20261116090000+0100||{kind}|{control_id}|P|{version}"
    return "\r".join((msh, *segments, "")).encode()


def identifier(system: str, value: str, *, national: bool = False) -> dict[str, object]:
    return dict(PSEUDONYMS.identifier(system, value, national=national))
