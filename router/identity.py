"""Who is one and the same citizen: keys that are linked come under the strongest of them.

Every key is a citizen of its own until a fact lists it beside another. Of two keys the stronger is the
national one, else the smaller string: a total order, so aliases always point to a stronger key, no circle can
form, and whatever order facts and moves come in, all linked keys end under the strongest. The key by which
the citizen is *spoken of* may be another member: a key that a source has retired by a merge is spoken of only
when all are retired. docs/adr/0009-identity-aliases.md has the proof and the price.

Messages between keys (``Move`` on ``router.moves``):
CLAIM  the receiver is an alias of ``from_key``: it moves over. An alias passes the claim on to the weaker of
       its own target and the claimer, so that those two meet.
STATE  all that the sender had. An alias passes it on.
FACT   a fact that came under an alias. An alias passes it on.
"""

from collections.abc import Mapping
from typing import Any

from router.cases import remember_views, say_cases
from router.coordination import all_findings
from router.events import MOVES, TIMELINE, Event, Output, Turn
from router.findings import say_changes
from router.merging import unite
from router.state import Citizen, Records, dump
from router.timeline import say_changed_entries

NATIONAL = 1
RETIRED = 2
MOST_HOPS = 32
"""Beyond any chain of keys that occurs. Only sources that disagree on which identifiers are national can make
a circle; whoever is reached after so many hops stops being an alias and sends nothing on."""

Value = Mapping[str, Any]
_SAYS_MORE = frozenset({"IdentityLinked", "IdentityMerged"})


def stronger(key: str, flags: int, other: str, other_flags: int) -> bool:
    """Whether ``key`` is the one to come under."""
    return (not flags & NATIONAL, key) < (not other_flags & NATIONAL, other)


def spoken_of(citizen: Citizen, home: str) -> str:
    """The key under which everything is said about the citizen that is stored under ``home``."""
    if not citizen.key:
        members = citizen.records.members
        if len(members) <= 1:
            citizen.key = home
        else:
            citizen.key = min(
                members, key=lambda key: (members[key] & RETIRED, not members[key] & NATIONAL, key)
            )
    return citizen.key


def listed_keys(event: Event) -> list[tuple[str, int]]:
    """Every key that a fact says is the citizen's, with what it says of it."""
    value = event.value
    subject = value["meta"]["subject"]
    listed = [(item["pseudonym"], NATIONAL if item["national"] else 0) for item in subject["identifiers"]]
    listed.insert(0, (subject["key"], 0))
    if event.record == "IdentityLinked":
        listed += [(item["pseudonym"], item["national"] * NATIONAL) for item in value["linked"]]
    elif event.record == "IdentityMerged":
        for item in value["retired"]:
            survivor = item["pseudonym"] == subject["key"]
            listed.append((item["pseudonym"], item["national"] * NATIONAL | (0 if survivor else RETIRED)))
        if value["retired_key"] != subject["key"]:
            listed.append((value["retired_key"], RETIRED))
    return listed


def _known(members: Mapping[str, int], subject: Value) -> bool:
    """Whether a fact says of its subject only what is known: most do, so this comes first."""
    if subject["key"] not in members:
        return False
    for identifier in subject["identifiers"]:
        flags = members.get(identifier["pseudonym"])
        if flags is None or (identifier["national"] and not flags & NATIONAL):
            return False
    return True


def learn(turn: Turn, citizen: Citizen, event: Event) -> tuple[str, int] | None:
    """Take in the keys that a fact lists, and claim the new ones.

    Answers a stronger key, with its flags, when there is one: nothing is then taken in, for the citizen has
    to move there first.
    """
    members, home = citizen.records.members, turn.home
    if event.record not in _SAYS_MORE and _known(members, event.value["meta"]["subject"]):
        return None
    news: dict[str, int] = {}
    for key, flags in listed_keys(event):
        known = members.get(key)
        if known is None or flags & ~known:
            news[key] = news.get(key, known or 0) | flags
    if not news and members:
        return None
    own = members.get(home, 0) | news.pop(home, 0)
    best, best_flags = home, own
    for key, flags in news.items():
        if stronger(key, flags, best, best_flags):
            best, best_flags = key, flags
    going_round = turn.hops >= MOST_HOPS
    if best != home and not going_round:
        return best, best_flags
    fresh = [key for key in news if key not in members]
    _take_in(turn, citizen, {home: own, **news}, fresh)
    if not going_round:
        turn.outputs.extend(_move(turn, "CLAIM", (home, own), key) for key in fresh)
    return None


