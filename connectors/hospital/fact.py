"""What every fact of a message has in common: whom it is about, when, how protected, and what is odd."""

from typing import Any

from connectors.hospital.hl7 import Segment
from connectors.hospital.identity import Identities
from connectors.hospital.parse import HospitalMessage, Unmappable, where
from connectors.hospital.protection import protection
from connectors.kit.outcomes import Fact
from schemas.records import Time


def subject(message: HospitalMessage, pid: Segment | None) -> Identities:
    """The patient of a PID.

    Raises:
        Unmappable: there is no PID, or nothing in it identifies a person.

    """
    if pid is None:
        raise Unmappable("the message names no patient", reason="subject.missing", where="PID")
    found = message.reading.identities.patient(pid, message.msh, today(message))
    if not found.identifiers:
        raise Unmappable(
            "the patient has no identifier that can be used", reason="subject.missing", where=where(pid, 3)
        )
    return found


def today(message: HospitalMessage) -> str:
    """The message's own day (MSH-7), by which identifiers expire."""
    return message.msh.text(7)[:8]


TIME_REMARKS = {
    "EXACT": "",
    "NO_ZONE": "time.no_zone",
    "DATE_ONLY": "time.date_only",
    "DOUBTFUL": "time.doubtful",
}
"""What is odd about a time, by its confidence."""


def make_fact(
    message: HospitalMessage, record: str, who: Identities, occurred: Time, body: dict[str, Any]
) -> Fact:
    """A fact of this message. ``body`` is the record without ``meta``; what is odd is remarked on here."""
    recorded = message.recorded()
    told = (occurred, recorded, body.get("start"), body.get("end"))
    odd = [*who.remarks, *(TIME_REMARKS[time["confidence"]] for time in told if time)]
    if not who.identifiers[0]["national"]:
        odd.append("id.local_only")
    if message.type_mismatch:
        odd.append("message.type_mismatch")
    if not message.msh.text(10).strip():
        odd.append("message.id_missing")
    if not message.msh.text(4) and not message.msh.text(4, 2):
        odd.append("institution.default")
    return Fact(
        record=record,
        identifiers=who.identifiers,
        occurred=occurred,
        recorded=recorded,
        body=body,
        protection=protection(message.body, message.reading.settings.protection_codes),
        remarks=tuple(sorted(set(odd) - {""})),
    )


def prior(message: HospitalMessage, mrg: Segment) -> Identities:
    """The patient that an MRG gives up; nothing in it may be usable."""
    return message.reading.identities.prior(mrg, message.msh, today(message))


def merge_groups(message: HospitalMessage) -> list[tuple[Segment, Segment, Segment | None]]:
    """Each MRG with the PID before it and the PV1 behind it, in order (ADT_A30, ADT_A39, ADT_A45)."""
    groups: list[tuple[Segment, Segment, Segment | None]] = []
    pid: Segment | None = None
    for segment in message.body.segments():
        if segment.name == "PID":
            pid = segment
        elif segment.name == "MRG":
            if pid is None:
                raise Unmappable("MRG stands before any PID", reason="subject.missing", where="PID")
            groups.append((segment, pid, None))
        elif segment.name == "PV1" and groups and groups[-1][2] is None:
            groups[-1] = (groups[-1][0], groups[-1][1], segment)
    if not groups:
        raise Unmappable("the message has no MRG segment", reason="merge.no_old_id", where="MRG")
    return groups
