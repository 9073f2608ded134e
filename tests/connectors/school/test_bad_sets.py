"""Sets that cannot be used: refused as a whole, with file, row and column, and nothing lost."""

import io
import subprocess
import zipfile

import pytest

from connectors.school.testing import SetWriter, drop_folder, drop_zip, enrollment, line_item, user, zip_bytes
from tests.connectors.school.rig import Rig

GOOD = (
    SetWriter().add("users", user("p1", "student", ("Ola", "Nordmann"), "s1", password="Password1-")).files()
)
USERS = GOOD["users.csv"]


def changed(name: str, data: bytes) -> dict[str, bytes]:
    return {**GOOD, name: data}


async def refused(rig: Rig, reason: str, where: str) -> None:
    """The one input was dead-lettered for ``reason`` at ``where``, and lies in failed/ with a report."""
    assert await rig.work() == []
    assert rig.outcomes == [("DEAD_LETTERED", reason)]
    (letter,) = rig.bus.on("inputs.dlq")
    assert (letter.value["reason"], letter.value["where"]) == (reason, where)
    assert len(rig.lying_in("failed")) == 1
    assert where in rig.reports()
    assert reason in rig.reports()


@pytest.mark.parametrize(
    ("files", "reason", "where"),
    [
        (
            changed("users.csv", USERS.replace(b",role,", b",rolle,")),
            "csv.missing_column",
            "users.csv:1:role",
        ),
        (changed("users.csv", USERS.replace(b",sms,", b",role,")), "csv.duplicate_column", "users.csv:1"),
        (changed("users.csv", USERS + b'p2,"never closed,\r\np3\r\n'), "csv.quotes", "users.csv:3"),
        (changed("users.csv", USERS + b'p2,"closed"x\r\n'), "csv.quotes", "users.csv:3"),
        (changed("users.csv", USERS + b"p2,,\r\n"), "csv.row_length", "users.csv:3"),
        (changed("users.csv", USERS.replace(b"p1", b"  ", 1)), "oneroster.blank", "users.csv:2:sourcedId"),
        (changed("users.csv", USERS.replace(b"Ola", "Åse".encode("latin-1"))), "csv.encoding", "users.csv:2"),
        (changed("users.csv", USERS.replace(b"Ola", b"O\0a")), "csv.control", "users.csv:2"),
        (changed("users.csv", b""), "csv.empty", "users.csv"),
        (changed("users.csv", USERS.decode().encode("utf-16")), "csv.encoding", "users.csv:1"),
        (
            changed(
                "manifest.csv", GOOD["manifest.csv"].replace(b"oneroster.version,1.1", b"oneroster.version,2")
            ),
            "oneroster.version",
            "manifest.csv:1:value",
        ),
        (
            changed("manifest.csv", GOOD["manifest.csv"].replace(b"file.users,bulk", b"file.users,all")),
            "oneroster.manifest",
            "manifest.csv:13:value",
        ),
        (
            changed("manifest.csv", GOOD["manifest.csv"].replace(b"file.users,bulk", b"file.users,absent")),
            "oneroster.manifest",
            "manifest.csv:13",
        ),
        ({"users.csv": USERS}, "oneroster.no_manifest", "manifest.csv"),
    ],
)
@pytest.mark.parametrize("as_zip", [True, False])
async def test_a_wrong_file_refuses_the_set(rig: Rig, files, reason, where, as_zip):
    (drop_zip if as_zip else drop_folder)(files, rig.inbox, "Ola Nordmann")
    await refused(rig, reason, where)


async def test_the_report_names_every_wrong_place(rig: Rig):
    made = SetWriter().add("users", user("p1", "", ("", ""), "s1"))
    made.add("enrollments", enrollment("", "4b", "s1"), enrollment("p2", "4b", "s1", role=""))
    files = made.files()
    files["users.csv"] += b"short\r\n"
    drop_zip(files, rig.inbox, "a.zip")
    await rig.work()
    for place in ("users.csv:3", "enrollments.csv:2:userSourcedId", "enrollments.csv:3:role"):
        assert place in rig.reports()


