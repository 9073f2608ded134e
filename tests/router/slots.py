"""Slots and questions for the router's tests, whole and valid, with only what matters spelled out."""

import uuid
from typing import Any

from router.events import MOVES, SLOTS, Event
from schemas.shelves import shelf_key
from tests.router.building import CODEC, HOSPITAL, place, time

PHYSIO = {"code": "fys", "system": "hospital.services", "mapped": "PHYSIOTHERAPY"}
SHELF = shelf_key(place("hospital"), PHYSIO)


def slot(name: str, start: str | int, end: str | int, **more: Any) -> dict[str, Any]:
    until = more.pop("until", None)
    return {
        "id": name,
        "start": time(start),
        "end": time(end),
        "resource": more.pop("resource", None),
        "place": more.pop("room", None),
        "valid_until": None if until is None else time(until),
    }


def offered(slots: list[dict[str, Any]], **more: Any) -> Event:
    return _said("SlotsOffered", {"slots": slots}, more)


def withdrawn(name: str, **more: Any) -> Event:
    reason = {"code": "", "system": "test", "mapped": "TAKEN"}
    return _said("SlotWithdrawn", {"slot": name, "reason": reason}, more)


def _said(record: str, body: dict[str, Any], more: dict[str, Any]) -> Event:
    where, service = more.pop("where", place("hospital")), more.pop("service", PHYSIO)
    recorded, sequence = more.pop("recorded", "2026-03-01 08:00"), more.pop("sequence", None)
    agency, system = more.pop("source", HOSPITAL)
    key = shelf_key(where, service)
    seed = repr((record, key, body, recorded, sequence, agency))
    event_id = more.pop("id", None) or str(uuid.uuid5(uuid.NAMESPACE_OID, seed))
    source = {
        "agency": agency, "system": system, "message_id": "", "content_hash": "00", "sequence": sequence,
    }  # fmt: skip
    value = {
        "meta": {
            "event_id": event_id,
            "occurred": time(recorded),
            "recorded": time(recorded),
            "ingested": time(recorded),
            "source": source,
            "subject": {"key": key, "identifiers": []},
            "supersedes": None,
            "retracts": None,
            "legal_basis": "test",
            "purpose": "test",
            "sensitivity": "INTERNAL",
            "protection": "NONE",
            "remarks": [],
            "traceparent": "",
            "hops": [],
        },
        "institution": where,
        "service": service,
        **body,
    }
    return Event(SLOTS, key, record, value, CODEC.encode(record, value))


def asked(begin: int, end: int, *, after: int = 0, near: list[int] | None = None, most: int = 40) -> Event:
    value = {
        "citizen": "N1", "shelf": SHELF, "round": 7, "after": after, "begin": begin, "end": end,
        "most": most, "near": near or [],
    }  # fmt: skip
    return Event(MOVES, SHELF, "SlotsAsked", value, CODEC.encode("SlotsAsked", value))


def watched(*names: str, proposal: str = "p1", citizen: str = "N1") -> Event:
    value = {"citizen": citizen, "shelf": SHELF, "proposal_id": proposal, "slots": list(names)}
    return Event(MOVES, SHELF, "SlotsWatched", value, CODEC.encode("SlotsWatched", value))
