"""The two commands of the README set themselves up, say what they do, and do nothing twice."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools import bootstrap

_STAMP = "import sys; sys.path.insert(0, 'tools'); import bootstrap; print(bootstrap.stamp(), end='')"
_QUESTION = "import sys; sys.path.insert(0, 'tools'); import bootstrap; print(bootstrap.is_up_to_date())"
EXCEPT = shutil.ignore_patterns(
    ".git", ".venv", "data", "*_cache", "__pycache__", ".hypothesis", "build", "dist"
)


def _run(*command: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    """A working copy that was never set up."""
    return shutil.copytree(repository, tmp_path / "a copy", ignore=EXCEPT, symlinks=True)


@pytest.fixture
def set_up_copy(copy: Path, repository: Path) -> Path:
    """A working copy whose environment is complete, going by its stamp."""
    (copy / ".venv" / "bin").mkdir(parents=True)
    (copy / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (copy / ".venv" / "bootstrap.stamp").write_text(_run(sys.executable, "-c", _STAMP, cwd=copy).stdout)
    return copy


def test_set_up_environment_is_left_alone_in_silence(set_up_copy):
    done = _run(sys.executable, "tools/bootstrap.py", cwd=set_up_copy, HTTPS_PROXY="http://127.0.0.1:9")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml", "tools/uv.lock"])
def test_changed_input_sets_up_again(set_up_copy, changed):
    with (set_up_copy / changed).open("a") as file:
        file.write("\n# changed\n")
    done = _run(sys.executable, "-c", _QUESTION, cwd=set_up_copy)
    assert done.stdout == "False\n"


def test_without_network_the_fix_is_named(copy):
    """Uv is made to look for packages where nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    done = _run(
        sys.executable, "tools/bootstrap.py",
        cwd=copy, PIP_INDEX_URL=f"{nobody}/simple", PIP_RETRIES="0", UV_INDEX_URL=f"{nobody}/simple",
        UV_HTTP_RETRIES="0", UV_CACHE_DIR=str(copy / "cache"), PATH="/usr/bin:/bin",
    )  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("samband: installing ")
    assert "no connection to the package registry" in last
    assert "connect to the network" in last
    assert "Traceback" not in done.stderr
    assert not (copy / ".venv" / "bootstrap.stamp").exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        pytest.param(
            ["error: failed", "OSError: [Errno 28] No space left on device"], "the disk is full", id="disk"
        ),
        pytest.param(["x", "dns error: failed to lookup address information"], "no connection", id="dns"),
        pytest.param(
            ["first", "the real reason", ""], "the real reason — see .venv/bootstrap.log", id="other"
        ),
        pytest.param([], "it said nothing", id="silence"),
    ],
)
def test_failures_are_told_in_words(said, told):
    assert told in bootstrap.diagnosis(said)


def test_help_names_every_target(repository):
    done = _run("make", "help", cwd=repository)
    targets = set(
        re.findall(r"^([a-z]+):", (repository / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert set(re.findall(r"^  make (\w+) ", done.stdout, re.MULTILINE)) == targets
    assert targets == {"help", "setup", "demo", "test", "soak", "lint", "bench", "lock", "clean"}


def test_ci_runs_what_the_readme_says(repository):
    script = repository / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.findall(r"^make .*", script.read_text(encoding="utf-8"), re.MULTILINE) == [
        "make lint",
        "make test",
    ]
