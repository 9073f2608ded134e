"""A bus of N partitions in one thread, and a reader of what the router says: for the router's tests.

Each partition of each topic is a queue; whoever drives the world picks which queue is next, so every order
that Kafka allows can happen: per partition and topic in order, across them in any.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any
from zlib import crc32

from router.events import Event, Output
from router.rules import Rules, load_rules
from router.state import Citizen
from router.step import step
from router.stored import dump, load
from tests.router.building import CODEC

RULES = load_rules()


class Reader:
    """What a reader of ``timeline`` and ``coordination`` knows: the latest of everything."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Any]] = {}
        self.changes: dict[str, dict[str, Any]] = {}
        self.cases: dict[str, dict[str, Any]] = {}
        self.findings: dict[str, dict[str, Any]] = {}
        self.moves: dict[str, dict[str, Any]] = {}
        self.refusals: dict[str, dict[str, Any]] = {}

    def read(self, output: Output) -> None:
        value: dict[str, Any] = {**output.value, "record": output.record}
        if "case" in value and output.record != "TimelineEntry":
            value["name"] = value["citizen"], value["case"]
        folds = {
            "TimelineEntry": (self.entries, "entry_id"),
            "EntryChanged": (self.changes, "entry_id"),
            "CaseStatus": (self.cases, "name"),
            "CaseWithdrawn": (self.cases, "name"),
            "Finding": (self.findings, "finding_id"),
            "CitizenMoved": (self.moves, "citizen"),
            "IdentityRefused": (self.refusals, "refusal_id"),
        }
        if output.record not in folds:  # of agreements, whose tests read the records themselves
            return
        shelf, name = folds[output.record]
        known = shelf.get(value[name])
        if known is None or known["revision"] < value["revision"]:
            shelf[value[name]] = value
        else:
            assert known != value or output.record == "CitizenMoved", "the same was said twice"

    def citizen(self, key: str) -> str:
        moved = self.moves.get(key)
        return moved["moved_to"] if moved else key

    def entry(self, entry_id: str) -> dict[str, Any]:
        """The entry with what was said of it later, under the citizen whose it is now."""
        found = dict(self.entries[entry_id])
        change = self.changes.get(entry_id)
        key = found["citizen"]
        if change and change["revision"] > found["revision"]:
            found.update(status=change["status"], replaced_by=change["replaced_by"])
            key = change["moved_to"] or key
        found["citizen"] = self.citizen(key)
        del found["revision"]
        return found

    def case_statuses(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Where each case stands, by citizen and case: the highest revision under any of their keys."""
        latest: dict[tuple[str, str], dict[str, Any]] = {}
        for value in self.cases.values():
            name = self.citizen(value["citizen"]), value["case"]
            if name not in latest or latest[name]["revision"] < value["revision"]:
                latest[name] = {**value, "citizen": name[0]}
        return {name: value for name, value in latest.items() if value["record"] == "CaseStatus"}

    def picture(self) -> dict[str, Any]:
        """All that stands, without revisions: the same for the same facts, whatever their order."""
        cases = {name: {**value, "revision": 0, "name": None} for name, value in self.case_statuses().items()}
        findings = {
            name: {**value, "revision": 0}
            for name, value in self.findings.items()
            if value["status"] == "OPEN"
        }
        entries = {name: self.entry(name) for name in self.entries}
        return {"entries": entries, "cases": cases, "findings": findings}

    def open_refusals(self) -> set[tuple[str, str, str]]:
        """Reason and the two keys of each link that is refused now."""
        return {
            (value["reason"], value["citizen"], value["other"])
            for value in self.refusals.values()
            if value["status"] == "OPEN"
        }

    def open_findings(self) -> list[dict[str, Any]]:
        found = [value for value in self.findings.values() if value["status"] == "OPEN"]
        return sorted(found, key=lambda value: (value["kind"], value["parties"][0]["start"]["instant"]))

    def timeline(self) -> list[dict[str, Any]]:
        def order(entry: dict[str, Any]) -> tuple[Any, ...]:
            sequence, name = entry["sequence"], entry["entry_id"]
            placed = entry["at"]["instant"] if entry["placed"] is None else entry["placed"]
            return placed, entry["recorded"], sequence is not None, sequence or 0, entry["rank"], name

        return sorted((self.entry(name) for name in self.entries), key=order)


class World:
    """Partitions with their queues and states; every output is read by ``reader`` at once."""

    def __init__(self, partitions: int = 1, rules: Rules = RULES) -> None:
        self.partitions = partitions
        self.rules = rules
        self.states: list[dict[str, bytes]] = [{} for _ in range(partitions)]
        self.queues: dict[tuple[str, int], deque[Event]] = {}
        self.reader = Reader()
        self.outputs: list[Output] = []
        self.hops = 0

    def put(self, events: Iterable[Event]) -> None:
        for event in events:
            place = event.topic, crc32(event.key.encode()) % self.partitions
            self.queues.setdefault(place, deque()).append(event)

    def run(self, choose: Callable[[list[tuple[str, int]]], tuple[str, int]] = min) -> "World":
        """Until nothing is left; ``choose`` picks the next queue among those that are not empty."""
        while waiting := sorted(place for place, queue in self.queues.items() if queue):
            place = choose(waiting)
            self._take(self.queues[place].popleft(), place[1])
        return self

    def state(self, key: str) -> Citizen | None:
        data = self.states[crc32(key.encode()) % self.partitions].get(key)
        return load(data) if data is not None else None

    def homes(self) -> dict[str, Citizen]:
        """The keys that are no aliases, with all that is stored under them."""
        all_ = {key: load(data) for states in self.states for key, data in states.items()}
        return {key: citizen for key, citizen in all_.items() if citizen.records.alias is None}

    def _take(self, event: Event, partition: int) -> None:
        states = self.states[partition]
        data = states.get(event.key)
        state, outputs = step(event.key, load(data) if data is not None else None, event, self.rules)
        if state is not None:
            states[event.key] = dump(state)
        for output in outputs:
            CODEC.encode(output.record, output.value)
            self.outputs.append(output)
            if output.topic == "router.moves":
                self.hops += 1
                self.put([moved(output)])
            else:
                self.reader.read(output)


def moved(output: Output) -> Event:
    """A move as the receiver's stage decodes it."""
    value = output.value
    inner: Event | Citizen | None = None
    if value["kind"] == "STATE":
        inner = load(value["payload"])
    elif value["kind"] == "FACT":
        decoded = CODEC.decode(value["payload"])
        key = decoded.value["meta"]["subject"]["key"]
        inner = Event(value["source_topic"], key, decoded.record, decoded.value, value["payload"])
    return Event(output.topic, output.key, "Move", value, b"", inner)


def told(*events: Event, rules: Rules = RULES) -> Reader:
    """What a reader knows after these facts came in this order on one partition."""
    world = World(rules=rules)
    for event in events:
        world.put([event])
        world.run()
    return world.reader
