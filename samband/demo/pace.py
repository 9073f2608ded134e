"""Lets a simulated legacy system live through its week at the demonstration's speed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from samband.demo.acts import at

_WEEK = (at(5, 0) - at(0, 6)).total_seconds()


class Timed(Protocol):
    """Something that happens at a time of the week."""

    @property
    def at(self) -> datetime:
        """When, in the week."""
        ...


_Act = TypeVar("_Act", bound=Timed)


async def live_through(
    acts: Sequence[_Act], seconds: float, deliver: Callable[[_Act], Awaitable[None]]
) -> None:
    """Deliver the acts in order, spread over ``seconds`` as they are over the week; 0: as fast as it goes."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    for act in acts:
        due = started + max(0.0, (act.at - at(0, 6)).total_seconds()) / _WEEK * seconds
        await asyncio.sleep(max(0.0, due - loop.time()))
        await deliver(act)
