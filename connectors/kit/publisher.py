"""Carries what a connector made of an input to Kafka, and says what became of it.

Order decides what a crash can do. The facts (or the dead letter) are confirmed first, the outcome on
``inputs`` after them, and the source is told last. A crash in between leaves an input without an outcome:
the source sends it again, and its facts are written a second time under the same event ids, which the
router drops. The other order could leave an outcome without facts, and nothing would mend that.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from prometheus_client import Counter

from bus import metrics
from bus.logs import Event, get_logger
from connectors.kit import times
from connectors.kit.accounting import Accounting
from connectors.kit.assembly import AssemblyContext, InputIdentity, MisfitError, assemble
from connectors.kit.memory import TOPIC as OUTCOMES
from connectors.kit.memory import Memory
from connectors.kit.outcomes import DeadLetter, Fact, Ignore, Publish, SourceInput, Translation
from connectors.kit.reasons import DUPLICATE
from schemas.catalogue import catalogue
from schemas.cloudevents import Header
from schemas.codec import Codec, EncodeError
from schemas.errors import RetriableError
from schemas.records import InputOutcome, Outcome

DEAD_LETTERS = "inputs.dlq"
ENVELOPE_BYTES = 4096
"""What a record needs around its value, key and headers, generously."""


class Bus(Protocol):
    """What a publisher needs of the producer (``bus.producer.Producer``)."""

    async def send(
        self, topic: str, *, key: bytes, value: bytes, headers: Sequence[Header] = ()
    ) -> asyncio.Future[Any]:
        """Queue a record; the future ends when it is on all in-sync replicas.

        Raises:
            BusUnavailableError: Kafka is away; the future raises it too.
        """


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    key: bytes
    value: bytes
    headers: Sequence[Header]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """All that is to be written for one input, encoded before anything is sent."""

    outcome: Outcome
    reason: str
    messages: list[_Message]
    records: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


_NOTHING = _Prepared("PUBLISHED", "", [])


class Publisher:
    """Publishes the inputs of one connector. Any number of inputs may be published at the same time."""

    def __init__(
        self, bus: Bus, context: AssemblyContext, memory: Memory | None = None, codec: Codec | None = None
    ) -> None:
        """``memory`` holds the inputs that were handled before this process started."""
        self._bus = bus
        self._context = context
        self._memory = Memory() if memory is None else memory
        self._codec = codec or Codec()
        self._key = context.connector.encode()
        self._in_flight: dict[str, asyncio.Event] = {}
        self._log = get_logger(f"connector.{context.connector}")
        self._counters: dict[tuple[str, str], Counter] = {}
        self._facts: dict[str, Counter] = {}
        self._seconds = metrics.CONNECTOR_PUBLISH_SECONDS.labels(context.connector)
        self._last = metrics.CONNECTOR_LAST_INPUT.labels(context.connector)
        self._remembered = metrics.CONNECTOR_REMEMBERED.labels(context.connector)
        self._available = True
        self.on_available: Callable[[bool], None] = lambda _: None
        """Called with False when Kafka did not confirm, and with True when it does again."""
        self.accounting = Accounting()

    async def publish(self, source: SourceInput, translation: Translation) -> InputOutcome:
        """Write what ``translation`` says and its outcome; return when all of it is confirmed.

        An input that was handled before (same agency, system, message id and content) is not published
        again: its outcome is IGNORED with the reason ``duplicate``. One that was dead-lettered is tried
        anew: the connector or its settings may have been mended meanwhile. A fact that does not fit the
        contract is a fault of the connector: the input is dead-lettered (``translate.failed``).

        Raises:
            BusUnavailableError: Kafka did not confirm. The source must not be told "received"; the same
                input is to be published again, and what may have arrived is recognised by its event ids.
        """
        identity = InputIdentity.of(source, self._context.agency)
        started = time.monotonic()
        # The same input twice at once: the second waits, and then is a duplicate or tries itself.
        while (other := self._in_flight.get(identity.input_id)) is not None:
            await other.wait()
        done = self._in_flight[identity.input_id] = asyncio.Event()
        try:
            prepared, outcome = await self._write(source, translation, identity)
        except RetriableError:
            self._tell(available=False)
            raise
        finally:
            del self._in_flight[identity.input_id]
            done.set()
        self._tell(available=True)
        self._count(source, prepared, outcome, time.monotonic() - started)
        return outcome

    def handled(self, source: SourceInput) -> bool:
        """Whether this input has an outcome already, so that publishing it gives a duplicate."""
        return InputIdentity.of(source, self._context.agency).input_id in self._memory

    async def _write(
        self, source: SourceInput, translation: Translation, identity: InputIdentity
    ) -> tuple[_Prepared, InputOutcome]:
        if identity.input_id in self._memory:
            translation = Ignore(DUPLICATE)
        prepared = self._prepare(source, translation, identity)
        outcome = self._outcome(source, prepared, identity)
        value = self._codec.encode("InputOutcome", outcome)
        await self._confirm(prepared.messages)
        await self._confirm([_Message(OUTCOMES, self._key, value, ())])
        self._memory.learn(identity.input_id, prepared.outcome, source.kind)
        return prepared, outcome

    async def _confirm(self, messages: Sequence[_Message]) -> None:
        if len(messages) == 1:  # nearly always; gathering costs more than all else here
            (one,) = messages
            await (await self._bus.send(one.topic, key=one.key, value=one.value, headers=one.headers))
            return
        waiting = []
        try:
            for message in messages:
                waiting.append(  # noqa: PERF401 - what was queued must be awaited if a later one fails
                    await self._bus.send(
                        message.topic, key=message.key, value=message.value, headers=message.headers
                    )
                )
        finally:
            answers = await asyncio.gather(*waiting, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    def _tell(self, *, available: bool) -> None:
        if available != self._available:
            self._available = available
            self.on_available(available)

    def _prepare(self, source: SourceInput, translation: Translation, identity: InputIdentity) -> _Prepared:
        if isinstance(translation, Ignore):
            return _Prepared("IGNORED", translation.reason, [])
        try:
            prepared = self._facts_of(source, translation.facts, identity)
        except (EncodeError, MisfitError) as error:
            prepared = _NOTHING
            translation = DeadLetter(
                "translate.failed", "the connector made a fact that the contract does not have",
                error=type(error).__name__,
            )  # fmt: skip
        except _TooLargeError:
            prepared = _NOTHING
            translation = DeadLetter("input.too_large", "one fact is larger than its topic takes")
        if isinstance(translation, Publish):
            return prepared
        messages = [*prepared.messages, self._letter(source, translation, identity)]
        return replace(prepared, outcome="DEAD_LETTERED", reason=translation.reason, messages=messages)

    def _facts_of(self, source: SourceInput, facts: Sequence[Fact], identity: InputIdentity) -> _Prepared:
        messages, records, events = [], [], []
        for fact in assemble(facts, source, self._context, identity):
            value = self._codec.encode(fact.record, fact.value)
            if len(value) > catalogue().topics[fact.topic].max_message_bytes - ENVELOPE_BYTES:
                raise _TooLargeError
            messages.append(_Message(fact.topic, fact.key.encode(), value, fact.headers))
            records.append(fact.record)
            events.append(fact.event_id)
        return _Prepared("PUBLISHED", "", messages, tuple(records), tuple(events))

    def _letter(self, source: SourceInput, letter: DeadLetter, identity: InputIdentity) -> _Message:
        room = catalogue().topics[DEAD_LETTERS].max_message_bytes - ENVELOPE_BYTES
        fits = len(source.payload) <= room
        value = self._codec.encode(
            "DeadLetter",
            {
                "dead_letter_id": identity.input_id,
                "origin": "CONNECTOR",
                "component": self._context.connector,
                "reason": letter.reason,
                "problem": letter.problem if fits else f"{letter.problem}; too large to be kept here",
                "where": letter.where,
                "error": letter.error,
                "at": times.now(),
                "content_hash": identity.content_hash,
                "payload": source.payload if fits else b"",
            },
        )
        return _Message(DEAD_LETTERS, self._key, value, ())

    def _outcome(self, source: SourceInput, prepared: _Prepared, identity: InputIdentity) -> InputOutcome:
        return {
            "input_id": identity.input_id,
            "connector": self._context.connector,
            "agency": self._context.agency,
            "kind": source.kind,
            "message_id": source.message_id,
            "content_hash": identity.content_hash,
            "received": source.received,
            "outcome": prepared.outcome,
            "reason": prepared.reason,
            "events": list(prepared.events),
            "size": len(source.payload),
        }

    def _count(self, source: SourceInput, prepared: _Prepared, outcome: InputOutcome, seconds: float) -> None:
        self.accounting.count(outcome)
        ended = (prepared.outcome, prepared.reason)
        counter = self._counters.get(ended)
        if counter is None:
            counter = metrics.CONNECTOR_INPUTS.labels(self._context.connector, *ended)
            self._counters[ended] = counter
        counter.inc()
        for record in prepared.records:
            facts = self._facts.get(record)
            if facts is None:
                facts = metrics.CONNECTOR_FACTS.labels(self._context.connector, record)
                self._facts[record] = facts
            facts.inc()
        self._seconds.observe(seconds)
        self._last.set(source.received / 1_000_000)
        self._remembered.set(len(self._memory))
        if prepared.outcome == "DEAD_LETTERED":
            self._log.emit(
                Event.INPUT_DEAD_LETTERED,
                connector=self._context.connector,
                reason=prepared.reason,
                count=self.accounting.dead_lettered[prepared.reason],
            )


class _TooLargeError(Exception):
    """A fact that no broker would take."""
