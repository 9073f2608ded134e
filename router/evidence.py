"""What facts say about who is one citizen, and how it is kept: as sets, so that the order does not matter.

Any fact lists the keys of its subject: an origin, once for each agency and list of keys. Facts that say
nothing else (linked, merged, unlinked) are kept one by one.
"""

from collections.abc import Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any
from zlib import crc32

from router.events import Event
from router.state import KIND_NUMBER, Citizen, Origin, Records, Statement, compact, fact_id, instant_of

NATIONAL = 1
RETIRED = 2
FOREIGN = 4
"""Another citizen's key, under which facts came that are this one's (``people.py``)."""
_SYSTEM_PLACE = 3
_FEW = 16
"""So many keys are looked through as fast as a table of them is made."""
LINKED, MERGED, UNLINKED = (KIND_NUMBER[f"Identity{name}"] for name in ("Linked", "Merged", "Unlinked"))
SAYS_WHO = frozenset({"IdentityLinked", "IdentityMerged", "IdentityUnlinked"})
ANSWERED = "samband"
"""Stands for the agency of facts that name a key and list no identifiers, such as answers to proposals."""
CONFIRMED = "CONFIRMED"
"""Mapped reason of a link, merge or unlink that somebody made sure of."""

Value = Mapping[str, Any]


def system_of(flags: int) -> int:
    """A number for who assigns a national key; two systems of a citizen never share one in practice."""
    return flags >> _SYSTEM_PLACE


def _flags(identifier: Value) -> int:
    return _national(identifier["system"]) if identifier["national"] else 0


@lru_cache(maxsize=1024)
def _national(system: str) -> int:
    return NATIONAL | crc32(system.encode()) << _SYSTEM_PLACE


_pseudonym, _is_national = itemgetter("pseudonym"), itemgetter("national")


def came_under(meta: Value) -> tuple[Any, ...]:
    """Who lists which keys, as the fact has it."""
    subject = meta["subject"]
    listed = subject["identifiers"]
    return meta["source"]["agency"], subject["key"], *map(_pseudonym, listed), *map(_is_national, listed)


def heard(citizen: Citizen, meta: Value, came: tuple[Any, ...]) -> int | None:
    """The place of the fact's origin when it says nothing new of its subject, as most facts do not.

    That an agency lists known keys for the first time is nothing new of the subject: the origin is then kept.
    """
    known = citizen.heard.get(came)
    if known is None:
        known = _look_up(citizen, meta)
        if known is None:
            return None
        citizen.heard[came] = known
    return known[0] if meta["recorded"]["instant"] >= known[1] else None


def _look_up(citizen: Citizen, meta: Value) -> tuple[int, int] | None:
    """The place of an origin, and when it was first said.

    A new one is kept where that changes nothing else: one citizen's keys, all known, nothing stated of them.
    """
    records, subject = citizen.records, meta["subject"]
    members = records.members
    if subject["key"] not in members:
        return None
    for item in subject["identifiers"]:
        known = members.get(item["pseudonym"])
        if known is None or (item["national"] and _flags(item) & ~known):
            return None
    keys = _places(members, _subject_keys(subject))
    agency = _user(meta)
    for place, origin in enumerate(records.origins):
        if origin.keys == keys and records.names[origin.agency] == agency:
            return place, instant_of(origin.said)
    if records.people or records.statements:
        return None
    said = meta["recorded"]["instant"]
    records.origins += (Origin(keys, citizen.number(agency), compact(said)),)
    return len(records.origins) - 1, said


def _places(members: Mapping[str, int], keys: list[str]) -> tuple[int, ...]:
    """Where these keys stand among all."""
    if len(members) <= _FEW:
        place = list(members).index
        return tuple(place(key) for key in keys)
    places = {key: place for place, key in enumerate(members)}
    return tuple(places[key] for key in keys)


def _subject_keys(subject: Value) -> list[str]:
    """The subject's key, then the others in their order."""
    key = subject["key"]
    others = {item["pseudonym"] for item in subject["identifiers"]}
    others.discard(key)
    return [key, *sorted(others)]


def _more(event: Event) -> list[Value]:
    """Identifiers that a fact that says who is who lists beside the subject's own."""
    value = event.value
    if event.record == "IdentityLinked":
        return list(value["linked"])
    if event.record == "IdentityUnlinked":
        return list(value["unlinked"])
    return [*value["retired"], {"pseudonym": value["retired_key"], "national": False}]


