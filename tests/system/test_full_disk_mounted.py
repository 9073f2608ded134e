"""A disk that is really full: a small file system of its own under the school connector's data folder."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.school.testing import SetWriter, user
from tests.connectors.school.live import FACTS, REPOSITORY, WORKER, Live
from tests.waiting import until

UNSHARE = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-m", "-r")
"""A mount name space of one's own, so that nothing of the machine's is touched; and one of users for it."""


def within_a_small_disk(folder: Path, size: str) -> list[str]:
    """What to put before a command, so that it runs with a file system of ``size`` on ``folder``."""
    mount = f'mount -t tmpfs -o size={size} samband-test "$0" && exec "$@"'
    return [*UNSHARE, "sh", "-c", mount, str(folder)]


def may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = [*within_a_small_disk(Path("/mnt"), "64k"), "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@contextmanager
def on_a_small_disk(live: Live, folder: Path) -> Iterator[Path]:
    """The connector, with ``folder`` on 128 KiB; gives the folder as the connector sees it."""
    folder.mkdir(parents=True)
    command = [*within_a_small_disk(folder, "128k"), sys.executable, "-c", WORKER, str(live.file)]
    with live.log.open("ab") as log:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, stdout=log, stderr=log
        )
    try:
        yield Path(f"/proc/{process.pid}/root") / folder.relative_to("/")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - how much fits is not known before


def drop(live: Live, count: int) -> None:
    pupils = (user(f"p{n}", "student", ("Ola", "Nordmann"), "s1") for n in range(count))
    SetWriter().add("users", *pupils).drop_zip(live.inbox, f"{count}.zip")


async def test_a_set_waits_for_space_and_is_then_published_once(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    if not may_mount():
        pytest.skip("this process may not mount a file system of its own (it needs unshare -m)")
    live = Live(broker, topic_prefix, tmp_path)
    await live.topics()
    with on_a_small_disk(live, tmp_path / "data" / "connectors" / "school") as seen:
        drop(live, 1)
        await until(lambda: live.settled(1), timeout=40, what="the first set in the archive")
        fill(seen / "ballast")
        drop(live, 2)
        await until(lambda: b"connector_not_ready" in live.log.read_bytes(), timeout=40, what="word of it")
        assert not live.settled(2)
        (seen / "ballast").unlink()
        await until(lambda: live.settled(2), timeout=40, what="the second set in the archive")
    facts = [found.value["meta"]["event_id"] for _, found in await live.read(*FACTS)]
    assert len(facts) == len(set(facts)) == 2
    outcomes = [(one["outcome"], one["reason"]) for one in await live.outcomes()]
    assert outcomes[:2] == [("PUBLISHED", "")] * 2
    assert set(outcomes[2:]) == {("IGNORED", "duplicate")}  # each time it was tried again
    assert b"Nordmann" not in live.log.read_bytes()
