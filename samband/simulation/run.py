"""Runs a simulation: the real system, the town's legacy systems in front of it, and the oracle behind."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.kit.identifiers import normalise
from connectors.kit.pseudonyms import Pseudonyms
from router.rules import DEFAULT_RULES
from samband.demo.observer import Observer
from samband.demo.run import fresh
from samband.simulation import configuration
from samband.simulation.answers import Answering
from samband.simulation.bundles import compare_bundles
from samband.simulation.clock import Clock
from samband.simulation.comparison import Verdict, compare
from samband.simulation.delivery import Delivery
from samband.simulation.history import Town
from samband.simulation.oracle import NATIONAL, truths
from samband.simulation.places import day_number, moment
from samband.simulation.proposals import Wire, compare_proposals
from samband.simulation.town import build
from samband.simulation.truth import Identifier
from samband.simulation.way_back import AskedClinics, held, true_steps
from samband.system import System, Tell, running

_QUIET_SECONDS = 1.0
_ROUNDS = 6
"""Times at which the clock is told after each day, ten minutes apart: a bundle takes four of them."""
_MOST_DAYS_AFTER = 14
"""At most so many days without messages and answers at the end, until all bundles have ended."""
_DAY_SECONDS = 10.0
"""The longest that a simulated day waits for what clinics were asked the day before."""
_PATIENCE_SECONDS = 60.0
"""How long nothing may come before what has not come counts as lost."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be simulated."""

    citizens: int
    days: int
    seed: int
    check: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went."""

    plan: Plan
    sent: dict[str, int]
    events: int
    lost: int
    seconds: float
    """From the first message until everything had arrived, without the start."""
    verdict: Verdict | None

    def as_object(self) -> dict[str, Any]:
        """Everything as JSON has it."""
        return {
            "citizens": self.plan.citizens,
            "days": self.plan.days,
            "seed": self.plan.seed,
            "sent": self.sent,
            "events": self.events,
            "lost": self.lost,
            "seconds": round(self.seconds, 1),
            "check": self.verdict.as_object() if self.verdict else None,
        }


async def simulate(plan: Plan, folder: Path, tell: Tell) -> Outcome:
    """Live through the days in a fresh ``folder``, as fast as it goes.

    Raises:
        SambandError: something could not be started, died, or did not take what it was sent.
    """
    fresh(folder)
    tell(f"Making a town of {plan.citizens:,} citizens and {plan.days} days")
    town = await asyncio.to_thread(build, plan.citizens, plan.days, plan.seed)
    async with (
        AskedClinics(plan.seed, moment(day_number(0), 0)) as clinics,
        running(configuration.write(folder, clinics), tell) as system,
    ):
        observer = Observer(system.settings)
        watching = asyncio.create_task(observer.run())
        try:
            return await _live(_Stage(system, observer, clinics), town, plan, tell)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


@dataclass(frozen=True, slots=True)
class _Stage:
    """What a simulation plays on."""

    system: System
    observer: Observer
    clinics: AskedClinics


async def _live(stage: _Stage, town: Town, plan: Plan, tell: Tell) -> Outcome:
    began = time.monotonic()
    system, observer = stage.system, stage.observer
    drop = configuration.drop_folder(system.settings.data_dir)
    async with (
        Delivery(town, plan.seed, stage.clinics, system.endpoints, drop) as delivery,
        Clock(system.settings, observer) as clock,
        Answering(system.settings, plan.seed) as answering,
    ):
        days = _Days(stage, delivery, clock, answering)
        for number in range(plan.days + _MOST_DAYS_AFTER):
            days.over = number >= plan.days
            if days.over and days.all_ended:
                break
            sent, made = delivery.sent.total(), len(observer.proposals)
            tell(f"Day {number + 1} of {plan.days}: {sent:,} messages sent, {made:,} proposals made")
            await days.live(number)
            system.supervisor.check()
        delivered = dict(delivery.sent)
    await _settled(system, observer, delivered, tell)
    seconds = time.monotonic() - began
    lost = observer.ledger.lost(delivered)
    verdict = None
    if plan.check:
        tell("Comparing with the oracle")
        town.health = true_steps(delivery.happened, stage.clinics.books)
        verdict = await asyncio.to_thread(_compared, system, town, observer)
        wire = Wire(delivery.sendings, delivery.happened, stage.clinics.books)
        said = [(first, observer.proposals[name]["status"]) for name, first in observer.offered.items()]
        compare_proposals(verdict, town, DEFAULT_RULES, wire, said, _sequences(system, town))
        compare_bundles(verdict, list(observer.proposals.values()), stage.clinics.books)
        verdict.lost = lost + _refused(observer)
    return Outcome(plan, delivered, len(observer.ledger.facts), lost, seconds, verdict)


@dataclass(slots=True)
class _Days:
    """Lives through one day after the other."""

    stage: _Stage
    delivery: Delivery
    clock: Clock
    answering: Answering
    over: bool = False
    """Nobody answers any more; what is under way comes to its end."""
    of_yesterday: set[str] = field(default_factory=set)
    """Proposals that were under way when the last day ended."""

    @property
    def all_ended(self) -> bool:
        """Whether no bundle is under way, and no time is held."""
        return not self._under_way() and not held(self.stage.clinics.books.values())

    async def live(self, number: int) -> None:
        """A day with its messages; then its evening, with answers to what was proposed and asked."""
        self.stage.clinics.now = moment(day_number(number), 23)
        await self.clock.show(self.stage.clinics.now)
        await self.delivery.live(day_number(number))
        for round_ in range(_ROUNDS):
            self.stage.clinics.now = moment(day_number(number + 1), 0, 10 * round_)
            await self.clock.tell(self.stage.clinics.now)
            if not await self._respond() and round_:
                break
        await self._overdue()

    async def _respond(self) -> int:
        """Clinics tell what they did, citizens answer; how much of it there was."""
        responses = 0
        while True:
            said = await self.delivery.tell()
            if not self.over:
                proposals = list(self.stage.observer.proposals.values())
                said += await self.answering.answer(proposals, self.stage.clinics.now)
            if not said:
                return responses
            responses += said
            await self.clock.settled()

    async def _overdue(self) -> None:
        """Give clinics the time to answer what a day is over for: a simulated day is a matter of seconds."""
        deadline = time.monotonic() + _DAY_SECONDS
        while time.monotonic() < deadline:
            if not (self._under_way() & self.of_yesterday or (self.over and not self.all_ended)):
                break
            await asyncio.sleep(_QUIET_SECONDS / 4)
            await self._respond()
        self.of_yesterday = self._under_way()

    def _under_way(self) -> set[str]:
        """Proposals that were accepted and have not ended."""
        found = self.stage.observer.proposals.items()
        return {name for name, proposal in found if proposal["status"] == "ACCEPTED"}


async def _settled(system: System, observer: Observer, sent: dict[str, int], tell: Tell) -> None:
    """Wait until everything has arrived and nothing more comes, or until nothing comes any more."""
    observer.last_change = max(observer.last_change, time.monotonic())
    while not observer.quiet(_PATIENCE_SECONDS):
        lost = observer.ledger.lost(sent)
        if not lost and observer.quiet(_QUIET_SECONDS):
            return
        tell(f"Waiting for the last: {lost:,} are still to come")
        system.supervisor.check()
        await asyncio.sleep(_QUIET_SECONDS / 2)


def _refused(observer: Observer) -> int:
    """Inputs that were dead-lettered, but for times that had passed when clinics let go of them."""
    outcomes, reasons = observer.ledger.outcomes.values(), observer.ledger.reasons.values()
    return sum(counted["DEAD_LETTERED"] for counted in outcomes) - sum(each["slot.past"] for each in reasons)


def _compared(system: System, town: Town, observer: Observer) -> Verdict:
    return compare(
        truths(town, DEFAULT_RULES), observer.citizens.everybody(), observer.citizens.keys, _pseudonym(system)
    )


def _sequences(system: System, town: Town) -> dict[str, int]:
    """Everybody's number by the key that they are spoken of."""
    pseudonym = _pseudonym(system)
    return {
        pseudonym(Identifier(NATIONAL, person.national_id, national=True)): person.sequence
        for person in town.people()
    }


def _pseudonym(system: System) -> Callable[[Identifier], str]:
    settings = system.settings
    pseudonyms = Pseudonyms(settings.pseudonym_key(), settings.pseudonym.version)

    def of(one: Identifier) -> str:
        if one.system == NATIONAL:
            number = normalise("NO", one.value)
            return pseudonyms.of(number.system, number.value)
        return pseudonyms.of(one.system, one.value)

    return of
