"""The archive of classes: made by a start for itself, used by later ones, and only as it was made."""

import shutil
import sys
from pathlib import Path

import psutil
import pytest

from bus.embedded.archive import ClassArchive
from bus.embedded.jars import JarCache
from bus.embedded.server import EmbeddedBroker, archive_classes


def kept(folder: Path) -> ClassArchive:
    draft = folder / "draft.aot"
    draft.write_bytes(b"classes")
    archive = ClassArchive(folder)
    archive.keep(draft)
    return archive


def test_java_is_told_of_an_archive_that_is_there(tmp_path):
    assert ClassArchive(tmp_path).options == []
    archive = kept(tmp_path)
    assert f"-XX:AOTCache={archive.path}" in archive.options
    assert {path.name for path in tmp_path.iterdir()} == {
        archive.path.name, archive.path.with_suffix(".sha256").name,
    }  # fmt: skip


def test_java_is_told_of_no_archive_that_was_damaged_or_is_gone(tmp_path):
    archive = kept(tmp_path)
    archive.path.write_bytes(b"classeS")
    assert archive.options == []
    archive.path.unlink()
    assert archive.options == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="tells what Java has mapped by /proc")
def test_it_is_made_once_and_a_broker_uses_it(tmp_path, data_dir, cache_dir):
    own = tmp_path / "cache"
    shutil.copytree(
        JarCache(cache_dir).folder, JarCache(own).folder, ignore=shutil.ignore_patterns("classes-*")
    )
    archive = ClassArchive(JarCache(own).folder)
    assert archive_classes(own)
    made = archive.path.stat()
    assert archive_classes(own)
    assert (archive.path.stat().st_ino, archive.path.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    assert not list(archive.path.parent.glob(".*"))
    with EmbeddedBroker(data_dir, cache_dir=own, heap="256m") as broker:
        (java,) = psutil.Process(broker.pid).children()
        assert str(archive.path) in Path(f"/proc/{java.pid}/maps").read_text()
    archive.path.write_bytes(b"no archive")
    with EmbeddedBroker(data_dir, cache_dir=own, heap="256m") as broker:
        (java,) = psutil.Process(broker.pid).children()
        assert str(archive.path) not in Path(f"/proc/{java.pid}/maps").read_text()
