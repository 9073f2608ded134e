"""What a hospital is asked, one appointment at a time, as HL7 v2 messages (chapter 10 of the standard).

A request for several moves is several messages, since a message of chapter 10 speaks of one appointment.
Nothing here names the patient: the appointment's own id says whose it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

from connectors.hospital.settings import RequestSettings
from connectors.hospital.write import components, encoded, segment, stamp
from connectors.kit import times
from schemas.records import AppointmentRef, RequestedMove

_ID_LENGTH: Final = 20
"""Digits of a message control id and of a placer's id: what fields took before HL7 v2.7."""
_SECOND: Final = 1_000_000
_MINUTE: Final = 60 * _SECOND


class Act(StrEnum):
    """What the hospital is to do."""

    HOLD = "HOLD"
    """Pencil in an appointment in the slot, beside the one that stands."""
    MOVE = "MOVE"
    """Move the appointment into the slot that is held."""
    LET_GO = "LET_GO"
    """Take the pencilled appointment away."""
    MOVE_BACK = "MOVE_BACK"
    """Move the appointment to where it was."""


@dataclass(frozen=True, slots=True)
class _Shape:
    srm: str
    siu: str
    kind: str
    """Table 0277."""
    status: str
    """Table 0278; in SIU."""
    action: str
    """Table 0206."""


