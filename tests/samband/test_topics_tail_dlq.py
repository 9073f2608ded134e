"""The commands for topics, records and dead letters, run as a person runs them, on a real broker."""

import asyncio
import json

import pytest
import typer
from typer.testing import CliRunner

from bus.dead_letters import DeadLetters
from bus.producer import Producer
from bus.settings import load_settings
from samband.cli.dlq import app as dlq
from samband.cli.tail import tail
from samband.cli.topics import app as topics
from schemas.errors import PoisonError


@pytest.fixture
def environment(broker, topic_prefix, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAMBAND_BOOTSTRAP_SERVERS", broker)
    monkeypatch.setenv("SAMBAND_KAFKA__TOPIC_PREFIX", topic_prefix)


def run(app, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, done.output
    return done.stdout


def actions(output: str) -> set[str]:
    return {row["action"] for row in json.loads(output)["topics"]}


@pytest.mark.usefixtures("environment")
def test_topics_are_planned_then_made_then_left_alone():
    assert actions(run(topics, "plan", "--json")) == {"create"}
    assert actions(run(topics, "apply", "--json")) == {"create"}
    assert actions(run(topics, "apply", "--json")) == {"unchanged"}


@pytest.mark.usefixtures("environment")
def test_a_dead_letter_is_listed_and_shown_without_its_payload_unless_asked():
    async def write() -> None:
        letter = DeadLetters("router.citizen").encode(
            "person", (3, 7, 1_700_000_000_000), b"1.abc", b"0101901234", PoisonError("bad", reason="x.y")
        )
        async with Producer(load_settings()) as producer:
            await (await producer.send("person.dlq", key=b"1.abc", value=letter))

    run(topics, "apply")
    assert "No dead letters" in run(dlq, "list")
    asyncio.run(write())
    (row,) = json.loads(run(dlq, "list", "--json"))
    assert (row["reason"], row["topic"], row["partition"], row["offset"]) == ("x.y", "person", 3, 7)
    shown = run(dlq, "show", row["dead_letter_id"][:8])
    assert json.loads(shown)["value"]["problem"] == "bad"
    assert json.loads(shown)["value"]["payload"] is None
    # base64 of the ten digits above
    assert "MDEwMTkwMTIzNA==" in run(dlq, "show", row["dead_letter_id"], "--payload")
    run(dlq, "show", "nothing", code=1)

    command = typer.Typer()
    command.command()(tail)
    (line,) = run(command, "person.dlq", "--to-end", "--json").splitlines()
    assert json.loads(line)["record"] == "DeadLetter"
