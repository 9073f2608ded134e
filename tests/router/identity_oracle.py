"""Who is who, from all facts at once: one thread, no keys that move, nothing of the router's.

Written from the rules in docs/router.md alone, in the simplest way: sets of keys, and every pair looked at.
"""

from collections import defaultdict


def pair(one, other):
    return tuple(sorted((one, other)))


def agency(event):
    return event.value["meta"]["source"]["agency"]


def order(event):
    return event.value["meta"]["recorded"]["instant"], event.value["meta"]["event_id"]


def own_keys(event):
    subject = event.value["meta"]["subject"]
    return [subject["key"], *(one["pseudonym"] for one in subject["identifiers"])]


def named(event):
    """The other keys that a statement is about."""
    value = event.value
    found = [one["pseudonym"] for field in ("linked", "unlinked", "retired") for one in value.get(field, ())]
    return found + ([value["retired_key"]] if "retired_key" in value else [])


class Oracle:
    """Groups of keys, whose each fact is, and which links are refused."""

    def __init__(self, events, national):
        """``national`` gives the kind of a national key, and None for a local one."""
        self.national = national
        self.events = {event.value["meta"]["event_id"]: event for event in events}
        self.gone = {event.value["meta"]["retracts"] for event in self.events.values()}
        statements = [
            event
            for name, event in self.events.items()
            if event.record.startswith("Identity") and name not in self.gone
        ]
        self.statements = sorted(statements, key=order)
        self.keys = {key for event in self.events.values() for key in (*own_keys(event), *named(event))}
        self.stated = {}
        for event in self.statements:
            self._state(event)
        self.group = {key: frozenset({key}) for key in self.keys}
        self.refused = set()
        self._join()
        self.retired = {}
        for event in self.statements:
            if event.record == "IdentityMerged":
                self._retire(event)

    def _state(self, event):
        own = own_keys(event)
        if event.record == "IdentityUnlinked":
            for mine in own:
                for other in set(named(event)) - set(own):
                    self.stated[pair(mine, other)] = ("apart", set(own))
            return
        for other in {*own, *named(event)} - {event.key}:
            kind, what = self.stated.get(pair(event.key, other), ("", None))
            together = what if kind == "together" else []
            self.stated[pair(event.key, other)] = ("together", [*together, event])

    def owner(self, event):
        """The key whose a fact is."""
        owner, seen = event.key, {event.key}
        found = True
        while found:
            found = False
            for key in (event.key, *sorted(set(own_keys(event)) - {event.key})):
                kind, subject = self.stated.get(pair(owner, key), ("", None))
                if key not in seen and kind == "apart" and key in subject and owner not in subject:
                    owner, found = key, True
                    seen.add(key)
                    break
        return owner

    def _together(self, one, other):
        kind, events = self.stated.get(pair(one, other), ("", None))
        return events if kind == "together" else []

    def _confirmed(self, one, other):
        return any(event.value["reason"]["mapped"] == "CONFIRMED" for event in self._together(one, other))

    def _merges(self, number, survivor):
        return [
            event
            for event in self._together(number, survivor)
            if event.record == "IdentityMerged" and number in named(event) and event.key == survivor
        ]

    def _in_use(self, number, survivor):
        """Whether an agency uses a number that none of its own merges gives up."""
        users = {agency(event) for event in self.events.values() if event.key == number}
        gave_up = {
            agency(event)
            for event in self._together(number, survivor)
            if event.record == "IdentityMerged" and number in named(event)
        }
        return bool(users - gave_up - {"samband.operator"})

    def _given_up(self, number):
        for survivor in self.keys - {number}:
            same = self.national(number) == self.national(survivor)
            if self._merges(number, survivor) and not (same and self._in_use(number, survivor)):
                return True
        return False

    def _links(self):
        links: dict[tuple[str, str], tuple[int, int]] = {}

        def add(one, other, rank, said):
            if one != other:
                known = links.get(pair(one, other), (9, 0))
                links[pair(one, other)] = min(known, (rank, said))

        for (one, other), (kind, events) in self.stated.items():
            for event in events if kind == "together" else ():
                confirmed = event.value["reason"]["mapped"] == "CONFIRMED"
                add(one, other, 0 if confirmed else 1, order(event)[0])
        for event in self.events.values():
            owner = self.owner(event)
            for key in own_keys(event):
                if self.stated.get(pair(owner, key), ("",))[0] != "apart":
                    add(owner, key, 2, order(event)[0])
        return sorted((*strength, *keys) for keys, strength in links.items())

    def _join(self):
        given_up = {key for key in self.keys if self.national(key) and self._given_up(key)}
        for _, _, one, other in self._links():
            ours, theirs = self.group[one], self.group[other]
            if ours == theirs:
                continue
            cross = [(mine, yours) for mine in ours for yours in theirs]
            if any(self.stated.get(pair(*both), ("",))[0] == "apart" for both in cross):
                self.refused.add(("identity.told_apart", one, other))
                continue
            clash = [
                (mine, yours)
                for mine, yours in cross
                if self.national(mine) is not None
                and self.national(mine) == self.national(yours)
                and not {mine, yours} & given_up
                and not self._confirmed(mine, yours)
            ]
            if clash:
                merges = [
                    number
                    for number, survivor in ((one, other), (other, one))
                    if self.national(number) is not None
                    and self.national(number) == self.national(survivor)
                    and self._merges(number, survivor)
                    and self._in_use(number, survivor)
                ]
                reason = "identity.in_use" if merges else "identity.two_national_numbers"
                self.refused.add((reason, one, other))
                continue
            for key in ours | theirs:
                self.group[key] = ours | theirs

    def _retire(self, event):
        survivor = event.key
        for key in sorted(set(named(event))):
            if key != survivor and (
                event not in self._together(survivor, key) or key not in self.group[survivor]
            ):
                continue
            chain = [survivor]
            while chain[-1] in self.retired:
                chain.append(self.retired[chain[-1]])
            if key in chain:
                self.refused.add(("identity.cycle", *pair(survivor, key)))
            else:
                self.retired[key] = survivor

    def citizen(self, key):
        """Not retired before retired, national before local, then the smaller string."""
        return min(self.group[key], key=lambda one: (one in self.retired, self.national(one) is None, one))

    def citizens(self):
        """The facts of each citizen, by the key under which they are spoken of."""
        found = defaultdict(list)
        for event in self.events.values():
            found[self.citizen(self.owner(event))].append(event)
        return found
