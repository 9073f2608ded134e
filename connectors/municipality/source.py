"""Takes one document after the other of each case: plan, keep the plan, publish, keep the outcome.

The plan is on disk before anything is published, so that a crash at any moment leaves either nothing
said, or a state that knows what was perhaps said.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from connectors.kit.outcomes import Publish
from connectors.kit.publisher import Publisher
from connectors.municipality.state import StateStore, StateUnavailableError
from connectors.municipality.subject import Context
from connectors.municipality.translate import CaseDocument, read, refusal, step
from schemas.errors import PoisonError
from schemas.records import InputOutcome


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a document; ``problem`` says why it cannot be carried."""

    outcome: InputOutcome
    problem: PoisonError | None = None


class Cases:
    """Documents of different cases go side by side, those of one case one after the other."""

    def __init__(self, publisher: Publisher, context: Context, store: StateStore) -> None:
        """``store`` holds the states of this connector alone."""
        self._publisher = publisher
        self._context = context
        self._store = store
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.on_stored: Callable[[bool], None] = lambda _: None
        """Called with False when a state could not be kept or read, and with True when one was again."""

    async def accept(self, payload: bytes, place: str, received: int) -> Answer:
        """Carry one document; when this returns, its outcome is on the bus.

        ``place`` is the case id that a file name or path gives, ``received`` in microseconds.

        Raises:
            RetriableError: Kafka or the disk is away. The document is to be given again.
        """
        try:
            document = read(payload, place, received, self._context)
        except PoisonError as error:
            return await self.refuse(payload, received, error)
        lock = self._locks.setdefault(document.case, asyncio.Lock())
        async with lock:
            try:
                answer = await self._carry(document)
            except StateUnavailableError:
                self.on_stored(False)  # noqa: FBT003 - as Publisher.on_available
                raise
        self.on_stored(True)  # noqa: FBT003 - the same
        return answer

    async def refuse(
        self, payload: bytes, received: int, problem: PoisonError, message_id: str = ""
    ) -> Answer:
        """Dead-letter a document that cannot be carried. ``message_id`` tells unread ones apart."""
        refused = refusal(payload, received, problem, message_id)
        return Answer(await self._publisher.publish(refused.source, refused.translation), problem)

    async def _carry(self, document: CaseDocument) -> Answer:
        before = await asyncio.to_thread(self._store.load, document.case)
        planned = step(document, before, self._context)
        if isinstance(planned.translation, Publish):
            await asyncio.to_thread(self._store.save, document.case, planned.state)
        outcome = await self._publisher.publish(planned.source, planned.translation)
        # A duplicate was published by an earlier try that could not keep its outcome any more.
        after = before if outcome["outcome"] == "DEAD_LETTERED" else planned.state.confirmed()
        if after != planned.state or not isinstance(planned.translation, Publish):
            await asyncio.to_thread(self._store.save, document.case, after)
        return Answer(outcome)
