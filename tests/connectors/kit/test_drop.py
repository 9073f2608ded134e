"""The drop folder: taken once, never half-written, never followed, and nothing lost when a process stops."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kit.drop import Claim, DropFolder, DropSettings, DropUnavailableError
from schemas.errors import RefusedError
from tests.waiting import until


def folder(tmp_path: Path, **changes) -> DropFolder:
    options = {"interval_seconds": 0.01, "patience_seconds": 60.0, **changes}
    drop = DropFolder(DropSettings(folder=tmp_path / "drop", **options))
    drop.prepare()
    return drop


def settled(drop: DropFolder) -> list[Claim]:
    """Two looks: the second sees that nothing changed."""
    drop.poll()
    return drop.poll()


def held_reports(tmp_path: Path, kind: str) -> list[str]:
    return [path.read_text() for path in sorted((tmp_path / "drop" / kind).glob("*.report.txt"))]


def test_a_file_is_taken_when_two_looks_saw_the_same(tmp_path):
    drop = folder(tmp_path)
    (drop.inbox / "a.zip").write_bytes(b"one")
    assert drop.poll() == []
    (claim,) = drop.poll()
    assert [(member.name, member.read()) for member in claim.members] == [("a.zip", b"one")]
    assert list(drop.inbox.iterdir()) == []


def test_a_growing_file_is_left_until_it_rests(tmp_path):
    drop = folder(tmp_path)
    for length in range(1, 5):
        with (drop.inbox / "a.zip").open("ab") as stream:
            stream.write(b"x")
        assert drop.poll() == [], f"taken while it grew, at {length} bytes"
    (claim,) = drop.poll()
    assert claim.size == 4


@pytest.mark.parametrize("name", [".hidden", "set.zip.part", "set.tmp"])
def test_names_of_unfinished_files_are_left(tmp_path, name):
    drop = folder(tmp_path)
    (drop.inbox / name).write_bytes(b"x")
    assert settled(drop) == []
    (drop.inbox / name).rename(drop.inbox / "done.zip")
    assert len(settled(drop)) == 1


def test_a_folder_waits_for_what_it_promises_and_for_unfinished_members(tmp_path):
    drop = DropFolder(
        DropSettings(folder=tmp_path / "drop"), complete=lambda path: (path / "last.csv").exists()
    )
    drop.prepare()
    (drop.inbox / "set").mkdir()
    (drop.inbox / "set" / "first.csv").write_bytes(b"1")
    assert settled(drop) == []
    (drop.inbox / "set" / "last.csv").write_bytes(b"2")
    (drop.inbox / "set" / "more.csv.part").write_bytes(b"3")
    assert settled(drop) == []
    (drop.inbox / "set" / "more.csv.part").rename(drop.inbox / "set" / "more.csv")
    (claim,) = settled(drop)
    assert [member.name for member in claim.members] == ["first.csv", "last.csv", "more.csv"]
    assert claim.is_folder


def test_patience_ends(tmp_path):
    drop = DropFolder(
        DropSettings(folder=tmp_path / "drop", patience_seconds=0), complete=lambda _path: False
    )
    drop.prepare()
    (drop.inbox / "set").mkdir()
    (drop.inbox / "set" / "first.csv").write_bytes(b"1")
    assert len(settled(drop)) == 1


def test_the_oldest_comes_first(tmp_path):
    drop = folder(tmp_path)
    for age, name in enumerate(["c", "a", "b"]):
        (drop.inbox / name).write_bytes(name.encode())
        os.utime(drop.inbox / name, (1_000 + age, 1_000 + age))
    assert [claim.path.name for claim in settled(drop)] == ["c", "a", "b"]


def test_what_was_claimed_is_taken_up_again_after_a_stop(tmp_path):
    first = folder(tmp_path)
    (first.inbox / "a").write_bytes(b"one")
    (before,) = settled(first)
    second = folder(tmp_path)
    (after,) = second.poll()
    assert after.label == before.label
    assert after.members[0].read() == b"one"


def test_a_stop_between_making_the_place_and_the_move_loses_nothing(tmp_path):
    drop = folder(tmp_path)
    (tmp_path / "drop" / "claimed" / "0000000000000001").mkdir()
    (drop.inbox / "a").write_bytes(b"one")
    (claim,) = settled(drop)
    assert claim.members[0].read() == b"one"
    assert len(list((tmp_path / "drop" / "claimed").iterdir())) == 1


def test_labels_rise_over_a_restart_with_a_clock_that_was_set_back(tmp_path):
    first = folder(tmp_path)
    ahead = tmp_path / "drop" / "claimed" / str(10**15 * 9)
    ahead.mkdir()
    (ahead / "old").write_bytes(b"")
    second = folder(tmp_path)
    (first.inbox / "new").write_bytes(b"")
    assert [claim.path.name for claim in settled(second)] == ["old", "new"]


@pytest.mark.parametrize("target", ["/etc/hostname", "missing", "."])
def test_a_link_is_moved_aside_and_never_followed(tmp_path, target):
    drop = folder(tmp_path)
    (drop.inbox / "link").symlink_to(target)
    (claim,) = settled(drop)
    assert claim.problem is not None
    assert claim.problem.reason == "drop.link"
    assert claim.members == ()
    drop.fail(claim, "a link")
    assert (tmp_path / "drop" / "failed" / claim.label / "link").is_symlink()


def test_a_link_in_a_folder_is_refused(tmp_path):
    drop = folder(tmp_path)
    (drop.inbox / "set").mkdir()
    (drop.inbox / "set" / "users.csv").symlink_to("/etc/passwd")
    (claim,) = settled(drop)
    assert claim.problem is not None
    assert (claim.problem.reason, claim.members) == ("drop.link", ())


def test_a_file_that_becomes_a_link_after_the_look_is_not_followed(tmp_path):
    drop = folder(tmp_path)
    (drop.inbox / "a").write_bytes(b"one")
    (claim,) = settled(drop)
    claim.members[0].path.unlink()
    claim.members[0].path.symlink_to("/etc/hostname")
    with pytest.raises(DropUnavailableError):
        claim.members[0].read()


def test_a_pipe_is_refused_without_being_opened(tmp_path):
    drop = folder(tmp_path)
    os.mkfifo(drop.inbox / "pipe")
    (claim,) = settled(drop)
    assert claim.problem is not None
    assert claim.problem.reason == "drop.not_a_file"


@pytest.mark.parametrize("name", [b"new\nline", b"bell\x07", b"latin-\xe5"])
def test_names_that_would_spoil_a_log_are_refused(tmp_path, name):
    drop = folder(tmp_path)
    (Path(os.fsdecode(os.fsencode(drop.inbox) + b"/" + name))).write_bytes(b"x")
    (claim,) = settled(drop)
    assert claim.problem is not None
    assert claim.problem.reason == "drop.name"
    drop.fail(claim, "a bad name")
    (report,) = held_reports(tmp_path, "failed")
    assert report.count("\n") == 4


def test_two_gigabytes_are_refused_unread(tmp_path):
    drop = folder(tmp_path)
    with (drop.inbox / "huge.zip").open("wb") as stream:
        stream.truncate(2 << 30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (claim,) = settled(drop)
    assert claim.problem is not None
    assert (claim.problem.reason, claim.members) == ("input.too_large", ())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path):
    drop = folder(tmp_path)
    (drop.inbox / "a").write_bytes(b"one")
    (claim,) = settled(drop)
    member = claim.members[0]

    def read_while_it_grows() -> None:
        with member.open() as stream:
            stream.read(1)
            with member.path.open("ab") as writer:
                writer.write(b"more")

    with pytest.raises(DropUnavailableError):
        read_while_it_grows()


def test_a_report_names_the_input_and_lies_beside_it(tmp_path):
    drop = folder(tmp_path)
    (drop.inbox / "Kari Nordmann.zip").write_bytes(b"x")
    (claim,) = settled(drop)
    drop.fail(claim, "users.csv:7:role: blank")
    failed = tmp_path / "drop" / "failed"
    assert (failed / claim.label / "Kari Nordmann.zip").read_bytes() == b"x"
    report = (failed / f"{claim.label}.report.txt").read_text()
    assert "Kari Nordmann.zip" in report
    assert "users.csv:7:role" in report
    assert "Kari" not in claim.label


def test_a_held_input_waits_for_its_release_by_another_process(tmp_path):
    drop = folder(tmp_path)
    (drop.inbox / "a").write_bytes(b"x")
    (claim,) = settled(drop)
    drop.hold(claim, "too many")
    assert drop.poll() == []
    assert [held.label for held in drop.held()] == [claim.label]
    other = DropFolder(DropSettings(folder=tmp_path / "drop"))
    assert other.ask_release() == [claim.label]
    (released,) = drop.poll()
    assert (released.label, released.released) == (claim.label, True)
    assert held_reports(tmp_path, "held") == []
    (again,) = folder(tmp_path).poll()
    assert again.released, "a stop must not forget that a person let it pass"
    drop.archive(again)
    assert list((tmp_path / "drop" / "claimed").iterdir()) == []


def test_releasing_nothing_says_what_is_held(tmp_path):
    drop = folder(tmp_path)
    with pytest.raises(RefusedError):
        drop.ask_release()
    with pytest.raises(RefusedError):
        drop.ask_release("../../etc")


def test_a_release_that_stopped_half_way_is_finished(tmp_path):
    drop = folder(tmp_path)
    (drop.inbox / "a").write_bytes(b"x")
    (claim,) = settled(drop)
    drop.hold(claim, "too many")
    drop.ask_release()
    (tmp_path / "drop" / "held" / claim.label).rename(tmp_path / "drop" / "claimed" / claim.label)
    (released,) = drop.poll()
    assert released.released


def test_the_archive_is_cleaned_by_age_in_the_archive(tmp_path):
    drop = folder(tmp_path, archive_days=1)
    for name in ("old", "new"):
        (drop.inbox / name).write_bytes(b"x")
        os.utime(drop.inbox / name, (1_000, 1_000))
    old, new = settled(drop)
    drop.archive(old)
    drop.archive(new)
    archive = tmp_path / "drop" / "archive"
    two_days_ago = time.time() - 2 * 86_400
    os.utime(archive / old.label, (two_days_ago, two_days_ago))
    drop.clean()
    assert [path.name for path in archive.iterdir()] == [new.label]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from connectors.kit.drop import DropFolder, DropSettings, DropUnavailableError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
drop = DropFolder(DropSettings(folder=Path(sys.argv[1])))
drop.poll()
(claim,) = drop.poll()
resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
try:
    drop.fail(claim, "x" * 100_000)
except DropUnavailableError as error:
    print(error, "|", error.fix)
"""


