"""A municipality's case system: keeps each case's whole event list and sends it again when it grows.

Used by the tests and the demo. It writes files and posts over HTTP as a real one would.
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
        """Post one document and return the answer; aiohttp.ClientError where nobody answers."""
        if self._session is None:
            raise RuntimeError("enter the sender first")
        url = f"{self._url}/digisos/{quote(case_id, safe='')}"
        async with self._session.post(url, data=payload) as response:
            self.sent += response.status == HTTPStatus.OK
            return Reply(response.status, await response.json())
