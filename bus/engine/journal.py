"""What a partition's keys went through in the running transaction, so that a state can be made anew.

A step may change a state in place, so one that fails halfway leaves a state that nobody should see. The
committed state and the same records give the state before it again, since steps are pure.
"""

from typing import Any, Generic, TypeVar

from aiokafka import ConsumerRecord

from bus.engine.names import Names
from bus.engine.stage import Stage
from bus.engine.store import Store
from schemas.errors import PoisonError

S = TypeVar("S")


class Journal(Generic[S]):
    """The records of the running transaction, in order."""

    def __init__(self, stage: Stage[S, Any], store: Store[S], names: Names) -> None:
        """Empty."""
        self._stage = stage
        self._store = store
        self._names = names
        self._records: list[ConsumerRecord] = []
        self._marks: dict[bytes, tuple[int, bytes | None]] = {}
        self.extend = self._records.extend

    def clear(self) -> None:
        """A transaction begins."""
        self._records.clear()
        self._marks.clear()

    def ago(self, record: ConsumerRecord) -> int:
        """How many records came after ``record``, which is one of the last."""
        records = self._records
        return next(back for back in range(len(records)) if records[-1 - back] is record)

    def mark(self, key: bytes, record: ConsumerRecord) -> None:
        """``key`` got its present state by ``record``, which was no fact of its own."""
        state = self._store.get(key)
        saved = None if state is None else self._stage.dump(state)
        self._marks[key] = len(self._records) - self.ago(record), saved

    def remake(self, key: bytes, record: ConsumerRecord) -> None:
        """Put back the state that ``key`` had before ``record``, whatever a failed step did to it."""
        stage, store, logical, aside = self._stage, self._store, self._names.logical, self._names.aside
        start, saved = self._marks.get(key, (0, None))
        store.revert(key)
        before = store.get(key)
        state, changed = before, key in self._marks
        if changed:
            state = None if saved is None else stage.load(saved, stage.state_version)
        for earlier in self._records[start : len(self._records) - self.ago(record) - 1]:
            topic = logical[earlier.topic]
            if earlier.key == key and earlier.value is not None and topic not in aside:
                try:
                    state, _ = stage.step(key.decode(), state, stage.decode(topic, key, earlier.value))
                except PoisonError:
                    continue
                changed = True
        if changed and (state is not None or before is not None):
            store.put(key, state)
