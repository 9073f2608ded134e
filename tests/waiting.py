"""Waiting for a condition instead of sleeping, so that tests are as fast as what they test."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE = 0.02
"""Seconds between two looks at a condition: short beside a process start, long beside a look."""


async def until(
    condition: Callable[[], Awaitable[T] | T], timeout: float = 20.0, what: str = "the condition"
) -> T:
    """Wait until ``condition`` (plain or async) gives something true, and return that.

    An exception in ``condition`` ends the waiting: a condition that may fail at first says so itself.

    Raises:
        TimeoutError: naming ``what``, after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        looked = condition()
        found: T = await looked if inspect.isawaitable(looked) else looked
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        await asyncio.sleep(_PAUSE)


def wait_until(condition: Callable[[], T], timeout: float = 20.0, what: str = "the condition") -> T:
    """Wait as ``until`` does, where no event loop runs.

    Raises:
        TimeoutError: naming ``what``, after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(_PAUSE)
