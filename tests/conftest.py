"""Fixtures that every room's tests share: sample data, a real Kafka, and a name space of one's own in it."""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT.parent / "shared" / "samples"

# A test's Kafka lives for seconds, and never gets back what Java's second compiler costs it.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

# Started in the background, tests may be told to ignore Ctrl-C, and so would the programs that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("samband", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("samband")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        choices=("embedded", "docker"),
        default="embedded",
        help="the Kafka that tests run against; SAMBAND_BOOTSTRAP_SERVERS, when set, goes before both",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In ``make test``, files with slow tests come first, so that its processes end at one time."""
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root folder of the working copy."""
    return ROOT


@pytest.fixture(scope="session")
def samples() -> Path:
    """The real legacy messages beside the working copy; they are read where they lie, never copied."""
    if not SAMPLES.is_dir():
        pytest.skip(f"the sample messages are not on this machine ({SAMPLES.relative_to(ROOT.parent)})")
    return SAMPLES


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a real Kafka 4.3.1 that all tests of the run share."""
    given = os.environ.get("SAMBAND_BOOTSTRAP_SERVERS")
    if given:
        yield given
    elif request.config.getoption("--broker") == "docker":
        yield from _docker_broker()
    else:
        yield from _embedded_broker(tmp_path_factory.mktemp("kafka"))


def _embedded_broker(data_dir: Path) -> Iterator[str]:
    from bus.embedded.server import EmbeddedBroker  # noqa: PLC0415 - most tests need no broker
    from bus.settings import load_settings  # noqa: PLC0415 - the same

    with EmbeddedBroker(data_dir, cache_dir=load_settings().cache_dir) as broker:
        yield broker.bootstrap_servers


def _docker_broker() -> Iterator[str]:
    from testcontainers.kafka import KafkaContainer  # noqa: PLC0415 - only where a Docker engine is

    with KafkaContainer("apache/kafka:4.3.1") as container:
        yield container.get_bootstrap_server()


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topic names, consumer groups and transactional ids that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}."
