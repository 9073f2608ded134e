"""SIU: appointments (HL7 v2 chapter 10).

MSH-9.2 and SCH-25 are trusted. SCH-6 is not: in published messages it says ``Add`` in cancellations, too.
"""

from typing import Any, Final

from connectors.hospital.fact import make_fact, subject
from connectors.hospital.hl7 import Segment
from connectors.hospital.parse import HospitalMessage, Unmappable, coded
from connectors.kit.outcomes import Fact
from schemas.records import AppointmentDetails, AppointmentRef, Code, Time

_STATUS: Final = {
    "PENDING": "PROPOSED",
    "TENTATIVE": "PROPOSED",
    "WAITLIST": "PROPOSED",
    "PROPOSED": "PROPOSED",
    "BOOKED": "BOOKED",
    "CONFIRMED": "BOOKED",
    "OVERBOOK": "BOOKED",
    "STARTED": "ARRIVED",
    "ARRIVED": "ARRIVED",
    "COMPLETE": "FULFILLED",
    "CANCELLED": "CANCELLED",
    "CANCELED": "CANCELLED",
    "DC": "CANCELLED",
    "DISCONTINUED": "CANCELLED",
    "DELETED": "ENTERED_IN_ERROR",
    "NOSHOW": "MISSED",
}
"""SCH-25, table 0278, and the spellings that are seen."""
_WHY: Final = {"DC": "DISCONTINUED", "DISCONTINUED": "DISCONTINUED", "DELETED": "ENTERED_IN_ERROR"}
_SECONDS: Final = {
    "": 60, "MIN": 60, "M": 60, "MINUTES": 60, "S": 1, "SEC": 1, "SECONDS": 1,
    "H": 3600, "HR": 3600, "HOURS": 3600, "D": 86_400,
}  # fmt: skip
"""Units of AIS-8 and SCH-10 (UCUM, ISO+ and words). Minutes are meant where there is none."""
_SECOND = 1_000_000
_LONGEST = 366 * 86_400
_DIGITS = 9
"""More of them are no duration."""
_CITIZENS_NOTE = "PI"
"""NTE-4, table 0364: patient instructions."""


def scheduled(message: HospitalMessage) -> list[Fact]:
    """S12."""
    return _planned(message, "AppointmentScheduled")


def rescheduled(message: HospitalMessage) -> list[Fact]:
    """S13."""
    return _planned(message, "AppointmentRescheduled")


def modified(message: HospitalMessage) -> list[Fact]:
    """S14."""
    return _planned(message, "AppointmentModified")


def cancelled(message: HospitalMessage) -> list[Fact]:
    """S15."""
    return _off(message, _WHY.get(_status_code(message), "CANCELLED"))


def discontinued(message: HospitalMessage) -> list[Fact]:
    """S16."""
    return _off(message, "DISCONTINUED")


def deleted(message: HospitalMessage) -> list[Fact]:
    """S17: it was never meant."""
    return _off(message, "ENTERED_IN_ERROR")


def missed(message: HospitalMessage) -> list[Fact]:
    """S26. It happened when the appointment began, which is not when it was recorded."""
    start = scheduled_start(message)
    body = {**_common(message), "start": start}
    return _each(message, "AppointmentMissed", start or message.occurred(), body)


def _planned(message: HospitalMessage, record: str) -> list[Fact]:
    """S12 to S14; where SCH-25 says that it will not take place, that is the fact."""
    status = _status(message)
    if status["mapped"] == "MISSED":
        return missed(message)
    if status["mapped"] in ("CANCELLED", "ENTERED_IN_ERROR"):
        return cancelled(message)
    common, start = _common(message), scheduled_start(message)
    if start is None:
        raise Unmappable("the appointment has no start", reason="appointment.no_start", where="SCH-11.4")
    service = message.body.first("AIS")
    body = {
        **common,
        "start": start,
        "end": scheduled_end(message, start),
        "place": _place_code(message),
        "service": coded(message, service, 3, "", "UNKNOWN") if service and service.text(3) else None,
        "status": status,
    }
    return _each(message, record, message.occurred(), body)


def _off(message: HospitalMessage, why: str) -> list[Fact]:
    status = _status(message)
    trigger: Code = {"code": message.trigger, "system": "HL70003", "mapped": why}
    body = {
        **_common(message),
        "start": scheduled_start(message),
        "reason": {**status, "mapped": why} if status["code"] else trigger,
    }
    return _each(message, "AppointmentCancelled", message.occurred(), body)


def _each(message: HospitalMessage, record: str, occurred: Time, body: dict[str, Any]) -> list[Fact]:
    """One fact for each patient: a group appointment has several PIDs."""
    patients: list[Segment | None] = [*message.body.all("PID")] or [None]
    return [make_fact(message, record, subject(message, pid), occurred, dict(body)) for pid in patients]


def _common(message: HospitalMessage) -> dict[str, Any]:
    return {
        "appointment": _reference(message, _schedule(message)),
        "institution": message.institution(_department(message)),
        "details": _details(message),
    }


