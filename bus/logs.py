"""Structured logs with a closed list of events: operators can rely on it, and no personal data slips in.

Every event has a fixed set of keys, and every key a fixed type; there is no key for free text. Lines go to
standard error, for people on a terminal and as JSON lines elsewhere. ``docs/logs.md`` lists the events.
"""

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any, TextIO

import structlog

from bus import metrics
from bus.setting_groups import LogSettings
from schemas.errors import FatalError, SambandError


class Level(Enum):
    """Severities, as the logging library numbers them."""

    DEBUG = logging.DEBUG
    INFO = logging.INFO
    WARNING = logging.WARNING
    ERROR = logging.ERROR


KEYS: dict[str, str] = {
    "address": "host:port or URL of a listener of this process",
    "agency": "agency name from the settings",
    "attempt": "how often it was tried, from 1",
    "batch_records": "records in the transaction",
    "committed": "offset that the consumer group has committed",
    "component": "which part of the process writes the line",
    "connector": "connector name from the settings",
    "count": "how many",
    "duration_ms": "milliseconds",
    "error": "class name of an error, never its text",
    "exit_code": "exit code of the process",
    "kind": "kind of connector or part",
    "logger": "name of a library's logger",
    "limit": "the bound that was met",
    "offset": "offset in the partition",
    "partition": "partition number",
    "partitions": "how many partitions",
    "partitions_kept": "how many of them were here before, with their state",
    "percent": "how much is done, from 0 to 100",
    "peer": "address of the other side of a connection",
    "port": "port number",
    "reason": "code from a closed list",
    "records": "how many records",
    "remaining": "how many are left",
    "signal": "name of a signal",
    "stage": "name of a router stage",
    "state_keys": "states in the store",
    "template": "constant text of a library's source, without its arguments",
    "topic": "topic name",
    "version": "version of this program or of a part",
    "codec": "what reads and writes Avro: compiled, or fastavro where there was no C compiler",
}
"""Every key that a log line may have, with what it holds. None holds text from a payload."""


class Event(Enum):
    """Every event that may be logged: its name, severity, what it means, and its keys."""

    PROCESS_STARTED = ("process_started", Level.INFO, "A process is up.", "kind", "version", "codec")
    PROCESS_STOPPING = ("process_stopping", Level.INFO, "A signal asked the process to stop.", "signal")
    PROCESS_STOPPED = (
        "process_stopped",
        Level.INFO,
        "The process ended in order.",
        "kind",
        "exit_code",
        "duration_ms",
    )
    PROCESS_FAILED = (
        "process_failed",
        Level.ERROR,
        "The process ends because of an error.",
        "kind",
        "error",
        "exit_code",
    )
    LISTENING = ("listening", Level.INFO, "A listener is open.", "kind", "address", "port")
    BUS_UNAVAILABLE = (
        "bus_unavailable",
        Level.WARNING,
        "Kafka is away; it is tried again.",
        "error",
        "attempt",
        "reason",
    )
    BUS_AVAILABLE = ("bus_available", Level.INFO, "Kafka answers again.", "attempt", "duration_ms")
    ENGINE_ASSIGNED = (
        "engine_assigned",
        Level.INFO,
        "The group gave partitions to this process.",
        "stage",
        "partitions",
        "partitions_kept",
    )
    ENGINE_REVOKED = (
        "engine_revoked", Level.INFO,
        "The group shares its partitions out anew; their transactions were asked to end.",
        "stage", "partitions",
    )  # fmt: skip
    ENGINE_REJOINING = (
        "engine_rejoining", Level.WARNING,
        "This process lost its place in the group and joins anew; others take its partitions over meanwhile.",
        "stage", "error",
    )  # fmt: skip
    ENGINE_RESTORED = (
        "engine_restored", Level.INFO, "A partition's state is up to date and it is worked on.",
        "stage", "partition", "records", "state_keys", "duration_ms", "reason",
    )  # fmt: skip
    ENGINE_RESTORING = (
        "engine_restoring", Level.INFO, "A partition's state is being restored from the changelog.",
        "stage", "partition", "records", "remaining", "percent",
    )  # fmt: skip
    ENGINE_STANDBY = (
        "engine_standby", Level.INFO, "This process keeps a copy of the state of other members' partitions.",
        "stage", "partitions",
    )  # fmt: skip
    ENGINE_STANDBY_FAILED = (
        "engine_standby_failed", Level.WARNING, "Standby copies are not kept up for now; it is tried again.",
        "stage", "error", "attempt",
    )  # fmt: skip
    ENGINE_RECOVERING = (
        "engine_recovering", Level.WARNING,
        "The outcome of a transaction is in doubt: a new producer reads offset and state again.",
        "stage", "partition", "error", "attempt",
    )  # fmt: skip
    ENGINE_OFFSETS_DIFFER = (
        "engine_offsets_differ", Level.WARNING,
        "The group's committed offset is not where the state stands; the state's position is used.",
        "stage", "topic", "partition", "offset", "committed",
    )  # fmt: skip
    ENGINE_STORE_DISCARDED = (
        "engine_store_discarded", Level.WARNING,
        "A local state store was unusable and is rebuilt from the changelog.",
        "stage", "partition", "reason",
    )  # fmt: skip
    ENGINE_DEAD_LETTERED = (
        "engine_dead_lettered", Level.WARNING, "Records of one transaction went to the dead letters.",
        "stage", "partition", "count", "reason", "offset", "topic",
    )  # fmt: skip
    ENGINE_STAGE_FAILED = (
        "engine_stage_failed", Level.ERROR, "A stage failed by a bug of ours; the worker stops.",
        "stage", "topic", "partition", "offset", "error",
    )  # fmt: skip
    ENGINE_PARKED = (
        "engine_parked", Level.WARNING,
        "A stage failed on a record; it and all later ones of its key wait for an operator.",
        "stage", "topic", "partition", "offset", "error",
    )  # fmt: skip
    ENGINE_DECIDED = (
        "engine_decided", Level.INFO, "Operators' decisions about parked keys were carried out.",
        "stage", "partition", "reason", "count",
    )  # fmt: skip
    ENGINE_CLOCK_REFUSED = (
        "engine_clock_refused", Level.ERROR,
        "The broker refused a tick: this machine's clock is ahead of the broker's.",
        "stage", "partition",
    )  # fmt: skip
    LIBRARY_MESSAGE = (
        "library_message", Level.WARNING,
        "A library logged a warning or an error, so often since the last such line; one line in ten seconds.",
        "template", "logger", "count",
    )  # fmt: skip
    CONNECTOR_STARTED = (
        "connector_started",
        Level.INFO,
        "A connector takes input.",
        "connector",
        "kind",
        "agency",
    )
    CONNECTOR_STOPPED = (
        "connector_stopped",
        Level.INFO,
        "A connector ended.",
        "connector",
        "kind",
        "duration_ms",
    )
    CONNECTOR_READY = (
        "connector_ready",
        Level.INFO,
        "A connector's readiness changed to ready.",
        "connector",
    )
    CONNECTOR_NOT_READY = (
        "connector_not_ready",
        Level.WARNING,
        "A connector cannot take input.",
        "connector",
        "reason",
    )
    INPUT_DEAD_LETTERED = (
        "input_dead_lettered",
        Level.WARNING,
        "An input went to the dead letters.",
        "connector",
        "reason",
        "count",
    )
    INPUT_HELD = (
        "input_held",
        Level.WARNING,
        "An input waits for an operator's release.",
        "connector",
        "reason",
        "count",
        "limit",
    )
    INPUT_REJECTED = (
        "input_rejected",
        Level.WARNING,
        "An input was refused and its sender told so.",
        "connector",
        "reason",
        "peer",
    )
    INPUT_NOISE = (
        "input_noise",
        Level.WARNING,
        "A source sent bytes that belong to no input; they were skipped.",
        "connector",
        "peer",
        "count",
    )
    AGENCY_UNAVAILABLE = (
        "agency_unavailable", Level.WARNING,
        "The agency's system does not take requests; each is tried again until its deadline.",
        "connector", "error",
    )  # fmt: skip
    AGENCY_AVAILABLE = (
        "agency_available", Level.INFO, "The agency's system takes requests again.", "connector",
    )  # fmt: skip
    CONNECTION_OPENED = ("connection_opened", Level.INFO, "A source connected.", "connector", "peer")
    CONNECTION_CLOSED = (
        "connection_closed",
        Level.INFO,
        "A source's connection ended.",
        "connector",
        "peer",
        "reason",
        "count",
    )

    def __init__(self, label: str, level: Level, meaning: str, *keys: str) -> None:
        self.label = label
        self.level = level
        self.meaning = meaning
        self.keys = frozenset(keys)


