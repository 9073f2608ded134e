"""SIU^S24 and S23: times that can be booked, and times that no longer can (HL7 v2.5.1, 10.4.13 and 10.4.12).

The standard says that slots of a schedule were opened or blocked, and describes them by SCH and the resource
groups. Here each AIS is one slot: the service that can be had, when, and with the room and the person or
machine of its group. Nothing in it is about a citizen.
"""

from typing import Any, Final, NamedTuple

from connectors.hospital import siu
from connectors.hospital.fact import TIME_REMARKS
from connectors.hospital.hl7 import Segment
from connectors.hospital.parse import HospitalMessage, Unmappable, coded, where
from connectors.kit.outcomes import Fact
from connectors.kit.slots import LONGEST
from schemas.records import Code, Institution, Slot, Time
from schemas.shelves import shelf_key

_SECOND: Final = 1_000_000
_WHY: Final = {"BOOKED": "TAKEN", "TAKEN": "TAKEN", "BLOCKED": "CLOSED", "CLOSED": "CLOSED", "MOVED": "MOVED"}


class _Part(NamedTuple):
    """One AIS with the other segments of its resource group."""

    service: Segment
    place: Segment | None
    person: Segment | None
    machine: Segment | None


def opened(message: HospitalMessage) -> list[Fact]:
    """S24: a fact for each service and department, with its slots."""
    parts = _parts(message)
    shelves: dict[str, tuple[Institution, Code, list[Slot]]] = {}
    for number, part in enumerate(parts, 1):
        institution, service = _institution(message, part), _service(message, part)
        slot = _slot(message, part, number, alone=len(parts) == 1)
        shelves.setdefault(shelf_key(institution, service), (institution, service, []))[2].append(slot)
    return [
        _fact(message, "SlotsOffered", key, {"institution": institution, "service": service, "slots": slots})
        for key, (institution, service, slots) in shelves.items()
    ]


def blocked(message: HospitalMessage) -> list[Fact]:
    """S23: a fact for each slot."""
    parts, facts = _parts(message), []
    for number, part in enumerate(parts, 1):
        institution, service = _institution(message, part), _service(message, part)
        body: dict[str, Any] = {
            "institution": institution,
            "service": service,
            "slot": _id(message, number, alone=len(parts) == 1),
            "reason": _reason(message),
        }
        facts.append(_fact(message, "SlotWithdrawn", shelf_key(institution, service), body))
    return facts


def _parts(message: HospitalMessage) -> list[_Part]:
    groups: list[list[Segment]] = [[]]
    for segment in message.body.segments():
        if segment.name == "RGS":
            groups.append([])
        groups[-1].append(segment)
    parts = []
    for group in groups:
        found: dict[str, Segment] = {}
        for segment in group:
            found.setdefault(segment.name, segment)
        resources = (found.get("AIL"), found.get("AIP"), found.get("AIG"))
        parts += [_Part(segment, *resources) for segment in group if segment.name == "AIS"]
    if not parts:
        raise Unmappable("the slot names no service", reason="slot.no_service", where="AIS")
    return parts


def _service(message: HospitalMessage, part: _Part) -> Code:
    service = coded(message, part.service, 3, "", "UNKNOWN")
    if not service["code"]:
        raise Unmappable("the slot names no service", reason="slot.no_service", where=where(part.service, 3))
    return service


def _institution(message: HospitalMessage, part: _Part) -> Institution:
    """As for appointments, which are to find the slots of their own department."""
    department = message.body_text("PV1", 10) or (part.place.text(3).strip() if part.place else "")
    return message.institution(department or message.body_text("PV1", 3))


def _id(message: HospitalMessage, number: int, *, alone: bool) -> str:
    """SCH-2, the filler's id, else SCH-1; in a message with several slots with the number of the AIS."""
    own = message.body_text("SCH", 2) or message.body_text("SCH", 1)
    if not own:
        raise Unmappable("the slot has no id", reason="slot.no_id", where="SCH-2")
    return message.token(own if alone else f"{own}/{number}")


def _slot(message: HospitalMessage, part: _Part, number: int, *, alone: bool) -> Slot:
    name = _id(message, number, alone=alone)
    start = _start(message, part, alone=alone)
    end = _end(message, part, start, alone=alone)
    if start["instant"] <= message.recorded()["instant"]:
        raise Unmappable("the slot is in the past", reason="slot.past", where=where(part.service, 4))
    if end["instant"] - start["instant"] > LONGEST:
        raise Unmappable("the slot is longer than a day", reason="slot.length", where=where(part.service, 7))
    resource = next((one.text(3).strip() for one in (part.person, part.machine) if one), "")
    place = [one.strip() for one in part.place.values(3, 1, 2)] if part.place else []
    return {
        "id": name,
        "start": start,
        "end": end,
        "resource": message.token(resource) or None,
        "place": "/".join(message.token(one) for one in place if one) or None,
        "valid_until": None,
    }


def _start(message: HospitalMessage, part: _Part, *, alone: bool) -> Time:
    """AIS-4; where the message is about one slot, TQ1-7 or SCH-11.4 may stand in."""
    start = message.time(part.service, 4)
    if start is None and alone:
        start = siu.scheduled_start(message)
    if start is None or start["confidence"] == "DATE_ONLY":
        raise Unmappable("the slot has no start", reason="slot.no_start", where=where(part.service, 4))
    return start


def _end(message: HospitalMessage, part: _Part, start: Time, *, alone: bool) -> Time:
    """The start and AIS-7/8; where the message is about one slot, as for an appointment."""
    seconds = siu.seconds(part.service, 7)
    if seconds:
        instant = start["instant"] + seconds * _SECOND
        return {"instant": instant, "source": "", "confidence": start["confidence"]}
    end = siu.scheduled_end(message, start) if alone else None
    if end is None:
        raise Unmappable("the slot has no end", reason="slot.no_end", where=where(part.service, 7))
    return end


def _reason(message: HospitalMessage) -> Code:
    """SCH-25, else SCH-6."""
    schedule = message.body.first("SCH")
    for field, table in ((25, "HL70278"), (6, "")):
        if schedule is not None and schedule.text(field):
            mapped = _WHY.get(schedule.text(field).strip().upper(), "UNKNOWN")
            return coded(message, schedule, field, table, mapped)
    return {"code": "", "system": "HL70278", "mapped": "UNKNOWN"}


def _fact(message: HospitalMessage, record: str, key: str, body: dict[str, Any]) -> Fact:
    recorded = message.recorded()
    slots: list[Slot] = body.get("slots", [])
    told = (recorded, *(time for slot in slots for time in (slot["start"], slot["end"])))
    return Fact(
        record=record,
        identifiers=(),
        key=key,
        occurred=message.occurred(),
        recorded=recorded,
        body=body,
        sensitivity="INTERNAL",
        remarks=tuple(sorted({TIME_REMARKS[time["confidence"]] for time in told} - {""})),
    )
