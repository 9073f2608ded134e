"""An inbox in this process, in front of an agency's system that each test makes as bad as it likes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bus.logs import get_logger
from bus.producer import Producer
from bus.settings import ConnectorSettings, Settings
from connectors.kit.assembly import AssemblyContext
from connectors.kit.carrier import InboxSettings, Reply
from connectors.kit.inbox import Inbox
from connectors.kit.memory import Memory, restore
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.publisher import Publisher
from connectors.kit.runtime import ConnectorContext
from schemas.errors import RetriableError
from schemas.records import AgencyRequest
from tests.connectors.kit.inbox_rig import (
    AGENCY,
    common,
    ended,
)
from tests.waiting import until

QUICK = {"first_pause_seconds": 0.02, "longest_pause_seconds": 0.1}
PUBLISHED = ("PUBLISHED", "")
PSEUDONYMS = Pseudonyms(b"x" * 32, "1")


class System:
    """An agency's system: keeps what it was given, does what ``then`` says, and honours nothing."""

    def __init__(self) -> None:
        self.got: list[AgencyRequest] = []
        self.then: Callable[[AgencyRequest], Awaitable[Reply | None]] | None = None

    async def deliver(self, asked: AgencyRequest) -> Reply | None:
        self.got.append(asked)
        return None if self.then is None else await self.then(asked)

    def tries(self) -> Counter[str]:
        return Counter(asked["request_id"] for asked in self.got)


@asynccontextmanager
async def opened(settings: Settings, system: System, **more: object) -> AsyncIterator[Inbox]:
    """A new process's inbox, that nobody serves yet."""
    own = ConnectorSettings.model_validate(common("testing"))
    memory = Memory()
    async with Producer(settings, "test", linger_ms=0) as producer:
        await restore(memory, settings, "testing")
        publisher = Publisher(producer, AssemblyContext("testing", AGENCY, "basis", "purpose"), memory)
        context = ConnectorContext(
            "testing", own, publisher, PSEUDONYMS, Path(), get_logger("test"), bus=settings
        )
        yield Inbox(context, InboxSettings.model_validate({**QUICK, **more}), system.deliver)


@asynccontextmanager
async def running(settings: Settings, system: System, **more: object) -> AsyncIterator[Inbox]:
    async with opened(settings, system, **more) as inbox:
        stop = asyncio.Event()
        task = asyncio.create_task(inbox.serve(stop))
        try:
            yield inbox
        finally:
            stop.set()
            await asyncio.wait([task], timeout=20)
        task.result()


async def all_ended(settings: Settings, count: int) -> Counter[tuple[str, str]]:
    async def there() -> Counter[tuple[str, str]]:
        found = await ended(settings)
        return found if found.total() >= count else Counter()

    return await until(there, what=f"{count} outcomes")


async def read_again(inbox: Inbox, asked: AgencyRequest) -> AgencyRequest:
    """What the inbox says of a request once it has read all that lay there at its start."""

    async def found() -> AgencyRequest | None:
        with suppress(RetriableError):
            return await inbox.find(asked["request_id"])
        return None

    answer: Any = await until(found, what="the inbox to be read")
    known: AgencyRequest = answer
    return known
