"""An operator's word on who is one citizen: what the router refused, and what an operator decides instead.

A decision is a fact like any source's, of the agency ``samband.operator`` and with the reason CONFIRMED, so
that it counts against everything that sources say, and a replay repeats it.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from bus.reader import decoded, read_to_end
from bus.registry.codec import codec_of
from bus.settings import Settings
from connectors.kit import times
from connectors.kit.assembly import AssemblyContext
from connectors.kit.outcomes import Fact
from router.evidence import CONFIRMED
from router.grouping import OPERATOR
from samband.accounting import UNIFIED_TOPICS
from samband.citizen_view import Keys
from samband.statement import state
from schemas.errors import FatalError, PoisonError
from schemas.records import Identifier, IdentityRefused

Decision = Literal["linked", "unlinked"]
_RECORDS: dict[Decision, str] = {"linked": "IdentityLinked", "unlinked": "IdentityUnlinked"}
_CONTEXT = AssemblyContext("operator", OPERATOR, "forvaltningsloven-13b", "coordination")
_LOOK_SECONDS = 0.3


class UnknownKeyError(FatalError):
    """No source ever named this key: a link with it would be a slip of the keyboard."""


@dataclass(slots=True)
class Standing:
    """Who is spoken of under which key, and which links are refused, as far as the router has said."""

    keys: Keys = field(default_factory=Keys)
    refusals: dict[str, IdentityRefused] = field(default_factory=dict)
    heard: bool = False
    """Whether the router has worked the fact that was asked for."""

    def one(self, key: str, other: str) -> bool:
        """Whether both keys are one citizen's."""
        return self.keys.spoken_of(key) == self.keys.spoken_of(other)

    def open(self) -> list[IdentityRefused]:
        """Links that are refused now, the longest first."""
        standing = [one for one in self.refusals.values() if one["status"] == "OPEN"]
        return sorted(standing, key=lambda one: (one["said"], one["refusal_id"]))

    def between(self, key: str, other: str) -> list[IdentityRefused]:
        """Those that name one of two keys."""
        return [one for one in self.open() if {key, other} & {one["citizen"], one["other"]}]


async def standing(settings: Settings, fact: str = "") -> Standing:
    """What the router has said so far; ``fact`` is an event id. BusUnavailableError."""
    found = Standing()
    async for each in decoded(read_to_end(settings, "timeline", "refusals"), codec_of(settings)):
        if each.decoded is None:
            continue
        record, value = each.decoded.record, each.decoded.value
        found.keys.add(record, value)
        found.heard |= record == "TimelineEntry" and value["entry_id"] == fact
        if record == "IdentityRefused":
            known = found.refusals.get(value["refusal_id"])
            if known is None or known["revision"] < value["revision"]:
                found.refusals[value["refusal_id"]] = cast(IdentityRefused, value)
    return found


async def decide(settings: Settings, decision: Decision, key: str, other: str) -> str:
    """State that two keys are, or are not, one citizen's; gives the fact's event id.

    What came under both at once is ``key``'s.

    Raises:
        UnknownKeyError: no source ever named one of them.
        BusUnavailableError: Kafka is away.
    """
    known = await _identifiers(settings, {key, other})
    for each in (key, other):
        if each not in known:
            raise UnknownKeyError(
                f"no source has named {each}", fix="see `samband identity refused` for keys that are known"
            )
    now = time.time_ns() // 1000
    body = {
        decision: [known[other]],
        "reason": {"code": decision, "system": "urn:samband:operator", "mapped": CONFIRMED},
    }
    at = times.exact(now)
    fact = Fact(record=_RECORDS[decision], identifiers=(known[key],), occurred=at, recorded=at, body=body)
    return await state(settings, fact, _CONTEXT, now)


async def outcome(
    settings: Settings, decision: Decision, event_id: str, keys: tuple[str, str], patience: float
) -> Standing:
    """What the router says once a decision holds or is refused, or ``patience`` seconds are over."""
    deadline, wanted = time.monotonic() + patience, decision == "linked"
    while True:
        found = await standing(settings, event_id)
        settled = found.heard and (found.one(*keys) == wanted or found.between(*keys))
        if settled or time.monotonic() >= deadline:
            return found
        await asyncio.sleep(_LOOK_SECONDS)


async def _identifiers(settings: Settings, wanted: set[str]) -> dict[str, Identifier]:
    """The keys as sources name them, with who assigns them: the router must not think less of one."""
    found: dict[str, Identifier] = {}
    marks, codec = [key.encode() for key in wanted], codec_of(settings)
    async for record in read_to_end(settings, *UNIFIED_TOPICS):
        data = record.value or b""
        if not any(mark in data for mark in marks):
            continue
        try:
            value = codec.decode(data).value
        except PoisonError:
            continue
        found |= {each["pseudonym"]: each for each in _named(value) if each["pseudonym"] in wanted}
        if found.keys() == wanted:
            break
    return found


def _named(value: Mapping[str, Any]) -> Iterator[Identifier]:
    if "meta" in value:
        yield from value["meta"]["subject"]["identifiers"]
    for name in ("linked", "unlinked", "retired"):
        yield from value.get(name, ())
