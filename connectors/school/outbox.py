"""Writes requests for a school into its outbox: each as a CSV and an iCalendar file.

The CSV appears last, so that whoever sees it sees both. Files that are written again are the same but for
``DTSTAMP``. Neither names the pupil: the school knows its own appointments.
"""

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from icalendar import Calendar, Event

from connectors.kit import times
from connectors.kit.durable import write_durably
from connectors.kit.requests import file_name
from schemas.errors import RetriableError
from schemas.records import AgencyRequest, RequestAction, RequestedMove

COLUMNS: Final = (
    "requestId", "proposalId", "sequence", "action", "deadline", "protection", "appointmentSystem",
    "appointmentId", "institutionSystem", "institutionId", "department", "oldStart", "slotId", "start", "end",
    "resource", "place",
)  # fmt: skip
_STATUS: Final[dict[RequestAction, str]] = {
    "HOLD": "TENTATIVE", "CONFIRM": "CONFIRMED", "RELEASE": "CANCELLED",
}  # fmt: skip
"""RFC 5545, section 3.8.1.11."""


def into_outbox(folder: Path) -> Callable[[AgencyRequest], Awaitable[None]]:
    """Carries each request to ``<request id>.ics`` and ``<request id>.csv`` in ``folder``."""

    async def deliver(request: AgencyRequest) -> None:
        try:
            await asyncio.to_thread(_write, folder / file_name(request), request)
        except OSError as error:
            raise RetriableError(f"the outbox cannot be written: {error.strerror}") from None

    return deliver


def table(request: AgencyRequest) -> bytes:
    """``request`` as CSV (RFC 4180, UTF-8), a row for each move."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS, *(_row(request, move) for move in request["moves"])])
    return text.getvalue().encode()


def calendar(request: AgencyRequest, at: int) -> bytes:
    """``request`` as iCalendar (RFC 5545), an event for each move; ``at`` is now, in microseconds.

    An event keeps its UID from HOLD to CONFIRM or RELEASE, and its SEQUENCE rises, so that a calendar shows
    one event that is tentative first, and then stands or is cancelled.
    """
    made = Calendar()
    made.add("version", "2.0")
    made.add("prodid", "-//Samband//School connector//EN")
    for move in request["moves"]:
        made.add_component(_event(request, move, at))
    written: bytes = made.to_ical()
    return written


def _write(base: Path, request: AgencyRequest) -> None:
    base.parent.mkdir(parents=True, exist_ok=True)
    write_durably(base.with_suffix(".ics"), calendar(request, times.now()))
    write_durably(base.with_suffix(".csv"), table(request))


def _row(request: AgencyRequest, move: RequestedMove) -> list[str]:
    institution, appointment = move["institution"], move["appointment"]
    return [
        request["request_id"], request["proposal_id"], str(request["sequence"]), request["action"],
        times.rfc3339(request["deadline"]), request["protection"],
        appointment["system"], appointment["id"],
        institution["system"], institution["id"], institution["department"] or "",
        times.rfc3339(move["old_start"]), move["slot"], times.rfc3339(move["start"]),
        times.rfc3339(move["end"]), move["resource"] or "", move["place"] or "",
    ]  # fmt: skip


def _event(request: AgencyRequest, move: RequestedMove, at: int) -> Event:
    appointment = move["appointment"]
    name = "\x1f".join((request["proposal_id"], appointment["system"], appointment["id"]))
    event = Event()
    event.add("uid", f"{uuid5(NAMESPACE_URL, name)}@samband")
    event.add("dtstamp", times.to_datetime(at).replace(microsecond=0))
    event.add("sequence", request["sequence"])
    event.add("status", _STATUS[request["action"]])
    event.add("class", "PRIVATE" if request["protection"] == "NONE" else "CONFIDENTIAL")
    event.add("summary", f"{request['action']} {appointment['id']}")
    event.add("dtstart", times.to_datetime(move["start"]["instant"]))
    event.add("dtend", times.to_datetime(move["end"]["instant"]))
    if move["place"]:
        event.add("location", move["place"])
    if move["resource"]:
        event.add("resources", [move["resource"]])
    event.add("x-samband-request", request["request_id"])
    return event
