"""What a hospital says to what it was asked: acknowledgements, SRR, and SIU about the same appointment. Pure.

A message is read once (``heard``), and then held against each ask that waits (``verdict``).
"""

from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

from connectors.hospital.asks import Act, Ask
from connectors.hospital.hl7 import Message, Segment
from connectors.hospital.settings import RequestSettings
from connectors.kit import times
from schemas.records import Code

_REASONS: Final = {
    "101": "OTHER",
    "102": "OTHER",
    "103": "OTHER",
    "200": "NOT_ALLOWED",
    "201": "NOT_ALLOWED",
    "202": "NOT_ALLOWED",
    "203": "NOT_ALLOWED",
    "204": "UNKNOWN_APPOINTMENT",
    "205": "TAKEN",
}
"""Table 0357. 206 (locked) and 207 (internal error) are no refusals: they pass."""
_PASSING: Final = ("206", "207")
_OWN_NAMES: Final = (
    "TAKEN", "CLOSED", "UNKNOWN_APPOINTMENT", "UNKNOWN_SLOT", "NOT_ALLOWED", "OTHER",
)  # fmt: skip
"""A hospital that uses the bus's own words is understood without a setting."""
_GONE: Final = ("TAKEN", "CLOSED", "UNKNOWN_SLOT")
_CALLED_OFF: Final = ("CANCELLED", "CANCELED", "DC", "DISCONTINUED", "DELETED")
_NEGATIVE: Final = (*_CALLED_OFF, "BLOCKED", "WAITLIST")
"""Table 0278, and the spellings that are seen. A place on a waiting list holds nothing."""
_ENDING: Final = ("S04", "S05", "S06", "S15", "S16", "S17")
_CHANGING: Final = ("S12", "S13", "S14", "S15", "S16", "S17")
_MINUTE: Final = 60_000_000
ANSWERING: Final = ("ACK", "MCF", "SRR", "SIU")
"""MSH-9.1 of what may be an answer."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What in a message may be an answer."""

    kind: str
    """MSH-9.1: ACK, SRR or SIU."""
    trigger: str
    acknowledges: str
    """MSA-1, or empty."""
    control_id: str
    """MSA-2: the MSH-10 that is answered."""
    codes: tuple[str, ...]
    """ERR-5, ERR-3 and SCH-6, as far as they are there: why not."""
    placer: str
    filler: str
    """SCH-2, else SCH-1, as for appointments."""
    status: str
    """SCH-25, else AIS-10, in capitals."""
    start: int | None
    """When the appointment is, in microseconds since the epoch; None where it is not said."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a message means for an ask."""

    state: Literal["TAKEN", "DONE", "REFUSED", "AGAIN"]
    """TAKEN: the hospital has it, and answers later. AGAIN: it could not just now; send it again."""
    reason: Code | None = None


TAKEN: Final = Verdict("TAKEN")
DONE: Final = Verdict("DONE")
AGAIN: Final = Verdict("AGAIN")


def heard(message: Message, zone: ZoneInfo) -> Heard | None:
    """The message as a possible answer; None when it cannot be one."""
    msh, msa, sch = message.first("MSH"), message.first("MSA"), message.first("SCH")
    kind, trigger = msh.values(9, 1, 2) if msh else ("", "")
    trigger = trigger.strip()
    if kind not in ANSWERING or (trigger not in _CHANGING if kind == "SIU" else msa is None):
        return None
    service = message.first("AIS")
    status = _text(sch, 25) or _text(service, 10)
    return Heard(
        kind=kind,
        trigger=trigger,
        acknowledges=_text(msa, 1).upper(),
        control_id=_text(msa, 2),
        codes=_codes(message),
        placer=_text(sch, 1),
        filler=_text(sch, 2) or _text(sch, 1),
        status=status.upper().replace("-", "").replace(" ", ""),
        start=_start(message, zone),
    )


def verdict(said: Heard, ask: Ask, settings: RequestSettings) -> Verdict | None:
    """What ``said`` means for ``ask``; None when it is about something else."""
    if said.kind != "SIU":
        return _acknowledged(said, ask, settings) if said.control_id == ask.control_id else None
    return _told(said, ask, settings)


