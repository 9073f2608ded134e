"""What operators see of one partition's work: metrics and log lines, once per transaction at most."""

import time
from collections.abc import Iterable
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition

from bus import metrics
from bus.engine.changelog import Restored
from bus.engine.outbox import Happened
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
        self._parked = metrics.ENGINE_PARKED_KEYS.labels(stage, number)
        self._waiting = metrics.ENGINE_PARKED_RECORDS.labels(stage, number)
        self._shown = 0, 0
        self._lag = {
            place: metrics.ENGINE_LAG.labels(stage, topic, number) for place, topic in inputs.items()
        }
        self._gap = {
            place: metrics.ENGINE_STABLE_GAP.labels(stage, topic, number) for place, topic in inputs.items()
        }

    def took_over(self, restored: Restored, states: int, parked: tuple[int, int]) -> None:
        """State is up to date and the work begins. ``parked``: keys, and records that wait."""
        self._show_parked(parked)
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
        """How far the work is behind what may be read, and that behind what was written.

        Of a partition that went elsewhere while its last transaction was ended, the client knows it no more.
        """
        assigned = consumer.assignment()
        for place, position in positions:
            if place not in assigned:
                continue
            stable = consumer.last_stable_offset(place)
            high = consumer.highwater(place)
            if stable is not None and stable >= 0:
                self._lag[place].set(max(0, stable - position))
                if high is not None:
                    self._gap[place].set(max(0, high - stable))

    def happened(self, happened: Happened, parked: tuple[int, int]) -> None:
        """What a committed transaction did besides; ``parked`` as for `took_over`."""
        for (topic, reason), count in happened.dead.items():
            metrics.ENGINE_DEAD_LETTERS.labels(self._stage, reason).inc(count)
            self._log.emit(
                Event.ENGINE_DEAD_LETTERED,
                stage=self._stage, topic=topic, partition=self._partition,
                count=count, reason=reason, offset=happened.first_dead,
            )  # fmt: skip
        for topic, offset, error in happened.parked:
            self._log.emit(
                Event.ENGINE_PARKED,
                stage=self._stage, topic=topic, partition=self._partition, offset=offset, error=error,
            )  # fmt: skip
        for action, count in happened.decisions.items():
            self._log.emit(
                Event.ENGINE_DECIDED, stage=self._stage, partition=self._partition, reason=action, count=count
            )
        if parked != self._shown:
            self._show_parked(parked)

    def _show_parked(self, parked: tuple[int, int]) -> None:
        self._shown = parked
        self._parked.set(parked[0])
        self._waiting.set(parked[1])

    def told(self, minute: int) -> None:
        """A tick for ``minute`` (microseconds) and all before it is committed."""
        metrics.ENGINE_LAST_TICK.labels(self._stage, str(self._partition)).set(minute / 1_000_000)

    def clock_refused(self) -> None:
        """The broker took a tick for one from the future."""
        self._log.emit(Event.ENGINE_CLOCK_REFUSED, stage=self._stage, partition=self._partition)

    def left(self) -> None:
        """The partition goes elsewhere: what is shown of it there must not be counted twice."""
        self._show_parked((0, 0))
        with suppress(KeyError):
            metrics.ENGINE_LAST_TICK.remove(self._stage, str(self._partition))
