"""The citizens among the keys of one state, and what is said when they are no longer the same.

Keys that were ever listed together are stored together, under the strongest of them, for good. How many
citizens they are is worked out from what was said of them (``grouping.py``). Nearly always they are one, and
the state is that citizen's; else it holds each on their own.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from router.agreement import desk
from router.cases import case_view, say_cases
from router.coordination import all_findings
from router.events import REFUSALS, TIMELINE, Output, Turn
from router.evidence import FOREIGN, NATIONAL, RETIRED, named_origins, take_over
from router.findings import Drafts, say_changes
from router.grouping import Grouping, Refused, Withdrawals, grouping
from router.merging import distribute
from router.state import Citizen, FactId, Records, Withdrawal
from router.stored import count_rows
from router.timeline import say_changed_entries

_NAMESPACE = UUID("3a6f1a52-9f0b-5f0e-8a53-6d1f2f0a7c44")


class Before(NamedTuple):
    """A citizen before something was heard of who is who."""

    citizen: Citizen
    key: str
    members: frozenset[str]


def persons(citizen: Citizen) -> list[Citizen]:
    """Each citizen of a state."""
    if not citizen.records.people:
        return [citizen]
    if citizen.persons is None:
        citizen.persons = [Citizen(records) for records in citizen.records.people]
    return citizen.persons


def whose(citizen: Citizen, origin: int) -> Citizen:
    """Whose the facts of an origin are."""
    if not citizen.records.people:
        return citizen
    if citizen.owners is None:
        citizen.owners = current(citizen.records).owners
    return persons(citizen)[citizen.owners[origin]]


def current(records: Records) -> Grouping:
    """The citizens of a state, worked out again."""
    return grouping(records, _withdrawals(records.people or (records,)))


def spoken_of(citizen: Citizen, home: str) -> str:
    """The key under which everything is said about a citizen; ``home`` while no key is known."""
    if not citizen.key:
        members = citizen.records.members
        citizen.key = min(members, key=lambda key: _rank(key, members[key]), default=home)
    return citizen.key


def _rank(key: str, flags: int) -> tuple[int, int, bool, str]:
    return flags & FOREIGN, flags & RETIRED, not flags & NATIONAL, key


def survey(turn: Turn, citizen: Citizen) -> list[Before]:
    """The citizens of a state as they are now."""
    if not citizen.records.members:
        return []
    return [
        Before(
            person,
            spoken_of(person, turn.home),
            frozenset(key for key, flags in person.records.members.items() if not flags & FOREIGN),
        )
        for person in persons(citizen)
    ]


def open_refusals(records: Records) -> list[Refused]:
    """What was refused when it was last looked at."""
    return current(records).refused if any(revision > 0 for revision in records.refused.values()) else []


def regroup(
    turn: Turn, citizen: Citizen, before: list[Before], refused: list[Refused], other: Records | None = None
) -> None:
    """Work out who is who again, from what is now known, and say everything that is otherwise.

    ``other`` is a state that has moved here; what it had heard is taken over already. Those for whom nothing
    is otherwise are left as they are: a number that a source gives to hundreds keeps them all in one state.
    """
    came = () if other is None else other.people or (other,)
    withdrawals = _withdrawals([*(seen.citizen.records for seen in before), *came])
    found = grouping(citizen.records, withdrawals)
    same = _unchanged(citizen.records, before, found, withdrawals, other)
    changed = [seen for seen in before if seen not in same.values()]
    drafts = {seen.key: all_findings(seen.key, seen.citizen, turn.rules) for seen in changed}
    views = {seen.key: _views(seen.citizen, other) for seen in changed}
    withdrawn = {seen.key: _withdrawn_cases(seen.citizen.records) for seen in changed}
    taken_back = Records(withdrawals=dict(withdrawals))
    _rebuild(citizen, found, [*(seen.citizen.records for seen in changed), *came, taken_back], same)
    told = {key: seen.key for seen in before for key in seen.members}
    say_moved(turn, citizen, told, other.members if other is not None and other.moves else ())
    again = _regrouped(before, found, other)
    for place, person in enumerate(persons(citizen)):
        if place in same:
            continue
        key, records = spoken_of(person, turn.home), person.records
        person.case_views = {} if again else views.get(key, {})
        say_changed_entries(person, (*records.plans, *records.cases, *records.others), turn.outputs)
        _say_cases(turn, person, key, set() if again else withdrawn.get(key, set()))
        _say_findings(turn, person, key, drafts)
        if records.bundles:
            desk.regrouped(turn, key, person)
    _say_refused(turn, citizen.records, refused, found.refused)


def _unchanged(
    records: Records, before: list[Before], found: Grouping, withdrawals: Withdrawals, other: Records | None
) -> dict[int, Before]:
    """Those of several citizens who stay as they are, by their place among the new ones.

    They have the same keys and facts from the same origins, and nothing that came is theirs.
    """
    if len(before) == 1 or len(found.groups) == 1:
        return {}
    theirs: Collection[str] = () if other is None else other.members
    place_of = {key: place for place, group in enumerate(found.groups) for key in group}
    owned: list[set[tuple[tuple[str, ...], str]]] = [set() for _ in found.groups]
    for origin, owner in zip(named_origins(records), found.owners, strict=True):
        owned[owner].add(origin)
    same = {}
    for seen in before:
        own = seen.citizen.records
        place = place_of[seen.key]
        flags = {
            key: records.members[key] & ~RETIRED | RETIRED * (key in found.retired)
            for key in found.groups[place]
        }
        if (
            seen.members.isdisjoint(theirs)
            and flags == {key: own.members[key] for key in seen.members}
            and owned[place] == set(named_origins(own))
            and _as_one(own.withdrawals) == _as_one(withdrawals)
        ):
            same[place] = seen
    return same


def _as_one(withdrawals: Withdrawals) -> dict[FactId, set[tuple[FactId, bool]]]:
    return {
        target: {(entry.by, entry.retracts) for entry in entries} for target, entries in withdrawals.items()
    }


def _regrouped(before: list[Before], found: Grouping, other: Records | None) -> bool:
    """Whether keys that were one citizen's are no longer, or those of several are one citizen's now."""
    known = frozenset().union(*(seen.members for seen in before))
    groups = {known.intersection(group) for group in found.groups} - {frozenset()}
    if groups != {seen.members for seen in before}:
        return True
    return other is not None and (bool(other.people) or len(found.groups) > 1)


def _views(citizen: Citizen, other: Records | None) -> dict[str, Any]:
    """What was last said of a citizen's cases, but for those of which another state may have said more."""
    fresh = {ref for records in (other.people or (other,)) for ref in records.cases} if other else set()
    return {
        ref: citizen.case_views.get(ref) or case_view(citizen, ref)
        for ref in citizen.records.cases
        if ref not in fresh
    }


