"""The README to the letter: its settings, `samband up`, a message in, its program reads the timeline.

A free MLLP port and the tests' Kafka are the only things that differ.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.hospital.testing import Envelope, MllpSender, Patient, adt
from tests.docs.blocks import blocks
from tests.docs.test_reading_a_topic import EXAMPLES, lines
from tools.papers import ROOT

NATIONAL = "13116900216"


@contextmanager
def _up(folder: Path, environment: dict[str, str]) -> Iterator[dict[str, dict[str, str]]]:
    """`samband up` in ``folder``; what it prints of where its parts are."""
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "samband", "up", "--json"],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True,
        ) as running,
    ):  # fmt: skip
        assert running.stdout is not None
        try:
            printed = ""
            while not printed.endswith("\n}\n"):
                line = running.stdout.readline()
                assert line, (folder / "errors").read_text()
                printed += line
            yield json.loads(printed)
        finally:
            running.terminate()
            assert running.wait(timeout=60) == 0


@pytest.fixture
def environment(broker: str, topic_prefix: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SAMBAND_BOOTSTRAP_SERVERS": broker,
        "SAMBAND_KAFKA__TOPIC_PREFIX": topic_prefix,
        "SAMBAND_CONNECTORS__HOSPITAL__PORT": "0",
    }


async def _send(address: str) -> list[str]:
    host, _, port = address.rpartition(":")
    envelope = Envelope(control_id="1", at=datetime(2026, 3, 2, 9, tzinfo=UTC))
    message = adt("A01", envelope, Patient(number="4711", national=NATIONAL, family="Nordmann"), visit="V1")
    async with MllpSender(host, int(port)) as sender:
        return [answer.code for answer in await sender.send(message)]


def test_a_message_becomes_a_timeline(tmp_path: Path, environment: dict[str, str], topic_prefix: str) -> None:
    (settings,) = [block.text for block in blocks("toml") if block.page == "README.md"]
    (tmp_path / "samband.toml").write_text(settings, encoding="utf-8")
    with _up(tmp_path, environment) as parts:
        assert asyncio.run(_send(parts["connector.hospital"]["mllp"])) == ["AA"]
        reader = {
            **environment,
            "BOOTSTRAP_SERVERS": parts["kafka"]["bootstrap_servers"],
            "REGISTRY_URL": parts["contract"]["registry"],
        }
        command = [sys.executable, str(EXAMPLES / "read_topic.py"), f"{topic_prefix}timeline"]
        read = {line["record"]: line for line in lines(command, reader, 2)}
    # The hospital's own number and the national one are one citizen, and the stay is told once.
    assert read.keys() == {"CitizenMoved", "TimelineEntry"}
    entry = read["TimelineEntry"]["value"]
    assert (entry["text"], entry["agency"]) == ("stay.started", "hospital.fjordheim")
    assert read["CitizenMoved"]["value"]["moved_to"] == read["TimelineEntry"]["key"]
