"""Listens for HTTP: the one way in which every part of the program opens such a port."""

from types import TracebackType
from typing import Self

from aiohttp import web

from bus.settings import SettingsRefusedError

_SHUTDOWN_SECONDS = 10.0


class HttpListener:
    """Serves one application; ``url`` and ``port`` are known once it is entered."""

    def __init__(self, app: web.Application, host: str, port: int, setting: str) -> None:
        """Port 0 takes a free one. ``setting`` names the group in the settings, for the error text."""
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        self._host = host
        self._port = port
        self._setting = setting
        self.url = ""
        self.port = port

    async def __aenter__(self) -> Self:
        """Listen; SettingsRefusedError if the address cannot be listened on."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise SettingsRefusedError(
                f"{self._setting}.port: cannot listen on {self._host}:{self._port}: {error.strerror}",
                fix=f"stop what uses the port, or set {self._setting}.port = 0",
            ) from None
        host, self.port = self._runner.addresses[0][:2]
        self.url = f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what is being answered, for ten seconds at most, and stop listening."""
        await self._runner.cleanup()