async def test_an_exam_without_a_day_refuses_the_set_and_homework_does_not(rig: Rig):
    made = SetWriter().add("categories", {"sourcedId": "c1", "title": "Eksamen"})
    made.add("lineItems", line_item("h1", "Side 12", "4b", "c2", "someday"))
    made.drop_zip(rig.inbox, "fine.zip")
    await rig.work()
    assert rig.outcomes == [("IGNORED", "unchanged")]
    made.add("lineItems", line_item("e1", "Norsk", "4b", "c1", "2099-02-30"))
    made.drop_zip(rig.inbox, "bad.zip")
    await rig.work()
    assert rig.outcomes[1:] == [("DEAD_LETTERED", "time.unreadable")]
    assert "lineItems.csv:3:dueDate" in rig.reports()
    assert "02-30" not in rig.reports()


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + USERS,
        USERS.replace(b"\r\n", b"\n"),
        USERS.replace(b"\r\n", b"\r"),
        USERS + b"\r\n\r\n",
        USERS.replace(b"sourcedId,", b"SOURCEDID ,"),
        USERS.replace(b"Ola", b'" Ola "'),
    ],
    ids=["BOM", "LF", "CR", "blank lines", "case of the header", "quotes"],
)
async def test_oddities_that_do_not_prevent_understanding_pass(rig: Rig, data):
    drop_zip(changed("users.csv", data), rig.inbox, "a.zip")
    (fact,) = await rig.work()
    assert fact.value["details"]["given_name"] == "Ola"


async def test_files_in_windows_1252_pass_where_the_settings_say_so(make_rig):
    rig = make_rig(encoding_fallback="windows-1252")
    drop_zip(changed("users.csv", USERS.replace(b"Ola", b"\xc5se")), rig.inbox, "a.zip")
    (fact,) = await rig.work()
    assert fact.value["details"]["given_name"] == "Åse"


