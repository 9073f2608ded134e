"""Who is one citizen: a function of all that was ever said of some keys, whatever order it came in.

Facts that list two keys join them. What is joined first stays joined: links are taken in the order
confirmed before stated before merely listed, each by the time at which the source first said it, and a link
that would bring together what must not meet is refused, with a reason. Two keys must not meet when the last
that was stated of them is that they are not one, and when both are national numbers of one kind and neither
was given up. docs/adr/0018-merges-and-unmerges.md says why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from router.corrections import withdrawn
from router.evidence import ANSWERED, MERGED, NATIONAL, UNLINKED, system_of
from router.state import FactId, Records, Statement, Withdrawal, instant_of

OPERATOR = "samband.operator"
"""The agency of an operator's decisions; it uses no number itself."""
TWO_NUMBERS = "identity.two_national_numbers"
IN_USE = "identity.in_use"
APART = "identity.told_apart"
CYCLE = "identity.cycle"

Pair = tuple[str, str]
Withdrawals = Mapping[FactId, list[Withdrawal]]


class Refused(NamedTuple):
    """A link that is not believed."""

    reason: str
    keys: Pair
    because: tuple[str, ...]
    """The two keys that must not meet, where these are others."""
    agencies: tuple[str, ...]
    said: int


class Grouping(NamedTuple):
    """Some keys, each group one citizen's."""

    groups: list[list[str]]
    retired: frozenset[str]
    """Keys that a merge gave up; never all of a group."""
    owners: list[int]
    """By origin: whose its facts are."""
    refused: list[Refused]


@dataclass(slots=True)
class _Stated:
    """What was last stated of two keys."""

    together: list[Statement] = field(default_factory=list)
    """In their order, those after the last that says otherwise."""
    apart: frozenset[str] | None = None
    """The subject's keys, when the last says that they are not one."""


@dataclass(slots=True)
class _Link:
    rank: int
    said: int
    agencies: set[str]

    def add(self, rank: int, said: int, agency: str) -> None:
        self.rank, self.said = min((self.rank, self.said), (rank, said))
        self.agencies.add(agency)


def uncontested(records: Records) -> bool:
    """Whether the keys are one citizen's without further ado, as almost always."""
    return not records.statements and _one_of_each_kind(records.members)


def stay_one(records: Records, more: Mapping[str, int]) -> bool:
    """Whether the keys of one citizen are still one citizen's when more is known of keys."""
    one = not records.people and not records.statements
    return one and _one_of_each_kind({**records.members, **more} if more else records.members)


def _one_of_each_kind(members: Mapping[str, int]) -> bool:
    kinds = [system_of(flags) for flags in members.values() if flags & NATIONAL]
    return len(kinds) <= 1 or len(kinds) == len(set(kinds))


def grouping(records: Records, withdrawals: Withdrawals) -> Grouping:
    """The citizens among the keys of one state."""
    keys = list(records.members)
    if uncontested(records):
        return Grouping([keys], frozenset(), [0] * len(records.origins), [])
    statements = _standing(records, withdrawals)
    stated = _stated(statements, keys)
    owners = [_owner([keys[place] for place in origin.keys], stated) for origin in records.origins]
    given_up, in_use = _given_up(records, stated, keys)
    groups = _Groups(records, stated, given_up)
    refused = groups.join(_links(records, stated, owners, keys), in_use)
    found = groups.in_order()
    number = {key: place for place, group in enumerate(found) for key in group}
    retired, cycles = _retired(statements, stated, number, records)
    return Grouping(found, retired, [number[owner] for owner in owners], refused + cycles)


def _standing(records: Records, withdrawals: Withdrawals) -> list[Statement]:
    """Statements that nobody took back, in the order of their sources."""
    holder = Records(withdrawals=dict(withdrawals))
    standing = [one for one in records.statements if withdrawn(holder, one.id) is None]
    return sorted(standing, key=lambda one: (instant_of(one.said), one.id))


def pair_of(one: str, other: str) -> Pair:
    """Two keys in their order."""
    return (one, other) if one < other else (other, one)


def _stated(statements: Iterable[Statement], keys: list[str]) -> dict[Pair, _Stated]:
    stated: dict[Pair, _Stated] = {}
    for one in statements:
        own, others = [keys[place] for place in one.keys], [keys[place] for place in one.others]
        if one.kind == UNLINKED:
            for mine in own:
                for other in others:
                    stated[pair_of(mine, other)] = _Stated(apart=frozenset(own))
            continue
        for other in (*own[1:], *others):
            known = stated.setdefault(pair_of(own[0], other), _Stated())
            known.apart = None
            known.together.append(one)
    return stated


def _owner(keys: list[str], stated: Mapping[Pair, _Stated]) -> str:
    """Whose a fact is that lists these keys: the first one's, unless it was unlinked from another of them."""
    owner, seen = keys[0], {keys[0]}
    while True:
        for key in keys:
            said = None if key in seen else stated.get(pair_of(owner, key))
            if said is not None and said.apart is not None and key in said.apart and owner not in said.apart:
                owner = key
                seen.add(key)
                break
        else:
            return owner


