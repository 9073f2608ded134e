"""Logs and metrics: closed lists, and no room in them for personal data."""

import io
import json
import logging
import re
import sys
from pathlib import Path

import pytest
import structlog
from prometheus_client.metrics import MetricWrapperBase
from structlog.testing import capture_logs

from bus import metrics
from bus.logs import KEYS, Event, UnknownLogKeyError, _LibraryHandler, configure, error_class, get_logger
from bus.settings import LogSettings

UNITS = (
    "_seconds",
    "_bytes",
    "_records",
    "_total",
    "_partitions",
    "_states",
    "_keys",
    "_connections",
    "_inputs",
    "_requests",
)
BOUNDED_LABELS = {
    "code",
    "stage",
    "topic",
    "partition",
    "outcome",
    "reason",
    "connector",
    "agency",
    "kind",
    "status",
    "record",
}
FREE_TEXT = re.compile(
    r"name|text|message|value|payload|content|body|file|path|title|address_line|citizen|subject|key"
)


@pytest.mark.parametrize("event", Event, ids=lambda event: event.label)
def test_every_event_uses_known_keys_and_says_what_it_means(event):
    assert event.keys <= KEYS.keys()
    assert event.meaning.endswith(".")
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+|listening", event.label)


def test_no_key_takes_free_text():
    assert {key for key in KEYS if FREE_TEXT.search(key)} == {"state_keys"}


def test_event_names_are_unique():
    assert len({event.label for event in Event}) == len(Event)


def test_an_unknown_key_is_refused():
    with pytest.raises(UnknownLogKeyError, match="no key patient"):
        get_logger("test").emit(Event.PROCESS_STOPPING, signal="SIGTERM", patient="x")


def test_a_line_has_event_component_and_values():
    with capture_logs() as lines:
        get_logger("test").emit(Event.PROCESS_STOPPING, signal="SIGTERM")
    assert lines == [
        {"component": "test", "signal": "SIGTERM", "event": "process_stopping", "log_level": "info"}
    ]


@pytest.fixture
def _logging_as_it_was():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_as_it_was")
def test_lines_are_json_and_libraries_keep_their_arguments_to_themselves(capsys):
    configure(LogSettings(format="json", level="info"))
    logging.getLogger("aiokafka.consumer").warning("Lost %s", "0101901234")
    logging.getLogger("aiokafka.consumer").warning("0101901234")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["logger"], line["template"]) for line in lines] == [
        ("library_message", "aiokafka.consumer", "Lost %s"),
        ("library_message", "aiokafka.consumer", ""),
    ]
    assert "0101901234" not in json.dumps(lines)


def test_what_a_library_says_again_and_again_is_a_line_in_ten_seconds_with_its_count():
    seconds = iter((0.0, 0.1, 0.2, 9.9, 10.0, 15.0, 25.0))
    handler = _LibraryHandler(lambda: next(seconds))
    away = logging.makeLogRecord({"name": "aiokafka", "msg": "Unable to connect to %s", "args": ("kafka",)})
    other = logging.makeLogRecord({"name": "aiokafka", "msg": "Lost %s", "args": ("kafka",)})
    with capture_logs() as lines:
        for record in (away, away, other, away, away, other, away):
            handler.handle(record)
    assert [(line["template"], line["count"]) for line in lines] == [
        ("Unable to connect to %s", 1),
        ("Lost %s", 1),
        ("Unable to connect to %s", 3),
        ("Lost %s", 1),
        ("Unable to connect to %s", 1),
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.usefixtures("_logging_as_it_was")
def test_a_log_that_cannot_be_written_stops_nothing_and_is_counted(monkeypatch):
    lost = metrics.LOG_LINES_LOST
    before = next(iter(lost.collect())).samples[0].value
    with io.TextIOWrapper(io.FileIO("/dev/full", "w"), write_through=True) as full:
        monkeypatch.setattr(sys, "stderr", full)
        configure(LogSettings(level="info", format="json"))
        get_logger("connector.hospital").emit(Event.CONNECTOR_READY, connector="hospital")
        logging.getLogger("aiokafka").warning("a library's line")
        monkeypatch.undo()
    assert next(iter(lost.collect())).samples[0].value == before + 2


def test_an_error_is_logged_by_its_class():
    assert error_class(ValueError("0101901234")) == "ValueError"


FAMILIES = list(metrics.REGISTRY.collect())


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_metric_names(family):
    assert family.name.startswith("samband_")
    full = family.name + ("_total" if family.type == "counter" else "")
    assert full.endswith(UNITS), "a name ends in its base unit"
    assert family.documentation.endswith(".")
    assert not re.search(r"milli|micro|_ms|minutes|kilobytes", full)


def test_labels_are_bounded():
    for collector in vars(metrics).values():
        if isinstance(collector, MetricWrapperBase):
            assert set(collector._labelnames) <= BOUNDED_LABELS, collector  # noqa: SLF001 - no public way
