"""A broker that may be harmed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.embedded.server import EmbeddedBroker
from bus.setting_groups import user_cache


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker of the test's own."""
    if "SAMBAND_BOOTSTRAP_SERVERS" in os.environ:
        pytest.skip("the Kafka of others is not to be harmed")
    with EmbeddedBroker(tmp_path / "kafka", cache_dir=user_cache()) as broker:
        yield broker
