"""Carries the requests of an agency's inbox to the agency's system: at least once, and each by itself.

A request that the system does not take is tried again with growing pauses, and holds up nobody but the later
requests of its own proposal. What became of it goes where the outcomes of all inputs go, before the inbox's
offset is committed, so that a restart goes on with what has no outcome:

========== ======================================== ====================================================
 outcome    reason                                   when
========== ======================================== ====================================================
 PUBLISHED                                           the system has it and answers later, or its answer
                                                     is on the bus
 PUBLISHED                                           a HOLD that is too late and never reached the
                                                     system, answered as refused
 IGNORED    request.too_late                         any other whose deadline has passed
 IGNORED    request.superseded                       a later request took its place
 IGNORED    duplicate                                the very same record was carried before
 dead       request.rejected                         the system never takes it; a HOLD is answered as
                                                     refused
 dead       request.undeliverable, request.answer    the connector or the system failed on it
 dead       request.unreadable, request.not_ours     nobody can be asked
========== ======================================== ====================================================
"""

import asyncio
from collections import deque
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import Final, cast

from bus import metrics
from bus.errors import BusUnavailableError
from bus.logs import Event, error_class
from bus.reader import Record
from bus.registry.codec import codec_of
from bus.subscription import Subscription
from connectors.kit import times
from connectors.kit.carrier import DAY, SYSTEM, Again, Carrier, Deliver, InboxSettings
from connectors.kit.memory import REQUEST
from connectors.kit.outcomes import DeadLetter, Ignore, SourceInput, Translation
from connectors.kit.reasons import DUPLICATE
from connectors.kit.requests import Requests
from connectors.kit.runtime import ConnectorContext
from schemas.codec import Codec
from schemas.errors import FatalError, PoisonError, RetriableError
from schemas.records import AgencyRequest

_FINISHING_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Work:
    """A record of the inbox, and what becomes of it where nobody has to be asked for that."""

    record: Record
    source: SourceInput
    request: AgencyRequest | None = None
    known: Translation | None = None
    begun: bool = False
    """A process before this one may have carried it."""

    @property
    def line(self) -> str:
        """What it may have to wait for: the earlier requests of its proposal."""
        return self.request["proposal_id"] if self.request else self.source.message_id


class _EndedError(Exception):
    """The connector stops; what has no outcome is taken up again after the start."""


