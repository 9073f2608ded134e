"""The router's step alone, on one core: decoded facts in, states and outputs out, nothing of Kafka."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

from bench.figures import Figure, Goal, WrongAnswerError
from bench.plan import Plan
from bench.traffic import Made, Traffic
from bus.process import search_garbage_rarely
from router.events import MOVES, Event, Output
from router.rules import load_rules
from router.spans import DAY
from router.stage import CitizenStage
from router.state import Citizen
from router.step import step
from router.stored import BLOCK, dump
from schemas.codec import Codec

_CITIZENS, _FACTS_EACH = 4_000, 15
_OLD_CITIZENS, _HISTORY = 100, 200
_FIRST_DAY, _APART = 20_500 * DAY, 4 * DAY
_CHUNK = 20
"""Facts that are decoded before each timed part. The router decodes each right before its step, so that it is
in the processor's caches; fewer than these, and looking at the clock would be timed too."""
_RUNS = 3
"""How much oftener than other benchmarks this one is run: it is short, and machines drift."""


def run(plan: Plan) -> list[Figure]:
    """Facts a second of simple and of mixed facts, what a long history costs, and how large a state is."""
    search_garbage_rarely()  # as the process does
    bench = _Bench()
    citizens = plan.count(_CITIZENS)
    simple = list(_appointments(citizens, _FACTS_EACH + 1))
    mixed = list(Traffic(citizens).facts(citizens * _FACTS_EACH))
    citizens_old = plan.count(_OLD_CITIZENS)
    old = _days_apart(bench.decoded(_appointments(citizens_old, _HISTORY + 1)), citizens_old)
    seconds: dict[str, list[float]] = {"simple": [], "mixed": [], "begun": [], "late": []}
    for _ in range(_RUNS):
        for _ in plan.each_run("Stepping"):
            seconds["simple"].append(bench.timed(simple[citizens:], after=simple[:citizens]))
            seconds["mixed"].append(bench.timed(mixed))
            part = BLOCK * citizens_old  # what is stored is packed once in so many facts of a citizen
            seconds["begun"].append(bench.stepped(old[part : 2 * part], after=old[:part]))
            seconds["late"].append(bench.stepped(old[-part:], after=old[:-part]))
    sizes = [bench.size(seed) for seed in range(5)]
    rates = tuple(1e6 / each for each in seconds["simple"])
    said = f"appointments of {citizens:,} citizens who are known already"
    growth = tuple(late - begun for begun, late in zip(seconds["begun"], seconds["late"], strict=True))
    return [
        Figure("step.simple", said, "facts/s", rates, Goal(at_least=60_000)),
        Figure("step.mixed", "facts of all families, moves between keys among them", "µs/fact",
               tuple(seconds["mixed"])),
        Figure("step.begun", f"the second {BLOCK} appointments of a citizen, four days apart", "µs/fact",
               tuple(seconds["begun"])),
        Figure("step.late", f"the last {BLOCK} of {_HISTORY}", "µs/fact", tuple(seconds["late"])),
        Figure("step.growth", "the difference", "µs/fact", growth),
        Figure("step.state", f"a citizen with {_HISTORY} facts of all families, encoded", "bytes",
               tuple(float(size) for size in sizes), Goal(below=8192)),
    ]  # fmt: skip


def _appointments(citizens: int, each: int) -> Iterable[Made]:
    traffic = Traffic(citizens)
    for _ in range(each):
        yield from traffic.one_each("AppointmentScheduled")


def _days_apart(events: list[Event], citizens: int) -> list[Event]:
    """Each citizen's appointments one after the other: else a longer history would be a denser one, too."""
    for place, event in enumerate(events):
        for name in ("start", "end"):
            time_ = event.value[name]
            if time_ is not None:
                moved = time_["instant"] % DAY + _FIRST_DAY + place // citizens * _APART
                cast("dict[str, Any]", event.value)[name] = {**time_, "instant": moved}
    return events


class _Bench:
    def __init__(self) -> None:
        self._rules = load_rules()
        self._codec = Codec()
        self._stage = CitizenStage(Codec(), self._rules)

    def decoded(self, facts: Iterable[Made]) -> list[Event]:
        """The facts as the stage gives them to the step."""
        return [self._stage.decode(made.topic, made.key, made.data) for made in facts]

    def timed(self, facts: Sequence[Made], after: Sequence[Made] = ()) -> float:
        """Microseconds of processor time for each of ``facts``, their moves among them, without decoding."""
        states: dict[str, Citizen | None] = {}
        self._run(self.decoded(after), states)
        parts = (self.decoded(facts[at : at + _CHUNK]) for at in range(0, len(facts), _CHUNK))
        return self._used(parts, states, len(facts))

    def stepped(self, events: Sequence[Event], after: Sequence[Event]) -> float:
        """The same of what is decoded already."""
        states: dict[str, Citizen | None] = {}
        self._run(after, states)
        return self._used([events], states, len(events))

    def _used(self, parts: Iterable[Sequence[Event]], states: dict[str, Citizen | None], facts: int) -> float:
        said, used = 0, 0.0
        for events in parts:
            begin = time.process_time()
            said += self._run(events, states)
            used += time.process_time() - begin
        if said != facts:
            raise WrongAnswerError(f"{said} entries for {facts} facts")
        return used / facts * 1e6

    def size(self, seed: int) -> int:
        """Bytes of one citizen's state."""
        states: dict[str, Citizen | None] = {}
        self._run(self.decoded(Traffic(1, seed).facts(_HISTORY)), states)
        return max(len(dump(citizen)) for citizen in states.values() if citizen)

    def _run(self, events: Iterable[Event], states: dict[str, Citizen | None]) -> int:
        """How many entries they made; moves are stepped when they are said."""
        entries, rules = 0, self._rules
        for event in events:
            states[event.key], said = step(event.key, states.get(event.key), event, rules)
            for output in said:
                if output.record == "TimelineEntry":
                    entries += 1
                elif output.topic == MOVES:
                    entries += self._run([self._moved(output)], states)
        return entries

    def _moved(self, output: Output) -> Event:
        data = self._codec.encode(output.record, output.value)
        return self._stage.decode(MOVES, output.key.encode(), data)
