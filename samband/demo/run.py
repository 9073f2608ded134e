"""Runs the demonstration: a real system, three simulated legacy systems, and somebody who watches."""

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bus.embedded.folder import BrokerFolder
from connectors.kit.identifiers import normalise
from connectors.kit.pseudonyms import Pseudonyms
from samband.accounting import AgencyTotals
from samband.citizen_view import CitizenView
from samband.demo import configuration
from samband.demo.agreement import BookingSystem, Offer, agree
from samband.demo.observer import Observer
from samband.demo.week import Week, plan
from samband.supervisor import ChildDiedError
from samband.system import System, Tell, running
from schemas.errors import RefusedError

_SETTLE_SECONDS = 60.0
_LOOK_SECONDS = 0.2
_QUIET_SECONDS = 1.0
_MARK = ".samband-demo"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the screen shows at one moment."""

    totals: dict[str, AgencyTotals]
    lost: int
    emil: CitizenView
    ended: bool


Show = Callable[[Snapshot], None]


@dataclass(frozen=True, slots=True)
class Result:
    """How the week ended."""

    citizen: str
    offer: Offer | None
    """None when the week did not come to its end."""
    snapshot: Snapshot
    seconds: float

    def as_json(self) -> str:
        """Totals by agency, what is lost, what was proposed, and what the citizen's page shows."""
        view = self.snapshot.emil
        content: dict[str, Any] = {
            "lost": self.snapshot.lost,
            "totals": {name: {**asdict(row), "lost": row.lost} for name, row in self.snapshot.totals.items()},
            "offer": self.offer._asdict() if self.offer else None,
            "citizens": [{"citizen": self.citizen, **view.as_object()}],
            "seconds": round(self.seconds, 1),
        }
        return json.dumps(content, indent=2, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Audience:
    """Who watches: hears what is being done, sees each snapshot and the proposal, holds all at the end."""

    tell: Tell
    show: Show
    offer: Callable[[Offer], None]
    hold: Callable[[Result], Awaitable[None]]


async def demonstrate(folder: Path, seconds: float, audience: Audience) -> Result:
    """Live through the week in about ``seconds`` (0: as fast as it goes), in a fresh ``folder``.

    Everything still runs while ``audience.hold`` is awaited.

    Raises:
        SambandError: something could not be started, or a process died.
    """
    fresh(folder)
    week = plan()
    async with BookingSystem(week) as hospital:
        config = configuration.write(folder, hospital.port)
        async with running(config, audience.tell) as system:
            observer = Observer(system.settings)
            watching = asyncio.create_task(observer.run())
            try:
                result = await _Demonstration(system, week, observer, hospital).run(seconds, audience)
                await audience.hold(result)
                return result
            finally:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching


def fresh(folder: Path) -> None:
    """An empty ``folder``: each run begins with an empty Kafka.

    Raises:
        RefusedError: it holds something else than an earlier run, or that run is still going on.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise RefusedError(
                f"{folder} holds something else than an earlier demonstration",
                fix="name an empty folder with --folder",
            )
        if BrokerFolder(folder / "broker").running():
            raise RefusedError(
                f"a demonstration is running in {folder}", fix="end it, or name another folder with --folder"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()


class _Demonstration:
    """One run of the week, and of what comes after it."""

    def __init__(self, system: System, week: Week, observer: Observer, hospital: BookingSystem) -> None:
        self._system = system
        self._observer = observer
        self._hospital = hospital
        self._citizen = _key(system, week)
        self._reports = system.settings.data_dir / "legacy"

    async def run(self, seconds: float, audience: Audience) -> Result:
        """Live through the week, then let everybody agree."""
        began = time.monotonic()
        audience.tell("A week in Granvik")
        self._reports.mkdir(exist_ok=True)
        for name in configuration.CONNECTORS:
            report = str(self._reports / f"{name}.json")
            arguments = ["legacy", name, "--seconds", str(seconds), "--report", report]
            await self._system.supervisor.start(f"legacy.{name}", arguments)
        snapshot = await self._settled(audience.show)
        offer = None
        if snapshot.ended:
            audience.tell("Something better is looked for, and everybody is asked")
            offer = await agree(self._system, self._observer, self._hospital, self._citizen, audience.offer)
            snapshot = await self._settled(audience.show)
        return Result(self._citizen, offer, snapshot, time.monotonic() - began)

    async def _settled(self, show: Show) -> Snapshot:
        """Show what comes until all systems have ended and everything has arrived, or does not any more."""
        observer, settled_by = self._observer, None
        while True:
            sent, ended = _sent(self._system, self._reports)
            if "hospital" in sent:
                sent["hospital"] += self._hospital.sent
            lost = observer.ledger.lost(sent)
            settled = ended and not lost and observer.quiet(_QUIET_SECONDS)
            emil = observer.citizens.view(self._citizen)
            snapshot = Snapshot(observer.ledger.totals(sent), lost, emil, ended=settled)
            show(snapshot)
            if ended and settled_by is None:
                settled_by = time.monotonic() + _SETTLE_SECONDS
            if snapshot.ended or (settled_by is not None and time.monotonic() > settled_by):
                return snapshot
            observer.changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(observer.changed.wait(), _LOOK_SECONDS)


def _sent(system: System, reports: Path) -> tuple[dict[str, int], bool]:
    """What each legacy system says it has delivered so far, and whether all have ended."""
    sent = {}
    for name in configuration.CONNECTORS:
        with suppress(FileNotFoundError):
            sent[name] = int(json.loads((reports / f"{name}.json").read_text(encoding="utf-8"))["sent"])
    ended = True
    for component in system.supervisor.components:
        code = system.supervisor.exit_code(component)
        if component.startswith("legacy.") and code == 0:
            continue
        if code is not None:
            system.supervisor.check(component)
            raise ChildDiedError(f"{component} ended", fix=f"see {system.supervisor.log_file(component)}")
        ended = ended and not component.startswith("legacy.")
    return sent, ended and len(sent) == len(configuration.CONNECTORS)


def _key(system: System, week: Week) -> str:
    number = normalise("NO", week.child.national_id)
    pseudonyms = Pseudonyms(system.settings.pseudonym_key(), system.settings.pseudonym.version)
    return pseudonyms.of(number.system, number.value)
