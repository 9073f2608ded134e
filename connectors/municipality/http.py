"""Takes documents over HTTP: ``POST /digisos/{case id}`` and, for the bus's own, ``POST /samband``.

They are answered only when Kafka has confirmed.

==== ==========================================================================
 200 carried: ``{"outcome": …, "reason": …, "events": n}``; sending it again is safe
 400 cannot be carried, and kept as a dead letter: ``{"reason": …, "where": …}``
 401 the bearer token is missing or wrong
 408 the body did not come in time
 413 larger than ``max_bytes``
 500 the connector has failed and ends
 503 Kafka or the disk is away: send it again, after ``Retry-After`` seconds
==== ==========================================================================
"""

import asyncio
import hmac
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from bus.http import HttpListener
from bus.logs import Event, Log
from bus.settings import check_listener
from connectors.kit import times
from connectors.municipality.documents import Documents
from connectors.municipality.settings import HttpSettings
from schemas.errors import PoisonError, RetriableError, SambandError

_BODY_SECONDS: Final = 30.0
_RETRY_AFTER: Final = {"Retry-After": "5"}


class Listener:
    """The HTTP listener of one connector. ``url`` is known once it is entered."""

    def __init__(self, settings: HttpSettings, documents: Documents, log: Log, connector: str) -> None:
        """``connector`` is the connector's name, for its log lines."""
        self._settings = settings
        self._documents = documents
        self._log = log
        self._connector = connector
        app = web.Application(client_max_size=settings.max_bytes)
        paths = ("/digisos", "/digisos/{case}", "/samband")
        app.add_routes([web.post(path, self._post) for path in paths])
        self._http = HttpListener(app, settings.host, settings.port, f"connectors.{connector}.http")
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Ends with the error that the connector cannot go on after."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._http.url

    async def __aenter__(self) -> Self:
        """Listen; SettingsRefusedError if the port is taken."""
        await self._http.__aenter__()
        self._log.emit(Event.LISTENING, kind="http", address=self.url, port=self._http.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what is being answered, for ten seconds at most, and stop listening."""
        await self._http.__aexit__(kind, error, trace)
        self.failed.cancel()

    async def _post(self, request: web.Request) -> web.Response:
        received = times.now()
        if not self._allowed(request):
            self._log.emit(Event.INPUT_REJECTED, connector=self._connector, reason="http.token")
            return _answer(401, reason="http.token", problem="a bearer token is needed")
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                payload = await request.read()
        except TimeoutError:
            return _answer(408, reason="http.slow", problem="the body did not come in time")
        except web.HTTPRequestEntityTooLarge:
            problem = PoisonError(f"larger than {self._settings.max_bytes} bytes", reason="input.too_large")
            return await self._settle(self._documents.refuse(b"", received, problem, f"http-{received}"), 413)
        return await self._settle(
            self._documents.accept(payload, request.match_info.get("case", ""), received)
        )

    async def _settle(self, carrying: Any, refused: int = 400) -> web.Response:
        try:
            answer = await carrying
        except RetriableError:
            return _answer(503, headers=_RETRY_AFTER, reason="unavailable", problem="send it again later")
        except SambandError as error:
            if not self.failed.done():
                self.failed.set_exception(error)
            return _answer(500, reason="failed", problem="the connector has failed")
        if answer.problem is not None:
            return _answer(
                refused,
                reason=answer.problem.reason, where=answer.problem.where, problem=str(answer.problem),
            )  # fmt: skip
        outcome = answer.outcome
        return _answer(
            200, outcome=outcome["outcome"], reason=outcome["reason"], events=len(outcome["events"])
        )

    def _allowed(self, request: web.Request) -> bool:
        if self._settings.token is None:
            return True
        wanted = f"Bearer {self._settings.token.get_secret_value()}".encode()
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted)


def check(settings: HttpSettings, connector: str, *, public: bool) -> None:
    """Raise SettingsRefusedError where other machines could reach the listener and must not."""
    check_listener(f"connectors.{connector}.http.host", settings.host, allowed=public)


def _answer(status: int, headers: dict[str, str] | None = None, **body: str | int) -> web.Response:
    return web.json_response(body, status=status, headers=headers)
