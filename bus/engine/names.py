"""What a stage's topics, group, producers and files are called."""

from collections.abc import Sequence
from pathlib import Path

from bus.settings import Settings


class Names:
    """All names of one stage under one topic prefix."""

    def __init__(self, settings: Settings, stage: str, inputs: Sequence[str]) -> None:
        """``inputs`` are logical topic names."""
        self.stage = stage
        self._settings = settings
        self.group = settings.topic(stage)
        self.changelog_topic = f"{stage}.changelog"
        self.changelog = settings.topic(self.changelog_topic)
        self.logical = {settings.topic(name): name for name in inputs}
        self._folder = (settings.engine.state_dir or settings.data_dir / "state") / self.group

    def physical(self, topic: str) -> str:
        """The name of the logical ``topic`` on the broker."""
        return self._settings.topic(topic)

    def transactional_id(self, partition: int) -> str:
        """Bound to the partition, so that whoever takes it over fences who had it before."""
        return f"{self.group}-{partition}"

    def store_path(self, partition: int) -> Path:
        """Folder of a partition's local store."""
        return self._folder / str(partition)
