"""Runs one simulated legacy system as its own process, until its week is over."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

from bus import endpoints
from bus.settings import Settings
from samband.demo.configuration import drop_folder
from samband.demo.legacy_hospital import HospitalSystem
from samband.demo.legacy_municipality import MunicipalSystem
from samband.demo.legacy_school import SchoolSystem
from samband.demo.pace import live_through
from samband.demo.week import plan
from schemas.errors import RefusedError

_Act_contra = TypeVar("_Act_contra", contravariant=True)
_Act = TypeVar("_Act")


class LegacySystem(Protocol[_Act_contra]):
    """Delivers acts to its connector and counts what was answered."""

    sent: int

    async def deliver(self, act: _Act_contra) -> None:
        """Deliver one act."""


async def live(name: str, settings: Settings, seconds: float, report: Path) -> None:
    """Live through the week as the legacy system ``name``, and keep ``report`` up to date: ``{"sent": n}``.

    Raises:
        RefusedError: there is no such system, or its connector is not running.
    """
    week = plan()
    found = endpoints.find(settings.data_dir, f"connector.{name}")
    if found is None:
        raise RefusedError(f"the connector {name} is not running", fix="start it, or run `samband demo`")
    if name == "hospital":
        host, _, port = found["mllp"].rpartition(":")
        async with HospitalSystem(host, int(port)) as hospital:
            await live_through(week.hospital, seconds, _reporting(hospital, report))
    elif name == "school":
        school = SchoolSystem(week, drop_folder(settings.data_dir, name) / "in")
        await live_through(week.school, seconds, _reporting(school, report))
    else:
        async with MunicipalSystem(found["http"]) as municipality:
            await live_through(week.municipality, seconds, _reporting(municipality, report))


def _reporting(system: LegacySystem[_Act], report: Path) -> Callable[[_Act], Awaitable[None]]:
    async def deliver(act: _Act) -> None:
        await system.deliver(act)
        draft = report.with_suffix(".part")
        draft.write_text(json.dumps({"sent": system.sent}), encoding="utf-8")
        draft.replace(report)

    return deliver