def _acknowledged(said: Heard, ask: Ask, settings: RequestSettings) -> Verdict | None:
    code = said.acknowledges
    if code in ("AE", "AR", "CE", "CR"):
        return _refused(said, ask, settings, passing=code in ("AR", "CR"))
    if code == "CA":
        return TAKEN
    if code != "AA":
        return None
    if said.kind == "SRR" and said.status in _NEGATIVE:
        return DONE if ask.act is Act.LET_GO else _refusal(said, ask, settings)
    if settings.answered_by == "message" and not (said.kind == "SRR" and said.status):
        return TAKEN
    return DONE


def _refused(said: Heard, ask: Ask, settings: RequestSettings, *, passing: bool) -> Verdict:
    """AE and CE refuse what was asked; AR and CR may only mean "not now" (chapter 2.9.2)."""
    if any(code in _PASSING for code in said.codes) or (passing and not said.codes):
        return AGAIN
    if ask.act is Act.LET_GO:
        return DONE  # what the hospital does not know or will not cancel, it does not hold for us
    refusal = _refusal(said, ask, settings)
    gone = refusal.reason is not None and refusal.reason["mapped"] == "UNKNOWN_APPOINTMENT"
    return DONE if gone and ask.act is Act.MOVE_BACK else refusal  # what is not there has not moved


def _told(said: Heard, ask: Ask, settings: RequestSettings) -> Verdict | None:
    its_own = bool(said.filler) and said.filler == ask.move["appointment"]["id"]
    if ask.act in (Act.MOVE, Act.MOVE_BACK):
        return _told_of_appointment(said, ask, settings) if its_own else None
    if its_own or said.placer != ask.placer:
        return None
    ended = said.trigger in _ENDING or said.status in _NEGATIVE
    if ask.act is Act.LET_GO:
        return DONE if ended else None
    return _refusal(said, ask, settings) if ended else DONE


def _told_of_appointment(said: Heard, ask: Ask, settings: RequestSettings) -> Verdict | None:
    if said.trigger in _ENDING or said.status in _CALLED_OFF:
        if ask.act is Act.MOVE_BACK:
            return DONE  # there is nothing left to move back
        return Verdict("REFUSED", _code(said, "UNKNOWN_APPOINTMENT"))
    wanted = _minute(ask, "old_start" if ask.act is Act.MOVE_BACK else "start")
    if said.start is not None and said.start // _MINUTE == wanted:
        return DONE
    if ask.act is Act.MOVE_BACK and said.start is not None and said.start // _MINUTE == _minute(ask, "start"):
        return None  # word of the move that is to be undone, which came late
    # Under our own id, another time is the hospital's answer; else it is about something else.
    return _refusal(said, ask, settings) if said.placer == ask.placer and said.start is not None else None


def _minute(ask: Ask, which: Literal["start", "old_start"]) -> int:
    return ask.move[which]["instant"] // _MINUTE


def _refusal(said: Heard, ask: Ask, settings: RequestSettings) -> Verdict:
    for code in said.codes:
        found = settings.refusals.get(code) or (code if code in _OWN_NAMES else _REASONS.get(code))
        if found is not None:
            if found == "UNKNOWN_APPOINTMENT" and code == "204" and ask.act is Act.HOLD:
                found = "UNKNOWN_SLOT"
            return Verdict("REFUSED", {"code": code, "system": "HL70357", "mapped": found})
    if said.status == "BLOCKED":
        return Verdict("REFUSED", _code(said, "CLOSED"))
    return Verdict("REFUSED", _code(said, "UNKNOWN"))


def _code(said: Heard, mapped: str) -> Code:
    return {"code": said.status or said.trigger or said.acknowledges, "system": "HL70278", "mapped": mapped}


def is_gone(reason: Code | None) -> bool:
    """Whether a refusal says that the slot is taken, closed or unknown, rather than anything else."""
    return reason is not None and reason["mapped"] in _GONE


def _codes(message: Message) -> tuple[str, ...]:
    found = []
    for error in message.all("ERR"):
        found += [error.text(5), error.text(3), error.text(1, 4)]
    found += [_text(message.first("MSA"), 6), _text(message.first("SCH"), 6)]
    return tuple(code.strip() for code in found if code.strip())


def _start(message: Message, zone: ZoneInfo) -> int | None:
    """As for appointments: TQ1-7, else AIS-4, else SCH-11.4."""
    for name, field, component in (("TQ1", 7, 1), ("AIS", 4, 1), ("SCH", 11, 4)):
        segment = message.first(name)
        text = segment.text(field, component) if segment else ""
        if text:
            found = times.hl7(text, zone)
            return found["instant"] if found else None
    return None


def _text(segment: Segment | None, field: int) -> str:
    return segment.text(field).strip() if segment else ""