def _withdrawals(sources: Iterable[Records]) -> Withdrawals:
    found: dict[FactId, list[Withdrawal]] = {}
    for source in sources:
        for target, entries in source.withdrawals.items():
            found.setdefault(target, []).extend(entries)
    return found


def _rebuild(citizen: Citizen, found: Grouping, sources: list[Records], same: Mapping[int, Before]) -> None:
    """Make the state anew: what was heard, and the rows of ``sources`` for those who are not the ``same``."""
    if not same:
        fresh = Citizen()
        take_over(fresh, citizen.records)
        citizen.records, citizen.numbers, citizen.heard = fresh.records, None, {}
        citizen.first_loose, citizen.names_in_blocks = None, 0
    records = citizen.records
    people = [citizen]
    if len(found.groups) > 1:
        members = {key: flags & ~RETIRED for key, flags in records.members.items()}
        records.members = members
        people = [
            same[place].citizen
            if place in same
            else Citizen(Records(members={key: members[key] for key in group}))
            for place, group in enumerate(found.groups)
        ]
        records.people = tuple(person.records for person in people)
    places = [place for place in range(len(people)) if place not in same]
    _give(records, found, sources, [people[place] for place in places], places)
    citizen.key, citizen.owners, citizen.loose = "", found.owners, count_rows(records)
    citizen.persons = people if len(people) > 1 else None
    citizen.forget_views()


