"""A municipality's systems: one keeps cases, one takes requests to move appointments.

The first keeps each case's whole event list and sends it again when it grows. Used by the
tests and the demo. They write files and talk HTTP as real ones would.
"""

import copy
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from aiohttp import web

Event = dict[str, Any]


@dataclass
class CaseFile:
    """One case and all that has happened in it. With ``fnr`` it goes in a DigisosSak envelope, else bare."""

    case_id: str
    fnr: str | None = None
    kommunenummer: str = "0301"
    envelope: dict[str, Any] = field(default_factory=dict)
    """More of the envelope: orgnr, sakstype, adressebeskyttelse."""
    system: str = "Testsystemet"
    events: list[Event] = field(default_factory=list)

    def add(self, event: Mapping[str, Any]) -> Self:
        """Something has happened."""
        self.events.append(dict(event))
        return self

    def document(self) -> dict[str, Any]:
        """The document as it stands now."""
        body: dict[str, Any] = {
            "version": "1.0.0",
            "avsender": {"systemnavn": self.system, "systemversjon": "1.0.0"},
            "hendelser": copy.deepcopy(self.events),
        }
        if self.fnr is None:
            return body
        head = {"fiksDigisosId": self.case_id, "sokerFnr": self.fnr, "kommunenummer": self.kommunenummer}
        return {**head, **self.envelope, "digisosSoker": body}

    def payload(self) -> bytes:
        """The document's bytes."""
        return json.dumps(self.document(), ensure_ascii=False, indent=1).encode()


@dataclass
class FolderSender:
    """Drops documents into a connector's folder, each complete at once."""

    folder: Path
    """The drop folder, as in the connector's settings."""
    sent: int = 0

    def send(self, name: str, payload: bytes) -> Path:
        """Write ``<name>.json`` and let it appear whole; returns where it was put."""
        inbox = self.folder / "in"
        inbox.mkdir(parents=True, exist_ok=True)
        draft, path = inbox / f".{name}.json", inbox / f"{name}.json"
        with draft.open("wb") as file:
            file.write(payload)
            os.fsync(file.fileno())
        draft.replace(path)
        self.sent += 1
        return path


@dataclass(frozen=True, slots=True)
class Reply:
    """What the connector answered."""

    status: int
    body: dict[str, Any]

    @property
    def accepted(self) -> bool:
        """True if the document need not be sent again."""
        return self.status == HTTPStatus.OK


class HttpSender:
    """Posts documents. Use as an async context manager."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """``url`` is the connector's ``http`` endpoint."""
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None
        self.sent = 0

    async def __aenter__(self) -> Self:
        """Open a connection pool."""
        self._session = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()

    async def send(self, case_id: str, payload: bytes) -> Reply:
        """Post one case's document and return the answer; aiohttp.ClientError where nobody answers."""
        return await self._post(f"digisos/{quote(case_id, safe='')}", payload)

    async def send_own(self, document: Mapping[str, Any] | bytes) -> Reply:
        """Post an answer or slots: a document with the member ``samband``."""
        payload = document if isinstance(document, bytes) else json.dumps(document).encode()
        return await self._post("samband", payload)

    async def _post(self, path: str, payload: bytes) -> Reply:
        if self._session is None:
            raise RuntimeError("enter the sender first")
        async with self._session.post(f"{self._url}/{path}", data=payload) as response:
            self.sent += response.status == HTTPStatus.OK
            return Reply(response.status, await response.json())


class Calendar:
    """A system that takes requests over HTTP and honours the idempotency key. An async context manager."""

    def __init__(self, token: str | None = None) -> None:
        """With ``token`` it takes no request that does not show it."""
        self._token = token
        self._runner: web.AppRunner | None = None
        self.port = 0
        """0 takes a free one; it is kept when the system goes and comes back."""
        self.taken: dict[str, dict[str, Any]] = {}
        """The requests by their key, each once however often it came."""
        self.calls: list[tuple[str, int]] = []
        """Key and status of each call."""
        self.statuses: dict[str, list[int]] = {}
        """What to answer to an action instead of taking it, one for each call."""

    @property
    def url(self) -> str:
        """Where requests are posted to."""
        return f"http://127.0.0.1:{self.port}/requests"

    async def __aenter__(self) -> Self:
        """Listen."""
        app = web.Application()
        app.add_routes([web.post("/requests", self._take)])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Be away, until it is entered again."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        status, key = HTTPStatus.ACCEPTED.value, request.headers.get("Idempotency-Key", "")
        document = await request.json()
        if self._token and request.headers.get("Authorization") != f"Bearer {self._token}":
            status = HTTPStatus.UNAUTHORIZED.value
        elif planned := self.statuses.get(document["action"]):
            status = planned.pop(0)
        elif key != f'"{document["requestId"]}"':
            status = HTTPStatus.BAD_REQUEST.value
        else:
            self.taken.setdefault(document["requestId"], document)
        self.calls.append((document["requestId"], status))
        return web.Response(status=status)

    def answer(self, request_id: str, said: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
        """The document that answers a request."""
        return {"samband": "answer", "requestId": request_id, "answer": said, "reason": reason, **more}
