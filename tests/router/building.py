"""Facts for the router's tests, whole and valid, with only what matters spelled out."""

import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from router.events import Event, Output
from schemas.catalogue import catalogue
from schemas.codec import Codec

OSLO = ZoneInfo("Europe/Oslo")
CODEC = Codec()
HOSPITAL = ("hospital.innlandet", "HIS")
SCHOOL = ("school.lillehammer", "SIS")
MUNICIPALITY = ("municipality.lillehammer", "CASES")
TOPIC_OF = {
    record.rpartition(".")[2]: topic.name
    for topic in catalogue().topics.values()
    for record in topic.records
    if topic.name in {"person", "appointment", "stay", "case", "education", "citizen"}
}


def at(text: str, zone: ZoneInfo = OSLO) -> int:
    """``2026-03-02 10:05`` on the clock of Oslo, in microseconds."""
    moment = datetime.fromisoformat(text).replace(tzinfo=zone)
    return int(moment.timestamp()) * 1_000_000


def time(moment: str | int, confidence: str = "EXACT") -> dict[str, Any]:
    instant = moment if isinstance(moment, int) else at(moment)
    return {"instant": instant, "source": "as sent", "confidence": confidence}


def identifier(key: str, *, national: bool = False) -> dict[str, Any]:
    """Keys that begin alike are of one system."""
    return {"system": f"urn:test:{key[:1].lower()}", "pseudonym": key, "national": national}


def code(mapped: str) -> dict[str, str]:
    return {"code": mapped.lower(), "system": "test", "mapped": mapped}


def place(code_: str, department: str | None = None, system: str = "HER") -> dict[str, Any]:
    return {"system": system, "id": code_, "department": department}


def fact(  # noqa: PLR0913 - every field of meta that tests vary
    record: str,
    key: str,
    body: dict[str, Any],
    *,
    id: str = "",  # noqa: A002 - the field's name
    recorded: str | int = "2026-03-01 08:00",
    occurred: str | int | None = None,
    source: tuple[str, str] = HOSPITAL,
    national: bool = True,
    also: tuple[dict[str, Any], ...] = (),
    **meta: Any,
) -> Event:
    """An event as the stage would decode it. The id follows from the content unless given."""
    sequence = meta.pop("sequence", None)
    seed = repr((record, key, body, recorded, occurred, source, sequence, sorted(meta.items())))
    value = {
        "meta": {
            "event_id": id or str(uuid.uuid5(uuid.NAMESPACE_OID, seed)),
            "occurred": time(recorded if occurred is None else occurred),
            "recorded": time(recorded),
            "ingested": time("2026-03-01 09:00"),
            "source": {
                "agency": source[0],
                "system": source[1],
                "message_id": "",
                "content_hash": "00",
                "sequence": sequence,
            },
            "subject": {"key": key, "identifiers": [identifier(key, national=national), *also]},
            "supersedes": None,
            "retracts": None,
            "legal_basis": "test",
            "purpose": "test",
            "sensitivity": "SENSITIVE",
            "protection": "NONE",
            "remarks": [],
            "traceparent": "",
            "hops": [],
            **meta,
        },
        **body,
    }
    return Event(TOPIC_OF[record], key, record, value, CODEC.encode(record, value))


def appointment(  # noqa: PLR0913 - every field that tests vary
    key: str,
    name: str,
    start: str | int,
    end: str | int | None = None,
    *,
    where: dict[str, Any] | None = None,
    record: str = "AppointmentScheduled",
    status: str = "BOOKED",
    confidence: str = "EXACT",
    title: str | None = None,
    service: dict[str, str] | None = None,
    **more: Any,
) -> Event:
    details = {"title": title, "practitioner": None, "place": None, "instructions": None} if title else None
    body = {
        "appointment": {"system": "HIS", "id": name},
        "institution": where or place("hospital"),
        "start": time(start, confidence),
        "end": time(end) if end else None,
        "place": None,
        "service": service,
        "status": code(status),
        "details": details,
    }
    return fact(record, key, body, **more)