def raw_zip(*names: str, data: bytes = b"x", compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in GOOD.items():
            archive.writestr(name, content)
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return packed.getvalue()


def link_zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("users.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return packed.getvalue()


def encrypted_zip() -> bytes:
    """Bit 0 of the general purpose flags, in the local header and in the directory (APPNOTE 4.4.4)."""
    data = bytearray(zip_bytes({"manifest.csv": b"x"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def lying_zip() -> bytes:
    """Declares 10 bytes and unpacks to 32 MiB; the sizes stand in the local header and in the directory."""
    size = 32 << 20
    data = bytearray(zip_bytes({"manifest.csv": b"\0" * size}))
    declared = size.to_bytes(4, "little")
    assert data.count(declared) == 2
    return bytes(data).replace(declared, (10).to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("data", "reasons"),
    [
        (raw_zip("../users.csv"), {"zip.path"}),
        (raw_zip("/etc/cron.d/users.csv"), {"zip.path"}),
        (raw_zip("..\\users.csv"), {"zip.path"}),
        (raw_zip("C:users.csv"), {"zip.path"}),
        (raw_zip("a/users.csv"), {"zip.path"}),
        (link_zip(), {"zip.path"}),
        (encrypted_zip(), {"zip.encrypted"}),
        (raw_zip("classes.csv", data=b"\0" * (64 << 20)), {"zip.bomb"}),
        (raw_zip(*(f"{n}.txt" for n in range(200))), {"zip.bomb"}),
        (lying_zip(), {"zip.bomb", "zip.damaged"}),
        (raw_zip(compression=zipfile.ZIP_BZIP2), {"zip.damaged"}),
        (raw_zip()[:-30], {"zip.damaged"}),
        (raw_zip()[:200], {"zip.damaged"}),
        (b"", {"zip.damaged"}),
        (b"sourcedId,role\r\n", {"zip.damaged"}),
        (raw_zip().replace(b"PK\x01\x02", b"PK\x01\x03"), {"zip.damaged"}),
    ],
    ids=[
        "up", "absolute", "backslash", "drive", "two folders", "link", "encrypted", "bomb", "many", "lying",
        "bzip2", "cut", "cut early", "empty", "a bare CSV", "damaged",
    ],
)  # fmt: skip
async def test_a_hostile_or_broken_zip_is_refused(rig: Rig, data, reasons):
    (rig.inbox / "a.zip").write_bytes(data)
    assert await rig.work() == []
    ((outcome, reason),) = rig.outcomes
    assert outcome == "DEAD_LETTERED"
    assert reason in reasons
    assert rig.lying_in("failed") == ["a.zip"]
    written = [path for path in rig.path.rglob("*") if path.is_file() and "failed" not in path.parts]
    assert written == [], "nothing may be unpacked anywhere"


async def test_a_member_whose_bytes_are_damaged_is_refused(rig: Rig):
    data = bytearray(raw_zip(compression=zipfile.ZIP_STORED))
    data[data.index(USERS) + 3] ^= 0xFF
    (rig.inbox / "a.zip").write_bytes(bytes(data))
    assert await rig.work() == []
    assert rig.outcomes == [("DEAD_LETTERED", "zip.damaged")]


async def test_a_zip_that_wraps_the_set_in_one_folder_passes(rig: Rig):
    files = {f"export/{name}": data for name, data in GOOD.items()}
    drop_zip({**files, "__MACOSX/export/._users.csv": b"\0", "export/readme.txt": b"hi"}, rig.inbox, "a.zip")
    assert [fact.record for fact in await rig.work()] == ["PersonRegistered"]


async def test_two_links_are_two_dead_letters(rig: Rig):
    for name in ("one", "two"):
        (rig.inbox / name).symlink_to("/etc/passwd")
    await rig.work()
    assert rig.outcomes == [("DEAD_LETTERED", "drop.link")] * 2
    assert rig.lying_in("failed") == ["one", "two"]


async def test_a_folder_of_one_file_too_large_is_a_dead_letter_without_payload(make_rig):
    rig = make_rig(drop={"max_bytes": 1000})
    with (rig.inbox / "huge.zip").open("wb") as stream:
        stream.truncate(2 << 30)
    await rig.work()
    (letter,) = rig.bus.on("inputs.dlq")
    assert (letter.value["reason"], letter.value["payload"]) == ("input.too_large", b"")


async def test_a_set_moved_back_after_mending_is_accepted(rig: Rig):
    drop_folder({"users.csv": USERS}, rig.inbox, "set")
    await rig.work()
    (label,) = [path for path in (rig.path / "drop" / "failed").iterdir() if path.is_dir()]
    (label / "set" / "manifest.csv").write_bytes(GOOD["manifest.csv"])
    (label / "set").rename(rig.inbox / "set")
    assert [fact.record for fact in await rig.work()] == ["PersonRegistered"]


@pytest.mark.parametrize("place", ["translate", "read_set"])
async def test_a_fault_of_the_connector_is_a_dead_letter_too(rig: Rig, monkeypatch, place):
    """The one thing that cannot be made real is our own bug."""

    def fails(*_arguments, **_named):
        raise KeyError("Ola Nordmann")

    monkeypatch.setattr(f"connectors.school.source.{place}", fails)
    drop_zip(GOOD, rig.inbox, "a.zip")
    await rig.work()
    (letter,) = rig.bus.on("inputs.dlq")
    assert letter.value["reason"] == "translate.failed"
    assert letter.value["problem"] == "The connector failed on this set: KeyError"
    assert "Ola" not in str(letter.value)


async def test_passwords_and_names_are_nowhere_but_in_facts_and_in_the_agencys_own_files(rig: Rig, capfd):
    drop_zip(GOOD, rig.inbox, "Ola Nordmann.zip")
    drop_zip(changed("users.csv", USERS + b"Ola,Nordmann,Password1-\r\n"), rig.inbox, "Ola Nordmann 2.zip")
    await rig.work()
    assert sorted(rig.outcomes) == [("DEAD_LETTERED", "csv.row_length"), ("PUBLISHED", "")]
    for word in (b"Password1-", b"p1", b"username"):
        for record in rig.bus.written:
            assert word not in record.raw, record.topic
    for record in rig.bus.written:
        told = str((record.key, record.headers)).encode()
        outside = told if record.record == "PersonRegistered" else told + record.raw
        for word in (b"Ola", b"Nordmann"):
            assert word not in outside, record.topic
    for path in (rig.path / "data").rglob("*"):
        for word in (b"Password1-", b"Ola", b"Nordmann", b'"p1'):
            assert path.is_dir() or word not in path.read_bytes(), path
    shown = "".join(capfd.readouterr())
    assert "Password1-" not in shown
    assert "Nordmann" not in shown


def test_the_words_that_are_searched_for_are_in_the_set():
    assert b"Password1-" in USERS
    assert b"Nordmann" in USERS
    assert subprocess.list2cmdline(["p1"]).encode() in USERS
