"""Takes one message after the other: translate, publish, and only then answer."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from bus import metrics
from bus.logs import Event
from connectors.hospital.ack import acknowledge, answer_codes, control_ids
from connectors.hospital.header import Header
from connectors.hospital.mllp import Frame, TooLarge
from connectors.hospital.parse import Reading
from connectors.hospital.translate import describe, rejection, too_large, translate
from connectors.hospital.way_back import WayBack, with_answers
from connectors.kit import times
from connectors.kit.outcomes import DeadLetter, SourceInput, Translation
from connectors.kit.runtime import ConnectorContext
from schemas.errors import RetriableError


class Intake:
    """What happens to each message of one connector."""

    def __init__(
        self, context: ConnectorContext, reading: Reading, stop: asyncio.Event, way_back: WayBack | None
    ) -> None:
        """``stop`` ends the holding of messages. ``way_back`` hears answers in what comes."""
        self._name = context.name
        self._reading = reading
        self._publisher = context.publisher
        self._log = context.log
        self._stop = stop
        self._way_back = way_back
        self._next_id = control_ids()
        self._answers = {
            code: metrics.CONNECTOR_ANSWERS.labels(self._name, code) for code in ("AA", "AR", "CA", "CR")
        }

    async def take(self, event: Frame | TooLarge, peer: str, *, keep: bool = False) -> Sequence[bytes]:
        """Account for one message; the answers that its sender gets.

        ``keep``: its sender would not send it again, so that it is tried until it is accounted for.

        Raises:
            RetriableError: Kafka did not confirm, or cannot be asked yet; the sender must not be told
                "received".

        """
        received = times.now()
        payload = event.payload if isinstance(event, Frame) else event.head
        header = Header.of(payload)
        source = describe(payload, received, self._reading, header)
        if isinstance(event, TooLarge):
            translation: Translation = too_large(self._reading.settings.max_message_bytes)
        else:
            translation = translate(source, self._reading, header)
        refused = rejection(translation)
        codes = answer_codes(header, accepted=refused is None)
        await self._account(source, translation, hold=keep or not codes)
        if isinstance(translation, DeadLetter) and refused is not None:
            self._log.emit(Event.INPUT_REJECTED, connector=self._name, reason=translation.reason, peer=peer)
        at = datetime.fromtimestamp(received // 1_000_000, UTC)
        answers = []
        for code in codes:
            self._answers[code].inc()
            answers.append(acknowledge(header, code, control_id=self._next_id(), at=at, rejection=refused))
        return answers

    async def take_unasked(self, payload: bytes) -> Sequence[bytes]:
        """Account for a message that came on our own connection to the hospital.

        What comes there are answers, which get an answer themselves where MSH-15 asks for one.
        """
        answers = await self.take(Frame(payload), "delivery", keep=True)
        header = Header.of(payload)
        return answers if header is not None and header.code(15) else ()

    async def _account(self, source: SourceInput, translation: Translation, *, hold: bool) -> None:
        """Publish. ``hold``: the sender takes no answer and so keeps nothing; the message is tried again."""
        while True:
            try:
                await self._publish(source, translation)
                return
            except RetriableError:
                if not hold or self._stop.is_set():
                    raise
            try:
                async with asyncio.timeout(self._reading.settings.retry_seconds):
                    await self._stop.wait()
            except TimeoutError:
                continue

    async def _publish(self, source: SourceInput, translation: Translation) -> None:
        if self._way_back is None or rejection(translation) is not None:
            await self._publisher.publish(source, translation)
            return
        hearing, facts = await self._way_back.hear(source.payload, source.received)
        await self._publisher.publish(source, with_answers(translation, hearing, facts))
        await self._way_back.told(hearing)
