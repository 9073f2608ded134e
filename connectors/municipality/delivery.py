"""Carries requests to the municipality's system: by HTTP POST, or as files in a folder.

====================== ======================================================
 the system says        and that means
====================== ======================================================
 2xx                    it has the request, and answers later
 400, 410, 413, 415,    it does not take this request and never will
 422
 all else, or nothing   it is tried again
====================== ======================================================
"""

import asyncio
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp

from connectors.kit.carrier import AwayError, Deliver
from connectors.kit.durable import write_durably
from connectors.kit.requests import file_name
from connectors.municipality.requests import document
from connectors.municipality.settings import RequestSettings
from schemas.errors import PoisonError, RetriableError
from schemas.records import AgencyRequest

_FOR_GOOD: Final = frozenset({400, 410, 413, 415, 422})


class Posting:
    """The way to a system that takes requests over HTTP. Use as an async context manager."""

    def __init__(self, settings: RequestSettings) -> None:
        """``settings.url`` says where."""
        token = settings.token.get_secret_value() if settings.token else None
        self._url = settings.url or ""
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open a pool of connections."""
        session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._session = await self._stack.enter_async_context(session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._stack.aclose()

    async def deliver(self, request: AgencyRequest) -> None:
        """Post ``request``; raises as `connectors.kit.carrier.Deliver` says. The kit bounds the time."""
        if self._session is None:
            raise RuntimeError("enter it first")
        headers = {"Idempotency-Key": f'"{request["request_id"]}"', "Content-Type": "application/json"}
        try:
            async with self._session.post(
                self._url, data=document(request), headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except aiohttp.ClientConnectorError as error:
            raise AwayError(f"nobody answers there: {type(error).__name__}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise RetriableError(f"the connection broke: {type(error).__name__}") from None
        if status in _FOR_GOOD:
            raise PoisonError(
                "the system does not take the request", reason="request.rejected", where=f"HTTP {status}"
            )
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise RetriableError(f"the system answered with {status}")


def into_folder(folder: Path) -> Deliver:
    """Writes each request to ``<request id>.json`` in ``folder``: the file appears whole."""

    async def deliver(request: AgencyRequest) -> None:
        try:
            await asyncio.to_thread(_write, folder / f"{file_name(request)}.json", document(request))
        except OSError as error:
            raise RetriableError(f"the folder cannot be written: {error.strerror}") from None

    return deliver


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, data)
