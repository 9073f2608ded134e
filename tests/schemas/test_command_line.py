"""``samband schemas …`` as people and scripts call it."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bus.registry.testing import StandInRegistry
from samband.cli.schemas import app
from schemas import lint
from schemas.catalogue import catalogue
from schemas.errors import RefusedError
from schemas.lint import Problem

RUN = CliRunner()


def test_check_passes_and_says_how_many_rules_it_knows() -> None:
    result = RUN.invoke(app, ["check"])
    assert result.exit_code == 0
    assert f"all {len(lint.rules())} rules" in result.stdout


def test_check_fails_with_one_line_for_each_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "lint", lambda: [Problem("topic.room", "stay.dlq", "is small")])
    result = RUN.invoke(app, ["check"])
    assert (result.exit_code, result.stderr) == (1, "topic.room: stay.dlq: is small\n")
    as_json = RUN.invoke(app, ["check", "--json"])
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout) == [{"rule": "topic.room", "where": "stay.dlq", "what": "is small"}]


def test_list_shows_every_version_with_its_id() -> None:
    rows = json.loads(RUN.invoke(app, ["list", "--json"]).stdout)
    assert {row["id"] for row in rows} == set(catalogue().by_id)
    ended = next(row for row in rows if row["record"] == "samband.stay.StayEnded")
    assert (ended["version"], ended["topics"]) == (1, ["stay"])
    assert "samband.FactRetracted" in RUN.invoke(app, ["list"], env={"COLUMNS": "200"}).stdout


def test_generate_and_release_change_nothing_in_a_fresh_contract(repository: Path) -> None:
    files = [repository / "schemas" / "records.py", repository / "docs" / "asyncapi.yaml"]
    before = [file.read_bytes() for file in files]
    assert RUN.invoke(app, ["generate"]).stdout == "records.py: was fresh\nasyncapi.yaml: was fresh\n"
    assert "No source differs" in RUN.invoke(app, ["release"]).stdout
    assert [file.read_bytes() for file in files] == before


async def test_publish_prints_the_ids_that_the_registry_gave() -> None:
    async with StandInRegistry(first_id=700) as registry:
        arguments = ["publish", "--registry", registry.url, "--json"]
        first = await asyncio.to_thread(RUN.invoke, app, arguments)
        again = await asyncio.to_thread(RUN.invoke, app, arguments)
    rows = json.loads(first.stdout)
    assert [row["schema_id"] for row in rows] == list(range(700, 700 + len(catalogue().by_id)))
    assert {row["outcome"] for row in rows} == {"added"}
    assert {row["outcome"] for row in json.loads(again.stdout)} == {"unchanged"}


def test_publish_without_a_registry_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SAMBAND_REGISTRY_URL", raising=False)
    result = RUN.invoke(app, ["publish"])
    assert isinstance(result.exception, RefusedError)
    assert "--registry URL" in result.exception.fix


@pytest.mark.parametrize("command", ["check", "list", "generate", "release", "publish"])
def test_every_command_has_an_example_in_its_help(command: str) -> None:
    assert f"samband schemas {command}" in RUN.invoke(app, [command, "--help"]).stdout
