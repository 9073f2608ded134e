"""All benchmarks by name, in the order in which `make bench` runs them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench import (
    broker_start,
    codec,
    finding_delay,
    hl7,
    memory,
    mllp,
    planning,
    restore,
    router,
    step,
    volume,
)
from bench.engine import compare, growth, pause
from bench.figures import Entry
from bench.plan import Plan


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Something to measure."""

    what: str
    run: Callable[[Plan], Sequence[Entry]]
    """WrongAnswerError if what was timed gave a wrong answer."""


BENCHMARKS: Final = {
    "hl7": Benchmark("HL7 messages to encoded records on one core, beside python-hl7", hl7.run),
    "codec": Benchmark("facts to Avro and back on one core, beside fastavro", codec.run),
    "mllp-1": Benchmark("MLLP with acknowledgement after acks=all, one connection", mllp.one_connection),
    "mllp-32": Benchmark("the same over 32 connections", mllp.many_connections),
    "router": Benchmark("the router as one process on a real Kafka, and where its time goes", router.run),
    "findings": Benchmark("from a message's acknowledgement to the finding that it makes", finding_delay.run),
    "step": Benchmark("the router's step alone on one core, and the size of a state", step.run),
    "engine": Benchmark(
        "the engine beside Kafka Streams, Quix Streams, Faust and aiokafka by hand", compare.run
    ),
    "waits": Benchmark("of it: how long an answer takes, ours and Kafka Streams'", compare.waits),
    "growth": Benchmark("the engine with 20,000, 200,000 and 2,000,000 citizens, state on disk", growth.run),
    "pause": Benchmark(
        "how long records wait when a member of the engine's group joins or leaves", pause.run
    ),
    "plan": Benchmark("the best plan out of 8 x 40 slots, beside OR-Tools' CP-SAT", planning.run),
    "restore": Benchmark("restoring state from the changelog, and from a standby copy", restore.run),
    "memory": Benchmark("resident memory of a connector and of the router", memory.run),
    "volume": Benchmark("bytes on disk for each fact and each citizen", volume.run),
    "broker-start": Benchmark("time until the embedded Kafka answers", broker_start.run),
}