def cancelled(key: str, name: str, reason: str = "CANCELLED", **more: Any) -> Event:
    body = {
        "appointment": {"system": "HIS", "id": name},
        "institution": place("hospital"),
        "start": None,
        "reason": code(reason),
        "details": None,
    }
    return fact("AppointmentCancelled", key, body, **more)


def stay(record: str, key: str, name: str, body: dict[str, Any], **more: Any) -> Event:
    base = {"stay": {"system": "HIS", "id": name}, "institution": place("hospital"), "details": None}
    return fact(record, key, {**base, **body}, **more)


def case(
    record: str, key: str, name: str, body: dict[str, Any], *, part: str | None = None, **more: Any
) -> Event:
    base = {
        "case": {"system": "CASES", "id": name, "part": part},
        "institution": place("municipality"),
        "holder": None,
        "details": None,
    }
    more.setdefault("source", MUNICIPALITY)
    return fact(record, key, {**base, **body}, **more)


def step_done(key: str, name: str, mapped: str, **more: Any) -> Event:
    body = {
        "step": code(mapped),
        "next_step": more.pop("next_step", None),
        "expected_by": more.pop("expected_by", None),
        "closes": more.pop("closes", False),
        "holder": more.pop("holder", None),
    }
    return case("CaseStepCompleted", key, name, body, **more)


def holder(kind: str, where: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"kind": kind, "institution": where}


def pupil(key: str, name: str = "e1", where: dict[str, Any] | None = None, **more: Any) -> Event:
    body = {
        "enrollment": name,
        "school": where or place("school"),
        "class_id": "4A",
        "role": code(more.pop("role", "PUPIL")),
        "status": code(more.pop("status", "ACTIVE")),
        "begin": None,
        "end": None,
        "details": None,
    }
    return fact("EnrollmentChanged", key, body, source=SCHOOL, **more)


def exam(
    key: str, name: str, start: str, end: str | None = None, *, confidence: str = "EXACT", **more: Any
) -> Event:
    body = {
        "exam": name,
        "school": place("school"),
        "class_id": "4A",
        "start": time(start, confidence),
        "end": time(end) if end else None,
        "kind": code("EXAM"),
        "details": None,
    }
    return fact("ExamScheduled", key, body, source=SCHOOL, **more)


def retracted(key: str, record: str, target: Event, **more: Any) -> Event:
    body = {"record": record, "reason": code("UNKNOWN")}
    return fact("FactRetracted", key, body, retracts=target.value["meta"]["event_id"], **more)


def merged(key: str, retired: str, *, retired_national: bool = False, **more: Any) -> Event:
    body = {
        "retired": [identifier(retired, national=retired_national)],
        "retired_key": retired,
        "reason": code("MERGED"),
    }
    return fact("IdentityMerged", key, body, **more)


def linked(key: str, other: str, *, other_national: bool = False, reason: str = "A24", **more: Any) -> Event:
    body = {"linked": [identifier(other, national=other_national)], "reason": code(reason)}
    return fact("IdentityLinked", key, body, **more)


def unlinked(
    key: str, *others: str, other_national: bool = False, reason: str = "UNLINKED", **more: Any
) -> Event:
    body = {
        "unlinked": [identifier(other, national=other_national) for other in others],
        "reason": code(reason),
    }
    return fact("IdentityUnlinked", key, body, **more)


def person(key: str, **more: Any) -> Event:
    body: dict[str, Any] = {
        "status": code("ACTIVE"),
        "roles": [],
        "relations": [],
        "institution": None,
        "details": None,
    }
    return fact("PersonRegistered", key, body, **more)


def id_of(event: Event) -> str:
    found: str = event.value["meta"]["event_id"]
    return found


def encoded(output: Output) -> bytes:
    """The output on the wire: raises when it does not fit the contract."""
    return CODEC.encode(output.record, output.value)
