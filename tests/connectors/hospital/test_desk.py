"""Requests to a hospital with a calendar, over real sockets: held, moved, refused, lost and late."""

import asyncio
import os
import ssl
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bus.settings import SettingsRefusedError
from connectors.hospital.bundle_store import (
    KEEP_DAYS,
    BundleStore,
    BundlesUnavailableError,
    BundlesUnreadableError,
)
from connectors.hospital.desk import Desk
from connectors.hospital.sender import HospitalAwayError, HospitalSilentError, Sender
from connectors.hospital.settings import RequestSettings
from connectors.hospital.testing_calendar import AskedHospital, Habit
from connectors.kit.carrier import Reply
from schemas.errors import RetriableError
from tests.connectors.hospital.desk_rig import (
    CONFIRM,
    HOLD,
    LATER_RELEASE,
    RELEASE,
    TOMORROW,
    calendar,
    move,
    office,
    request,
    told,
)
from tests.connectors.hospital.messages import reading
from tests.connectors.hospital.test_tls import certificate
from tests.waiting import until

KINDS = pytest.mark.parametrize("kind", ["SRM", "SIU"])


@KINDS
async def test_held_and_confirmed(tmp_path: Path, kind: str) -> None:
    async with office(tmp_path, message=kind) as at:
        assert await at.ask(HOLD) == Reply("HELD")
        assert (at.held, at.free, at.moved) == (["T1", "T2"], [], [])
        assert await at.ask(CONFIRM) == Reply("CONFIRMED")
        assert (at.held, at.free, at.moved) == ([], [], ["A1", "A2"])
        starts = [booking.start for _, booking in at.hospital.calendar.bookings.values()]
        assert starts == [TOMORROW + timedelta(hours=1), TOMORROW + timedelta(hours=2)]


@KINDS
async def test_held_and_let_go(tmp_path: Path, kind: str) -> None:
    async with office(tmp_path, message=kind) as at:
        await at.ask(HOLD)
        assert await at.ask(RELEASE) == Reply("RELEASED")
        assert at.nothing_left


@KINDS
async def test_what_was_confirmed_is_moved_back(tmp_path: Path, kind: str) -> None:
    async with office(tmp_path, message=kind) as at:
        await at.ask(HOLD)
        await at.ask(CONFIRM)
        assert await at.ask(LATER_RELEASE) == Reply("RELEASED")
        assert (at.held, at.moved) == ([], [])


