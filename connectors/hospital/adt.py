"""ADT about stays: admission, discharge, leave, corrections, moves (HL7 v2 chapter 3)."""

from typing import Any, Final

from connectors.hospital.fact import make_fact, merge_groups, prior, subject
from connectors.hospital.hl7 import Segment
from connectors.hospital.parse import HospitalMessage, Unmappable, coded, where
from connectors.kit import times
from connectors.kit.outcomes import Fact
from schemas.records import StayDetails, StayRef, Time

_CLASSES: Final = {"I": "INPATIENT", "O": "OUTPATIENT", "E": "EMERGENCY", "P": "PREADMIT"} | dict.fromkeys(
    ("R", "B", "C"), "OTHER"
)
"""PV1-2, table 0004."""


def admitted(message: HospitalMessage) -> list[Fact]:
    """A01 and A04. PID's identifiers are in the subject, so the router links them without a further fact."""
    visit = _visit(message)
    start = message.time(visit, 44) or _event_time(message)
    body = {
        "start": start,
        "kind": coded(message, visit, 2, "HL70004", _CLASSES.get(visit.text(2).upper(), "UNKNOWN")),
        "ward": message.token(visit.text(3)) or None,
    }
    return [_stay(message, "StayStarted", visit, start, body)]


def discharged(message: HospitalMessage) -> list[Fact]:
    """A03."""
    visit = _visit(message)
    end = message.time(visit, 45) or _event_time(message)
    disposition = coded(message, visit, 36, "HL70112", "UNKNOWN") if visit.text(36) else None
    return [_stay(message, "StayEnded", visit, end, {"end": end, "disposition": disposition})]


def leave_started(message: HospitalMessage) -> list[Fact]:
    """A21: the patient goes on leave."""
    return _leave(message, "STARTED")


def leave_ended(message: HospitalMessage) -> list[Fact]:
    """A22: the patient comes back."""
    return _leave(message, "ENDED")


def admission_cancelled(message: HospitalMessage) -> list[Fact]:
    """A11."""
    return _correction(message, "ADMISSION_CANCELLED")


def discharge_cancelled(message: HospitalMessage) -> list[Fact]:
    """A13."""
    return _correction(message, "DISCHARGE_CANCELLED")


def visit_moved(message: HospitalMessage) -> list[Fact]:
    """A45: visits of MRG's patient were PID's patient's. The old patient may be absent, or a placeholder."""
    found: list[Fact] = []
    for mrg, pid, visit in merge_groups(message):
        new, old = subject(message, pid), prior(message, mrg)
        stay = _stay_ref(message, visit, 19) or _stay_ref(message, mrg, 5) or _stay_ref(message, mrg, 6)
        if stay is None:
            raise Unmappable(
                "the visit has no number", reason="stay.no_id", where=where(visit or mrg, 19 if visit else 5)
            )
        old_key = old.identifiers[0]["pseudonym"] if old.identifiers else None
        place = _place(message, visit)
        body = {"stay": stay, "correction": "MOVED_HERE", "other_key": old_key, **place}
        found.append(make_fact(message, "StayCorrected", new, message.occurred(), body))
        if old.identifiers:
            body = {
                "stay": _stay_ref(message, mrg, 5) or stay,
                "correction": "MOVED_AWAY",
                "other_key": new.identifiers[0]["pseudonym"],
                **place,
            }
            found.append(make_fact(message, "StayCorrected", old, message.occurred(), body))
    return found


def _event_time(message: HospitalMessage) -> Time:
    """When the trigger happened: EVN-6; the recording time stands in for it and is doubtful as such."""
    happened = message.optional_time(message.body.first("EVN"), 6)
    if happened:
        return happened
    recorded = message.recorded()
    return times.doubtful(recorded["source"], recorded["instant"])


def _visit(message: HospitalMessage) -> Segment:
    visit = message.body.first("PV1")
    if visit is None:
        raise Unmappable("the message has no visit", reason="stay.no_id", where="PV1")
    return visit


def _stay_ref(message: HospitalMessage, segment: Segment | None, field: int) -> StayRef | None:
    number = segment.text(field).strip() if segment else ""
    if segment is None or not number:
        return None
    namespace, oid, kind = (segment.text(field, 4, part) for part in (1, 2, 3))
    if namespace or oid:
        system = message.reading.identities.local_system(namespace, oid, kind)
    else:
        system = message.own_system()
    return {"system": system, "id": message.token(number)}


def _place(message: HospitalMessage, visit: Segment | None) -> dict[str, Any]:
    department = (visit.text(10) or visit.text(3)) if visit else ""
    ward = ", ".join(visit.text(3, part) for part in (1, 2, 3, 4) if visit.text(3, part)) if visit else ""
    admission = message.body.first("PV2")
    reason = (admission.text(3, 2) or admission.text(12)) if admission else ""
    details: StayDetails | None = {"reason": reason or None, "ward": ward or None} if reason or ward else None
    return {"institution": message.institution(department), "details": details}


def _stay(
    message: HospitalMessage, record: str, visit: Segment, occurred: Time, body: dict[str, Any]
) -> Fact:
    pid = message.body.first("PID")
    who = subject(message, pid)
    stay = _stay_ref(message, visit, 19) or _stay_ref(message, visit, 50) or _stay_ref(message, pid, 18)
    if stay is None:
        raise Unmappable("the visit has no number", reason="stay.no_id", where="PV1-19")
    return make_fact(message, record, who, occurred, {"stay": stay, **_place(message, visit), **body})


def _leave(message: HospitalMessage, phase: str) -> list[Fact]:
    at = _event_time(message)
    expected = message.optional_time(message.body.first("PV2"), 47) if phase == "STARTED" else None
    body = {"phase": phase, "at": at, "expected_return": expected}
    return [_stay(message, "StayOnLeave", _visit(message), at, body)]


def _correction(message: HospitalMessage, correction: str) -> list[Fact]:
    body = {"correction": correction, "other_key": None}
    return [_stay(message, "StayCorrected", _visit(message), message.occurred(), body)]
