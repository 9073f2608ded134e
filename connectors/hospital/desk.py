"""Asks the hospital what the agency's inbox asks for, and hears its answers, at once or later.

What was sent and said is on disk before anything follows from it, so that a restart goes on where it was:
what the hospital has acknowledged is not sent again, and what it holds is known when it is to be let go.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from connectors.hospital.answers import ANSWERING, Heard, Verdict, heard, verdict
from connectors.hospital.asks import message, unaskable
from connectors.hospital.bundle_store import BundleStore
from connectors.hospital.bundles import Bundle, Step, judge, take
from connectors.hospital.charset import decode
from connectors.hospital.header import Header
from connectors.hospital.hl7 import Message, Unparseable
from connectors.hospital.parse import Reading
from connectors.hospital.sender import HospitalAwayError, HospitalSilentError, Sender
from connectors.hospital.settings import RequestSettings
from connectors.kit import times
from connectors.kit.carrier import Reply
from schemas.errors import RetriableError
from schemas.records import AgencyRequest, Code, RequestAnswer

_OWN: Final = "samband:request"
"""Code system of the connector's own reasons."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that a message of the hospital's has answered."""

    proposal: str
    request_id: str
    answer: RequestAnswer
    reason: Code | None


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a message of the hospital's says about requests."""

    answered: tuple[Answered, ...] = ()
    pencilled: bool = False
    """It is about a time that the hospital holds for us, which is no appointment of anybody's yet."""


NOTHING: Final = Hearing()


