"""The router's process: the engine with the citizen stage, and the admin listener."""

import asyncio
import gc

from bus.admin import AdminServer
from bus.endpoints import announced
from bus.engine.runner import StageRunner
from bus.registry.codec import codec_of
from bus.settings import Settings
from router.rules import load_rules
from router.stage import CitizenStage

_GARBAGE_THRESHOLD = 200_000
"""Objects between two searches for garbage in circles. States and records are none, but at Python's 700 they
are searched through again and again. With 20,000 new citizens it was 10 µs a fact at 50,000 while states were
searched too, and is 3 now. Garbage in circles, which the client makes a little of, waits the longer."""


def search_garbage_rarely() -> None:
    """Set up this process's memory for the router; for the whole process, so only who owns it calls this."""
    gc.set_threshold(_GARBAGE_THRESHOLD, *gc.get_threshold()[1:])
    gc.freeze()  # what was imported stays


async def run_router(settings: Settings, stop: asyncio.Event) -> None:
    """Run one member of the router until ``stop`` is set; while Kafka is away at the start, wait for it.

    Raises:
        RulesError: the rules or the institution register are wrong.
        FatalError: going on would do harm, e.g. topics are missing.
    """
    search_garbage_rarely()
    codec = await asyncio.to_thread(codec_of, settings)
    rules = load_rules(settings.router.rules, settings.router.institutions)
    runner = StageRunner([CitizenStage(codec, rules)], settings)
    async with AdminServer(settings.admin, runner.not_ready) as admin:
        with announced(settings.data_dir, "router", {"admin": admin.url}):
            await runner.run(stop)
