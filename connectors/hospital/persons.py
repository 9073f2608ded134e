"""ADT about persons: registration, changes, links and merges (HL7 v2 chapter 3)."""

from typing import Final

from connectors.hospital.fact import make_fact, merge_groups, prior, subject, today
from connectors.hospital.hl7 import Segment
from connectors.hospital.identity import Identities
from connectors.hospital.parse import HospitalMessage, Unmappable, where
from connectors.kit import times
from connectors.kit.outcomes import Fact
from schemas.records import Code, Identifier, Relation, RelationKind

_RELATIONS: Final[dict[str, RelationKind]] = {
    **dict.fromkeys(("MTH", "FTH", "PAR", "GRD", "GRP", "FCH"), "HAS_GUARDIAN"),
    **dict.fromkeys(("CHD", "SCH", "WRD"), "GUARDIAN_OF"),
    **dict.fromkeys(("EMC", "SPO", "SIB", "FND", "DOM", "EME"), "CONTACT"),
}
"""NK1-3, table 0063. FCH is the patient's role as foster child of the next of kin."""
_DATE: Final = 8


def person_registered(message: HospitalMessage) -> list[Fact]:
    """A28."""
    return _person(message, "PersonRegistered")


def person_updated(message: HospitalMessage) -> list[Fact]:
    """A08 and A31."""
    return _person(message, "PersonUpdated")


def linked(message: HospitalMessage) -> list[Fact]:
    """A24: two PIDs are one person. Identifiers that both have need no link."""
    first, others = _two_patients(message)
    if not others:
        return []
    body = {"linked": list(others), "reason": _reason(message)}
    return [make_fact(message, "IdentityLinked", first, message.occurred(), body)]


def unlinked(message: HospitalMessage) -> list[Fact]:
    """A37: the second PID's identifiers are not the first one's. What both have stays with the first."""
    first, others = _two_patients(message)
    if not others:
        return []
    body = {"unlinked": list(others), "reason": _reason(message, "UNLINKED")}
    return [make_fact(message, "IdentityUnlinked", first, message.occurred(), body)]


def _two_patients(message: HospitalMessage) -> tuple[Identities, tuple[Identifier, ...]]:
    """The first of two PIDs, and the identifiers that only the second has."""
    pids = message.body.all("PID")
    if len(pids) < 2:  # noqa: PLR2004 - a link has two ends
        raise Unmappable("a link needs two patients", reason="subject.missing", where="PID[2]")
    first, second = subject(message, pids[0]), subject(message, pids[1])
    return first, second.without(first)


def merged(message: HospitalMessage) -> list[Fact]:
    """A34 and A40: each MRG is given up for the PID before it. One fact for each pair."""
    return _retired(message, "MERGED")


def identifier_changed(message: HospitalMessage) -> list[Fact]:
    """A47: the same person under another identifier."""
    return _retired(message, "IDENTIFIER_CHANGED")


def _person(message: HospitalMessage, record: str) -> list[Fact]:
    pid = message.body.first("PID")
    who = subject(message, pid)
    assert pid is not None  # noqa: S101 - subject() refuses a message without one
    body = {
        "status": _status(pid),
        "roles": ["PATIENT"],
        "relations": _relations(message),
        "institution": message.institution(),
        "details": {
            "family_name": pid.text(5) or None,
            "given_name": " ".join(part for part in (pid.text(5, 2), pid.text(5, 3)) if part) or None,
            "birth_date": _birth_date(message, pid),
        },
    }
    return [make_fact(message, record, who, message.occurred(), body)]


def _status(pid: Segment) -> Code:
    indicator = pid.text(30).upper()
    dead = indicator == "Y" or (not indicator and bool(pid.text(29)))
    return {
        "code": indicator if indicator in ("Y", "N") else "",
        "system": "HL70136",
        "mapped": "DECEASED" if dead else "ACTIVE",
    }


def _birth_date(message: HospitalMessage, pid: Segment) -> str | None:
    """PID-7 as ISO 8601; what cannot be read as it was sent; a placeholder such as 19000101 not at all."""
    text = pid.text(7).strip()
    if not text:
        return None
    if times.hl7(text[:_DATE], message.reading.zone) is None:
        return None if text.startswith(("1900", "9999", "0001")) else text
    if not text[:_DATE].isdigit() or (len(text) > _DATE and not _readable(message, text)):
        return text
    return "-".join(part for part in (text[:4], text[4:6], text[6:8]) if part)


def _readable(message: HospitalMessage, text: str) -> bool:
    return times.hl7(text, message.reading.zone) is not None


def _relations(message: HospitalMessage) -> list[Relation]:
    found: list[Relation] = []
    for kin in message.body.all("NK1"):
        person = message.reading.identities.related(kin.repetitions(33), message.msh, today(message))
        if person.identifiers:
            kind = _RELATIONS.get(kin.text(3).upper(), "OTHER")
            found.append({"kind": kind, "person": person.identifiers[0]})
    return found


def _reason(message: HospitalMessage, mapped: str = "UNKNOWN") -> Code:
    return {"code": message.trigger, "system": "HL70003", "mapped": mapped}


def _retired(message: HospitalMessage, mapped: str) -> list[Fact]:
    found: list[Fact] = []
    for mrg, pid, _ in merge_groups(message):
        survivor, old = subject(message, pid), prior(message, mrg)
        if not old.identifiers:
            raise Unmappable(
                "the merge does not say which identifier is given up",
                reason="merge.no_old_id",
                where=where(mrg, 1),
            )
        retired: tuple[Identifier, ...] = old.without(survivor)
        if retired:  # what both have stays the survivor's
            body = {
                "retired": list(retired),
                "retired_key": retired[0]["pseudonym"],
                "reason": _reason(message, mapped),
            }
            found.append(make_fact(message, "IdentityMerged", survivor, message.occurred(), body))
    return found