_SHAPES: Final = {
    Act.HOLD: _Shape("S01", "S12", "Tentative", "Pending", "A"),
    Act.MOVE: _Shape("S02", "S13", "Normal", "Booked", "U"),
    Act.LET_GO: _Shape("S04", "S15", "Tentative", "Cancelled", "D"),
    Act.MOVE_BACK: _Shape("S02", "S13", "Normal", "Booked", "U"),
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One message to a hospital."""

    act: Act
    control_id: str
    """MSH-10: the same for the same ask, however often it is sent."""
    placer: str
    """ARQ-1 or SCH-1: our own id of the move, the same from holding to releasing."""
    group: str
    """ARQ-4 or SCH-4: the proposal, whose moves belong together."""
    order: str
    """ARQ-24 or SCH-26: the request."""
    move: RequestedMove


def placer_id(proposal_id: str, appointment: AppointmentRef) -> str:
    """Our id of one appointment's move within a proposal."""
    return _short(proposal_id, appointment["system"], appointment["id"])


def ask(act: Act, request_id: str, proposal_id: str, move: RequestedMove, again: int = 0) -> Ask:
    """The message that asks for ``act`` for a request. Another ``again`` makes it another message."""
    placer = placer_id(proposal_id, move["appointment"])
    control_id = _short(request_id, act.value, placer, *([str(again)] if again else []))
    return Ask(act, control_id, placer, proposal_id, request_id, move)


def message(one: Ask, at: datetime, settings: RequestSettings, zone: ZoneInfo) -> bytes:
    """The SRM or SIU message, unframed. ``at`` is MSH-7; times are written in ``zone`` with their offset."""
    shape = _SHAPES[one.act]
    body = (
        _requested(one, shape, settings, zone)
        if settings.message == "SRM"
        else _told(one, shape, settings, zone)
    )
    return encoded(
        [_header(one, shape, at.astimezone(zone), settings), *body, *_resources(one, shape, settings, zone)],
        settings.charset,
    )


def _header(one: Ask, shape: _Shape, at: datetime, settings: RequestSettings) -> str:
    code = settings.message
    accept = "AL" if settings.acknowledgements == "enhanced" else ""
    structure = "SRM_S01" if code == "SRM" else "SIU_S12"
    fields = {
        2: "^~\\&",
        3: components(settings.application),
        4: components(settings.facility),
        5: components(settings.receiving_application),
        6: components(settings.receiving_facility),
        7: stamp(at),
        9: f"{code}^{shape.srm if code == 'SRM' else shape.siu}^{structure}",
        10: one.control_id,
        11: settings.processing_id,
        12: settings.version,
        15: accept,
        16: accept,
        18: settings.charset,
    }
    return segment("MSH", fields)


def _requested(one: Ask, shape: _Shape, settings: RequestSettings, zone: ZoneInfo) -> list[str]:
    """ARQ (10.6.1)."""
    start, end = _times(one, zone)
    ours = components("", settings.application)
    fields = {
        1: components(one.placer, settings.application),
        2: _filler(one),
        4: components(one.group, settings.application),
        6: components(one.act.value, "", settings.application),
        8: components(shape.kind, "", "HL70277"),
        **_length(one, 9),
        11: f"{start}^{end}".rstrip("^"),
        15: ours,
        19: ours,
        23: _reference(one.move["appointment"]) if _pencilled(one) else "",
        24: components(one.order, settings.application),
    }
    return [segment("ARQ", fields)]


def _told(one: Ask, shape: _Shape, settings: RequestSettings, zone: ZoneInfo) -> list[str]:
    """SCH (10.6.2) and TQ1."""
    start, end = _times(one, zone)
    ours = components("", settings.application)
    fields = {
        1: components(one.placer, settings.application),
        2: _filler(one),
        4: components(one.group, settings.application),
        6: components(one.act.value, "", settings.application),
        8: components(shape.kind, "", "HL70277"),
        **_length(one, 9),
        11: f"^^^{start}^{end}".rstrip("^"),
        16: ours,
        20: ours,
        24: _reference(one.move["appointment"]) if _pencilled(one) else "",
        25: components(shape.status, "", "HL70278"),
        26: components(one.order, settings.application),
    }
    return [segment("SCH", fields), segment("TQ1", {1: "1", 7: start, 8: end})]


def _resources(one: Ask, shape: _Shape, settings: RequestSettings, zone: ZoneInfo) -> list[str]:
    """RGS, and the slot's room and person or machine; where it was before, the hospital knows itself."""
    segments = [segment("RGS", {1: "1", 2: shape.action})]
    if one.act is Act.MOVE_BACK:
        return segments
    start, _ = _times(one, zone)
    place = [part for part in (one.move["place"] or "").split("/") if part]
    department = one.move["institution"]["department"]
    if not place and department:
        place = [department]
    if place:
        fields = {1: "1", 2: shape.action, 3: components(*place), 6: start, **_length(one, 9)}
        segments.append(segment("AIL", fields))
    resource = one.move["resource"]
    if resource and settings.resource_segment == "AIP":
        fields = {1: "1", 2: shape.action, 3: components(resource), 6: start, **_length(one, 9)}
        segments.append(segment("AIP", fields))
    elif resource:
        fields = {
            1: "1",
            2: shape.action,
            3: components(resource),
            4: "RESOURCE",
            8: start,
            **_length(one, 11),
        }
        segments.append(segment("AIG", fields))
    return segments


def _pencilled(one: Ask) -> bool:
    return one.act in (Act.HOLD, Act.LET_GO)


def _filler(one: Ask) -> str:
    """The filler's id: of the slot while it is pencilled, of the appointment where that is moved."""
    return components(one.move["slot"]) if _pencilled(one) else _reference(one.move["appointment"])


def _reference(appointment: AppointmentRef) -> str:
    """An appointment's id as SCH-2 had it: ``id^namespace``, or ``id^^oid^ISO``."""
    system = appointment["system"]
    if system.startswith("urn:oid:"):
        return components(appointment["id"], "", system.removeprefix("urn:oid:"), "ISO")
    return components(appointment["id"], system.partition(":")[2])


def _times(one: Ask, zone: ZoneInfo) -> tuple[str, str]:
    """Start and end; the end of where an appointment was is not known."""
    if one.act is Act.MOVE_BACK:
        return _stamp(one.move["old_start"]["instant"], zone), ""
    return _stamp(one.move["start"]["instant"], zone), _stamp(one.move["end"]["instant"], zone)


def _stamp(instant: int, zone: ZoneInfo) -> str:
    return stamp(times.to_datetime(instant).astimezone(zone))


def _length(one: Ask, field: int) -> dict[int, str]:
    """Duration and its unit in ``field`` and the next: whole minutes, else seconds."""
    if one.act is Act.MOVE_BACK:
        return {}
    length = one.move["end"]["instant"] - one.move["start"]["instant"]
    if length % _MINUTE == 0:
        return {field: str(length // _MINUTE), field + 1: "min"}
    return {field: str(length // _SECOND), field + 1: "s"}


def _short(*parts: str) -> str:
    return sha256("\x1f".join(parts).encode()).hexdigest()[:_ID_LENGTH].upper()


def unaskable(moves: Sequence[RequestedMove]) -> str | None:
    """Why the moves cannot be asked for, as ``RequestAnswered.reason`` has it; None when they can.

    An id that holds the number of a person has left the hospital as a digest only, and cannot go back.
    """
    for move in moves:
        if move["appointment"]["id"].startswith("digest."):
            return "UNKNOWN_APPOINTMENT"
        if move["slot"].startswith("digest."):
            return "UNKNOWN_SLOT"
    return None