def _give(
    records: Records, found: Grouping, sources: list[Records], people: list[Citizen], places: list[int]
) -> None:
    """Everything to whose it is, of ``people`` at these ``places`` among all."""
    numbers = {place: number for number, place in enumerate(places)}
    owners = {
        origin: numbers.get(owner, 0)
        for origin, owner in zip(named_origins(records), found.owners, strict=True)
    }
    distribute(sources, people, lambda keys, agency: owners[tuple(keys), agency])
    desk.carry(sources, people)
    for person in people:
        members = person.records.members
        for key in found.retired & members.keys():
            members[key] |= RETIRED


def say_moved(turn: Turn, citizen: Citizen, told: Mapping[str, str], came: Collection[str]) -> None:
    """Say of each key under which one the citizen is spoken of, when ``told`` has it otherwise.

    ``came`` are keys of which another state may have said something else since.
    """
    records = citizen.records
    if len(records.members) <= 1:
        return
    now: dict[str, str] = {}
    for person in persons(citizen):
        own = spoken_of(person, turn.home)
        now.update((key, own) for key, flags in person.records.members.items() if not flags & FOREIGN)
    known = {turn.home: turn.home, **told}
    moved = [key for key in records.members if known.get(key) != now[key] or key in came]
    records.moves += bool(moved)
    for key in moved:
        value = {"citizen": key, "moved_to": now[key], "revision": records.moves, "cause": turn.cause}
        turn.outputs.append(Output(TIMELINE, key, "CitizenMoved", value))


def _withdrawn_cases(records: Records) -> set[str]:
    return {ref for ref, revision in records.case_revisions.items() if revision < 0}


def _say_cases(turn: Turn, citizen: Citizen, key: str, withdrawn: Collection[str]) -> None:
    """Say where the cases stand, and which are somebody else's; ``withdrawn`` of them were said before."""
    records = citizen.records
    revisions = records.case_revisions
    for ref in [ref for ref in revisions if ref not in records.cases]:
        revision = revisions[ref] + (ref not in withdrawn)
        revisions[ref] = -revision
        if ref in withdrawn:
            continue
        value = {"citizen": key, "case": ref[2:], "revision": revision, "cause": turn.cause}
        turn.outputs.append(Output(TIMELINE, key, "CaseWithdrawn", value))
    say_cases(citizen, key, records.cases, turn.outputs)


def _say_findings(turn: Turn, citizen: Citizen, key: str, drafts: Mapping[str, Drafts]) -> None:
    """Close what was found under keys that nobody is spoken of any more, open what is found now."""
    members = citizen.records.members
    for old, found in drafts.items():
        if old != key and not members.get(old, FOREIGN) & FOREIGN:
            say_changes(citizen, old, found, {}, turn.outputs)
    after = all_findings(key, citizen, turn.rules)
    say_changes(citizen, key, drafts.get(key, {}), after, turn.outputs, turn.rules.inboxes)


def _say_refused(turn: Turn, records: Records, before: list[Refused], after: list[Refused]) -> None:
    old, new = ({(one.reason, one.keys): one for one in some} for some in (before, after))
    for refusal, one in old.items():
        if refusal not in new:
            turn.outputs.append(_refusal(turn, records, one, is_open=False))
    for refusal, one in new.items():
        if old.get(refusal) != one:
            turn.outputs.append(_refusal(turn, records, one, is_open=True))


def _refusal_id(one: Refused) -> UUID:
    return uuid5(_NAMESPACE, "\x1f".join((one.reason, *one.keys)))


def _refusal(turn: Turn, records: Records, one: Refused, *, is_open: bool) -> Output:
    refusal = _refusal_id(one)
    revision = abs(records.refused.get(refusal.bytes, 0)) + 1
    records.refused[refusal.bytes] = revision if is_open else -revision
    key, other = one.keys
    value = {
        "citizen": key,
        "refusal_id": str(refusal),
        "revision": revision,
        "status": "OPEN" if is_open else "CLOSED",
        "reason": one.reason,
        "other": other,
        "because": list(one.because),
        "agencies": list(one.agencies),
        "said": one.said,
        "cause": turn.cause,
    }
    return Output(REFUSALS, key, "IdentityRefused", value)
