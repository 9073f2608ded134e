"""Everything bad at once: one running system receives all of it between good inputs.

Each ends as docs/bad_input.md says, every good input is on the bus exactly once, and nobody's data are in
a log. What each kind of bad input does on its own is shown in tests/connectors.
"""

import asyncio
import io
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.hospital.mllp import frame
from connectors.hospital.testing import Booking, MllpSender, adt, siu
from connectors.municipality.testing import CaseFile, FolderSender, HttpSender
from connectors.school.testing import SetWriter, drop_folder, drop_zip, enrollment, user
from tests.connectors.hospital.messages import EMIL, FNR, MORNING, envelope, raw
from tests.system.town import LETTERS, TOKEN, Account, Town, town
from tests.waiting import until

MIB = 1024 * 1024
GIB = 1024 * MIB
PID = "PID|1||4711^^^SYKEHUS^MR||Hemmelig^Navn"
LIES = raw(PID, kind="ADT^A31", control_id="LIES").replace(b"|P|2.5\r", b"|P|2.5||||||8859/1\r")

# message, answer, reason, place
MESSAGES: list[tuple[bytes, str, str, str]] = [
    (raw(PID, version="2.1", control_id="OLD"), "AR", "hl7.version", "MSH-12"),
    (PID.encode() + b"\r", "AR", "hl7.no_msh", "MSH"),
    (LIES + "NTE|1||Åse\r".encode(), "AR", "hl7.charset_lies", "MSH-18"),
    (raw("SCH||A1|||||||||^^^20260230", PID, kind="SIU^S12"), "AA", "time.unreadable", "SCH-11.4"),
    (raw("SCH|", PID, kind="SIU^S12"), "AA", "appointment.no_id", "SCH-2"),
    (
        adt("A31", envelope("BIG"), EMIL) + b"OBX|1|ED|||" + b"x" * (17 * MIB),
        "AR", "input.too_large", "",
    ),
]  # fmt: skip


@dataclass
class Run:
    """What was sent and what came of it."""

    answers: list[tuple[str, str]] = field(default_factory=list)
    replies: list[tuple[int, str]] = field(default_factory=list)
    good: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    archived: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    reports: str = ""
    account: Account = field(default_factory=lambda: Account([]))
    log: bytes = b""


