"""The short form; the long one, with more messages and each kind of bounce by itself, is in `make soak`."""

from pathlib import Path

import pytest

from bus.embedded.server import EmbeddedBroker
from tests.faults.bounces import Bounce, bounced

MESSAGES = 12_000
ROUNDS = (
    (Bounce.KILL_WORKER, Bounce.STOP_WORKER, Bounce.KILL_BROKER),
    (Bounce.STOP_WORKER, Bounce.STOP_WORKER),  # the one round that need not wait for a session to end
    (Bounce.STOP_WORKER, Bounce.KILL_WORKER, Bounce.STOP_BROKER),
)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_bounced_workers_and_brokers_lose_nothing_and_double_nothing(
    kafka: EmbeddedBroker, topic_prefix: str, tmp_path: Path
) -> None:
    await bounced(kafka, topic_prefix, tmp_path, MESSAGES, ROUNDS)
