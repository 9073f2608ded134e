"""The town's legacy systems on the wire: MLLP, HTTP and a folder, a day at a time and as fast as it goes."""

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from connectors.hospital.testing import MllpSender
from connectors.municipality.testing import HttpSender
from connectors.school.testing import drop_zip
from samband.simulation import mishaps
from samband.simulation.dialect_cases import CaseSystem
from samband.simulation.dialect_health import message
from samband.simulation.dialect_school import roster
from samband.simulation.history import CaseStep, HealthStep, Town
from samband.simulation.mishaps import Sending
from samband.simulation.places import ASKED, CLINICS_OF_TOWN, HEALTH
from samband.simulation.way_back import AskedClinics
from schemas.errors import RetriableError

_CONNECTORS = {HEALTH: "health", CLINICS_OF_TOWN: "clinics"}
_LANES = 6
"""Connections of each clinics' system; what concerns one person goes over one of them, in order."""
_CASE_LANES = 6
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 120.0


class Delivery:
    """Sends what the town's systems have to say. ``sent`` counts inputs by connector, once they are taken."""

    def __init__(
        self, town: Town, seed: int, clinics: AskedClinics, endpoints: dict[str, dict[str, str]], drop: Path
    ) -> None:
        """``endpoints`` of the running system; ``drop`` is the schools' drop folder."""
        self._books = clinics
        self.happened: dict[int, HealthStep | None] = {}
        """What clinics have said by now, by message; None for what was not so any more."""
        self.sent: Counter[str] = Counter()
        self._town = town
        self._drop = drop
        self._staging = drop / "staging"
        self._staging.mkdir(parents=True, exist_ok=True)
        self._seed = seed
        self.sendings = mishaps.clinics(town, seed)
        """When clinics send what, late and twice."""
        self._cases: dict[date, list[CaseStep]] = defaultdict(list)
        for step in town.cases:
            self._cases[step.at.date()].append(step)
        self._senders = {
            (connector, lane): _sender(endpoints[f"connector.{connector}"]["mllp"])
            for connector in _CONNECTORS.values()
            for lane in range(_LANES)
        }
        self._http = HttpSender(endpoints["connector.municipality"]["http"])
        self._case_system = CaseSystem()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Connects with the first message."""
        for sender in self._senders.values():
            await self._stack.enter_async_context(sender)
        await self._stack.enter_async_context(self._http)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._stack.aclose()

    async def live(self, day: date) -> None:
        """Deliver everything of one day; returns when all of it was taken.

        Raises:
            RetriableError: a connector did not take an input.
        """
        for number, step in enumerate(self._town.health, 1):
            if step.at.date() == day:
                self.happened[number] = self._books.write_down(step)
        for opening in self._town.openings:
            if opening.at.date() == day:
                self._books.open(opening)
        await self.tell()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._school(day))
            for lane, sendings in self._lanes(day).items():
                group.create_task(self._clinics(lane, sendings))
            for number in range(_CASE_LANES):
                cases = [step for step in self._cases[day] if step.person.sequence % _CASE_LANES == number]
                group.create_task(self._municipality(cases))

    async def tell(self) -> int:
        """Send what the clinics that can be asked have to tell; how many messages that were."""
        told = 0
        for clinic in ASKED:
            connector = _CONNECTORS[clinic.agency]
            said = await self._books.tell(clinic, self._senders[connector, 0])
            self.sent[connector] += said
            told += said
        return told

    def _lanes(self, day: date) -> dict[tuple[str, int], list[Sending]]:
        lanes: dict[tuple[str, int], list[Sending]] = defaultdict(list)
        for each in self.sendings.get(day, ()):
            lanes[_CONNECTORS[each.step.clinic.agency], each.step.person.sequence % _LANES].append(each)
        return lanes

    async def _clinics(self, lane: tuple[str, int], sendings: Sequence[Sending]) -> None:
        for sending in sendings:
            step = self.happened[sending.number]
            if step is None:
                continue
            (answer,) = await self._senders[lane].send(message(step, sending.number))
            if answer.rejected:
                raise RetriableError(f"the clinics' connector answered {answer.code}")
            self.sent[lane[0]] += 1

    async def _municipality(self, steps: Sequence[CaseStep]) -> None:
        for step in steps:
            document = self._case_system.document(step)
            for _ in range(mishaps.copies(step, self._seed)):
                reply = await self._http.send(step.case, document)
                if not reply.accepted:
                    raise RetriableError(f"the municipality's connector answered {reply.status}")
                self.sent["municipality"] += 1

    async def _school(self, day: date) -> None:
        for export, at in enumerate(self._town.exports):
            if at.date() == day:
                files = await asyncio.to_thread(roster, self._town, export)
                await self._export(files, f"granvik-{export:03}.zip", at)
                if mishaps.exported_twice(export, self._seed):
                    await self._export(files, f"granvik-{export:03}-again.zip", at)

    async def _export(self, files: dict[str, bytes], name: str, at: datetime) -> None:
        """Drop a set with the time of the simulated morning, and wait until it is archived."""
        path = drop_zip(files, self._staging, name)
        os.utime(path, (at.timestamp(), at.timestamp()))
        archived = _count(self._drop / "archive")
        path.rename(self._drop / "in" / name)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while _count(self._drop / "archive") <= archived:
                if _count(self._drop / "failed") or _count(self._drop / "held"):
                    raise RetriableError("the schools' connector refused or held a set")
                await asyncio.sleep(_LOOK_SECONDS)
        self.sent["schools"] += 1


def _sender(address: str) -> MllpSender:
    host, _, port = address.rpartition(":")
    return MllpSender(host, int(port))


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0
