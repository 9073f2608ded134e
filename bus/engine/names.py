"""What a stage's topics, group, producers and files are called."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from bus.engine.stage import Stage, Timed, parks
from bus.settings import Settings


class Names:
    """All names of one stage under one topic prefix."""

    def __init__(
        self,
        settings: Settings,
        stage: str,
        inputs: Sequence[str],
        *,
        parks: bool = False,
        timed: bool = False,
    ) -> None:
        """``inputs`` are logical topic names."""
        self.stage = stage
        self.parks = parks
        self.timed = timed
        self.operations = f"{stage}.operations"
        """Logical name of the topic with operators' decisions."""
        self.parked = f"{stage}.parked"
        """Logical name of the topic that tells which keys are parked."""
        self.ticks = f"{stage}.ticks"
        """Logical name of the topic with time."""
        self.aside = frozenset((self.operations,) * parks + (self.ticks,) * timed)
        """Inputs of the engine's own."""
        self.inputs = (*inputs, *sorted(self.aside))
        """All topics that are read, by logical name."""
        self._settings = settings
        self.group = settings.topic(stage)
        self.changelog_topic = f"{stage}.changelog"
        self.changelog = settings.topic(self.changelog_topic)
        self.order_topic = f"{stage}.order" if len(self.inputs) > 1 else ""
        """Logical name of the topic that says how the inputs were interleaved; empty where there is one."""
        self.logical = {settings.topic(name): name for name in self.inputs}
        self._folder = (settings.engine.state_dir or settings.data_dir / "state") / self.group

    @classmethod
    def of(cls, settings: Settings, stage: Stage[Any, Any]) -> Self:
        """The names of ``stage``."""
        return cls(settings, stage.name, stage.inputs, parks=parks(stage), timed=isinstance(stage, Timed))

    def physical(self, topic: str) -> str:
        """The name of the logical ``topic`` on the broker."""
        return self._settings.topic(topic)

    def transactional_id(self, partition: int) -> str:
        """Bound to the partition, so that whoever takes it over fences who had it before."""
        return f"{self.group}-{partition}"

    def store_path(self, partition: int) -> Path:
        """Folder of a partition's local store."""
        return self._folder / str(partition)
