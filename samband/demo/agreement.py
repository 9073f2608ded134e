"""How the week ends: something better is proposed to Emil's family, they accept it, and the hospital agrees.

The family's answer is what `samband answer` sends. The hospital's booking system takes requests over MLLP,
keeps its calendar, and tells the connector what has changed, as it tells it everything else.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import NamedTuple, Self

from connectors.hospital.testing import MllpSender
from connectors.hospital.testing_calendar import AskedHospital, Calendar
from samband.answers import Answer, send
from samband.demo.institutions import HOSPITAL
from samband.demo.legacy_hospital import booking_of, free_time, patient_of
from samband.demo.observer import Observer
from samband.demo.story import ASKED, FREE_TIMES, HABILITATION, NEUROLOGY, ORTHOPAEDICS
from samband.demo.week import Week
from samband.simulation.clock import Clock
from samband.simulation.places import micros
from samband.system import System
from schemas.errors import RetriableError
from schemas.records import Finding, Proposal

_ROUND = timedelta(minutes=12)
_MOST_ROUNDS = 40
"""Of the simulated clock: agencies have four hours to answer each time they are asked."""


class Offer(NamedTuple):
    """What the family is asked."""

    findings: list[Finding]
    """What collides or burdens as things stand."""
    proposal: Proposal


class BookingSystem:
    """Fjordheim hospital's calendar, which takes requests. ``sent`` counts what it has told the connector."""

    def __init__(self, week: Week) -> None:
        """Nothing is asked of it before it listens."""
        booked = (NEUROLOGY, HABILITATION, ORTHOPAEDICS)
        patient = patient_of(week.child, national=True)
        bookings = {each.number: (patient, booking_of(each, "S12")) for each in booked}
        calendar = Calendar(bookings, {each.number: free_time(each) for each in FREE_TIMES})
        self._hospital = AskedHospital(calendar, clock=lambda: self.now, facility=HOSPITAL.code)
        self.now: datetime = ASKED
        self.sent = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._hospital.port

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._hospital.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        await self._hospital.__aexit__(kind, error, trace)

    async def tell(self, sender: MllpSender) -> None:
        """Tell the connector what has changed."""
        self.sent += await self._hospital.tell(sender.send)


async def agree(
    system: System,
    observer: Observer,
    hospital: BookingSystem,
    citizen: str,
    offer: Callable[[Offer], None],
) -> Offer:
    """Let time pass until what is proposed to ``citizen`` is settled; ``offer`` is told what it is.

    Raises:
        RetriableError: nothing was proposed, or it was not settled in time.
    """
    host, _, port = system.endpoints["connector.hospital"]["mllp"].rpartition(":")
    offered = None
    async with Clock(system.settings, observer) as clock, MllpSender(host, int(port)) as sender:
        for _ in range(_MOST_ROUNDS):
            await clock.show(hospital.now)
            await hospital.tell(sender)
            await clock.tell(hospital.now)
            view = observer.citizens.view(citizen)
            proposal = next(reversed(view.offered()), None)
            if offered is not None and proposal is not None and proposal["status"] == "SETTLED":
                return offered
            if offered is None and proposal is not None and proposal["status"] == "OPEN":
                offered = Offer(view.open_findings(), proposal)
                offer(offered)
                later = micros(hospital.now + _ROUND / 2)
                await send(system.settings, proposal, Answer("ACCEPTED"), now=later)
            hospital.now += _ROUND
    raise RetriableError("nothing was agreed on", fix="see the logs of the router and of connector.hospital")