def listed_keys(event: Event, home: str, known: Mapping[str, int]) -> dict[str, int]:
    """``home`` and every key that a fact names as, or as not, the citizen's, with all that is then known."""
    subject = event.value["meta"]["subject"]
    listed = {home: known.get(home, 0)}
    listed.setdefault(subject["key"], known.get(subject["key"], 0))
    identifiers = subject["identifiers"]
    if event.record in SAYS_WHO:
        identifiers = [*identifiers, *_more(event)]
    for item in identifiers:
        key = item["pseudonym"]
        listed[key] = (listed[key] if key in listed else known.get(key, 0)) | _flags(item)
    return listed


def take_in(citizen: Citizen, event: Event, more: Mapping[str, int]) -> bool:
    """Keep what a fact says of keys; ``more`` is what was not known of them. False if it was all known."""
    records, meta = citizen.records, event.value["meta"]
    records.members.update(more)
    fresh = bool(more) or heard(citizen, meta, came_under(meta)) is None
    hear(citizen, meta)
    if event.record in SAYS_WHO:
        statement = _statement(citizen, event)
        if all(one.id != statement.id for one in records.statements):
            records.statements += (statement,)
            fresh = True
    return fresh


def hear(citizen: Citizen, meta: Value) -> int:
    """The place of a fact's origin, which is kept when it is new, or earlier than was known."""
    keys = _subject_keys(meta["subject"])
    return keep_origin(citizen, keys, _user(meta), compact(meta["recorded"]["instant"]))


def hear_again(citizen: Citizen, meta: Value, came: tuple[Any, ...]) -> int:
    """The same, after which ``heard`` knows it at once."""
    place = hear(citizen, meta)
    citizen.heard[came] = place, instant_of(citizen.records.origins[place].said)
    return place


def _user(meta: Value) -> str:
    """The agency that uses these keys; whoever answers under the key that the bus gave uses no number."""
    return meta["source"]["agency"] if meta["subject"]["identifiers"] else ANSWERED


def keep_origin(citizen: Citizen, listed: list[str], agency: str, said: int) -> int:
    """The place of an origin. Keys that are no members yet are somebody else's."""
    records, number = citizen.records, citizen.number(agency)
    for key in listed:
        records.members.setdefault(key, FOREIGN)
    keys = _places(records.members, listed)
    for place, origin in enumerate(records.origins):
        if origin.keys == keys and origin.agency == number:
            if instant_of(said) < instant_of(origin.said):
                origin.said = said
                citizen.heard.clear()
            return place
    records.origins += (Origin(keys, number, said),)
    return len(records.origins) - 1


def named_origins(records: Records) -> list[tuple[tuple[str, ...], str]]:
    """The keys and the agency of each origin, by name."""
    members = list(records.members)
    return [
        (tuple(members[key] for key in origin.keys), records.names[origin.agency])
        for origin in records.origins
    ]


def origin_of(records: Records, place: int) -> tuple[list[str], str]:
    """The keys and the agency of an origin, by name."""
    members, origin = list(records.members), records.origins[place]
    return [members[key] for key in origin.keys], records.names[origin.agency]


def _statement(citizen: Citizen, event: Event) -> Statement:
    value = event.value
    meta = value["meta"]
    places = {key: place for place, key in enumerate(citizen.records.members)}
    own = _subject_keys(meta["subject"])
    more = [item["pseudonym"] for item in _more(event)]
    retired = sorted(set(more)) if event.record == "IdentityMerged" else []
    return Statement(
        fact_id(meta["event_id"]),
        KIND_NUMBER[event.record],
        compact(meta["recorded"]["instant"]),
        citizen.number(meta["source"]["agency"]),
        tuple(places[key] for key in own),
        tuple(places[key] for key in sorted(set(more) - set(own))),
        tuple(places[key] for key in retired),
        value["reason"]["mapped"] == CONFIRMED,
    )


def take_over(citizen: Citizen, other: Records) -> None:
    """Keep what another state had heard as well. Its rows are another matter (``merging.py``)."""
    own = citizen.records
    for key, flags in other.members.items():
        own.members[key] = own.members.get(key, 0) | flags & ~RETIRED
    for place, origin in enumerate(other.origins):
        keep_origin(citizen, *origin_of(other, place), origin.said)
    places = {key: place for place, key in enumerate(own.members)}
    moved = [places[key] for key in other.members]
    told = {statement.id for statement in own.statements}
    for one in other.statements:
        if one.id in told:
            continue
        keys, others, retired = (
            tuple(moved[place] for place in places_) for places_ in (one.keys, one.others, one.retired)
        )
        agency = citizen.number(other.names[one.agency])
        statement = Statement(one.id, one.kind, one.said, agency, keys, others, retired, one.confirmed)
        own.statements += (statement,)
    own.moves = max(own.moves, other.moves)
    for refusal, revision in other.refused.items():
        if abs(revision) > abs(own.refused.get(refusal, 0)):
            own.refused[refusal] = revision
