"""Time from nothing to a Kafka that answers, with the jars already on this machine."""

import tempfile
import time
from pathlib import Path

from bench.figures import Figure, Goal, WrongAnswerError
from bench.plan import Plan
from bus.embedded.jars import JarCache
from bus.embedded.network import cluster_at
from bus.embedded.server import EmbeddedBroker
from bus.settings import load_settings


def run(plan: Plan) -> list[Figure]:
    """First starts, which format the data folder, and starts on old data."""
    cache = load_settings().cache_dir
    plan.tell("Fetching Kafka where it is not there yet")
    JarCache(cache).fetch()
    first, again = [], []
    for _ in plan.each_run("Starting Kafka"):
        with tempfile.TemporaryDirectory(prefix="samband-bench-") as folder:
            first.append(_start(Path(folder), cache))
            again.append(_start(Path(folder), cache))
    goal = Goal(below=10)
    return [
        Figure("broker-start.first", "start on an empty folder until it answers", "s", tuple(first), goal),
        Figure("broker-start.again", "start on its old data until it answers", "s", tuple(again), goal),
    ]


def _start(folder: Path, cache: Path) -> float:
    broker = EmbeddedBroker(folder, cache_dir=cache)
    began = time.perf_counter()
    with broker:
        seconds = time.perf_counter() - began
        host, _, port = broker.bootstrap_servers.rpartition(":")
        if cluster_at(host, int(port)) != broker.folder.cluster_id():
            raise WrongAnswerError("the broker said that it was ready and does not answer")
    return seconds
