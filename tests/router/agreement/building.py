"""Proposals and answers for the tests of the agreement."""

from typing import Any

from router.events import Event
from tests.router.building import code, fact, place

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
KEY = "N1"
CITIZEN = ("citizen", "samband")


def instant(moment: int) -> dict[str, Any]:
    return {"instant": moment, "source": "", "confidence": "EXACT"}


def move(agency: str, appointment: str, old: int, slot: str, new: int) -> dict[str, Any]:
    return {
        "appointment": {"system": "HIS", "id": appointment},
        "agency": agency,
        "institution": place("hospital"),
        "old_start": instant(old),
        "old_end": instant(old + 30 * MINUTE),
        "slot": slot,
        "start": instant(new),
        "end": instant(new + 30 * MINUTE),
        "resource": None,
        "place": None,
    }


def proposal(name: str, moves: list[dict[str, Any]], minute: int, *, key: str = KEY) -> dict[str, Any]:
    return {
        "citizen": key,
        "proposal_id": name,
        "revision": 1,
        "status": "OPEN",
        "reason": "proposal.open",
        "moves": moves,
        "gains": ["proposal.gain.days"],
        "numbers": {"days_before": 2, "days_after": 1},
        "findings": [],
        "at": instant(minute),
        "answer_by": instant(minute + 3 * DAY),
        "sensitivity": "SENSITIVE",
        "protection": "NONE",
    }


def citizen_says(
    name: str, answer: str, recorded: int, *, key: str = KEY, reason: str = "", **more: Any
) -> Event:
    body: dict[str, Any] = {
        "proposal_id": name,
        "answer": answer,
        "reason": code(reason) if reason else None,
        "wishes": [],
        "details": None,
    }
    return fact("ProposalAnswered", key, body, source=CITIZEN, recorded=recorded, **more)


def agency_says(request: dict[str, Any], answer: str, recorded: int, **more: Any) -> Event:
    body: dict[str, Any] = {"request_id": request["request_id"], "answer": answer, "reason": None}
    source = (request["agency"], "HIS")
    return fact("RequestAnswered", request["citizen"], body, source=source, recorded=recorded, **more)