@pytest.fixture(scope="module")
def run(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return asyncio.run(live_through(broker, tmp_path_factory.mktemp("bad")))


async def live_through(broker: str, path: Path) -> Run:
    done = Run()
    more = {
        "connectors__hospital__frame_timeout_seconds": 0.3,
        "connectors__school__drop__patience_seconds": 0.2,
        "connectors__municipality__http__max_bytes": 100_000,
    }
    async with town(path, broker, **more) as here:
        async with asyncio.TaskGroup() as group:
            group.create_task(bad_messages(here, done))
            group.create_task(bad_sets(here, done))
            group.create_task(bad_documents(here, done))
        assert await here.all_ready()
        done.account = await here.settled()
        done.archived = here.lying_in("school", "archive")
        done.failed = here.lying_in("school", "failed") + here.lying_in("municipality", "failed")
        folder = here.path / "drop"
        done.reports = "\n".join(path.read_text() for path in folder.glob("*/failed/*.report.txt"))
        done.log = here.log_bytes()
    return done


async def bad_messages(here: Town, done: Run) -> None:
    async with here.sender() as sender:
        await good_message(sender, done)
        for start in (b"GET / HTTP/1.1 " * 5000, b"\x0bMSH|^~\\&|PAS"):
            async with here.sender() as stranger:
                await stranger.send_raw(start)
                with pytest.raises((EOFError, ConnectionError)):
                    await stranger.receive()
            await good_message(sender, done)
        await sender.send_raw(b"\x00garbage between frames\r\n" + frame(message(done)))
        await good_message(sender, done, sent=True)
        for payload, *_ in MESSAGES:
            (answer,) = await sender.send(payload)
            done.answers.append((answer.code, answer.control_id))
            done.bad["hospital"] += 1
            await good_message(sender, done)
        # The same control id with other content is another message; the same bytes are the same one.
        for minutes in (30, 45, 45):
            booking = Booking(number="A7", start=MORNING + timedelta(days=30), minutes=minutes)
            (answer,) = await sender.send(siu("S12", envelope("SAME"), EMIL, booking))
            assert (answer.code, answer.control_id) == ("AA", "SAME")
        done.good["hospital"] += 2


def message(done: Run) -> bytes:
    return adt("A31", envelope(f"GOOD{done.good['hospital']}"), EMIL)


async def good_message(sender: MllpSender, done: Run, *, sent: bool = False) -> None:
    (answer,) = (await sender.receive(),) if sent else await sender.send(message(done))
    assert (answer.code, answer.control_id) == ("AA", f"GOOD{done.good['hospital']}")
    done.good["hospital"] += 1


def roster(done: Run, *, more: int = 1) -> SetWriter:
    """One pupil more than the last good set."""
    count = done.good["school"] + more
    made = SetWriter().add(
        "users",
        *(user(f"p{n}", "student", ("Ola", "Nordmann"), "s1", password="Password1-") for n in range(count)),
    )
    return made.add("enrollments", *(enrollment(f"p{n}", "4b", "s1") for n in range(count)))


async def bad_sets(here: Town, done: Run) -> None:
    inbox, total = here.inbox("school"), 0
    for number, bad in enumerate((missing_column, open_quote, bomb, leads_out, link, two_gigabytes)):
        total += 2
        files = roster(done).files()
        users = files["users.csv"]
        files["users.csv"] = (users, b"\xef\xbb\xbf" + users, users.replace(b"\r\n", b"\n"))[number % 3]
        drop_zip(files, inbox, f"good {number}.zip")
        await here.outcomes("school", total - 1)
        done.good["school"] += 1
        bad(inbox, roster(done).files())
        await here.outcomes("school", total)
        done.bad["school"] += 1


def missing_column(inbox: Path, files: dict[str, bytes]) -> None:
    drop_folder(
        {**files, "users.csv": files["users.csv"].replace(b",role,", b",rolle,")}, inbox, "Kari Nordmann"
    )


def open_quote(inbox: Path, files: dict[str, bytes]) -> None:
    drop_zip({**files, "users.csv": files["users.csv"] + b'p2,"never closed\r\n'}, inbox, "Kari 2.zip")


def packed(inbox: Path, files: dict[str, bytes], name: str, content: bytes) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for known, rows in files.items():
            archive.writestr(known, rows)
        archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    draft = inbox / ".packed"
    draft.write_bytes(data.getvalue())
    draft.rename(inbox / f"Kari {len(content)}.zip")


def bomb(inbox: Path, files: dict[str, bytes]) -> None:
    packed(inbox, files, "classes.csv", b"\0" * (64 * MIB))


def leads_out(inbox: Path, files: dict[str, bytes]) -> None:
    packed(inbox, files, "../../../planted.csv", b"planted")


def link(inbox: Path, files: dict[str, bytes]) -> None:
    (inbox / "Kari link").symlink_to("/etc/passwd")


def two_gigabytes(inbox: Path, files: dict[str, bytes]) -> None:
    """Of holes: it takes no space, but whoever reads it reads two gigabytes."""
    with (inbox / "Kari.zip").open("wb") as stream:
        stream.truncate(2 * GIB)


def case(done: Run) -> CaseFile:
    event = {"type": "soknadsStatus", "status": "MOTTATT", "hendelsestidspunkt": "2026-03-02T09:00:00Z"}
    done.good["municipality"] += 1
    return CaseFile(f"F-{done.good['municipality']}", FNR).add(event)


async def bad_documents(here: Town, done: Run) -> None:
    folder, counted = FolderSender(here.path / "drop" / "municipality"), 0

    async def outcome() -> None:
        nonlocal counted
        counted += 1
        await here.outcomes("municipality", counted)

    async with HttpSender(here.url, TOKEN) as sender:

        async def post(payload: bytes, place: str) -> None:
            reply = await sender.send(place, payload)
            done.replies.append((reply.status, reply.body.get("reason", "")))
            await outcome()

        for place in ("http", "folder"):
            rubbish = CaseFile("F-0", FNR).payload() + b"} and more " + place.encode()
            marked = b"\xef\xbb\xbf" + CaseFile("F-0", FNR).payload() + place.encode()
            for bad in (rubbish, marked):
                good = case(done)
                if place == "http":
                    await post(good.payload(), good.case_id)
                    await post(bad, "F-0")
                else:
                    folder.send(f"Ola Nordmann {done.good.total()}", good.payload())
                    await outcome()
                    folder.send(f"Kari Nordmann {done.good.total()}", bad)
                    await outcome()
                done.bad["municipality"] += 1
        await post(b"[" + b" " * 200_000 + b"]", "F-0")
        (folder.folder / "in" / "Kari link.json").symlink_to("/etc/passwd")
        await outcome()
        with (folder.folder / "in" / "Kari Nordmann.json").open("wb") as stream:
            stream.truncate(2 * GIB)
        await outcome()
        done.bad["municipality"] += 3
        good = case(done)
        await post(good.payload(), good.case_id)
    await until(lambda: len(here.lying_in("municipality", "failed")) == 4, what="the refused documents aside")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_senders_are_told(run: Run) -> None:
    assert run.answers == [
        ("AR", "OLD"), ("AR", ""), ("AR", "LIES"), ("AA", "M1"), ("AA", "M1"), ("AR", "BIG"),
    ]  # fmt: skip
    assert run.replies == [
        (200, ""), (400, "json.syntax"), (200, ""), (400, "json.encoding"), (413, "input.too_large"),
        (200, ""),
    ]  # fmt: skip


def test_each_bad_input_is_a_dead_letter_with_its_reason_and_place(run: Run) -> None:
    found = Counter((one.value["component"], one.value["reason"]) for one in run.account.on(*LETTERS))
    assert found == {
        **{("hospital", reason): 1 for _, _, reason, _ in MESSAGES},
        ("school", "csv.missing_column"): 1,
        ("school", "csv.quotes"): 1,
        ("school", "zip.bomb"): 1,
        ("school", "zip.path"): 1,
        ("school", "drop.link"): 1,
        ("school", "input.too_large"): 1,
        ("municipality", "json.syntax"): 2,
        ("municipality", "json.encoding"): 2,
        ("municipality", "drop.link"): 1,
        ("municipality", "input.too_large"): 2,
    }
    places = {(one, where) for _, one, where in run.account.letters()}
    assert {(reason, where) for _, _, reason, where in MESSAGES} <= places
    assert {("csv.missing_column", "users.csv:1:role"), ("json.encoding", "byte 0")} <= places


def test_every_good_input_is_on_the_bus_exactly_once(run: Run) -> None:
    ids = [one.value["meta"]["event_id"] for one in run.account.facts]
    assert len(ids) == len(set(ids))
    assert sorted(run.account.entries()) == sorted(ids)
    assert Counter(one.record for one in run.account.facts) == {
        "PersonUpdated": run.good["hospital"] - 2,
        "AppointmentScheduled": 2,
        "PersonRegistered": run.good["school"],
        "EnrollmentChanged": run.good["school"],
        "CaseOpened": run.good["municipality"],
    }


def test_nothing_is_lost(run: Run) -> None:
    sent = {name: run.good[name] + run.bad[name] for name in run.good}
    sent["hospital"] += 1  # the one that was sent twice
    assert run.account.ledger.lost(sent) == 0
    assert {
        name: (row.inputs, row.published, row.ignored, row.dead_lettered)
        for name, row in run.account.ledger.totals(sent).items()
    } == {
        "hospital": (19, 12, 1, 6), "school": (12, 6, 0, 6), "municipality": (12, 5, 0, 7),
    }  # fmt: skip


def test_files_lie_where_people_look_for_them(run: Run) -> None:
    assert run.archived == [f"good {number}.zip" for number in range(6)]
    assert len(run.failed) == 6 + 4
    for words in ("users.csv:1:role", "csv.quotes", "zip.bomb", "zip.path", "drop.link", "input.too_large"):
        assert words in run.reports


def test_nobodys_data_are_in_a_log_or_beside_a_dead_letter(run: Run) -> None:
    said = [run.log]
    for one in run.account.on("inputs", *LETTERS):
        beside = {name: value for name, value in one.value.items() if name != "payload"}
        said.append(repr((one.at.key, one.at.headers, beside)).encode())
    for word in (FNR, "Øvrebø", "Hemmelig", "Nordmann", "Kari", "Password1-"):
        for text in said:
            assert word.encode() not in text, word


def test_the_words_that_are_searched_for_were_sent(run: Run) -> None:
    payloads = b"".join(one.value["payload"] for one in run.account.on(*LETTERS))
    for word in (b"Hemmelig", FNR.encode()):
        assert word in payloads
