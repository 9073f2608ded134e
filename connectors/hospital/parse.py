"""Bytes to a message that the mapping can read: header, character set, segments, times, codes."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from connectors.hospital.charset import codec_name, decode
from connectors.hospital.header import Header
from connectors.hospital.hl7 import Message, Segment, Unparseable
from connectors.hospital.identity import IdentityReader
from connectors.hospital.settings import HospitalSettings
from connectors.kit import times
from connectors.kit.pseudonyms import Pseudonyms
from schemas.errors import PoisonError
from schemas.records import Code, Institution, Time


class Rejected(Unparseable):
    """The message can be read, but it is not for this listener: it is a test, or in another version."""


class Unmappable(PoisonError):  # noqa: N818 - the tree in schemas.errors names what it is
    """The message parses and has a fact, but not what the fact needs: a dead letter, and AA."""


class Reading:
    """What one connector's settings say about reading messages. Built once."""

    __slots__ = ("agency", "fallback", "identities", "settings", "zone")

    def __init__(self, settings: HospitalSettings, agency: str, pseudonyms: Pseudonyms) -> None:
        """``agency`` scopes the hospital's own numbers; identifiers leave through ``pseudonyms`` only."""
        self.settings = settings
        self.agency = agency
        self.zone = ZoneInfo(settings.zone)
        self.fallback = codec_name(settings.fallback_charset) or "iso8859-1"
        self.identities = IdentityReader(settings, agency, pseudonyms)


@dataclass(slots=True)
class HospitalMessage:
    """A message under the settings of its source."""

    body: Message
    msh: Segment
    trigger: str
    received: int
    """Microseconds since the epoch."""
    reading: Reading
    _recorded: Time | None = None

    def time(self, segment: Segment | None, field: int, component: int = 1) -> Time | None:
        """The time in a field, or None where it is absent.

        Raises:
            Unmappable: something stands there, and it is no time that exists.

        """
        text = segment.text(field, component) if segment else ""
        if segment is None or not text:
            return None
        found = times.hl7(text, self.reading.zone)
        if found is None:
            raise Unmappable(
                "the time cannot be read or does not exist",
                reason="time.unreadable",
                where=where(segment, field, component),
            )
        return found

    def optional_time(self, segment: Segment | None, field: int, component: int = 1) -> Time | None:
        """The time in a field, or None where it is absent or cannot be read."""
        text = segment.text(field, component) if segment else ""
        return times.hl7(text, self.reading.zone) if text else None

    def body_text(self, name: str, field: int, component: int = 1) -> str:
        """A value of the first segment of that name; empty where either is absent."""
        segment = self.body.first(name)
        return segment.text(field, component).strip() if segment else ""

    def body_values(self, name: str, field: int, *components: int) -> list[str]:
        """Several components of a field of the first segment of that name; empty where they are absent."""
        segment = self.body.first(name)
        if segment is None:
            return [""] * len(components)
        return [value.strip() for value in segment.values(field, *components)]

    def recorded(self) -> Time:
        """When the source wrote it down: EVN-2, else MSH-7, else when it came."""
        if self._recorded is None:
            evn = self.body.first("EVN")
            self._recorded = (
                self.optional_time(evn, 2)
                or self.optional_time(self.msh, 7)
                or times.doubtful("", self.received)
            )
        return self._recorded

    def occurred(self) -> Time:
        """When it happened: EVN-6, else when it was recorded."""
        return self.optional_time(self.body.first("EVN"), 6) or self.recorded()

    def institution(self, department: str = "") -> Institution:
        """The sending facility (MSH-4), by its universal id where it has one."""
        namespace, oid, kind = self.msh.values(4, 1, 2, 3)
        if oid and kind:
            system, code = ("urn:oid" if kind == "ISO" else kind), oid
        else:
            system, code = self.reading.agency, namespace or oid or self.reading.agency
        return {"system": system, "id": self.token(code), "department": self.token(department) or None}

    @property
    def type_mismatch(self) -> bool:
        """Whether EVN-1 names another trigger than MSH-9; MSH-9 is right."""
        evn = self.body.first("EVN")
        return evn is not None and evn.text(1).strip() not in ("", self.trigger)

    def own_system(self, field: int = 4) -> str:
        """The system of ids without an authority: the sending facility, or MSH-3, the application."""
        return self.reading.identities.local_system(
            self.msh.text(field) or self.msh.text(4) or "-", self.msh.text(field, 2), self.msh.text(field, 3)
        )

    def token(self, text: str) -> str:
        """``text`` as it may stand outside sealed details."""
        return self.reading.identities.token(text.strip())


def parse(payload: bytes, received: int, reading: Reading, header: Header | None = None) -> HospitalMessage:
    """The message in ``payload``; ``header``, when it was read before.

    Raises:
        Unparseable: it is not HL7 v2, or not in the character set that it declares.
        Rejected: wrong MSH-11 or MSH-12.

    """
    header = header or Header.of(payload)
    if header is None:
        raise Unparseable("the message does not begin with an MSH segment", reason="hl7.no_msh", where="MSH")
    if header.version is None:
        raise Rejected(
            "the HL7 version is not supported",
            reason="hl7.version",
            where="MSH-12",
            fix="send 2.3 to 2.8",
        )
    if header.processing not in reading.settings.processing_ids:
        raise Rejected(
            "the processing id is not taken here",
            reason="hl7.processing_id",
            where="MSH-11",
            fix="send P, or add the id to the connector's processing_ids",
        )
    body = Message(decode(payload, header, reading.fallback))
    msh = body.first("MSH")
    assert msh is not None  # noqa: S101 - Message raises where there is none
    return HospitalMessage(body, msh, _trigger(body, msh), received, reading)


def where(segment: Segment, field: int, component: int = 1) -> str:
    """The place of a value, ``SCH-11.4`` or ``PID[2]-3``."""
    number = f"[{segment.sequence}]" if segment.sequence > 1 else ""
    part = f".{component}" if component > 1 else ""
    return f"{segment.name}{number}-{field}{part}"


def coded(message: HospitalMessage, segment: Segment, field: int, table: str, mapped: str) -> Code:
    """A coded field (CE, CWE) as the contract has it; ``table`` names the system where the field does not."""
    code, system = segment.values(field, 1, 3)
    return {
        "code": message.token(code),
        "system": message.token(system) or table,
        "mapped": mapped,
    }


def _trigger(body: Message, msh: Segment) -> str:
    """MSH-9.2 decides, even where EVN-1 says something else; EVN-1 only where MSH-9 has none."""
    evn = body.first("EVN")
    return msh.text(9, 2).strip() or (evn.text(1).strip() if evn else "")