class Desk:
    """Where one hospital's requests and answers meet."""

    def __init__(self, settings: RequestSettings, reading: Reading, store: BundleStore) -> None:
        """``store`` keeps the bundles; `open` reads them."""
        self._settings = settings
        self._reading = reading
        self._store = store
        self._open: dict[str, Bundle] = {}
        """Bundles that wait for something, by proposal."""
        self._placers: dict[str, tuple[str, str]] = {}
        """Proposal and the hospital's id of the appointment, by our own id."""
        self._names: dict[str, set[str]] = {}
        """Open bundles' proposals by control ids, our own ids and the hospital's of appointments."""
        self._unsaved: set[str] = set()
        """Proposals of bundles that the disk did not take as they are."""
        self._writing = asyncio.Lock()
        self._line = asyncio.Lock()
        self._undoing = asyncio.Event()

    async def open(self) -> None:
        """Read what is known; BundlesUnavailableError when the disk does not give it."""
        for bundle in await asyncio.to_thread(lambda: list(self._store.all())):
            self._keep(bundle)
        self._undoing.set()

    async def deliver(self, request: AgencyRequest, sender: Sender) -> Reply | None:
        """Ask the hospital; None when it answers later.

        Raises:
            HospitalAwayError: the hospital has nothing of the request.
            RetriableError: it may have, or the disk is away.
        """
        problem = unaskable(request["moves"])
        if problem is not None:
            if request["action"] == "RELEASE":
                return Reply("RELEASED")  # it was never asked to hold anything
            return Reply("REFUSED", {"code": "digest", "system": _OWN, "mapped": problem})
        name, proposal = request["request_id"], request["proposal_id"]
        async with self._writing:
            bundle = self._open.get(proposal) or await asyncio.to_thread(self._store.load, proposal)
            bundle = bundle or Bundle(proposal)
            if take(bundle, request, times.now()):
                await self._save(bundle, replying=True)
        try:
            await self._send(bundle, sender)
        except HospitalAwayError as error:
            if any(step.state != "NEW" for step in bundle.steps if step.request == name):
                raise HospitalSilentError(str(error), fix=error.fix) from None  # a part of it has arrived
            raise
        done = bundle.requests[name]
        if done.answer is None or done.by == "MESSAGE":
            return None
        return Reply(done.answer, done.reason)

    async def acknowledged(self, payload: bytes) -> None:
        """Take in what came back at once for a message that `deliver` sent."""
        await self._hear(payload, replying=True)

    async def hear(self, payload: bytes) -> Hearing:
        """Take in a message that the hospital sent by itself.

        What it has answered is to be published, and then `told`; until then it is given again.

        Raises:
            BundlesUnavailableError: the disk is away; the message must not be acknowledged.
        """
        return await self._hear(payload, replying=False)

    async def told(self, hearing: Hearing) -> None:
        """The answers of ``hearing`` are on the bus."""
        for one in hearing.answered:
            async with self._writing:
                bundle = self._open.get(one.proposal)
                if bundle is not None:
                    bundle.requests[one.request_id].by = "MESSAGE"
                    await self._save(bundle)

    async def undo(self, sender: Sender, stop: asyncio.Event, count: Callable[[str], None]) -> None:
        """Let the hospital undo what it did for requests that it refused later, until ``stop``.

        ``count`` hears of each try: ``carried`` or ``failed``.
        """
        attempt = 0
        while not stop.is_set():
            self._undoing.clear()
            left = [bundle for bundle in self._open.values() if bundle.undoes]
            attempt += 1
            for bundle in left:
                try:
                    await self._send(bundle, sender)
                except RetriableError:
                    count("failed")
                else:
                    count("carried")
            if not any(bundle.to_send for bundle in left):
                attempt = 0
            await self._rest(attempt, stop)

    async def _rest(self, attempt: int, stop: asyncio.Event) -> None:
        """Until there is something new, or until it is time to try again what could not be sent."""
        patience = self._settings
        pause = patience.first_pause_seconds * 2.0 ** min(attempt - 1, 30)
        waiting = [asyncio.ensure_future(event.wait()) for event in (stop, self._undoing)]
        timeout = min(pause, patience.longest_pause_seconds) if attempt else None
        await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    async def _send(self, bundle: Bundle, sender: Sender) -> None:
        async with self._line:
            while steps := bundle.to_send:
                if bundle.proposal in self._unsaved:
                    async with self._writing:
                        await self._save(bundle, replying=True)
                asked = bundle.asked(steps[0])
                at = times.to_datetime(steps[0].at)
                await sender.send(message(asked, at, self._settings, self._reading.zone), asked.control_id)
                if steps[0].state == "NEW":
                    raise HospitalSilentError("the hospital cannot do it just now", fix="it is asked again")

    async def _hear(self, payload: bytes, *, replying: bool) -> Hearing:
        said = self._read(payload)
        if said is None:
            return NOTHING
        answered: dict[str, Answered] = {}
        async with self._writing:
            for bundle, step in list(self._meant(said)):
                found = verdict(said, bundle.asked(step), self._settings)
                if found is None:
                    continue
                before = step.state
                judge(bundle, step, self._tokens_only(found), times.now())
                if step.state != before or bundle.proposal in self._unsaved:
                    await self._save(bundle, replying=replying)
                request = bundle.requests[step.request]
                if request.answer is not None and not request.by:
                    answered[step.request] = Answered(
                        bundle.proposal, step.request, request.answer, request.reason
                    )
        known = self._placers.get(said.placer)
        pencilled = said.kind == "SIU" and known is not None and known[1] != said.filler
        return Hearing(tuple(answered.values()), pencilled)

    def _read(self, payload: bytes) -> Heard | None:
        header = Header.of(payload)
        if header is None or header.code(9) not in ANSWERING:
            return None
        try:
            return heard(Message(decode(payload, header, self._reading.fallback)), self._reading.zone)
        except Unparseable:
            return None

    def _meant(self, said: Heard) -> Iterator[tuple[Bundle, Step]]:
        """The steps that ``said`` may be about: by its control id, or the latest about an appointment."""
        names = (said.placer, said.filler) if said.kind == "SIU" else (said.control_id,)
        for proposal in {one for name in names for one in self._names.get(name, ())}:
            bundle = self._open[proposal]
            if said.kind != "SIU":
                yield from ((bundle, one) for one in bundle.steps if bundle.asked(one).control_id in names)
                continue
            for place, (placer, appointment) in enumerate(bundle.placers().items()):
                own = [step for step in bundle.steps if step.move == place]
                if own and (said.placer == placer or said.filler == appointment):
                    waiting = [step for step in own if step.state in ("NEW", "TAKEN")]
                    yield bundle, (waiting or own)[-1]

    def _tokens_only(self, found: Verdict) -> Verdict:
        """Codes of the hospital's as they may leave the connector."""
        if found.reason is None:
            return found
        token = self._reading.identities.token
        return replace(found, reason={**found.reason, "code": token(found.reason["code"])})

    async def _save(self, bundle: Bundle, *, replying: bool = False) -> None:
        request = bundle.requests[bundle.latest]
        if replying and request.answer is not None and not request.by:
            request.by = "REPLY"
        self._unsaved.add(bundle.proposal)
        writing = asyncio.ensure_future(asyncio.to_thread(self._store.save, bundle))
        try:
            await asyncio.shield(writing)
        finally:  # given up or failed, what is known here has changed, and answers to it must be understood
            if not writing.done():  # a thread cannot be stopped, and the next one must not meet it
                await asyncio.wait([writing])
            if not writing.cancelled() and writing.exception() is None:
                self._unsaved.discard(bundle.proposal)
            self._keep(bundle)

    def _keep(self, bundle: Bundle) -> None:
        """Know the bundle by its names while it waits for something."""
        proposal, placers = bundle.proposal, bundle.placers()
        self._placers |= {placer: (proposal, appointment) for placer, appointment in placers.items()}
        names = {*placers, *placers.values(), *(bundle.asked(step).control_id for step in bundle.steps)}
        if bundle.waits or proposal in self._unsaved:
            self._open[proposal] = bundle
            for name in names:
                self._names.setdefault(name, set()).add(proposal)
            if bundle.undoes:
                self._undoing.set()
            return
        self._open.pop(proposal, None)
        for name in names & self._names.keys():
            self._names[name].discard(proposal)
            if not self._names[name]:
                del self._names[name]
