"""A broker that may be harmed."""

import os
from collections.abc import Iterator

import pytest

from bus.embedded.server import EmbeddedBroker
from bus.setting_groups import user_cache


@pytest.fixture(scope="package")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A broker of this folder's own."""
    if "SAMBAND_BOOTSTRAP_SERVERS" in os.environ:
        pytest.skip("the Kafka of others is not to be harmed")
    with EmbeddedBroker(tmp_path_factory.mktemp("harmed") / "kafka", cache_dir=user_cache()) as broker:
        yield broker


@pytest.fixture(scope="package")
def broker(request: pytest.FixtureRequest) -> str:
    """The same one where it is an embedded one that is asked for: no second one has to start."""
    lent = "SAMBAND_BOOTSTRAP_SERVERS" in os.environ or request.config.getoption("--broker") != "embedded"
    if lent:
        servers: str = request.getfixturevalue("broker")
        return servers
    kafka: EmbeddedBroker = request.getfixturevalue("kafka")
    return kafka.bootstrap_servers
