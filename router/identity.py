"""Where the state of linked keys is kept, and how it gets there: under the strongest of them.

Every key is a citizen of its own until a fact lists it beside another. Of two keys the stronger is the
national one, else the smaller string: a total order, so aliases always point to a stronger key, no circle can
form, and whatever order facts and moves come in, all linked keys end under the strongest.
docs/adr/0009-identity-aliases.md has the proof and the price. Who is one citizen is another question, worked
out there from all that was said (``people.py``).

Messages between keys (``Move`` on ``router.moves``):
CLAIM  the receiver is an alias of ``from_key``: it moves over. An alias passes the claim on to the weaker of
       its own target and the claimer, so that those two meet.
STATE  all that the sender had. An alias passes it on.
FACT   a fact that came under an alias. An alias passes it on.
"""

from collections.abc import Mapping
from typing import Any

from router.coordination import all_findings
from router.events import MOVES, Event, Output, Turn
from router.evidence import NATIONAL, SAYS_WHO, listed_keys, take_in, take_over
from router.findings import say_changes
from router.grouping import stay_one
from router.people import open_refusals, persons, regroup, say_moved, spoken_of, survey
from router.state import Citizen, Records
from router.stored import dump

MOST_HOPS = 32
"""Beyond any chain of keys that occurs. Only sources that disagree on which identifiers are national can make
a circle; whoever is reached after so many hops stops being an alias and sends nothing on."""

Value = Mapping[str, Any]


def stronger(key: str, flags: int, other: str, other_flags: int) -> bool:
    """Whether ``key`` is the one to come under."""
    return (not flags & NATIONAL, key) < (not other_flags & NATIONAL, other)


def learn(turn: Turn, citizen: Citizen, event: Event) -> tuple[str, int] | None:
    """Take in what a fact says of keys, and claim the new ones.

    Answers a stronger key, with its flags, when there is one: nothing is then taken in, for the citizen has
    to move there first. Who lists the keys is kept by ``hear``.
    """
    records, home = citizen.records, turn.home
    members = records.members
    listed = listed_keys(event, home, members)
    best = min(listed, key=lambda key: (not listed[key] & NATIONAL, key))
    going_round = turn.hops >= MOST_HOPS
    if best != home and not going_round:
        return best, listed[best]
    more = {key: flags for key, flags in listed.items() if members.get(key) != flags}
    fresh = [key for key in more if key not in members and key != home]
    if event.record not in SAYS_WHO and stay_one(records, more):
        if more:
            _say_learnt(turn, citizen, more, fresh)
    else:
        before, refused = survey(turn, citizen), open_refusals(records)
        if not take_in(citizen, event, more):
            return None
        regroup(turn, citizen, before, refused)
    if fresh and not going_round:
        turn.outputs.extend(_move(turn, "CLAIM", (home, listed[home]), key) for key in fresh)
    return None


def _say_learnt(turn: Turn, citizen: Citizen, more: Mapping[str, int], fresh: list[str]) -> None:
    """Keep more that is known of one citizen's keys, and say what is otherwise by it: perhaps the key."""
    members = citizen.records.members
    old_key = spoken_of(citizen, turn.home) if members else turn.home
    members.update(more)
    citizen.key = ""
    key = spoken_of(citizen, turn.home)
    if key != old_key:
        say_changes(citizen, old_key, all_findings(old_key, citizen, turn.rules), {}, turn.outputs)
        after = all_findings(key, citizen, turn.rules)
        say_changes(citizen, key, {}, after, turn.outputs, turn.rules.inboxes)
    if fresh or key != old_key:
        told = {member: old_key for member in members if member not in fresh}
        say_moved(turn, citizen, told, ())


def move_to(turn: Turn, citizen: Citizen, target: str, flags: int) -> Citizen:
    """Become an alias of ``target``: hand over all there is, keep the address."""
    if citizen.records.members:
        for person in persons(citizen):
            key = spoken_of(person, turn.home)
            say_changes(person, key, all_findings(key, person, turn.rules), {}, turn.outputs)
        sender = turn.home, citizen.records.members.get(turn.home, 0)
        turn.outputs.append(_move(turn, "STATE", sender, target, payload=dump(citizen)))
    return Citizen(Records(alias=target, alias_national=bool(flags & NATIONAL)))


def absorb(turn: Turn, citizen: Citizen, other: Records) -> None:
    """Take over all that another key had, and say what has changed by it."""
    before = survey(turn, citizen)
    refused = open_refusals(citizen.records) + open_refusals(other)
    take_over(citizen, other)
    citizen.records.members.setdefault(turn.home, 0)
    regroup(turn, citizen, before, refused, other)


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
