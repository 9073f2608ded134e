"""Reads the two events that the municipality's extension adds across agencies: inquiries and meetings."""

import re
from typing import Final

from connectors.municipality import vocabulary
from connectors.municipality.node import Node
from connectors.municipality.subject import named_institution, person
from connectors.municipality.work import Body, Work, third_party
from schemas.records import CaseDetails, Institution, Invitee, InviteeKind

_PLACE: Final = re.compile(r"[A-Z0-9][A-Z0-9_.-]{0,39}")
_ROLES: Final[dict[str, InviteeKind]] = {
    "SOKER": "CITIZEN",
    "FORESATT": "GUARDIAN",
    "FAGPERSON": "PROFESSIONAL",
    "INSTITUSJON": "INSTITUTION",
}


def service_request(work: Work) -> tuple[str, Body]:
    """``foresporselSendt``: another party was asked for an assessment or a service."""
    recipient = _recipient(work)
    body = work.body(
        service=vocabulary.coded(work.node.code("tjeneste"), "tjeneste", vocabulary.SERVICE, work.remarks),
        recipient=recipient,
        holder=third_party(recipient),
        expected_by=work.node.optional_time("svarfrist", work.context.zone),
        details=work.details(title="tittel", text="beskrivelse"),
    )
    return "ServiceRequested", body


def meeting(work: Work) -> tuple[str, Body]:
    """``moteinnkalling``: a meeting was called, and these were invited."""
    node, zone = work.node, work.context.zone
    start = node.time("start", zone)
    end = node.optional_time("slutt", zone)
    if end is not None and end["instant"] < start["instant"]:
        work.remarks.add("time.end_before_start")
    body = work.body(
        meeting=node.reference("moteid") or node.text("moteid"),
        start=start,
        end=end,
        place=_place(work),
        invited=[_invitee(item, work) for item in node.children("deltakere")],
        details=_details(work),
    )
    return "MeetingInvited", body


def _recipient(work: Work) -> Institution | None:
    if isinstance(work.node.value.get("mottaker"), dict):
        return named_institution(work.node.child("mottaker"), work.context, "institusjon")
    return named_institution(work.node, work.context, "mottaker")


def _invitee(item: Node, work: Work) -> Invitee:
    kind = _ROLES.get(item.code("rolle").upper())
    if kind is None:
        work.remarks.add("code.unknown")
        kind = "PROFESSIONAL"
    if kind == "CITIZEN":
        return {"kind": kind, "person": work.head.identifiers[0], "institution": None}
    if kind == "GUARDIAN":
        known = item.has("fnr")
        found = person(item, "fnr", work.received, work.context, work.remarks) if known else None
        return {"kind": kind, "person": found, "institution": None}
    return {"kind": kind, "person": None, "institution": named_institution(item, work.context, "institusjon")}


def _place(work: Work) -> str | None:
    """A place goes over the bus only as a code; an address is words, and goes into details."""
    place = work.node.optional("sted")
    if place is not None and _PLACE.fullmatch(place):
        return place
    work.remarks.add("place.missing")
    return None


def _details(work: Work) -> CaseDetails | None:
    found = work.details(title="tittel", text="beskrivelse")
    place = work.node.optional("sted")
    if place is None or _PLACE.fullmatch(place):
        return found
    title, text = (found["title"], found["text"]) if found else (None, None)
    return {"title": title, "text": text, "items": [place]}