class Inbox:
    """The inbox of one connector's agency. Only one of an agency's connectors may read it."""

    def __init__(self, context: ConnectorContext, settings: InboxSettings, deliver: Deliver) -> None:
        """``deliver`` may be called for several requests at a time, but for one of a proposal only."""
        if context.bus is None:
            raise FatalError("an inbox needs a bus")
        self._bus, self._name, self._log = context.bus, context.name, context.log
        self._agency, self._publisher = context.settings.agency, context.publisher
        self._most_waiting = settings.most_waiting
        self._carrier = Carrier(self._name, self._log, settings, deliver)
        since = times.now() - int(settings.remember_days * DAY)
        self._subscription = Subscription(
            self._bus, f"inbox.{self._agency}", f"inbox.{self._name}", since=since
        )
        self._codec = Codec()
        self._lines: dict[str, deque[_Work]] = {}
        self._news: dict[str, asyncio.Event] = {}
        """For each line: set when something has come into it, or when all ends."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False
        self._caught_up = asyncio.Event()
        self._waiting = metrics.CONNECTOR_REQUESTS_WAITING.labels(self._name)
        self.requests = Requests()

    async def find(self, request_id: str) -> AgencyRequest:
        """The request that an answer names.

        Raises:
            RetriableError: the inbox is still being read after a start; it is to be asked again.
            PoisonError: no such request is known.
        """
        if not self._caught_up.is_set():
            raise RetriableError("the inbox is still being read")
        return self.requests.find(request_id)

    async def serve(self, stop: asyncio.Event) -> None:
        """Carry requests until ``stop``.

        Raises:
            FatalError: the inbox has no topic, or Kafka refuses us.
        """
        async with AsyncExitStack() as stack:
            if not await self._entered(stack, stop):
                return
            try:
                while not stop.is_set():
                    await self._turn(stop)
            finally:
                await self._finish()

    # -- reading

    async def _entered(self, stack: AsyncExitStack, stop: asyncio.Event) -> bool:
        attempt = 0
        while not stop.is_set():
            try:
                self._codec = await asyncio.to_thread(codec_of, self._bus)
                await stack.enter_async_context(self._subscription)
            except BusUnavailableError as error:
                attempt += 1
                await self._rest_from(error, attempt, stop)
            else:
                return True
        return False

    async def _turn(self, stop: asyncio.Event) -> None:
        records = await self._polled(stop)
        for record in records:
            self._take(record)
        if self._subscription.caught_up:
            self._caught_up.set()
        self._reap()
        while len(self._tasks) >= self._most_waiting and not stop.is_set():
            await asyncio.wait(self._tasks, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
            self._reap()
        self._waiting.set(sum(map(len, self._lines.values())))

    def _reap(self) -> None:
        """Forget the lines that have come to their end; raises what one of them failed with."""
        for task in [task for task in self._tasks if task.done()]:
            self._tasks.discard(task)
            task.result()

    async def _polled(self, stop: asyncio.Event) -> list[Record]:
        """The next records. That they were read is committed before anybody begins with them."""
        records: list[Record] = []
        attempt = 0
        while not stop.is_set():
            try:
                records += await self._subscription.poll()
                await self._subscription.commit()
            except BusUnavailableError as error:
                attempt += 1
                await self._rest_from(error, attempt, stop)
            else:
                return records
        return []

    async def _rest_from(self, error: BusUnavailableError, attempt: int, stop: asyncio.Event) -> None:
        self._log.emit(Event.BUS_UNAVAILABLE, error=error_class(error), attempt=attempt, reason="inbox")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), self._carrier.pause(attempt))

    async def _finish(self) -> None:
        """Let what is being carried come to its end for a moment, and commit what has one."""
        self._ending = True
        for event in self._news.values():
            event.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_FINISHING_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(BusUnavailableError):
            await self._subscription.commit()

    def _take(self, record: Record) -> None:
        """Learn a request, and put it into its line unless it is done."""
        work = self._read(record)
        if work.request is not None:
            self.requests.learn(work.request)
        if self._subscription.is_done(record):
            return
        line = self._lines.get(work.line)
        if line is not None:
            line.append(work)
            self._news[work.line].set()
            return
        self._lines[work.line] = deque([work])
        self._news[work.line] = asyncio.Event()
        self._tasks.add(asyncio.create_task(self._walk(work.line)))

    def _read(self, record: Record) -> _Work:
        payload = record.value or b""
        place = f"{record.partition}-{record.offset}"
        unread = SourceInput(
            payload=payload, received=times.now(), kind=REQUEST, system=SYSTEM, message_id=place
        )
        try:
            decoded = self._codec.decode(payload)
        except PoisonError as error:
            letter = DeadLetter("request.unreadable", str(error), error.where, type(error).__name__)
            return _Work(record, unread, known=letter)
        if decoded.record != REQUEST or decoded.value["agency"] != self._agency:
            letter = DeadLetter("request.not_ours", "no request to the agency of this connector")
            return _Work(record, unread, known=letter)
        request = cast("AgencyRequest", decoded.value)
        kind = f"{REQUEST}.{request['action']}"
        source = replace(unread, kind=kind, message_id=request["request_id"])
        return _Work(record, source, request, begun=self._subscription.was_read(record))

    # -- carrying

    async def _walk(self, name: str) -> None:
        """Bring one after the other of a line to its end."""
        line = self._lines[name]
        try:
            while line:
                work = line[0]
                await self._publish(work.source, await self._carry(work))
                self._subscription.done(work.record)
                line.popleft()
        except _EndedError:
            return
        del self._lines[name], self._news[name]

    async def _carry(self, work: _Work) -> Translation:
        if work.request is None:
            return work.known or Ignore(DUPLICATE)
        attempt, news, begun = 0, self._news[work.line], work.begun
        while not self._publisher.handled(work.source):
            news.clear()
            if self.requests.superseded(work.request):
                return Ignore("request.superseded")
            late = self._carrier.too_late(work.request, times.now(), begun=begun)
            if late is not None:
                return late
            if self._ending:
                raise _EndedError
            ended = await self._carrier.carry(work.request)
            if not isinstance(ended, Again):
                return ended
            attempt, begun = attempt + 1, begun or ended.begun
            if not self._ending:
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), self._carrier.pause(attempt, work.request))
        return Ignore(DUPLICATE)

    async def _publish(self, source: SourceInput, translation: Translation) -> None:
        attempt = 0
        while True:
            try:
                await self._publisher.publish(source, translation)
            except RetriableError:
                attempt += 1
            else:
                return
            if self._ending:
                raise _EndedError
            await asyncio.sleep(min(1.0, self._carrier.pause(attempt)))
