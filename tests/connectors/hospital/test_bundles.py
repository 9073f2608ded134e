"""All or nothing, whatever is lost, late or refused on the way to the simplest possible hospital."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connectors.hospital.answers import AGAIN, DONE, TAKEN, Verdict
from connectors.hospital.asks import Act, Ask
from connectors.hospital.bundles import Bundle, Step, judge, take
from connectors.kit import times
from schemas.records import RequestAction
from tests.connectors.hospital.desk_rig import move, request

REFUSED = Verdict("REFUSED", {"code": "TAKEN", "system": "x", "mapped": "TAKEN"})


@dataclass
class Hospital:
    """What it holds and has moved, and what it said to each control id."""

    held: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    said: dict[str, Verdict] = field(default_factory=dict)

    def does(self, ask: Ask, *, willing: bool) -> Verdict:
        if ask.control_id not in self.said:
            self.said[ask.control_id] = self._does(ask, willing=willing)
        return self.said[ask.control_id]

    def _does(self, ask: Ask, *, willing: bool) -> Verdict:
        own = ask.move["appointment"]["id"]
        if ask.act is Act.LET_GO:
            self.held.discard(own)
        elif not willing:
            return REFUSED
        elif ask.act is Act.HOLD:
            self.held.add(own)
        elif ask.act is Act.MOVE:
            self.moved.add(own)
            self.held.discard(own)
        else:
            self.moved.discard(own)
        return DONE


class Way(RuleBasedStateMachine):
    """A bundle between a bus that asks and a hospital that does; answers are lost, late and doubled."""

    @initialize(moves=st.integers(1, 3))
    def begin(self, moves: int) -> None:
        self.moves = [move(number) for number in range(1, moves + 1)]
        self.own, self.hospital = Bundle("p1"), Hospital()
        self.later: list[tuple[Step, Verdict]] = []
        self.sequence, self.doing, self.deadline = 1, "", 1
        self.ask("HOLD")

    def ask(self, action: RequestAction) -> None:
        self.deadline += 1
        asked = request(action, self.sequence, self.moves, deadline=times.exact(self.deadline))
        take(self.own, asked, self.deadline)
        self.doing = action

    @property
    def answer(self) -> str | None:
        known = self.own.requests.get(self.own.latest)
        return known.answer if known else None

    @precondition(lambda self: self.doing == "HOLD" and self.answer == "HELD")
    @rule()
    def confirm(self) -> None:
        self.sequence += 1
        self.ask("CONFIRM")

    @precondition(lambda self: self.doing in ("HOLD", "CONFIRM"))
    @rule()
    def release(self) -> None:
        self.sequence += 1
        self.ask("RELEASE")

    @precondition(lambda self: self.doing == "RELEASE")
    @rule()
    def ask_again(self) -> None:
        self.ask("RELEASE")

    @precondition(lambda self: self.own.to_send)
    @rule()
    def go_well(self) -> None:
        """All that is to be sent is done and acknowledged."""
        while self.own.to_send:
            step = self.own.to_send[0]
            judge(self.own, step, self.hospital.does(self.own.asked(step), willing=True), 0)

    @precondition(lambda self: self.own.to_send)
    @rule(
        willing=st.booleans(),
        answered=st.sampled_from(["at once", "later", "lost", "twice", "not now"]),
    )
    def send(self, *, willing: bool, answered: str) -> None:
        """One message arrives."""
        step = self.own.to_send[0]
        if answered == "not now":
            judge(self.own, step, AGAIN, 0)
            return
        verdict = self.hospital.does(self.own.asked(step), willing=willing)
        if answered == "later":
            judge(self.own, step, TAKEN, 0)
        if answered in ("later", "twice"):
            self.later.append((step, verdict))
        if answered in ("at once", "twice"):
            judge(self.own, step, verdict, 0)

    @precondition(lambda self: self.later)
    @rule(data=st.data())
    def hear(self, data: Any) -> None:
        step, verdict = self.later.pop(data.draw(st.integers(0, len(self.later) - 1)))
        judge(self.own, step, verdict, 0)

    @invariant()
    def an_answer_is_true(self) -> None:
        if self.answer in ("GONE", "RELEASED"):
            assert self.hospital.moved == set()
        if self.own.to_send:
            return
        everything = {one["appointment"]["id"] for one in self.moves}
        held, moved = self.hospital.held, self.hospital.moved
        waiting = any(step.state == "TAKEN" for step in self.own.steps)
        if self.answer == "HELD":
            assert (held, moved) == (everything, set())
        elif self.answer == "CONFIRMED":
            assert (held, moved) == (set(), everything)
        elif self.answer in ("GONE", "RELEASED") and not waiting:
            assert held == set()

    def teardown(self) -> None:
        """However it went, a release that is asked until it is answered leaves nothing behind."""
        if self.doing != "RELEASE":
            self.release()
        for _ in range(10):
            self.ask("RELEASE")
            while self.own.to_send:
                step = self.own.to_send[0]
                judge(self.own, step, self.hospital.does(self.own.asked(step), willing=True), 0)
        assert self.answer == "RELEASED"
        assert (self.hospital.held, self.hospital.moved) == (set(), set())


TestWay = Way.TestCase
TestWay.settings = settings(max_examples=300, stateful_step_count=25, deadline=None)
