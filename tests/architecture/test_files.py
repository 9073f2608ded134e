"""Every tracked file: of a size to be read, and with nothing of one machine in it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

LIMIT = 400
"""Lines of a Python file; most have 100 to 300."""
GENERATED = {"schemas/records.py"}
"""Longer because nobody writes them."""
ADDRESSES = re.compile(r"/test_settings\.py$")
"""Addresses that are read as settings, and that nobody listens on or connects to."""
TEXT = {
    ".py",
    ".pyi",
    ".pyx",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".lock",
    ".tsv",
    ".properties",
    ".json",
    ".avsc",
    ".cfg",
    ".txt",
    "",
}


@pytest.fixture(scope="session")
def tracked(repository: Path) -> dict[str, str]:
    """The text of each file in git, by its path."""
    if shutil.which("git") is None or not (repository / ".git").exists():
        pytest.skip("this is no git working copy")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for name in filter(None, listed.split("\0")):
        path = repository / name
        if path.suffix in TEXT and path.is_file() and not path.is_symlink():
            found[name] = path.read_bytes().decode("utf-8", errors="replace")
    return found


def test_files_can_be_read_in_one_sitting(tracked):
    long = {
        name: text.count("\n")
        for name, text in tracked.items()
        if name.endswith(".py") and name not in GENERATED and text.count("\n") > LIMIT
    }
    assert long == {}


def test_exceptions_for_long_files_are_needed(tracked):
    assert {name for name in GENERATED if tracked[name].count("\n") <= LIMIT} == set()


def test_no_file_knows_where_it_lies(tracked, repository):
    here = {str(repository), os.path.expanduser("~") + "/"}  # noqa: PTH111 - the text of the path is compared
    users = re.compile(r"(?<![\w.$}])/(home|Users)/[a-z]\w*/")
    knowing = {
        name
        for name, text in tracked.items()
        if users.search(text) or any(path in text for path in here if len(path) > len("/root/"))
    }
    assert knowing == set()


def test_no_file_names_a_package_registry(tracked):
    # Written in two halves, so that this file does not name them either.
    halves = [
        "pypi .org", "pythonhosted .org", "repo1.maven .org", "repo.maven .apache.org", "npmjs .org",
        "deb.debian .org", "proxy.golang .org", "crates .io",
    ]  # fmt: skip
    hosts = [half.replace(" ", "") for half in halves]
    naming = {name: host for name, text in tracked.items() for host in hosts if host in text}
    assert naming == {}


def test_no_python_file_decides_on_a_port(tracked):
    """Ports that people type are defaults of settings (2575 is registered for HL7) or examples in helps."""
    address = re.compile(r"""(127\.0\.0\.1|localhost|0\.0\.0\.0)["']?[:,]\s*(\d{4,5})\b""")
    deciding = {
        f"{name}: {found[0]}"
        for name, text in tracked.items()
        if name.endswith(".py") and not ADDRESSES.search(name)
        for line in text.splitlines()
        if "epilog" not in line and "e.g." not in line and "example" not in line.lower()
        for found in [address.search(line)]
        if found
    }
    assert deciding == set()


def test_every_exception_to_a_check_has_its_code_and_reason(tracked):
    """`# noqa: CODE - why` and `# type: ignore[code] # why`; a whole file's as `# ruff: noqa: CODE - why`."""
    mark = re.compile(r"#\s*((?:ruff:\s*)?noqa|type:\s*ignore|pyright:\s*ignore|pragma:\s*no cover)(.*)")
    reasoned = re.compile(r"^(:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*\s+-\s+\S|\[[\w,\s-]+\]\s*(?:#|-)\s*\S)")
    unreasoned = {
        f"{name}:{number}"
        for name, text in tracked.items()
        if name.endswith(".py") and name != "tests/architecture/test_files.py"
        for number, line in enumerate(text.splitlines(), 1)
        for found in [mark.search(line)]
        if found and not reasoned.match(found[2])
    }
    assert unreasoned == set()


def test_sleeping_is_left_to_the_waiting_helper(tracked):
    sleeping = re.compile(r"\b(?:time|asyncio)\.sleep\((?!0\))")
    napping = {
        f"{name}:{number}"
        for name, text in tracked.items()
        if name.startswith("tests/") and name not in ("tests/waiting.py", "tests/architecture/test_files.py")
        for number, line in enumerate(text.splitlines(), 1)
        if sleeping.search(line) and "noqa" not in line and "_WAIT" not in line
    }
    assert napping == set()
