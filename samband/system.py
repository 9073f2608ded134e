"""The whole system on this machine: Kafka, the contract, the connectors and the router, each its own process.

`samband up` and the demonstration start it the same way.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bus.embedded.server import EmbeddedBroker
from bus.settings import Settings, load_settings
from bus.topics import apply
from samband.supervisor import Supervisor

Tell = Callable[[str], None]
"""Is told in a few words what is being done now."""


@dataclass(slots=True)
class System:
    """A running system and where its parts can be reached."""

    settings: Settings
    supervisor: Supervisor
    endpoints: dict[str, dict[str, str]] = field(default_factory=dict)
    """By component (``kafka``, ``contract``, ``connector.<name>``, ``router``), then by kind."""

    def as_json(self) -> str:
        """The endpoints as one JSON object."""
        return json.dumps(self.endpoints, indent=2)


@asynccontextmanager
async def running(config: Path | None, tell: Tell) -> AsyncIterator[System]:
    """Start everything that ``config`` (samband.toml) names; all of it is stopped when the block ends.

    Raises:
        SambandError: a part could not be started; the message names it and the fix.
    """
    settings = load_settings(config)
    async with AsyncExitStack() as stack:
        bootstrap_servers = await _kafka(settings, stack, tell)
        settings = load_settings(config, bootstrap_servers=bootstrap_servers)
        supervisor = Supervisor(settings.data_dir, _environment(settings, config))
        await stack.enter_async_context(supervisor)
        system = System(settings, supervisor, {"kafka": {"bootstrap_servers": bootstrap_servers}})
        tell("Making the topics and publishing the contract")
        await apply(settings)
        await _start(system, tell)
        yield system


def _environment(settings: Settings, config: Path | None) -> dict[str, str]:
    """What the children need to find the same settings, data and Kafka."""
    environment = {
        "SAMBAND_BOOTSTRAP_SERVERS": settings.bootstrap_servers or "",
        "SAMBAND_DATA_DIR": str(settings.data_dir.resolve()),
    }
    if config is not None:
        environment["SAMBAND_CONFIG"] = str(config.resolve())
    return environment


async def _kafka(settings: Settings, stack: AsyncExitStack, tell: Tell) -> str:
    if settings.bootstrap_servers is not None:
        return settings.bootstrap_servers
    tell("Starting Kafka")

    def fetching(done: int, total: int) -> None:
        tell(f"Fetching Kafka: {done} of {total} jars" if done < total else "Starting Kafka")

    broker = EmbeddedBroker(settings.data_dir / "broker", cache_dir=settings.cache_dir, on_fetch=fetching)
    stack.push_async_callback(asyncio.to_thread, broker.stop)
    return await asyncio.to_thread(broker.start)


async def _start(system: System, tell: Tell) -> None:
    """Start all children at once, since each takes a second or two to come up, then wait for each."""
    commands = {
        "contract": ("schemas", "serve"),
        **{f"connector.{name}": ("connector", "run", name) for name in system.settings.connectors},
        "router": ("router", "run"),
    }
    tell(f"Starting {len(commands)} processes: the contract server, the connectors and the router")
    for component, arguments in commands.items():
        await system.supervisor.start(component, arguments)
    for component in commands:
        tell(f"Waiting for {component}")
        system.endpoints[component] = await system.supervisor.ready(component)
