"""The router's pure parts over the same facts in memory: what each costs, and the right answer."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.traffic import Made
from router.events import MOVES, Event, Output
from router.rules import load_rules
from router.stage import CitizenStage
from router.state import Citizen
from router.step import step
from schemas.codec import Codec

PARTS = ("decode", "step", "encode", "state")
_CHUNK = 500


@dataclass(slots=True)
class Answer:
    """What has to be on the topics in the end."""

    entries: set[str] = field(default_factory=set)
    """Ids of the timeline's entries: each fact's own."""
    findings: dict[str, str] = field(default_factory=dict)
    """Each finding's last status. Which of them were open for a while depends on the order of arrival."""

    @property
    def open_findings(self) -> set[str]:
        """The findings that stand in the end, whatever the order was."""
        return {finding for finding, status in self.findings.items() if status == "OPEN"}

    def take(self, record: str, value: dict[str, object]) -> None:
        """Take in one output, in the order of its partition."""
        if record == "TimelineEntry":
            self.entries.add(str(value["entry_id"]))
        elif record == "Finding":
            self.findings[str(value["finding_id"])] = str(value["status"])


class Replay:
    """Runs decode, step, encode and dump by turns over chunks of facts; keeps each one's processor time."""

    def __init__(self) -> None:
        self._codec = Codec()
        self._rules = load_rules()
        self._stage = CitizenStage(self._codec, self._rules)
        self._states: dict[str, Citizen | None] = {}
        self.answer = Answer()
        self.seconds = dict.fromkeys(PARTS, 0.0)

    def run(self, facts: Sequence[Made]) -> dict[str, float]:
        """Microseconds a fact by part; what moves between keys cost is spread over the facts."""
        for start in range(0, len(facts), _CHUNK):
            left = deque((made.topic, made.key, made.data) for made in facts[start : start + _CHUNK])
            while left:
                left = deque(self._chunk(left))
        return {part: seconds / len(facts) * 1e6 for part, seconds in self.seconds.items()}

    def _chunk(self, records: Sequence[tuple[str, bytes, bytes]]) -> list[tuple[str, bytes, bytes]]:
        """One chunk through all parts; the moves that came of it."""
        clock = _Stopwatch()
        events = [self._stage.decode(*record) for record in records]
        self.seconds["decode"] += clock.lap()
        said = [output for event in events for output in self._step(event)]
        self.seconds["step"] += clock.lap()
        encode = self._codec.encode
        encoded = [
            (output.topic, output.key.encode(), encode(output.record, output.value)) for output in said
        ]
        self.seconds["encode"] += clock.lap()
        for key in {event.key for event in events}:
            state = self._states[key]
            if state is not None:
                self._stage.dump(state)
        self.seconds["state"] += clock.lap()
        for output in said:
            self.answer.take(output.record, dict(output.value))
        return [record for record in encoded if record[0] == MOVES]

    def _step(self, event: Event) -> list[Output]:
        key = event.key
        self._states[key], said = step(key, self._states.get(key), event, self._rules)
        return said


class _Stopwatch:
    """Processor seconds of this process since it was made or last asked."""

    def __init__(self) -> None:
        self._last = time.process_time()

    def lap(self) -> float:
        """What has passed since the last lap."""
        last, self._last = self._last, time.process_time()
        return self._last - last
