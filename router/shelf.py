"""A shelf: the slots of one service at one institution, and the citizens' questions about them.

A function of the shelf's own log, like a citizen's state of theirs. What was said last of a slot counts, by
the time at which its source recorded it, whatever came first. A slot leaves the shelf when its offer ends,
which a tick says; one that was taken back is remembered for a while, so that an offer from before that comes
late does not bring it back.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from router.events import MOVES, Event, Output, Outputs
from router.refusals import Reason, refusal
from router.spans import DAY, HOUR
from schemas.errors import PoisonError

MARK = b"\x81"
"""First byte of a stored shelf: kind and format. Those of citizens are below 0x80."""
MOST_SLOTS = 2_000
"""On one shelf, with those that were taken back; what is offered beyond is refused."""
MOST_WATCHERS = 20
"""Of one slot; the oldest are forgotten, since the agency decides in the end."""
LONGEST = DAY
"""Of a slot."""
_MOST_FOUND = 40
_REMEMBERED = 2 * DAY
_FARTHEST = 3 * 366 * DAY
_LAST = 1 << 62
"""No wake time lies beyond."""


class Slot(msgspec.Struct, array_like=True, gc=False):
    """A slot as its source last spoke of it. Instants in microseconds."""

    start: int
    end: int
    until: int
    """The offer ends here; for one that was taken back, what is known of it is forgotten."""
    resource: str | None
    place: str | None
    said: tuple[int, int, str]
    """When its source recorded it, its sequence and the event: the largest counts."""
    free: bool = True
    watchers: list[tuple[str, str]] = []
    """Citizen's key and proposal: who is to hear that it is lost."""


class Shelf(msgspec.Struct, array_like=True, gc=False):
    """All that lies on one shelf, by the slots' ids, and the last tick that it saw."""

    slots: dict[str, Slot] = {}
    now: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Shelf).decode


def dump(shelf: Shelf) -> bytes:
    """The shelf as bytes."""
    return MARK + _encode(shelf)


def load(data: bytes) -> Shelf:
    """The shelf that ``dump`` wrote. Raises PoisonError for anything else."""
    try:
        return _decode(memoryview(data)[1:])
    except msgspec.DecodeError:
        raise PoisonError("not a shelf", reason="state.invalid", where="/1") from None


def step(shelf: Shelf | None, event: Event) -> tuple[Shelf | None, Outputs]:
    """The next state of a shelf, and what to say."""
    lying = shelf or Shelf()
    outputs: Outputs = []
    _STEPS[event.record](lying, event, outputs)
    return (lying if lying.slots else shelf), outputs


def wake(shelf: Shelf) -> int | None:
    """When something has to be forgotten: by the hour, since questions look at the time themselves."""
    first = min((slot.until for slot in shelf.slots.values()), default=None)
    return None if first is None else min(first - first % HOUR + HOUR, _LAST)


def tick(shelf: Shelf, minute: int) -> Shelf | None:
    """Forget what is over; None when nothing is left."""
    for name in [name for name, slot in shelf.slots.items() if slot.until <= minute]:
        del shelf.slots[name]
    shelf.now = minute
    return shelf if shelf.slots else None


def _offered(shelf: Shelf, event: Event, outputs: Outputs) -> None:
    said = _said(event.value)
    for offered in event.value["slots"]:
        name, known = offered["id"], shelf.slots.get(offered["id"])
        reason = _wrong(shelf, offered, said[0])
        if reason is None and known is None and len(shelf.slots) >= MOST_SLOTS:
            reason = "slot.too_many"
        if reason:
            outputs.append(refusal(event.key, event.record, event.value, reason, name))
            continue
        if known and known.said >= said:
            continue
        start, end = offered["start"]["instant"], offered["end"]["instant"]
        slot = Slot(start, end, _until(offered), offered["resource"], offered["place"], said)
        if known and known.free and (known.start, known.end) == (start, end):
            slot.watchers = known.watchers
        elif known:
            outputs.extend(_lost(event.key, name, known))
        shelf.slots[name] = slot


