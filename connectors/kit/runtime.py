"""Runs one connector: waits for Kafka, remembers what was handled, hands over to its kind, ends in order."""

import asyncio
import gc
import time
from collections.abc import Coroutine
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from bus.admin import AdminServer
from bus.endpoints import announced
from bus.errors import BusUnavailableError
from bus.logs import Event, Log, error_class, get_logger
from bus.producer import Producer
from bus.registry.codec import codec_of
from bus.settings import ConnectorSettings, Settings, SettingsRefusedError
from connectors.kit import times
from connectors.kit.assembly import AssemblyContext
from connectors.kit.memory import Memory, restore
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.publisher import Publisher
from connectors.registry import entry

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 10.0
_WAITING_FOR_KAFKA: Final = "kafka"
_STARTING: Final = "starting"
_GARBAGE_THRESHOLD: Final = 20_000
"""Objects between two searches for garbage in circles. Messages and records are none, and at Python's 700
searching through them is a twentieth of the time of a message."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass
class ConnectorContext:
    """What a kind of connector is given to work with."""

    name: str
    settings: ConnectorSettings
    publisher: Publisher
    pseudonyms: Pseudonyms
    data_dir: Path
    """The connector's own folder; it exists."""
    log: Log
    public_listeners: bool = False
    """True when the settings allow listeners that other machines can reach."""
    endpoints: dict[str, str] = field(default_factory=dict)
    """Addresses of this process that are known so far, by kind."""
    announce_in: Path = Path()
    bus: Settings | None = None
    """How Kafka is reached, for what reads it; None where the bus is in memory."""
    not_ready: set[str] = field(default_factory=set)
    """Why no input is taken, as fixed words; empty when ready."""

    def set_ready(self, ready: bool, reason: str = "source") -> None:  # noqa: FBT001 - the name says it
        """Tell /readyz whether input is taken. ``reason`` is a fixed word, the same for both."""
        before = bool(self.not_ready)
        if ready:
            self.not_ready.discard(reason)
        else:
            self.not_ready.add(reason)
        if before and not self.not_ready:
            self.log.emit(Event.CONNECTOR_READY, connector=self.name)
        elif self.not_ready and not before:
            self.log.emit(Event.CONNECTOR_NOT_READY, connector=self.name, reason=reason)

    def announce(self, **endpoints: str) -> AbstractContextManager[None]:
        """While the block runs, others find this connector at ``endpoints`` (``mllp``, ``http``, …)."""
        everything = {**self.endpoints, **endpoints}
        return announced(self.announce_in, f"connector.{self.name}", everything)

    def own_settings(self, model: type[Model]) -> Model:
        """The settings that only this kind has, checked by its ``model``.

        Raises:
            SettingsRefusedError: naming the setting and what is wrong, never its value.
        """
        return checked(model, self.name, self.settings.extras)


def checked(model: type[Model], connector: str, extras: dict[str, Any]) -> Model:
    """``extras`` as ``model``; SettingsRefusedError where they do not fit."""
    try:
        return model.model_validate(extras)
    except ValidationError as error:
        problems = "; ".join(
            f"connectors.{connector}.{'.'.join(str(part) for part in problem['loc'])}: "
            + problem["msg"].removeprefix("Value error, ")
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise SettingsRefusedError(problems, fix="see docs/connectors") from None


async def run_connector(name: str, settings: Settings, stop: asyncio.Event) -> None:
    """Run the connector ``name`` until ``stop`` is set.

    While Kafka is away at the start, it waits (not ready) and tries again, ever more slowly.

    Raises:
        SettingsRefusedError: there is no such connector, or its settings are wrong.
        FatalError: going on would do harm, e.g. topics are missing.
    """
    own = settings.connectors.get(name)
    if own is None:
        known = ", ".join(sorted(settings.connectors)) or "none"
        raise SettingsRefusedError(
            f"there is no connector named {name}", fix=f"name one of samband.toml's connectors: {known}"
        )
    run = entry(own.kind)
    times.follow(settings.simulated_clock)
    gc.set_threshold(_GARBAGE_THRESHOLD, *gc.get_threshold()[1:])
    pseudonyms = Pseudonyms(settings.pseudonym_key(), settings.pseudonym.version)
    log = get_logger(f"connector.{name}")
    not_ready = {_STARTING}
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(AdminServer(settings.admin, lambda: sorted(not_ready)))
        publisher = await _publisher(name, own, settings, stack, (stop, log, not_ready))
        if publisher is None:
            return
        publisher.on_available = lambda available: context.set_ready(available, _WAITING_FOR_KAFKA)
        data_dir = settings.data_dir / "connectors" / name
        data_dir.mkdir(parents=True, exist_ok=True)
        context = ConnectorContext(
            name, own, publisher, pseudonyms, data_dir, log,
            public_listeners=settings.allow_public_listeners,
            endpoints={"admin": admin.url},
            announce_in=settings.data_dir,
            bus=settings,
            not_ready=not_ready,
        )  # fmt: skip
        log.emit(Event.CONNECTOR_STARTED, connector=name, kind=own.kind, agency=own.agency)
        context.set_ready(ready=True, reason=_STARTING)
        try:
            await run(context, stop)
        finally:
            elapsed = int((time.monotonic() - started) * 1000)
            log.emit(Event.CONNECTOR_STOPPED, connector=name, kind=own.kind, duration_ms=elapsed)


async def together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run the parts of a connector until all have ended, or one fails; then the others are cancelled."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


Waiting = tuple[asyncio.Event, Log, set[str]]


async def _publisher(
    name: str, own: ConnectorSettings, settings: Settings, stack: AsyncExitStack, waiting: Waiting
) -> Publisher | None:
    """A publisher on a connected producer, entered into ``stack``; None if asked to stop before that."""
    stop, log, not_ready = waiting
    attempt, began = 0, time.monotonic()
    while not stop.is_set():
        attempt += 1
        connecting = asyncio.create_task(_connected(name, own, settings, stack))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((connecting, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                return None
            publisher = connecting.result()
        except BusUnavailableError as error:
            not_ready.add(_WAITING_FOR_KAFKA)
            log.emit(Event.BUS_UNAVAILABLE, error=error_class(error), attempt=attempt, reason=_STARTING)
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt - 1, 10))
            await asyncio.wait((stopped,), timeout=pause)
            continue
        finally:
            for task in (connecting, stopped):
                task.cancel()
            await asyncio.wait((connecting, stopped))
        if attempt > 1:
            waited = int((time.monotonic() - began) * 1000)
            log.emit(Event.BUS_AVAILABLE, attempt=attempt, duration_ms=waited)
        not_ready.discard(_WAITING_FOR_KAFKA)
        return publisher
    return None


async def _connected(
    name: str, own: ConnectorSettings, settings: Settings, stack: AsyncExitStack
) -> Publisher:
    """Connect and remember; what was opened is closed again if either fails."""
    memory = Memory()
    async with AsyncExitStack() as attempt:
        producer = await attempt.enter_async_context(Producer(settings, f"connector-{name}", linger_ms=0))
        await restore(memory, settings, name)
        stack.push_async_exit(attempt.pop_all())
    context = AssemblyContext(name, own.agency, own.legal_basis, own.purpose)
    return Publisher(producer, context, memory, codec_of(settings))
