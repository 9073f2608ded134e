"""Remembers which inputs were handled, so that one that is sent again is not published again.

What is remembered is on the bus already: the outcomes in ``inputs``. A connector reads them back when it
starts, so the memory needs no file and survives the machine.
"""

import asyncio
from datetime import timedelta
from typing import Final

from bus.reader import read_to_end
from bus.registry.codec import codec_of
from bus.settings import Settings
from connectors.kit import times
from schemas.errors import PoisonError
from schemas.records import Outcome

DEFAULT_LIMIT: Final = 250_000
DEFAULT_AGE: Final = timedelta(days=14)
TOPIC: Final = "inputs"
REQUEST: Final = "AgencyRequest"
"""How the kind of an input begins that came from the agency's inbox."""


class Memory:
    """The ids of the last inputs: at least ``limit // 2`` of them, at most ``limit``.

    Two generations: when the younger is full, the older is forgotten. Half of the 122 bits of an id are
    kept; with 250,000 of them a false "seen before" has a chance below 1e-13 per input.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        """``limit`` bounds the memory: about 80 bytes per id."""
        self._half = max(1, limit // 2)
        self._young: set[int] = set()
        self._old: set[int] = set()

    def __contains__(self, input_id: str) -> bool:
        """True if the input was handled and is not forgotten yet."""
        short = _short(input_id)
        return short in self._young or short in self._old

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._young) + len(self._old)

    def learn(self, input_id: str, outcome: Outcome, kind: str = "") -> None:
        """Take in a confirmed outcome. A dead letter is not remembered: sent again, it is tried anew.

        A request is: it was answered as refused, so the agency must not be asked to do it after all.
        """
        if outcome != "DEAD_LETTERED" or kind.startswith(REQUEST):
            self.add(input_id)

    def add(self, input_id: str) -> None:
        """Remember an input that was handled."""
        short = _short(input_id)
        if short in self._young:
            return
        if len(self._young) >= self._half:
            self._old = self._young
            self._young = set()
        self._old.discard(short)
        self._young.add(short)


async def restore(memory: Memory, settings: Settings, connector: str, *, age: timedelta = DEFAULT_AGE) -> int:
    """Read the outcomes of ``connector`` not older than ``age`` into ``memory``; how many there were.

    Raises:
        BusUnavailableError: Kafka is away.
    """
    codec, count = await asyncio.to_thread(codec_of, settings), 0
    key = connector.encode()
    since = times.now() - age // timedelta(microseconds=1)
    async for record in read_to_end(settings, TOPIC, since=since, most=DEFAULT_LIMIT):
        if record.key != key or record.value is None:
            continue
        try:
            outcome = codec.decode(record.value).value
        except PoisonError:  # written by something else: it says nothing about our inputs
            continue
        memory.learn(outcome["input_id"], outcome["outcome"], outcome["kind"])
        count += 1
    return count


def _short(input_id: str) -> int:
    return int(input_id[:8] + input_id[28:], 16)
