"""The command line as people meet it: examples in every help, one line for every error, documented codes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from samband.cli.root import app


def commands(group: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*path, name))
        elif isinstance(command, TyperCommand) and not command.hidden:
            yield (*path, name), command


ROOT = typer.main.get_command(app)
assert isinstance(ROOT, TyperGroup)
COMMANDS = dict(commands(ROOT))


def samband(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SAMBAND_")}
    return subprocess.run(
        [sys.executable, "-m", "samband", *arguments],
        capture_output=True, text=True, check=False, timeout=60, cwd=cwd, env={**inherited, **environment},
    )  # fmt: skip


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_help_has_an_example(path):
    command = COMMANDS[path]
    told = f"{command.help} {command.epilog}"
    assert f"`samband {' '.join(path)}" in told or f"samband {' '.join(path)}`" in told


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_says_what_it_is_for(path):
    for parameter in COMMANDS[path].params:
        assert getattr(parameter, "help", None), f"{path}: {parameter.name}"


def test_commands_that_the_readme_promises_are_there():
    assert {
        ("demo",), ("up",), ("timeline",), ("tail",), ("dlq", "list"), ("dlq", "show"),
        ("broker", "start"), ("broker", "status"), ("broker", "stop"),
        ("topics", "plan"), ("topics", "apply"),
        ("schemas", "check"), ("schemas", "list"), ("schemas", "publish"), ("schemas", "serve"),
        ("connector", "run"), ("connector", "release"), ("router", "run"),
    } <= COMMANDS.keys()  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "says"),
    [
        (("tail",), {}, 2, "Missing argument"),
        (("topics", "plan"), {"SAMBAND_ADMIN__HOST": "0.0.0.0"}, 2, "admin.host"),  # noqa: S104 - is refused
        (("connector", "run", "x"), {"SAMBAND_BOOTSTRAP_SERVERS": "127.0.0.1:9"}, 2, "no connector named x"),
        (("topics", "plan"), {}, 2, "samband broker start"),
        (("up",), {"SAMBAND_NO_SUCH": "1", "SAMBAND_CONFIG": "missing.toml"}, 2, "missing.toml"),
    ],
)
def test_errors_are_one_line_with_a_code_and_no_traceback(arguments, environment, code, says, tmp_path):
    done = samband(*arguments, cwd=tmp_path, **environment)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert says in done.stderr
    if says != "Missing argument":
        lines = [line for line in done.stderr.splitlines() if line.startswith("samband: ")]
        assert len(lines) == 1
        assert "Fix: " in lines[0]


def test_traceback_only_with_debug(tmp_path):
    done = samband("--debug", "topics", "plan", cwd=tmp_path)
    assert "Traceback" in done.stderr


def test_demo_leaves_a_folder_of_somebody_elses_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    done = samband("demo", "--once", "--folder", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "holds something else" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "keep me"
