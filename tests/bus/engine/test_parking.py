"""Parking against an oracle that works on one record after the other and knows no transactions.

Each record of each key is applied in order, waits in order, or is a dead letter, whatever the batches,
transactions, crashes and decisions were.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import ConsumerRecord
from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bus.engine.ticks import MINUTE
from tests.bus.engine.diary import INPUT, NAME, OUTPUT
from tests.bus.engine.partition import CODEC, Partition, record

KEYS = [b"anna", b"bo", b"cato"]
TICKS = f"{NAME}.ticks"
VALUES = [
    b"hello", b"bug 1", b"bug 2", b"poison", b"bug in decode", b"forget",
    b"alarm 3", b"alarm 30", b"bad alarm 5",
]  # fmt: skip
ACTIONS = ["REPLAY", "DISCARD_FIRST", "DISCARD_ALL"]
one_key = strategies.sampled_from(KEYS)
one_value = strategies.sampled_from(VALUES)


def decision(offset: int, topic: str, first: int, action: str, key: bytes) -> ConsumerRecord:
    value = {"decision_id": f"id-{offset}", "action": action, "topic": topic, "offset": first, "at": 7}
    return record(f"{NAME}.operations", offset, key, CODEC.encode("ParkedDecision", value))


def tick(offset: int, minute: int) -> ConsumerRecord:
    return record(TICKS, offset, b"0", CODEC.encode("Tick", {"minute": minute * MINUTE}))


class StepError(Exception):
    pass


@dataclass
class Person:
    """What the oracle knows of one key."""

    entries: list[str] | None = None
    wake: int | None = None
    waiting: list[tuple[str, int, str]] = field(default_factory=list)
    """Topic, offset and content."""
    replies: list[str] = field(default_factory=list)
    dead: list[int] = field(default_factory=list)
    """Offsets."""

    def take(self, what: tuple[str, int, str], *, mended: bool) -> None:
        topic, offset, said = what
        if said == "poison":
            self.dead.append(offset)
        elif said == "forget":
            self.entries, self.wake = None, None
        elif not mended and (said.startswith("bug") or (topic == "ticks" and self._rings_badly())):
            raise StepError
        else:
            entry = f"rang {said}" if topic == "ticks" else said
            self.entries = [*(self.entries or []), entry]
            self.replies.append(f"{entry}:{len(self.entries)}")
            if topic == "ticks":
                self.wake = None
            elif "alarm" in said:
                self.wake = int(said.rpartition(" ")[2])

    def _rings_badly(self) -> bool:
        return any(entry.startswith("bad") for entry in self.entries or ())

    def offer(self, what: tuple[str, int, str], *, mended: bool) -> None:
        if self.waiting:
            self.waiting.append(what)
            return
        try:
            self.take(what, mended=mended)
        except StepError:
            self.waiting.append(what)

    def decide(self, first: tuple[str, int], action: str, *, mended: bool) -> None:
        if not self.waiting or self.waiting[0][:2] != first:
            return
        discard = {"REPLAY": 0, "DISCARD_FIRST": 1, "DISCARD_ALL": len(self.waiting)}[action]
        self.dead.extend(offset for _, offset, _ in self.waiting[:discard])
        rest, self.waiting = self.waiting[discard:], []
        for what in rest:
            self.offer(what, mended=mended)


class ParkingMachine(RuleBasedStateMachine):
    """Batches, ticks, decisions, commits, crashes and repairs, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.partition = Partition(Path(self.folder.name))
        self.mended = False
        self.done: list[tuple[ConsumerRecord, bool]] = []
        """Each record with whether the stage was mended when it came."""
        self.committed = 0
        self.minute = 0

    @initialize()
    def begin(self) -> None:
        self.loop.run_until_complete(self.partition.start(mended=False))

    def _process(self, records: Sequence[ConsumerRecord]) -> None:
        self.done.extend((each, self.mended) for each in records)
        self.loop.run_until_complete(self.partition.process(records))

    @rule(letters=strategies.lists(strategies.tuples(one_key, one_value), min_size=1, max_size=8))
    def batch(self, letters: list[tuple[bytes, bytes]]) -> None:
        offset = len(self.done)
        self._process([record(INPUT, offset + n, key, said) for n, (key, said) in enumerate(letters)])

    @rule(passed=strategies.integers(1, 4))
    def time_passes(self, passed: int) -> None:
        first = self.minute + 1
        self.minute += passed
        self._process([tick(len(self.done) + n, first + n) for n in range(passed)])

    @rule(key=one_key, action=strategies.sampled_from(ACTIONS), late=strategies.booleans(), then=one_value)
    def decide(self, key: bytes, action: str, late: bool, then: bytes) -> None:  # noqa: FBT001 - drawn
        waiting = self.expected()[key].waiting
        topic, first, _ = waiting[0] if waiting else (INPUT, 0, "")
        topic = TICKS if topic == "ticks" else topic
        offset = len(self.done)
        decided = decision(offset, topic, first + 1000 * late, action, key)
        self._process([decided, record(INPUT, offset + 1, key, then)])

    @rule()
    def commit(self) -> None:
        self.partition.commit()
        self.committed = len(self.done)

    @rule(mended=strategies.booleans(), fresh=strategies.booleans())
    def crash(self, mended: bool, fresh: bool) -> None:  # noqa: FBT001 - drawn
        again = [each for each, _ in self.done[self.committed :]]
        del self.done[self.committed :]
        self.mended = mended
        self.loop.run_until_complete(self.partition.start(mended=mended, fresh_folder=fresh))
        if again:
            self._process(again)

    def expected(self) -> dict[bytes, Person]:
        people = {key: Person() for key in KEYS}
        for each, mended in self.done:
            if each.topic == f"{NAME}.operations":
                value = CODEC.decode(each.value).value
                topic = "ticks" if value["topic"].endswith(".ticks") else value["topic"]
                people[each.key].decide((topic, value["offset"]), value["action"], mended=mended)
            elif each.topic == TICKS:
                minute = CODEC.decode(each.value).value["minute"] // MINUTE
                due = [
                    p for p in people.values() if p.wake is not None and p.wake <= minute and not p.waiting
                ]
                for person in due:
                    person.offer(("ticks", each.offset, str(minute)), mended=mended)
            else:
                people[each.key].offer((INPUT, each.offset, each.value.decode()), mended=mended)
        return people

    @invariant()
    @precondition(lambda self: hasattr(self.partition, "store"))
    def every_record_is_applied_or_waits_or_is_a_dead_letter(self) -> None:
        people, partition = self.expected(), self.partition
        parked = partition.processor._aside.parking.keys  # noqa: SLF001 - what waits is nowhere else to be seen
        replies = partition.sent(OUTPUT)
        dead = [
            (key, CODEC.decode(value or b"").value["offset"])
            for topic in (INPUT, TICKS)
            for key, value in partition.sent(f"{topic}.dlq")
        ]
        status = dict(partition.sent(f"{NAME}.parked"))
        for key, person in people.items():
            state = partition.store.get(key)
            assert (state and state.entries) == person.entries, key
            assert (state and state.wake and state.wake // MINUTE) == person.wake, key
            assert [value.decode() for to, value in replies if to == key and value] == person.replies
            assert sorted(offset for to, offset in dead if to == key) == sorted(person.dead)
            assert (parked[key].waiting if key in parked else 0) == len(person.waiting)
            told = status.get(key)
            if not person.waiting:
                assert told is None
            else:
                assert told is not None
                said = CODEC.decode(told).value
                assert (said["offset"], said["waiting"]) == (person.waiting[0][1], len(person.waiting))

    def teardown(self) -> None:
        self.partition.close()
        self.loop.close()
        self.folder.cleanup()


ParkingMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestParkingMachine = ParkingMachine.TestCase
