"""A citizen's answer to a proposal, from the command line until there is a page for it."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import cast

from bus.reader import decoded, read_to_end
from bus.registry.codec import codec_of
from bus.settings import Settings
from connectors.kit import times
from connectors.kit.assembly import AssemblyContext
from connectors.kit.outcomes import Fact
from samband.citizen_view import CitizenView, Keys
from samband.statement import state
from schemas.records import Matter, Proposal, ProposalAnswer

_CONTEXT = AssemblyContext("citizen", "citizen", "forvaltningsloven-13b", "coordination")
_LOOK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a citizen says to a proposal."""

    said: ProposalAnswer
    reason: str = ""
    """For a decline, from the list of the contract."""
    wishes: Sequence[Matter] = ()
    words: str = ""


async def proposals(settings: Settings, citizen: str) -> list[Proposal]:
    """All proposals to a citizen under any of their keys, the latest last. BusUnavailableError."""
    keys, view, codec = Keys(), CitizenView(), codec_of(settings)
    async for found in decoded(read_to_end(settings, "timeline"), codec):
        if found.decoded is not None:
            keys.add(found.decoded.record, found.decoded.value)
    members: Collection[str] = keys.members(citizen)
    async for found in decoded(read_to_end(settings, "coordination"), codec):
        if found.decoded is not None and found.decoded.value.get("citizen") in members:
            view.add(found.decoded.record, found.decoded.value)
    return view.offered()


async def send(settings: Settings, proposal: Proposal, answer: Answer, *, now: int | None = None) -> str:
    """Answer a proposal; gives the answer's event id. BusUnavailableError.

    ``now`` (microseconds since the epoch) is given where time is simulated.
    """
    now = now or times.now()
    reason = {"code": answer.reason, "system": "samband", "mapped": answer.reason} if answer.reason else None
    body = {
        "proposal_id": proposal["proposal_id"],
        "answer": answer.said,
        "reason": reason,
        "wishes": list(answer.wishes),
        "details": {"text": answer.words} if answer.words else None,
    }
    at = times.exact(now)
    fact = Fact(
        record="ProposalAnswered",
        identifiers=(),
        occurred=at,
        recorded=at,
        body=body,
        key=proposal["citizen"],
        sensitivity=proposal["sensitivity"],
        protection=proposal["protection"],
    )
    return await state(settings, fact, _CONTEXT, now)


async def refused(settings: Settings, event_id: str, patience: float) -> str | None:
    """Why the router could not use an answer, empty when it could; None without a word in time."""
    deadline = time.monotonic() + patience
    while True:
        heard, why = False, ""
        async for found in decoded(read_to_end(settings, "timeline", "refusals"), codec_of(settings)):
            if found.decoded is None:
                continue
            record, value = found.decoded.record, found.decoded.value
            heard |= record == "TimelineEntry" and value["entry_id"] == event_id
            if record == "Refusal" and value["event_id"] == event_id:
                why = cast(str, value["reason"])
        if heard or time.monotonic() >= deadline:
            return why if heard else None
        await asyncio.sleep(_LOOK_SECONDS)
