"""Citizens who answer what is proposed to them: most accept, some decline or counter, a few say nothing."""

import random
from collections.abc import Collection, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

from bus.producer import Producer
from bus.registry.codec import codec_of
from bus.settings import Settings
from connectors.kit import times
from connectors.kit.assembly import AssemblyContext
from connectors.kit.outcomes import Fact, SourceInput
from samband.simulation.places import micros
from samband.statement import publish
from schemas.records import Matter

_CONTEXT: Final = AssemblyContext("citizen", "citizen", "forvaltningsloven-13b", "coordination")
_ACCEPT, _DECLINE, _COUNTER = 0.75, 0.87, 0.95
_WISH: Final[Matter] = {"kind": "NOT_AFTER", "weight": "WISH", "weekdays": [], "minute": 12 * 60}


class Answering:
    """Answers each proposal once. Use as an async context manager."""

    def __init__(self, settings: Settings, seed: int) -> None:
        """The same seed decides the same, for the same proposals."""
        self._settings = settings
        self._seed = seed
        self._producer = Producer(settings, "simulation", linger_ms=0)
        self._answered: set[str] = set()

    async def __aenter__(self) -> Self:
        """Connect."""
        await self._producer.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._producer.__aexit__(kind, error, trace)

    async def answer(self, proposals: Collection[Mapping[str, Any]], now: datetime) -> int:
        """Answer those that are open and were not answered before; how many that were."""
        said = 0
        for proposal in proposals:
            name = proposal["proposal_id"]
            if proposal["status"] != "OPEN" or name in self._answered:
                continue
            self._answered.add(name)
            body = self._decided(proposal, len(self._answered))
            if body is not None:
                await self._send(proposal, body, now)
                said += 1
        return said

    def _decided(self, proposal: Mapping[str, Any], number: int) -> dict[str, Any] | None:
        chance = random.Random(f"answer|{self._seed}|{number}").random()  # noqa: S311 - a repeatable draw
        body: dict[str, Any] = {
            "proposal_id": proposal["proposal_id"], "answer": "ACCEPTED", "reason": None, "wishes": [],
            "details": None,
        }  # fmt: skip
        if chance < _ACCEPT:
            return body
        if chance < _DECLINE:
            return {
                **body,
                "answer": "DECLINED",
                "reason": {"code": "TIMES", "system": "samband", "mapped": "TIMES"},
            }
        return {**body, "answer": "COUNTERED", "wishes": [_WISH]} if chance < _COUNTER else None

    async def _send(self, proposal: Mapping[str, Any], body: dict[str, Any], now: datetime) -> None:
        at = times.exact(micros(now))
        fact = Fact(
            record="ProposalAnswered", identifiers=(), occurred=at, recorded=at, body=body,
            key=proposal["citizen"], sensitivity=proposal["sensitivity"], protection=proposal["protection"],
        )  # fmt: skip
        source = SourceInput(
            payload=b"", received=micros(now), system="simulation", message_id=proposal["proposal_id"]
        )
        await publish(self._producer, codec_of(self._settings), fact, _CONTEXT, source)
