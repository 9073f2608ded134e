"""The two programs that the README shows read a topic with nothing of ours."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.foreign.comparing import differences
from tests.foreign.conftest import Bus, Node, Written
from tools.papers import ROOT

EXAMPLES = ROOT / "docs" / "examples"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")


def test_python_reads_the_timeline(bus: Bus) -> None:
    expected = _timeline(bus)
    command = [sys.executable, str(EXAMPLES / "read_topic.py"), expected[0].topic]
    _compare(expected, lines(command, _environment(bus, os.environ), len(expected)))


def test_node_reads_the_timeline(bus: Bus, node: Node, tmp_path: Path) -> None:
    expected = _timeline(bus)
    (tmp_path / "node_modules").symlink_to(node.packages / "node_modules")
    program = tmp_path / "read_topic.mjs"
    program.write_text((EXAMPLES / "read_topic.mjs").read_text(encoding="utf-8"), encoding="utf-8")
    command = [node.binary, str(program), expected[0].topic]
    _compare(expected, lines(command, _environment(bus, node.environment), len(expected)))


def _timeline(bus: Bus) -> list[Written]:
    return [record for record in bus.written if record.topic.endswith(".timeline")]


def _environment(bus: Bus, environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, "BOOTSTRAP_SERVERS": bus.bootstrap_servers, "REGISTRY_URL": bus.registry}


def lines(command: list[str], environment: dict[str, str], count: int) -> list[dict[str, Any]]:
    """The first ``count`` lines that a program prints; then it is interrupted, as Ctrl-C does it."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None

        def interrupt() -> None:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGINT)

        waiting = threading.Timer(40, interrupt)  # a program that prints too little must not hang the test
        waiting.start()
        lines = [running.stdout.readline() for _ in range(count)]
        waiting.cancel()
        interrupt()
    assert all(lines), f"it printed {sum(map(bool, lines))} of {count} lines"
    return [json.loads(line) for line in lines]


def _compare(expected: list[Written], read: list[dict[str, Any]]) -> None:
    left = list(read)
    for record in expected:
        found = [one for one in left if _same(record, one)]
        assert found, record.headers["ce_id"]
        left.remove(found[0])
    assert left == []


def _same(record: Written, read: dict[str, Any]) -> bool:
    named = record.headers["ce_type"] == f"samband.{read['record']}"
    return (
        named
        and read["key"] == record.key
        and not differences(record.document, _with_instants(read["value"]))
    )


def _with_instants(value: Any) -> Any:
    """Python's client gives instants as datetimes, which the program prints in their plain form."""
    if isinstance(value, dict):
        return {name: _with_instants(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_instants(item) for item in value]
    is_instant = isinstance(value, str) and _INSTANT.match(value)
    return datetime.fromisoformat(value) if is_instant else value
