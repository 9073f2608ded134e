"""The router's process: the engine with the citizen stage, and the admin listener."""

import asyncio
from contextlib import suppress

from bus.admin import AdminServer
from bus.endpoints import announced
from bus.engine.engine import Engine
from bus.logs import Event, error_class, get_logger
from bus.registry.codec import codec_of
from bus.settings import Settings
from router.events import Event as RouterEvent
from router.rules import load_rules
from router.stage import CitizenStage
from router.state import Citizen
from schemas.errors import RetriableError

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 10.0


async def run_router(settings: Settings, stop: asyncio.Event) -> None:
    """Run one member of the router until ``stop`` is set; while Kafka is away at the start, wait for it.

    Raises:
        RulesError: the rules or the institution register are wrong.
        FatalError: going on would do harm, e.g. topics are missing.
    """
    stage = CitizenStage(
        await asyncio.to_thread(codec_of, settings),
        load_rules(settings.router.rules, settings.router.institutions),
    )
    running: list[Engine[Citizen, RouterEvent]] = []

    def not_ready() -> list[str]:
        return list(running[-1].not_ready()) if running else ["starting"]

    async with AdminServer(settings.admin, not_ready) as admin:
        with announced(settings.data_dir, "router", {"admin": admin.url}):
            await _run(stage, settings, stop, running)


async def _run(
    stage: CitizenStage, settings: Settings, stop: asyncio.Event, running: list[Engine[Citizen, RouterEvent]]
) -> None:
    log = get_logger("router")
    pause, attempt = _FIRST_PAUSE, 0
    while not stop.is_set():
        engine = Engine(stage, settings)
        running[:] = [engine]
        try:
            await engine.run(stop)
        except RetriableError as error:
            attempt += 1
            log.emit(Event.BUS_UNAVAILABLE, error=error_class(error), attempt=attempt)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            return
