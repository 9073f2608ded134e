"""Requests to a hospital while the disk is slow or full: what is kept and what is known stay the same."""

import asyncio
import threading
from pathlib import Path

import pytest

from connectors.hospital.bundle_store import BundleStore, BundlesUnavailableError
from connectors.hospital.bundles import Bundle
from connectors.hospital.desk import Desk
from connectors.hospital.sender import HospitalSilentError, Sender
from connectors.hospital.testing_calendar import Habit
from connectors.kit.carrier import Reply
from tests.connectors.hospital.desk_rig import HOLD, Office, office
from tests.connectors.hospital.messages import reading
from tests.waiting import until


class SlowStore(BundleStore):
    """Takes a bundle only when it is let, from the given save on."""

    def __init__(self, folder: Path, slow_from: int) -> None:
        super().__init__(folder)
        self.left = slow_from
        self.slow, self.go_on = threading.Event(), threading.Event()

    def save(self, bundle: Bundle) -> None:
        self.left -= 1
        if self.left <= 0:
            self.slow.set()
            assert self.go_on.wait(30)
        super().save(bundle)


async def slowed(at: Office, slow_from: int) -> SlowStore:
    """Give the office a desk with a slow disk."""
    store = SlowStore(at.folder, slow_from)
    at.desk = Desk(at.settings, reading(), store)
    await at.desk.open()
    at.sender = Sender(at.settings, at.desk.acknowledged)
    return store


async def test_a_request_that_is_given_up_while_it_is_written_down_is_carried_out_when_asked_again(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as at:
        store = await slowed(at, slow_from=1)
        asking = asyncio.create_task(at.ask(HOLD))
        await until(store.slow.is_set)
        asking.cancel()
        store.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await at.ask(HOLD) == Reply("HELD")
        assert at.held == ["T1", "T2"]


@pytest.mark.parametrize("slow_from", [2, 3, 4])
async def test_an_answer_that_takes_too_long_to_write_down_is_understood_all_the_same(
    tmp_path: Path, slow_from: int
) -> None:
    """The saves are: the request, T1 held, T2 refused, T1 let go."""
    async with office(tmp_path, answer_seconds=0.3) as at:
        store = await slowed(at, slow_from)
        at.habits["S01 T2"] = Habit(refuse="TAKEN")
        asking = asyncio.create_task(at.ask(HOLD))
        await until(store.slow.is_set)
        await until(lambda: not at.hospital.connections)
        store.go_on.set()
        with pytest.raises(HospitalSilentError):
            await asking
        reply = await at.insist(HOLD)
        assert reply == Reply("GONE", {"code": "TAKEN", "system": "HL70357", "mapped": "TAKEN"})
        assert at.nothing_left
        assert sorted(at.hospital.done) == sorted(set(at.hospital.done))


async def test_what_the_disk_did_not_take_is_not_asked_before_it_does(tmp_path: Path) -> None:
    async with office(tmp_path / "requests") as at:
        (tmp_path / "requests").write_text("no folder")
        for _ in range(2):
            with pytest.raises(BundlesUnavailableError):
                await at.ask(HOLD)
        assert not at.hospital.received
        (tmp_path / "requests").unlink()
        assert await at.ask(HOLD) == Reply("HELD")
        await at.restart()
        received = at.hospital.received.copy()
        assert await at.ask(HOLD) == Reply("HELD")
        assert at.hospital.received == received