def _schedule(message: HospitalMessage) -> Segment:
    schedule = message.body.first("SCH")
    if schedule is None:
        raise Unmappable("the message has no SCH segment", reason="appointment.no_id", where="SCH")
    return schedule


def _reference(message: HospitalMessage, schedule: Segment) -> AppointmentRef:
    """SCH-2, the id of the filler, who sends SIU; SCH-1, the placer's, where the filler gives none."""
    for field in (2, 1):
        number, namespace, oid, kind = schedule.values(field, 1, 2, 3, 4)
        number = number.strip()
        if number:
            identities = message.reading.identities
            system = (
                identities.local_system(namespace, oid, kind) if namespace or oid else message.own_system(3)
            )
            return {"system": system, "id": message.token(number)}
    raise Unmappable("the appointment has no id", reason="appointment.no_id", where="SCH-2")


def _status_code(message: HospitalMessage) -> str:
    return message.body_text("SCH", 25).upper().replace("-", "").replace(" ", "")


def _status(message: HospitalMessage) -> Code:
    """SCH-25; where it is empty, the service's own (AIS-10); else what the trigger implies."""
    schedule = _schedule(message)
    if schedule.text(25):
        return coded(message, schedule, 25, "HL70278", _STATUS.get(_status_code(message), "UNKNOWN"))
    service = message.body.first("AIS")
    if service and service.text(10):
        known = _STATUS.get(service.text(10).strip().upper(), "UNKNOWN")
        return coded(message, service, 10, "HL70278", known)
    return {"code": "", "system": "HL70278", "mapped": "BOOKED"}


def scheduled_start(message: HospitalMessage) -> Time | None:
    """TQ1-7, else AIS-4 of the first set, else SCH-11.4: published messages hold three different dates."""
    return (
        message.time(message.body.first("TQ1"), 7)
        or message.time(message.body.first("AIS"), 4)
        or message.time(_schedule(message), 11, 4)
    )


def scheduled_end(message: HospitalMessage, start: Time) -> Time | None:
    """TQ1-8, else the start and a duration, else SCH-11.5. An end that is not after the start is none."""
    end = message.optional_time(message.body.first("TQ1"), 8)
    if end is None:
        length = _duration(message)
        if length:
            instant = start["instant"] + length * _SECOND
            end = {"instant": instant, "source": "", "confidence": start["confidence"]}
        else:
            end = message.optional_time(_schedule(message), 11, 5)
    return end if end and end["instant"] > start["instant"] else None


def _duration(message: HospitalMessage) -> int:
    """Seconds by AIS-7 and 8, else SCH-9 and 10 (published messages hold both and differ); 0 if unknown."""
    return seconds(message.body.first("AIS"), 7) or seconds(_schedule(message), 9)


def seconds(segment: Segment | None, field: int) -> int:
    """The duration in a field, with its unit in the next; 0 where it is absent, odd or beyond a year."""
    number = segment.text(field).strip() if segment else ""
    if segment and number.isascii() and number.isdigit() and len(number) <= _DIGITS:
        unit = _SECONDS.get(segment.text(field + 1).strip().upper())
        if unit and 0 < int(number) * unit <= _LONGEST:
            return int(number) * unit
    return 0


def _department(message: HospitalMessage) -> str:
    return message.body_text("PV1", 10) or message.body_text("AIL", 3) or message.body_text("PV1", 3)


def _place_code(message: HospitalMessage) -> str | None:
    """Point of care and room of AIL-3, else PV1-3: ``055/Room01``."""
    for name in ("AIL", "PV1"):
        parts = message.body_values(name, 3, 1, 2)
        found = "/".join(message.token(part) for part in parts if part)
        if found:
            return found
    return None


def _details(message: HospitalMessage) -> AppointmentDetails | None:
    text = message.body_text
    service, other_service = message.body_values("AIS", 3, 2, 5)
    title = service or other_service or text("SCH", 7, 2) or text("SCH", 8, 2)
    person = message.body_values("AIP", 3, 3, 2)
    described, *place = message.body_values("AIL", 3, 9, 4, 7, 8, 2)
    details: AppointmentDetails = {
        "title": title or None,
        "practitioner": " ".join(part for part in person if part) or None,
        "place": described or ", ".join(part for part in place if part) or None,
        "instructions": _instructions(message) or None,
    }
    return details if any(details.values()) else None


def _instructions(message: HospitalMessage) -> str:
    """Notes for the citizen: those marked as such, and those on the appointment as a whole.

    Unmarked notes on a service, its equipment, room or staff are the hospital's own and stay there.
    """
    if message.body.first("NTE") is None:
        return ""
    notes = []
    on_appointment = True
    for segment in message.body.segments():
        if segment.name in ("PID", "RGS"):
            on_appointment = False
        elif segment.name == "NTE":
            kind = segment.text(4).strip()
            if kind == _CITIZENS_NOTE or (on_appointment and not kind):
                notes.append("\n".join(part.text() for part in segment.repetitions(3)))
    return "\n".join(note for note in notes if note)