def _given_up(
    records: Records, stated: Mapping[Pair, _Stated], keys: list[str]
) -> tuple[frozenset[str], frozenset[Pair]]:
    """National numbers that a merge gave up for another of their kind, and merges that cannot do so.

    A number that another agency uses as well is somebody's: one source's word is not enough.
    """
    given_up, in_use = set(), set()
    for pair, said in stated.items():
        for merge in said.together:
            subject = keys[merge.keys[0]]
            for place in merge.retired if merge.kind == MERGED else ():
                number = keys[place]
                if number == subject or pair != pair_of(subject, number):
                    continue
                flags, others = records.members[number], records.members[subject]
                if not flags & NATIONAL:
                    continue
                same_kind = others & NATIONAL and system_of(flags) == system_of(others)
                if same_kind and not _given_up_by_all(records, said.together, keys.index(number)):
                    in_use.add(pair)
                else:
                    given_up.add(number)
    return frozenset(given_up), frozenset(in_use)


def _given_up_by_all(records: Records, merges: list[Statement], number: int) -> bool:
    users = {origin.agency for origin in records.origins if origin.keys[0] == number}
    users -= {merge.agency for merge in merges if number in merge.retired}
    return all(records.names[agency] in (OPERATOR, ANSWERED) for agency in users)


def _links(
    records: Records, stated: Mapping[Pair, _Stated], owners: list[str], keys: list[str]
) -> dict[Pair, _Link]:
    names = records.names
    links: dict[Pair, _Link] = {}
    for pair, statements in stated.items():
        for one in statements.together:
            link = links.setdefault(pair, _Link(2, instant_of(one.said), set()))
            link.add(0 if one.confirmed else 1, instant_of(one.said), names[one.agency])
    for origin, owner in zip(records.origins, owners, strict=True):
        said = instant_of(origin.said)
        for place in origin.keys:
            pair = pair_of(owner, keys[place])
            known = stated.get(pair)
            if keys[place] != owner and (known is None or known.apart is None):
                links.setdefault(pair, _Link(2, said, set())).add(2, said, names[origin.agency])
    return links


class _Groups:
    """Keys that are joined one link after the other."""

    def __init__(self, records: Records, stated: Mapping[Pair, _Stated], given_up: frozenset[str]) -> None:
        self._group = {key: [key] for key in records.members}
        self._numbers = {
            key: {system_of(flags): [key]} if flags & NATIONAL and key not in given_up else {}
            for key, flags in records.members.items()
        }
        self._apart = [pair for pair, said in stated.items() if said.apart is not None]
        self._confirmed = {
            pair for pair, said in stated.items() if any(one.confirmed for one in said.together)
        }

    def join(self, links: Mapping[Pair, _Link], in_use: frozenset[Pair]) -> list[Refused]:
        """Take the links in order; those that are refused."""
        refused = []
        for pair in sorted(links, key=lambda pair: (links[pair].rank, links[pair].said, pair)):
            one, other = self._group[pair[0]], self._group[pair[1]]
            if one is other:
                continue
            reason, because = self._against(pair)
            if not because:
                self._unite(one, other)
                continue
            reason = IN_USE if pair in in_use and reason == TWO_NUMBERS else reason
            link = links[pair]
            others = () if because == pair else because
            refused.append(Refused(reason, pair, others, tuple(sorted(link.agencies)), link.said))
        return refused

    def in_order(self) -> list[list[str]]:
        """The groups, and the keys of each, in the order of the state."""
        found: dict[int, list[str]] = {}
        for key, group in self._group.items():
            found.setdefault(id(group), []).append(key)
        return list(found.values())

    def _against(self, pair: Pair) -> tuple[str, tuple[str, ...]]:
        one, other = self._group[pair[0]], self._group[pair[1]]
        apart = [each for each in self._apart if self._between(each, one, other)]
        if apart:
            return APART, min(apart)
        theirs = self._numbers[other[0]]
        for system, numbers in sorted(self._numbers[one[0]].items()):
            for number in sorted(numbers):
                for against in sorted(theirs.get(system, ())):
                    if pair_of(number, against) not in self._confirmed:
                        return TWO_NUMBERS, pair_of(number, against)
        return "", ()

    def _between(self, pair: Pair, one: list[str], other: list[str]) -> bool:
        ends = self._group[pair[0]], self._group[pair[1]]
        return (ends[0] is one and ends[1] is other) or (ends[0] is other and ends[1] is one)

    def _unite(self, one: list[str], other: list[str]) -> None:
        numbers = self._numbers[one[0]]
        for system, theirs in self._numbers[other[0]].items():
            numbers.setdefault(system, []).extend(theirs)
        one.extend(other)
        for key in other:
            self._group[key] = one


def _retired(
    statements: Iterable[Statement],
    stated: Mapping[Pair, _Stated],
    number: Mapping[str, int],
    records: Records,
) -> tuple[frozenset[str], list[Refused]]:
    """Who was given up for whom, merge by merge; one that gives up for itself, at last, is refused."""
    keys = list(records.members)
    into: dict[str, str] = {}
    cycles = []
    for merge in statements:
        subject = keys[merge.keys[0]]
        for place in merge.retired:
            key = keys[place]
            known = stated.get(pair_of(subject, key))
            if key != subject and (
                known is None or merge not in known.together or number[key] != number[subject]
            ):
                continue
            chain = [subject]
            while chain[-1] in into:
                chain.append(into[chain[-1]])
            if key in chain:
                agency = records.names[merge.agency]
                cycles.append(Refused(CYCLE, pair_of(subject, key), (), (agency,), instant_of(merge.said)))
            else:
                into[key] = subject
    return frozenset(into), cycles
