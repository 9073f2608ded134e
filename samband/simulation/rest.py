"""Whether readers have taken everything that is on some topics: then nothing more comes of it."""

from asyncio import gather
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from bus.engine.log_reader import LogReader
from bus.errors import translated
from bus.settings import Settings
from bus.topics import partition_counts

Positions = Mapping[tuple[str, int], int]
"""Next offset by physical topic and partition; one that is absent has not been read at all."""


class Logs:
    """Looks into topics behind a reader's positions. Use as an async context manager."""

    def __init__(self, settings: Settings, topics: Iterable[str]) -> None:
        """``topics`` by their logical names."""
        self._settings = settings
        self._names = [settings.topic(topic) for topic in topics]
        self._open: dict[str, tuple[LogReader, range]] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Connect. BusUnavailableError if Kafka is away."""
        counts = await partition_counts(self._settings, self._names)
        async with AsyncExitStack() as stack:
            with translated("connecting to look into topics"):
                for name, count in counts.items():
                    reader = await stack.enter_async_context(LogReader(self._settings, name, "look"))
                    self._open[name] = reader, range(count)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._stack.aclose()

    async def all_taken(self, topics: Sequence[str], positions: Positions) -> bool:
        """Whether nothing of the logical ``topics`` lies at or after ``positions``.

        A transaction's end takes an offset too, which no reader has a position after, so it is not enough to
        compare with where a topic ends. The end is written a moment after its group's offsets can be seen, so
        what is not decided yet counts. BusUnavailableError if Kafka is away.
        """
        with translated("looking into topics"):
            return all(await gather(*(self._taken(self._settings.topic(each), positions) for each in topics)))

    async def _taken(self, name: str, positions: Positions) -> bool:
        reader, partitions = self._open[name]
        wanted = {number: positions.get((name, number), 0) for number in partitions}
        found = (await reader.fetch(wanted, 0)).values()
        return all(not each.records and each.next_offset >= each.high_watermark for each in found)
