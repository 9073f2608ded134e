"""Granvik municipality's case system, simulated: posts each case's whole document again with every event."""

import json
from types import TracebackType
from typing import Any, Self

import aiohttp

from samband.demo.acts import CaseAct
from samband.demo.institutions import MUNICIPALITY
from schemas.errors import RetriableError

_ANSWERED = (200, 202, 400)


class MunicipalSystem:
    """Posts `DigisosSak` envelopes. ``sent`` counts the documents that were answered, taken or refused."""

    def __init__(self, url: str) -> None:
        """``url`` is where the connector takes documents."""
        self._url = url
        self._cases: dict[str, dict[str, Any]] = {}
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        self.sent = 0

    async def __aenter__(self) -> Self:
        """Connects with the first document."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._session.close()

    async def deliver(self, act: CaseAct) -> None:
        """Post the case's document with one more event in it.

        Raises:
            RetriableError: the connector did not say what became of it.
        """
        body = b'{"version": "1.0.0", "hendelser": [' if act.broken else self._document(act)
        async with self._session.post(f"{self._url}/digisos/{act.case}", data=body) as response:
            if response.status not in _ANSWERED:
                raise RetriableError(f"the connector answered {response.status}")
        self.sent += 1

    def _document(self, act: CaseAct) -> bytes:
        document = self._cases.setdefault(
            act.case,
            {
                "fiksDigisosId": act.case,
                "sokerFnr": act.person.national_id,
                "kommunenummer": "9999",
                "sakstype": act.kind,
                "institusjon": MUNICIPALITY.code,
                "digisosSoker": {
                    "version": "1.0.0",
                    "avsender": {"systemnavn": "Granvik sak", "systemversjon": "7"},
                    "hendelser": [],
                },
            },
        )
        document["digisosSoker"]["hendelser"].append(act.event)
        return json.dumps(document).encode()
