"""What operators and orchestrators ask a process: /metrics, /healthz (alive) and /readyz (doing its work)."""

import json
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bus.http import HttpListener
from bus.logs import Event, get_logger
from bus.metrics import REGISTRY
from bus.settings import Listener

Ready = Callable[[], Sequence[str]]
"""The reasons why a process does not do its work yet, as fixed words; empty when it does."""


def always_ready() -> Sequence[str]:
    """For processes that are ready as soon as they listen."""
    return ()


class AdminServer:
    """The admin listener of one process. ``url`` is known once it is entered."""

    def __init__(self, listener: Listener, ready: Ready = always_ready) -> None:
        """``ready`` is called at each /readyz."""
        self._ready = ready
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._metrics),
                web.get("/healthz", self._health),
                web.get("/readyz", self._readiness),
            ]
        )
        self._http = HttpListener(app, listener.host, listener.port, "admin")

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._http.url

    async def __aenter__(self) -> Self:
        """Listen; SettingsRefusedError if the port is taken."""
        await self._http.__aenter__()
        get_logger("admin").emit(Event.LISTENING, kind="admin", address=self.url, port=self._http.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        await self._http.__aexit__(kind, error, trace)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _health(self, _: web.Request) -> web.Response:
        # An answer at all shows that the event loop is not stuck, and that is all that a restart can mend.
        return web.Response(text="alive\n")

    async def _readiness(self, _: web.Request) -> web.Response:
        reasons = list(self._ready())
        body = json.dumps({"ready": not reasons, "reasons": reasons}) + "\n"
        return web.Response(text=body, content_type="application/json", status=503 if reasons else 200)
