"""The way back of one connector: its agency's inbox, the desk, and the connection to the hospital."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Final

from bus import metrics
from connectors.hospital.bundle_store import BundleStore
from connectors.hospital.desk import NOTHING, Desk, Hearing
from connectors.hospital.parse import Reading
from connectors.hospital.sender import Sender, Unasked
from connectors.hospital.settings import RequestSettings
from connectors.kit import times
from connectors.kit.carrier import Reply
from connectors.kit.inbox import Inbox
from connectors.kit.outcomes import DeadLetter, Fact, Ignore, Publish, Translation
from connectors.kit.requests import answer
from connectors.kit.runtime import ConnectorContext
from schemas.errors import PoisonError, RetriableError
from schemas.records import AgencyRequest

_FOLDER: Final = "requests"
_DISK: Final = "disk"
_READ_AGAIN: Final = 1.0
"""Seconds between attempts to read what is known of requests, while the disk does not give it."""


class WayBack:
    """Carries requests to the hospital while ``serve`` runs, and finds answers in what the hospital sends."""

    def __init__(self, context: ConnectorContext, settings: RequestSettings, reading: Reading) -> None:
        """Nothing is read or connected before ``serve``.

        Raises:
            SettingsRefusedError: a certificate cannot be used.
        """
        self._context = context
        self._desk = Desk(settings, reading, BundleStore(context.data_dir / _FOLDER))
        self._sender = Sender(settings, self._desk.acknowledged)
        self._inbox = Inbox(context, settings, self._deliver)
        self._known = asyncio.Event()

    async def serve(self, unasked: Unasked, stop: asyncio.Event) -> None:
        """Carry requests until ``stop``. ``unasked`` takes what the hospital says on our own connection.

        Raises:
            FatalError: the inbox has no topic, Kafka refuses us, or what is known of requests is damaged.
        """
        self._sender.unasked = unasked
        await self._open(stop)
        async with self._sender:
            tasks = [
                asyncio.create_task(self._inbox.serve(stop)),
                asyncio.create_task(self._desk.undo(self._sender, stop, self._count)),
            ]
            _, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in left:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for task in tasks:
                if not task.cancelled():
                    task.result()

    async def hear(self, payload: bytes, received: int) -> tuple[Hearing, tuple[Fact, ...]]:
        """What a message of the hospital's says about requests, and the facts of its answers.

        Raises:
            RetriableError: that cannot be said yet; the message must not be acknowledged.
        """
        if not self._known.is_set():
            raise RetriableError("what is known of requests is still being read")
        hearing = await self._desk.hear(payload)
        facts = []
        for one in hearing.answered:
            with suppress(PoisonError):  # a request that nobody remembers is not answered
                request = await self._inbox.find(one.request_id)
                facts.append(answer(request, one.answer, at=times.exact(received), reason=one.reason))
        return hearing, tuple(facts)

    async def told(self, hearing: Hearing) -> None:
        """What ``hear`` gave is on the bus."""
        if hearing is not NOTHING:
            await self._desk.told(hearing)

    async def _deliver(self, request: AgencyRequest) -> Reply | None:
        return await self._desk.deliver(request, self._sender)

    def _count(self, result: str) -> None:
        metrics.CONNECTOR_REQUEST_TRIES.labels(self._context.name, result).inc()

    async def _open(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._desk.open()
            except RetriableError:
                self._context.set_ready(ready=False, reason=_DISK)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _READ_AGAIN)
            else:
                self._context.set_ready(ready=True, reason=_DISK)
                self._known.set()
                return


def with_answers(translation: Translation, hearing: Hearing, facts: tuple[Fact, ...]) -> Translation:
    """What becomes of a message that may also be an answer.

    What the hospital says about a time that it holds for us is no appointment in anybody's timeline.
    """
    if hearing.pencilled:
        return Publish(facts) if facts else Ignore("request.pencilled")
    if not facts:
        return translation
    if isinstance(translation, DeadLetter):
        return replace(translation, facts=facts)
    return Publish((*(translation.facts if isinstance(translation, Publish) else ()), *facts))
