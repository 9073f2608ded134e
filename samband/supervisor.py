"""Starts Samband's processes as children, waits until each is ready, and stops them in reverse order."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from bus import endpoints
from schemas.errors import FatalError

_POLL_SECONDS = 0.05
_STOP_SECONDS = 20.0
_LAST_LINES = 3


class ChildDiedError(FatalError):
    """A process that should be running has ended."""


class Supervisor:
    """Runs ``python -m samband …`` children; use it as an async context manager.

    Each child's standard output and error go to ``<data_dir>/logs/<component>.log``. ``environment`` is
    added to this process's own and carries the settings that all children share.
    """

    def __init__(self, data_dir: Path, environment: Mapping[str, str]) -> None:
        """Nothing is started yet."""
        self._data_dir = data_dir
        self._environment = {**os.environ, **environment}
        self._children: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        """Children are stopped when the block ends, however it ends."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops all children."""
        await self.stop()

    @property
    def components(self) -> tuple[str, ...]:
        """The children's names, in the order of their start."""
        return tuple(self._children)

    async def start(self, component: str, arguments: Sequence[str]) -> None:
        """Start ``python -m samband <arguments>`` as ``component``."""
        log = self.log_file(component)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._children[component] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "samband", *arguments,
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                env=self._environment, start_new_session=True,
            )  # fmt: skip

    async def ready(self, component: str, within: float = 60.0) -> dict[str, str]:
        """Wait at most ``within`` seconds until ``component`` is ready; its endpoints.

        Raises:
            ChildDiedError: it ended, or did not become ready.
        """
        deadline = time.monotonic() + within
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while time.monotonic() < deadline:
                self.check(component)
                found = endpoints.find(self._data_dir, component)
                if found and await _answers(session, f"{found['admin']}/readyz"):
                    return found
                await asyncio.sleep(_POLL_SECONDS)
        raise ChildDiedError(
            f"{component} was not ready within {within:.0f} s",
            fix=f"see {self.log_file(component)}",
        )

    def check(self, component: str | None = None) -> None:
        """Raise ChildDiedError if ``component``, or any child, has ended."""
        for name in [component] if component else self._children:
            code = self._children[name].returncode
            if code is not None:
                raise ChildDiedError(
                    f"{name} ended with exit code {code}: {self._last_words(name)}",
                    fix=f"see {self.log_file(name)}",
                )

    def exit_code(self, component: str) -> int | None:
        """The child's exit code; None while it runs."""
        return self._children[component].returncode

    async def stop(self) -> None:
        """SIGTERM to each child, the last started first; SIGKILL after 20 s."""
        for component, child in reversed(self._children.items()):
            if child.returncode is None:
                await _stop(child, component)
        self._children.clear()

    def log_file(self, component: str) -> Path:
        """Where the child's output goes."""
        return self._data_dir / "logs" / f"{component}.log"

    def _last_words(self, component: str) -> str:
        text = self.log_file(component).read_text(encoding="utf-8", errors="replace").strip()
        return " / ".join(text.splitlines()[-_LAST_LINES:]) or "it said nothing"


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200  # noqa: PLR2004 - HTTP OK
    except aiohttp.ClientError:
        return False


async def _stop(child: asyncio.subprocess.Process, component: str) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(child.wait(), _STOP_SECONDS)
    except TimeoutError:
        sys.stderr.write(f"samband: {component} did not stop within {_STOP_SECONDS:.0f} s and was killed\n")
        child.kill()
        await child.wait()