def test_a_disk_that_takes_no_more_leaves_the_input_claimed(tmp_path, repository):
    """The limit on file sizes is the one way to make a real write fail without a disk of one's own."""
    drop = folder(tmp_path)
    (drop.inbox / "Kari Nordmann.zip").write_bytes(b"x")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "drop")],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Cannot write a report: File too large" in done.stdout
    assert "Kari" not in done.stdout + done.stderr
    (claim,) = folder(tmp_path).poll()
    assert claim.members[0].read() == b"x"
    drop.fail(claim, "now there is room")
    assert drop.poll() == []


async def test_serving_goes_on_when_the_bus_or_the_disk_was_away(tmp_path):
    drop = folder(tmp_path)
    for name in ("a", "b"):
        (drop.inbox / name).write_bytes(name.encode())
        os.utime(drop.inbox / name, (ord(name), ord(name)))
    seen: list[str] = []
    heard: list[bool] = []
    stop = asyncio.Event()

    async def take(claim: Claim) -> None:
        seen.append(claim.path.name)
        if len(seen) == 1:
            raise DropUnavailableError("the disk is away")
        drop.archive(claim)

    serving = asyncio.create_task(drop.serve(take, stop, heard.append))
    await until(lambda: len(seen) == 3, what="both inputs")
    stop.set()
    await serving
    assert seen == ["a", "a", "b"], "the younger input must not pass the older one"
    assert False in heard


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["drop", "poll", "archive", "fail", "hold", "release", "restart"]), max_size=30)
)
def test_whatever_happens_every_input_is_in_exactly_one_place(tmp_path_factory, steps):
    tmp_path = tmp_path_factory.mktemp("walk")
    drop = folder(tmp_path)
    dropped = 0
    for step in steps:
        claims = drop.claimed()
        if step == "drop":
            (drop.inbox / f"input{dropped}").write_bytes(b"%d" % dropped)
            dropped += 1
        elif step == "poll":
            drop.poll()
        elif step == "restart":
            drop = folder(tmp_path)
        elif step == "release" and drop.held():
            drop.ask_release(drop.held()[0].label)
        elif step == "archive" and claims:
            drop.archive(claims[0])
        elif step == "fail" and claims:
            drop.fail(claims[0], "bad")
        elif step == "hold" and claims:
            drop.hold(claims[0], "wait")
    found = sorted(path.name for path in (tmp_path / "drop").rglob("input*"))
    assert found == sorted(f"input{number}" for number in range(dropped))


def test_claim_knows_when_the_agency_last_wrote_to_it(tmp_path):
    folder = DropFolder(DropSettings(folder=tmp_path, patience_seconds=0))
    folder.prepare()
    yesterday, ahead = folder.inbox / "a", folder.inbox / "b"
    for path, seconds in ((yesterday, 1_700_000_000.25), (ahead, 9_000_000_000.0)):
        path.write_bytes(b"x")
        os.utime(path, (seconds, seconds))
    folder.poll()
    taken = {claim.path.name: claim for claim in folder.poll()}
    assert taken["a"].written == 1_700_000_000_250_000
    assert taken["b"].written == taken["b"].received  # a clock that runs ahead is not believed
