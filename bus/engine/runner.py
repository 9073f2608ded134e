"""Runs stages in one process until it is told to stop, waiting for Kafka as long as it takes."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from bus.engine.engine import Engine
from bus.engine.stage import Stage
from bus.logs import Event, error_class, get_logger
from bus.settings import Settings
from schemas.errors import RetriableError

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0


class StageRunner:
    """Some stages in one process, each a member of its own group. More processes: more members."""

    def __init__(self, stages: Sequence[Stage[Any, Any]], settings: Settings) -> None:
        """Nothing happens before `run`."""
        self._settings = settings
        self._engines: dict[str, Engine[Any, Any] | None] = {stage.name: None for stage in stages}
        self._stages = tuple(stages)
        if len(self._engines) != len(self._stages):
            raise ValueError("two stages have the same name")

    def not_ready(self) -> Sequence[str]:
        """Why the stages do not do their work yet, for /readyz; empty when all do."""
        return [
            f"{name}: {reason}"
            for name, engine in self._engines.items()
            for reason in (("starting",) if engine is None else engine.not_ready())
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Run all stages until ``stop``.

        Raises what going on would do harm with (FatalError) for any of them; the others are ended in order
        first.
        """
        ending = asyncio.Event()
        running = [asyncio.create_task(self._run(stage, ending), name=stage.name) for stage in self._stages]
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((*running, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            ending.set()
            ended = await asyncio.gather(*running, return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException):
                raise error

    async def _run(self, stage: Stage[Any, Any], stop: asyncio.Event) -> None:
        log = get_logger("engine")
        attempt = 0
        while not stop.is_set():
            engine = self._engines[stage.name] = Engine(stage, self._settings)
            try:
                await engine.run(stop)
            except RetriableError as error:
                attempt += 1
                log.emit(Event.BUS_UNAVAILABLE, error=error_class(error), attempt=attempt)
                with suppress(TimeoutError):
                    await asyncio.wait_for(
                        stop.wait(), min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt, 10))
                    )
            else:
                return
