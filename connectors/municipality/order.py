"""Puts the events of a document into the order in which they can have happened.

The order of the list means nothing: in the official example a decision stands before the part of the case
that it decides, with the same time stamp, and so does the end of the application.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from connectors.municipality.node import Node
from schemas.records import Time

_RANKS: Final = (
    "soknadsStatus.MOTTATT",
    "tildeltNavKontor",
    "soknadLest",
    "soknadsStatus.UNDER_BEHANDLING",
    "foresporselSendt",
    "moteinnkalling",
    "saksStatus",
    "dokumentasjonEtterspurt",
    "forelopigSvar",
    "vedtakFattet",
    "rammevedtak",
    "utbetaling",
    "vilkar",
    "dokumentasjonkrav",
    "",
    "soknadsStatus",
)
"""Of two events at the same time, the one that stands first here happened first; "" is any unknown type."""
_RANK: Final = {name: rank for rank, name in enumerate(_RANKS)}


class Placed(NamedTuple):
    """An event with what its place in the order depends on."""

    node: Node
    kind: str
    time: Time
    rank: int
    content: bytes
    """Canonical JSON: orders events that agree in all else, so that the list's order has no say."""


def in_order(events: Sequence[Node], zone: ZoneInfo) -> list[Placed]:
    """The events by time, then by what must have come first, then by content.

    Any permutation of ``events`` gives the same order. Raises PoisonError where an event has no type or no
    readable time.
    """
    return sorted((_placed(event, zone) for event in events), key=_key)


def _placed(event: Node, zone: ZoneInfo) -> Placed:
    event.text("type")
    kind = event.code("type")
    rank = _RANK.get(f"{kind}.{event.code('status')}" if kind == "soknadsStatus" else kind)
    if rank is None:
        rank = _RANK.get(kind, _RANK[""])
    content = orjson.dumps(event.value, option=orjson.OPT_SORT_KEYS)
    return Placed(event, kind, event.time("hendelsestidspunkt", zone), rank, content)


def _key(placed: Placed) -> tuple[int, int, bytes]:
    return placed.time["instant"], placed.rank, placed.content
