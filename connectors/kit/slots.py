"""Compares a whole set of free slots with the one before: offers what is new, withdraws what is gone. Pure.

Offering can be cut off at any moment. What was perhaps offered is therefore part of what is kept while a set
is under way, without a digest: the next set offers it again or withdraws it. The laws that the tests hold it
to: the same set twice says nothing; after any sequence of sets, with any of them cut off, the slots that
stand are those of the last one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import orjson
from msgspec.structs import replace

from connectors.kit.outcomes import Fact
from schemas.errors import PoisonError
from schemas.records import Code, Institution, Slot, Time
from schemas.shelves import shelf_key

LONGEST: Final = 86_400_000_000
"""Microseconds: what takes longer than a day is no slot."""
_IN_ONE_FACT: Final = 200
_DIGEST: Final = 32
"""Characters of a digest that are kept."""
_SYSTEM: Final = "samband:slots"

Digest = Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class Offer:
    """A slot, and whose it is."""

    institution: Institution
    service: Code
    slot: Slot


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """A slot that stands, or may stand, on the bus."""

    institution: Institution
    service: Code
    slot: str
    start: int
    digest: str
    """Of all that was said of it; empty while that is not certain."""


class SlotSet(msgspec.Struct, frozen=True):
    """What was said with the sets so far."""

    revision: int = 0
    """Counts the sets that differ from the one before."""
    content: str = ""
    """Digest of the last set."""
    slots: dict[str, Standing] = {}
    """By shelf and the slot's id."""


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be said, and what to keep while that is under way and once Kafka has confirmed it."""

    facts: tuple[Fact, ...]
    during: SlotSet
    after: SlotSet


def check(offers: Iterable[Offer], places: Iterable[str]) -> None:
    """PoisonError for the first offer that cannot be; ``places`` says where each stands in its set."""
    seen: set[str] = set()
    for offer, where in zip(offers, places, strict=True):
        slot = offer.slot
        if not 0 < slot["end"]["instant"] - slot["start"]["instant"] <= LONGEST:
            problem = "a slot ends after it starts, and within a day"
            raise PoisonError(problem, reason="slot.length", where=where)
        if slot["id"] in seen:
            raise PoisonError("another slot of the set has this id", reason="slot.repeated", where=where)
        seen.add(slot["id"])


def difference(known: SlotSet, offers: Sequence[Offer], content: str, at: Time, digest: Digest) -> Change:
    """What to say so that exactly ``offers`` stand.

    ``content`` is the set's digest, ``at`` when it was made. Slots whose time has come by then are not
    withdrawn: they end by themselves.
    """
    wanted = {f"{_shelf(offer)}|{offer.slot['id']}": offer for offer in offers}
    after = {
        key: Standing(
            offer.institution,
            offer.service,
            offer.slot["id"],
            offer.slot["start"]["instant"],
            _said(offer, digest),
        )
        for key, offer in wanted.items()
    }
    gone = {key: had for key, had in known.slots.items() if key not in wanted and had.start > at["instant"]}
    new = [key for key in wanted if key not in known.slots or known.slots[key].digest != after[key].digest]
    names = {offer.slot["id"] for offer in offers}
    facts = [_withdrawal(had, at, names) for had in gone.values()]
    facts += _offers([wanted[key] for key in new], at)
    uncertain = {**gone, **{key: after[key] for key in new}}
    revision = known.revision + (content != known.content)
    during = {**known.slots, **{key: replace(each, digest="") for key, each in uncertain.items()}}
    return Change(tuple(facts), SlotSet(revision, content, during), SlotSet(revision, content, after))


def _shelf(offer: Offer) -> str:
    return shelf_key(offer.institution, offer.service)


def _said(offer: Offer, digest: Digest) -> str:
    said = (offer.service, offer.slot)
    return digest(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))[:_DIGEST]


def _withdrawal(had: Standing, at: Time, elsewhere: set[str]) -> Fact:
    mapped = "MOVED" if had.slot in elsewhere else "UNKNOWN"  # the set does not say whether it was taken
    return _fact(
        "SlotWithdrawn", shelf_key(had.institution, had.service), at,
        institution=had.institution, service=had.service, slot=had.slot,
        reason={"code": "", "system": _SYSTEM, "mapped": mapped},
    )  # fmt: skip


def _offers(new: Sequence[Offer], at: Time) -> Iterable[Fact]:
    shelves: dict[str, list[Offer]] = {}
    for offer in new:
        shelves.setdefault(_shelf(offer), []).append(offer)
    for shelf, all_of_it in shelves.items():
        for begin in range(0, len(all_of_it), _IN_ONE_FACT):
            some = all_of_it[begin : begin + _IN_ONE_FACT]
            first = some[0]
            yield _fact(
                "SlotsOffered", shelf, at,
                institution=first.institution, service=first.service, slots=[each.slot for each in some],
            )  # fmt: skip


def _fact(record: str, shelf: str, at: Time, **body: Any) -> Fact:
    return Fact(
        record=record, identifiers=(), key=shelf, occurred=at, recorded=at, body=body, sensitivity="INTERNAL"
    )
