"""The router's process: the engine with the citizen stage, and the admin listener."""

import asyncio

from bus.admin import AdminServer
from bus.endpoints import announced
from bus.engine.runner import StageRunner
from bus.process import search_garbage_rarely
from bus.registry.codec import codec_of
from bus.settings import Settings
from router.rules import load_rules
from router.stage import CitizenStage


async def run_router(settings: Settings, stop: asyncio.Event) -> None:
    """Run one member of the router until ``stop`` is set; while Kafka is away at the start, wait for it.

    Raises:
        RulesError: the rules or the institution register are wrong.
        FatalError: going on would do harm, e.g. topics are missing.
    """
    search_garbage_rarely()
    codec = await asyncio.to_thread(codec_of, settings)
    rules = load_rules(settings.router.rules, settings.router.institutions, settings.router.inboxes)
    runner = StageRunner([CitizenStage(codec, rules)], settings)
    async with AdminServer(settings.admin, runner.not_ready) as admin:
        with announced(settings.data_dir, "router", {"admin": admin.url}):
            await runner.run(stop)