_REPEAT_SECONDS = 10.0


class _LibraryHandler(logging.Handler):
    """Passes on what libraries log: the constant text of their source, never what it is filled with.

    While Kafka is away its client says so some hundred times a second. Each text has a line at once, and then
    one in ten seconds with how often it was said since the line before.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds."""
        super().__init__()
        self._clock = clock
        self._next: dict[tuple[str, str], float] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        template = record.msg if record.args and isinstance(record.msg, str) else ""
        what = record.name, template
        self._counts[what] += 1
        now = self._clock()
        if now < self._next.get(what, now):
            return
        self._next[what] = now + _REPEAT_SECONDS
        Log(record.name.partition(".")[0]).emit(
            Event.LIBRARY_MESSAGE, template=template, logger=record.name, count=self._counts.pop(what)
        )


class UnknownLogKeyError(FatalError):
    """A log line was given a key that its event does not have."""


class Log:
    """Writes events of one component."""

    def __init__(self, component: str) -> None:
        """``component`` is on every line."""
        self._log = structlog.get_logger().bind(component=component)

    def emit(self, event: Event, **values: str | float | bool | None) -> None:
        """Write ``event``. UnknownLogKeyError for a key that the event does not list."""
        unknown = values.keys() - event.keys
        if unknown:
            raise UnknownLogKeyError(f"event {event.label} has no key {', '.join(sorted(unknown))}")
        self._log.log(event.level.value, event.label, **values)


def get_logger(component: str) -> Log:
    """The log of ``component``, a fixed name of a part of the program."""
    return Log(component)


def error_class(error: BaseException) -> str:
    """What may be logged about an error: its class, since its text could repeat a value."""
    return type(error).__name__


def one_line(error: SambandError) -> str:
    """An error for people: one line, with the fix."""
    return f"{error} Fix: {error.fix}." if error.fix else str(error)


class _Lines:
    """Writes lines to a stream. A log that cannot be written, on a full disk, must not stop the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except OSError:
            metrics.LOG_LINES_LOST.inc()

    debug = info = warning = error = critical = msg


def configure(settings: LogSettings) -> None:
    """Send log lines to standard error in the configured form. Libraries' own logs appear from WARNING on."""
    people = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    level = getattr(logging, settings.level.upper())
    renderer: Any = structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_LibraryHandler()], force=True)
