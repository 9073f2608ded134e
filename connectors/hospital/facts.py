"""Which facts a message holds. Pure; the mapping table is in ``docs/connectors/hospital.md``."""

from collections.abc import Callable
from typing import Final

from connectors.hospital import adt, persons, siu, slots
from connectors.hospital.parse import HospitalMessage, Unmappable
from connectors.kit.outcomes import Fact, Ignore, Publish

_MAPPED: Final[dict[str, Callable[[HospitalMessage], list[Fact]]]] = {
    "A01": adt.admitted,
    "A03": adt.discharged,
    "A04": adt.admitted,
    "A08": persons.person_updated,
    "A11": adt.admission_cancelled,
    "A13": adt.discharge_cancelled,
    "A21": adt.leave_started,
    "A22": adt.leave_ended,
    "A24": persons.linked,
    "A28": persons.person_registered,
    "A31": persons.person_updated,
    "A34": persons.merged,
    "A37": persons.unlinked,
    "A40": persons.merged,
    "A45": adt.visit_moved,
    "A47": persons.identifier_changed,
    "S12": siu.scheduled,
    "S13": siu.rescheduled,
    "S14": siu.modified,
    "S15": siu.cancelled,
    "S16": siu.discontinued,
    "S17": siu.deleted,
    "S23": slots.blocked,
    "S24": slots.opened,
    "S26": siu.missed,
}
_ABOUT_SLOTS: Final = ("S23", "S24")
TRIGGERS: Final = frozenset(_MAPPED)
_CARRIED: Final = ("ADT", "SIU")


def facts(message: HospitalMessage) -> Publish | Ignore:
    """The facts of a message, or why it is not carried.

    Raises:
        Unmappable: it should have given a fact, and what the fact needs is absent or wrong.

    """
    code = message.msh.text(9).strip()
    if code in ("ACK", "MCF"):
        return Ignore("hl7.acknowledgement")
    if not code:
        raise Unmappable("the message has no type", reason="hl7.no_type", where="MSH-9")
    if code not in _CARRIED:
        return Ignore("hl7.type_not_carried")
    if not message.trigger:
        raise Unmappable("the message has no trigger event", reason="hl7.no_type", where="MSH-9.2")
    mapping = _MAPPED.get(message.trigger)
    if mapping is None or (message.trigger in _ABOUT_SLOTS and not message.reading.settings.slots):
        return Ignore("hl7.type_not_carried")
    found = mapping(message)
    return Publish(tuple(found)) if found else Ignore("nothing_to_say")
