"""What most tests of the engine begin with."""

from pathlib import Path

import pytest

from bus.settings import Settings
from tests.bus.engine.harness import make_topics, settings_for


@pytest.fixture
async def settings(broker: str, topic_prefix: str, tmp_path: Path) -> Settings:
    settings = settings_for(broker, topic_prefix, tmp_path / "first")
    await make_topics(settings)
    return settings
