"""What operators see of one partition's work: metrics and log lines, once per transaction at most."""

import time
from collections import Counter
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition

from bus import metrics
from bus.engine.changelog import Restored
from bus.errors import FencedError
from bus.logs import Event, get_logger
from schemas.errors import SambandError


class Watch:
    """Keeps the metric children of one stage and partition."""

    def __init__(self, stage: str, partition: int, inputs: dict[TopicPartition, str]) -> None:
        """``inputs``: logical topic by partition."""
        self._stage = stage
        self._partition = partition
        self._log = get_logger("engine")
        number = str(partition)
        self._records = metrics.ENGINE_RECORDS.labels(stage)
        self._outputs = metrics.ENGINE_OUTPUTS.labels(stage)
        self._committed = metrics.ENGINE_TRANSACTIONS.labels(stage, "committed")
        self._given_up = metrics.ENGINE_TRANSACTIONS.labels(stage, "given_up")
        self._seconds = metrics.ENGINE_TRANSACTION_SECONDS.labels(stage)
        self._batch = metrics.ENGINE_BATCH_RECORDS.labels(stage)
        self._fenced = metrics.ENGINE_FENCED.labels(stage)
        self._states = metrics.ENGINE_STATES.labels(stage, number)
        self._lag = {
            place: metrics.ENGINE_LAG.labels(stage, topic, number) for place, topic in inputs.items()
        }
        self._gap = {
            place: metrics.ENGINE_STABLE_GAP.labels(stage, topic, number) for place, topic in inputs.items()
        }

    def took_over(self, restored: Restored, states: int) -> None:
        """State is up to date and the work begins."""
        metrics.ENGINE_RESTORE_SECONDS.labels(self._stage).observe(restored.seconds)
        self._states.set(states)
        if restored.discarded:
            self._log.emit(
                Event.ENGINE_STORE_DISCARDED,
                stage=self._stage,
                partition=self._partition,
                reason=restored.discarded,
            )
        self._log.emit(
            Event.ENGINE_RESTORED,
            stage=self._stage,
            partition=self._partition,
            records=restored.records,
            state_keys=states,
            duration_ms=int(restored.seconds * 1000),
        )

    def gave_up(self, error: SambandError) -> None:
        """A transaction's outcome is in doubt."""
        self._given_up.inc()
        if isinstance(error, FencedError):
            self._fenced.inc()

    def committed(self, began: float, records: int, outputs: int) -> None:
        """A transaction is committed."""
        self._committed.inc()
        self._records.inc(records)
        self._outputs.inc(outputs)
        self._batch.observe(records)
        self._seconds.observe(time.monotonic() - began)

    def lag(self, consumer: AIOKafkaConsumer, positions: Iterable[tuple[TopicPartition, int]]) -> None:
        """How far the work is behind what may be read, and that behind what was written."""
        for place, position in positions:
            stable = consumer.last_stable_offset(place)
            high = consumer.highwater(place)
            if stable is not None and stable >= 0:
                self._lag[place].set(max(0, stable - position))
                if high is not None:
                    self._gap[place].set(max(0, high - stable))

    def dead_lettered(self, dead: Counter[tuple[str, str]], first_offset: int) -> None:
        """Dead letters were committed."""
        for (topic, reason), count in dead.items():
            metrics.ENGINE_DEAD_LETTERS.labels(self._stage, reason).inc(count)
            self._log.emit(
                Event.ENGINE_DEAD_LETTERED,
                stage=self._stage, topic=topic, partition=self._partition,
                count=count, reason=reason, offset=first_offset,
            )  # fmt: skip