def _take_in(turn: Turn, citizen: Citizen, news: dict[str, int], fresh: list[str]) -> None:
    """Remember keys, and say who has moved where; ``fresh`` are the keys not known before."""
    members = citizen.records.members
    old_key = spoken_of(citizen, turn.home)
    if not fresh and len(members) <= 1:
        members.update(news)
        return
    before = all_findings(old_key, citizen, turn.rules) if members else {}
    members.update(news)
    citizen.key = ""
    key = spoken_of(citizen, turn.home)
    if key != old_key:
        say_changes(citizen, old_key, before, {}, turn.outputs)
        say_changes(citizen, key, {}, all_findings(key, citizen, turn.rules), turn.outputs)
        fresh = list(members)
    _say_moved(turn, citizen, key, fresh)


def _say_moved(turn: Turn, citizen: Citizen, key: str, moved: list[str]) -> None:
    """Say it of each key; the revision counts what is known, so whoever knows more is believed."""
    members = citizen.records.members
    revision = len(members) + sum(flags.bit_count() for flags in members.values())
    for member in moved:
        value = {"citizen": member, "moved_to": key, "revision": revision, "cause": turn.cause}
        turn.outputs.append(Output(TIMELINE, member, "CitizenMoved", value))


def move_to(turn: Turn, citizen: Citizen, target: str, flags: int) -> Citizen:
    """Become an alias of ``target``: hand over all there is, keep the address."""
    if citizen.records.members:
        key = spoken_of(citizen, turn.home)
        say_changes(citizen, key, all_findings(key, citizen, turn.rules), {}, turn.outputs)
        sender = turn.home, citizen.records.members.get(turn.home, 0)
        turn.outputs.append(_move(turn, "STATE", sender, target, payload=dump(citizen)))
    return Citizen(Records(alias=target, alias_national=bool(flags & NATIONAL)))


def absorb(turn: Turn, citizen: Citizen, other: Records) -> None:
    """Take over all that another key had, and say what has changed by it."""
    own, rules, outputs = citizen.records, turn.rules, turn.outputs
    old_key = spoken_of(citizen, turn.home)
    before = all_findings(old_key, citizen, rules)
    for ref in own.cases:
        remember_views(citizen, ref)
    views = {ref: view for ref, view in citizen.case_views.items() if ref not in other.cases}
    own.members.setdefault(turn.home, 0)
    fresh = [key for key in other.members if len(other.members) > 1 or key not in own.members]
    unite(citizen, other)
    citizen.case_views = views
    citizen.key = ""
    key = spoken_of(citizen, turn.home)
    _say_moved(turn, citizen, key, fresh if key == old_key else list(own.members))
    say_changed_entries(citizen, key, (*own.plans, *own.cases, *own.others), outputs)
    say_cases(citizen, key, own.cases, outputs)
    after = all_findings(key, citizen, rules)
    if key != old_key:
        say_changes(citizen, old_key, before, {}, outputs)
        before = {}
    say_changes(citizen, key, before, after, outputs)


def claimed(turn: Turn, citizen: Citizen, move: Value) -> Citizen:
    """Somebody says that this key is theirs."""
    claimer, flags = move["from_key"], move["from_national"] * NATIONAL
    target, target_flags = citizen.records.alias, citizen.records.alias_national * NATIONAL
    if claimer in (turn.home, target) or turn.hops >= MOST_HOPS:
        return citizen
    if target is None:
        return move_to(turn, citizen, claimer, flags)
    strong, weak = (claimer, flags), (target, target_flags)
    if stronger(*weak, *strong):
        strong, weak = weak, strong
    citizen.records.alias, citizen.records.alias_national = strong[0], bool(strong[1])
    turn.outputs.append(_move(turn, "CLAIM", strong, weak[0]))
    return citizen


def pass_on(turn: Turn, alias: str, move: Value) -> None:
    """A state or fact that reached an alias goes where the alias points."""
    value = {**move, "to_key": alias, "hops": turn.hops + 1}
    turn.outputs.append(Output(MOVES, alias, "Move", value))


def pass_fact(turn: Turn, target: str, event: Event) -> None:
    """A fact that came under an alias goes where the alias points."""
    value = _move(turn, "FACT", (turn.home, 0), target, payload=event.data).value
    turn.outputs.append(Output(MOVES, target, "Move", {**value, "source_topic": event.topic}))


def _move(turn: Turn, kind: str, sender: tuple[str, int], receiver: str, *, payload: bytes = b"") -> Output:
    value = {
        "kind": kind,
        "from_key": sender[0],
        "to_key": receiver,
        "cause": turn.cause,
        "source_topic": None,
        "payload": payload,
        "from_national": bool(sender[1] & NATIONAL),
        "hops": turn.hops + 1,
    }
    return Output(MOVES, receiver, "Move", value)