def _wrong(shelf: Shelf, offered: Mapping[str, Any], recorded: int) -> Reason | None:
    """Why a slot cannot be offered: the first thing that is wrong with it."""
    start, end = offered["start"]["instant"], offered["end"]["instant"]
    present = max(recorded, shelf.now)
    wrong: tuple[tuple[bool, Reason], ...] = (
        (not offered["id"], "slot.unnamed"),
        ("DATE_ONLY" in (offered["start"]["confidence"], offered["end"]["confidence"]), "slot.untimed"),
        (end <= start, "slot.ends_before_start"),
        (end - start > LONGEST, "slot.too_long"),
        (start <= present, "slot.past"),
        (start > present + _FARTHEST, "slot.too_far"),
        (_until(offered) <= present, "slot.expired"),
    )
    return next((reason for holds, reason in wrong if holds), None)


def _until(offered: Mapping[str, Any]) -> int:
    start: int = offered["start"]["instant"]
    given = offered["valid_until"]
    return start if given is None else min(start, given["instant"])


def _withdrawn(shelf: Shelf, event: Event, outputs: Outputs) -> None:
    """What is not on the shelf may still come, out of order: it is remembered that it is gone."""
    name, said = event.value["slot"], _said(event.value)
    known = shelf.slots.get(name)
    if known and known.said >= said:
        return
    until = said[0] + _REMEMBERED
    if until <= shelf.now:
        outputs.append(refusal(event.key, event.record, event.value, "slot.expired", name))
        return
    if known is None and len(shelf.slots) >= MOST_SLOTS:
        outputs.append(refusal(event.key, event.record, event.value, "slot.too_many", name))
        return
    if known:
        outputs.extend(_lost(event.key, name, known))
    shelf.slots[name] = Slot(0, 0, until, None, None, said, free=False)


def _said(value: Mapping[str, Any]) -> tuple[int, int, str]:
    meta = value["meta"]
    sequence = meta["source"]["sequence"]
    return meta["recorded"]["instant"], -1 if sequence is None else sequence, meta["event_id"]


def _asked(shelf: Shelf, event: Event, outputs: Outputs) -> None:
    question = event.value
    begin, end, after = question["begin"], question["end"], question["after"]
    near: list[int] = question["near"]
    fitting = [
        (min((abs(slot.start - wanted) for wanted in near), default=slot.start), slot.start, name)
        for name, slot in shelf.slots.items()
        if slot.free and begin <= slot.start and slot.end <= end and after < slot.until
    ]
    fitting.sort()
    most = min(max(question["most"], 0), _MOST_FOUND)
    chosen = sorted((start, name) for _, start, name in fitting[:most])
    value = {
        "citizen": question["citizen"],
        "shelf": event.key,
        "round": question["round"],
        "slots": [_found(name, shelf.slots[name]) for _, name in chosen],
    }
    outputs.append(Output(MOVES, question["citizen"], "SlotsFound", value))


def _found(name: str, slot: Slot) -> dict[str, Any]:
    return {
        "id": name,
        "start": slot.start,
        "end": slot.end,
        "resource": slot.resource,
        "place": slot.place,
        "valid_until": slot.until,
    }


def _watched(shelf: Shelf, event: Event, outputs: Outputs) -> None:
    watcher = event.value["citizen"], event.value["proposal_id"]
    for name in event.value["slots"]:
        slot = shelf.slots.get(name)
        if slot is None or not slot.free:
            outputs.append(_loss(event.key, name, watcher))
        elif watcher not in slot.watchers:
            slot.watchers = [*slot.watchers, watcher][-MOST_WATCHERS:]


def _lost(key: str, name: str, slot: Slot) -> Iterator[Output]:
    return (_loss(key, name, watcher) for watcher in slot.watchers)


def _loss(key: str, name: str, watcher: tuple[str, str]) -> Output:
    citizen, proposal = watcher
    value = {"citizen": citizen, "shelf": key, "proposal_id": proposal, "slot": name, "hops": 0}
    return Output(MOVES, citizen, "SlotLost", value)


_STEPS = {
    "SlotsOffered": _offered,
    "SlotWithdrawn": _withdrawn,
    "SlotsAsked": _asked,
    "SlotsWatched": _watched,
}
RECORDS = frozenset(_STEPS)
"""What a shelf understands."""
OFFERS = frozenset({"SlotsOffered", "SlotWithdrawn"})
"""Those that agencies say."""