async def test_one_refusal_refuses_all_and_nothing_is_held(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        del at.hospital.calendar.free["T2"]
        reply = await at.ask(HOLD)
        assert reply == Reply("GONE", {"code": "TAKEN", "system": "HL70357", "mapped": "TAKEN"})
        assert (at.held, at.free, at.moved) == ([], ["T1"], [])


async def test_a_move_that_is_refused_moves_the_others_back_and_lets_go(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        await at.ask(HOLD)
        at.habits["S02 A2"] = Habit(refuse="204")
        reply = await at.ask(CONFIRM)
        code = {"code": "204", "system": "HL70357", "mapped": "UNKNOWN_APPOINTMENT"}
        assert reply == Reply("REFUSED", code)  # type: ignore[arg-type] # a Code
        assert (at.held, at.moved) == ([], [])


async def test_the_hospitals_own_codes_are_understood_by_setting(tmp_path: Path) -> None:
    async with office(tmp_path, refusals={"E-77": "CLOSED"}) as at:
        at.habits["S01 T1"] = Habit(refuse="E-77")
        reply = await at.ask(HOLD)
        assert reply == Reply("GONE", {"code": "E-77", "system": "HL70357", "mapped": "CLOSED"})
        at.habits["S01 T1"] = Habit(refuse="E-78")
        reply = await at.ask(request("HOLD", proposal_id="p2"))
        assert reply is not None
        assert (reply.answer, reply.reason) == (
            "REFUSED", {"code": "101", "system": "HL70357", "mapped": "OTHER"},
        )  # fmt: skip


@pytest.mark.parametrize("habit", [Habit(deaf=True), Habit(silent=True), Habit(busy=True)])
async def test_what_is_not_acknowledged_is_sent_again_and_done_once(tmp_path: Path, habit: Habit) -> None:
    async with office(tmp_path, answer_seconds=0.3) as at:
        at.habits["S01 T2"] = habit
        for _ in range(2):
            with pytest.raises(HospitalSilentError):
                await at.ask(HOLD)
        at.habits.clear()
        assert await at.insist(HOLD) == Reply("HELD")
        assert at.held == ["T1", "T2"]
        assert max(at.hospital.received.values()) >= 3
        assert sorted(at.hospital.done) == sorted(at.hospital.received)


async def test_a_restart_in_the_middle_asks_for_nothing_twice(tmp_path: Path) -> None:
    async with office(tmp_path, answer_seconds=0.3) as at:
        at.habits["S01 T2"] = Habit(deaf=True)
        with pytest.raises(HospitalSilentError):
            await at.ask(HOLD)
        await at.restart()
        at.habits.clear()
        assert await at.insist(HOLD) == Reply("HELD")
        assert max(at.hospital.received.values()) >= 2
        assert sorted(at.hospital.done) == sorted(at.hospital.received)
        await at.restart()
        received = at.hospital.received.copy()
        assert await at.ask(HOLD) == Reply("HELD")  # asked again after it was answered
        assert at.hospital.received == received


async def test_a_release_lets_go_what_was_done_and_never_acknowledged(tmp_path: Path) -> None:
    async with office(tmp_path, answer_seconds=0.3) as at:
        at.habits["S01 T2"] = Habit(deaf=True)
        with pytest.raises(HospitalSilentError):
            await at.ask(HOLD)
        await at.restart()
        assert await at.insist(RELEASE) == Reply("RELEASED")
        assert at.nothing_left


async def test_a_release_of_a_confirmation_in_doubt_undoes_both(tmp_path: Path) -> None:
    async with office(tmp_path, answer_seconds=0.3) as at:
        await at.insist(HOLD)
        at.habits["S02 A1"] = Habit(deaf=True)
        with pytest.raises(HospitalSilentError):
            await at.ask(CONFIRM)
        at.habits.clear()
        assert await at.insist(LATER_RELEASE) == Reply("RELEASED")
        assert (at.held, at.moved) == ([], [])


async def test_what_is_known_of_a_hold_may_be_lost_and_it_is_let_go_all_the_same(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        await at.ask(HOLD)
        for path in tmp_path.glob("*.json"):
            path.unlink()
        await at.restart()
        assert await at.ask(RELEASE) == Reply("RELEASED")
        assert at.nothing_left


async def test_a_hospital_that_is_away_is_connected_to_again(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        await at.hospital.__aexit__(None, None, None)
        with pytest.raises(HospitalAwayError):
            await at.ask(HOLD)
        await at.hospital.__aenter__()
        assert await at.insist(HOLD) == Reply("HELD")


async def test_a_hospital_that_goes_in_the_middle_has_a_part_of_the_request(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        loop = asyncio.get_running_loop()

        async def gone() -> None:
            await until(lambda: at.hospital.done, what="the first part")
            await at.hospital.__aexit__(None, None, None)

        at.habits["S01 T2"] = Habit(silent=True)
        leaving = loop.create_task(gone())
        with pytest.raises(HospitalSilentError):
            await at.ask(HOLD)
        await leaving
        with pytest.raises(HospitalSilentError):  # not reachable now, and yet it holds the first time
            await at.ask(HOLD)


async def test_later_answers(tmp_path: Path) -> None:
    async with office(tmp_path, answered_by="message", message="SIU") as at:
        assert await at.ask(HOLD) is None
        heard = await told(at)
        assert [(one.request_id, one.answer) for one in heard] == [("r1", "HELD")]
        await at.restart()
        assert await at.ask(CONFIRM) is None
        heard = await told(at)
        assert [(one.request_id, one.answer) for one in heard] == [("r2", "CONFIRMED")]
        assert await at.ask(CONFIRM) is None  # it is on the bus already


async def test_an_answer_that_was_not_published_is_given_again(tmp_path: Path) -> None:
    async with office(tmp_path, answered_by="message", message="SIU") as at:
        await at.ask(request("HOLD", moves=[move(1)]))
        first = at.hospital.unsaid[0]
        hearing = await at.desk.hear(first)
        assert [one.answer for one in hearing.answered] == ["HELD"]
        assert hearing.pencilled
        await at.restart()
        again = await at.desk.hear(first)
        assert again == hearing
        await at.desk.told(again)
        assert (await at.desk.hear(first)).answered == ()


async def test_a_later_refusal_is_undone_by_itself(tmp_path: Path) -> None:
    async with office(tmp_path, answered_by="message", message="SIU", first_pause_seconds=0.05) as at:
        await at.ask(HOLD)
        told_of = [each for each in at.hospital.unsaid if b"SIU^S12" in each]
        diary = at.hospital.calendar
        (own,) = [placer for placer, free in diary.pencilled.items() if free.number == "T2"]
        diary.free["T2"] = diary.pencilled.pop(own)
        refused = told_of[1].replace(b"SIU^S12", b"SIU^S15").replace(b"|Pending", b"|Blocked")
        assert (await at.desk.hear(told_of[0])).answered == ()
        (answered,) = (await at.desk.hear(refused)).answered
        assert (answered.answer, answered.reason) == (
            "GONE", {"code": "BLOCKED", "system": "HL70278", "mapped": "CLOSED"},
        )  # fmt: skip
        stop = asyncio.Event()
        tries: list[str] = []
        at.habits["S15"] = Habit(busy=True)
        undoing = asyncio.create_task(at.desk.undo(at.sender, stop, tries.append))
        await until(lambda: "failed" in tries)
        at.habits.clear()
        await until(lambda: not at.held)
        await until(lambda: "carried" in tries)
        stop.set()
        await undoing
        assert at.nothing_left


async def test_a_number_of_a_person_is_never_asked_for(tmp_path: Path) -> None:
    digest = {"system": "hospital.test:PAS", "id": "digest.0123"}
    async with office(tmp_path) as at:
        reply = await at.ask(request("HOLD", moves=[move(1, appointment=digest)]))
        assert reply is not None
        assert reply.answer == "REFUSED"
        assert reply.reason is not None
        assert reply.reason["mapped"] == "UNKNOWN_APPOINTMENT"
        assert await at.ask(request("RELEASE", 2, moves=[move(1, appointment=digest)])) == Reply("RELEASED")
        assert not at.hospital.received


async def test_without_a_disk_nothing_is_asked(tmp_path: Path) -> None:
    async with office(tmp_path / "known") as at:
        (tmp_path / "known").write_text("a file in the place of the folder")
        with pytest.raises(BundlesUnavailableError):
            await at.ask(HOLD)
        assert not at.hospital.received
        (tmp_path / "known").unlink()
        assert await at.ask(HOLD) == Reply("HELD")


async def test_what_is_known_and_damaged_ends_the_connector(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        await at.ask(HOLD)
        (path,) = tmp_path.glob("*.json")
        path.write_bytes(path.read_bytes()[:-10])
        with pytest.raises(BundlesUnreadableError) as damaged:
            await at.restart()
        assert path.name in str(damaged.value)


async def test_what_was_written_long_ago_is_forgotten(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        await at.ask(HOLD)
        (path,) = tmp_path.glob("*.json")
        old = time.time() - (KEEP_DAYS + 1) * 86_400
        os.utime(path, (old, old))
        await at.restart()
        assert list(tmp_path.iterdir()) == []


async def test_an_encrypted_connection(tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "server"), certificate(tmp_path, "client")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*server)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(client[0])
    tls = {"ca": str(server[0]), "certificate": str(client[0]), "key": str(client[1])}
    async with AskedHospital(calendar(), tls=context) as hospital:
        for given, works in ((tls, True), ({"ca": str(server[0])}, False), (None, False)):
            settings = RequestSettings.model_validate(
                {"host": "127.0.0.1", "port": hospital.port, "answer_seconds": 5, "tls": given}
            )
            desk = Desk(settings, reading(), BundleStore(tmp_path / "known"))
            async with Sender(settings, desk.acknowledged) as sender:
                if works:
                    assert await desk.deliver(HOLD, sender) == Reply("HELD")
                else:
                    with pytest.raises(RetriableError):
                        await desk.deliver(CONFIRM, sender)
        assert len(hospital.received) == 2


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    settings = RequestSettings.model_validate(
        {"host": "127.0.0.1", "tls": {"ca": str(tmp_path / "none.pem")}}
    )
    with pytest.raises(SettingsRefusedError, match=r"inbox\.tls"):
        Sender(settings, lambda _: asyncio.sleep(0))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"host": "hospital.example"}, "unencrypted"),
        ({"host": "hospital.example", "tls": {"key": "k.pem"}}, "both certificate and key"),
        ({"host": "localhost", "charset": "EBCDIC"}, "no such character set"),
        ({"host": ""}, "at least 1 character"),
        ({"host": "localhost", "refusals": {"E1": "PERHAPS"}}, "TAKEN"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        RequestSettings.model_validate(given)
    assert RequestSettings.model_validate({"host": "hospital.example", "tls": {}}).tls is not None
    assert RequestSettings.model_validate({"host": "hospital.example", "allow_plaintext": True}).tls is None
