"""Citizens, shelves and time on one partition, in one thread: for the tests of planning.

Every state may be stored and read back between any two records, as a restart or the end of a batch does.
"""

from collections.abc import Callable, Iterable
from typing import Any

from router import shelf
from router.events import Event, Output
from router.rules import Rules
from router.shelf import Shelf
from router.state import Citizen
from router.step import step, tick, wake
from router.stored import dump, load
from schemas.shelves import PREFIX
from tests.router.building import CODEC
from tests.router.world import moved

MINUTE = 60_000_000


class Village:
    """All states by key. What keys say to each other is carried at once, in the order in which it is said."""

    def __init__(self, rules: Rules, restarts: Callable[[], bool] = lambda: False) -> None:
        self.rules = rules
        self.states: dict[str, Citizen | Shelf] = {}
        self.now = 0
        self.said: list[Output] = []
        self._restarts = restarts

    def hear(self, *events: Event) -> "Village":
        waiting = list(events)
        while waiting:
            event = waiting.pop(0)
            waiting += self._carried(self._step(event))
        return self

    def tick(self, until: int, every: int = MINUTE) -> "Village":
        """All minutes up to one, for the states that want them."""
        if not self.now:
            self.now = until - every
        while self.now < until:
            self.now = min(self.now + every, until)
            due = sorted((self._wake(key), key) for key in self.states if self._wake(key) <= self.now)
            for _, key in due:
                state = self._restarted(key)
                if isinstance(state, Shelf):
                    self._keep(key, shelf.tick(state, self.now))
                    continue
                assert isinstance(state, Citizen)
                after, outputs = tick(key, state, self.now, self.rules)
                self._keep(key, after)
                self.hear(*self._carried(outputs))
        return self

    def proposals(self) -> list[dict[str, Any]]:
        """The latest of each proposal, in the order in which they were first made."""
        latest: dict[str, dict[str, Any]] = {}
        for output in self.said:
            if output.record == "Proposal":
                latest[output.value["proposal_id"]] = dict(output.value)
        return list(latest.values())

    def refused(self) -> list[tuple[str, str]]:
        return [
            (output.value["reason"], output.value["reference"])
            for output in self.said
            if output.record == "Refusal"
        ]

    def bytes_of(self) -> dict[str, bytes]:
        return {
            key: shelf.dump(state) if isinstance(state, Shelf) else dump(state)
            for key, state in self.states.items()
        }

    def _step(self, event: Event) -> Iterable[Output]:
        key, state = event.key, self._restarted(event.key)
        if key.startswith(PREFIX):
            after, outputs = shelf.step(state if isinstance(state, Shelf) else None, event)
            self._keep(key, after)
            return outputs
        citizen, outputs = step(key, state if isinstance(state, Citizen) else None, event, self.rules)
        self._keep(key, citizen)
        return outputs

    def _carried(self, outputs: Iterable[Output]) -> list[Event]:
        onwards = []
        for output in outputs:
            value = CODEC.decode(CODEC.encode(output.record, output.value)).value
            self.said.append(output)
            if output.record == "Move":
                onwards.append(moved(output))
            elif output.topic == "router.moves":
                onwards.append(Event(output.topic, output.key, output.record, value, b""))
        return onwards

    def _wake(self, key: str) -> int:
        state = self.states[key]
        at = shelf.wake(state) if isinstance(state, Shelf) else wake(state)
        return 1 << 63 if at is None else at

    def _restarted(self, key: str) -> Citizen | Shelf | None:
        state = self.states.get(key)
        if state is None or not self._restarts():
            return state
        return shelf.load(shelf.dump(state)) if isinstance(state, Shelf) else load(dump(state))

    def _keep(self, key: str, state: Citizen | Shelf | None) -> None:
        if state is None:
            self.states.pop(key, None)
        else:
            self.states[key] = state
