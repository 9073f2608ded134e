"""Members of a group in one process, and what each of them has."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bus.engine import Engine
from bus.settings import Settings
from tests.bus.engine.ledger import Account, Ledger
from tests.waiting import until


def other(settings: Settings, name: str, **engine: object) -> Settings:
    """The same system with local state of its own."""
    return settings.model_copy(
        update={
            "data_dir": settings.data_dir.with_name(name),
            "engine": settings.engine.model_copy(update=engine),
        }
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Engine[Account, str]]:
    """A member while the block runs."""
    stop = asyncio.Event()
    engine = Engine(Ledger(), settings)
    task = asyncio.create_task(engine.run(stop))
    try:
        yield engine
    finally:
        stop.set()
        await task


def shares(*engines: Engine[Account, str]) -> list[int]:
    return [len(engine._tasks) for engine in engines]  # noqa: SLF001 - what a member has is not public


async def shared(wanted: Sequence[int], *engines: Engine[Account, str]) -> None:
    def reached() -> bool:
        return shares(*engines) == list(wanted) and not any(engine.not_ready() for engine in engines)

    _: bool = await until(reached, timeout=60, what=f"shares of {wanted}")
