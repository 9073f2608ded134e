"""What is installed and shipped: our packages and their data, from here, and nothing else."""

import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from schemas.fast import COMPILED

ROOMS = ("schemas", "bus", "connectors", "router", "samband")


def _can_compile() -> bool:
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    return headers.is_file() and any(map(shutil.which, ("cc", "gcc", "clang")))


@pytest.fixture(scope="session")
def project(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in a wheel built now, with the locked build backend and no network."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=repository, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def test_wheel_holds_the_rooms_alone(wheel):
    tops = {name.partition("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(ROOMS)


def test_wheel_holds_the_data_files(wheel, repository):
    """Everything beside the code that git knows is read at run time, so it is shipped."""
    listed = subprocess.run(
        ["git", "ls-files", *ROOMS], cwd=repository, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git working copy")
    assert set(listed.stdout.split("\n")) - {""} <= set(wheel)


@pytest.mark.skipif(not _can_compile(), reason="no C compiler, or no headers of this Python")
def test_wheel_and_working_copy_hold_the_compiled_modules(wheel):
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    assert {f"schemas/fast/{name}{suffix}" for name in ("reading", "writing")} <= set(wheel)
    assert COMPILED


def test_wheel_holds_no_tests_and_no_leftovers(wheel):
    assert [
        name for name in wheel if "/tests/" in name or PurePosixPath(name).suffix in (".pyc", ".part")
    ] == []


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_are_imported_from_here(room, repository):
    """Other projects have packages of these names; one that goes before ours would win without a word."""
    module = importlib.import_module(room)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve().parent == repository / room


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_are_typed(room, repository):
    assert (repository / room / "py.typed").is_file()


def test_no_uploading(project):
    assert "Private :: Do Not Upload" in project["project"]["classifiers"]


def _names(requirements: list[str]) -> set[str]:
    found = {re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements}
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in found if name}


def _locked(repository: Path) -> dict[str, str]:
    text = (repository / "requirements.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", text, re.MULTILINE))


def test_lock_holds_everything_that_is_asked_for(project, repository):
    wanted = _names(project["project"]["dependencies"]) | _names(project["dependency-groups"]["dev"])
    assert wanted - set(_locked(repository)) == set()


def test_lock_has_a_hash_for_each_package(repository):
    text = (repository / "requirements.lock").read_text(encoding="utf-8")
    packages = re.split(r"^(?=[a-z0-9][a-z0-9._-]*==)", text, flags=re.MULTILINE)[1:]
    assert len(packages) > len(ROOMS)
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []


@pytest.mark.parametrize("lock", ["requirements.lock", "tools/uv.lock"])
def test_lock_records_no_registry(lock, repository):
    text = (repository / lock).read_text(encoding="utf-8")
    assert re.findall(r"https?://|--index-url|--find-links|--extra-index-url", text) == []


def test_what_is_installed_is_what_is_locked(repository):
    other = {
        name: installed
        for name, version in _locked(repository).items()
        for installed in [_installed(name)]
        if installed not in (None, version)  # None: for another system or Python
    }
    assert other == {}


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
