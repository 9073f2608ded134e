"""Three hospital days become one: SIU and S24, a proposal, SRM, and SIU again. All of it runs."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bus.cluster import admin_client
from bus.endpoints import find
from bus.producer import Producer
from bus.reader import read_to_end
from bus.settings import Settings, load_settings
from bus.topics import apply
from connectors.hospital.testing import Booking, FreeTime, MllpSender
from connectors.hospital.testing_calendar import GOOD, Asked, AskedHospital, Calendar, Habit
from connectors.kit import times
from connectors.kit.runtime import run_connector
from samband.answers import Answer, send
from schemas.codec import Codec
from tests.connectors.hospital.kafka_rig import KEY
from tests.connectors.hospital.messages import AGENCY, EMIL
from tests.router.test_running import running
from tests.waiting import until

OSLO = ZoneInfo("Europe/Oslo")
MONDAY = datetime(2026, 3, 9, 9, 0, tzinfo=OSLO)
BEFORE = datetime(2026, 2, 27, 12, 0, tzinfo=OSLO)
FRIDAY = MONDAY + timedelta(days=4)
REGISTER = f"""
institutions:
  - name: Sykehuset
    kind: HOSPITAL
    codes: [{{system: {AGENCY}, id: SYKEHUS}}]
    latitude: 61.115
    longitude: 10.466
journeys: []
"""
CODEC = Codec()


class Whole:
    """The router, the connector, the hospital's sender, and time."""

    def __init__(self, settings: Settings, hospital: AskedHospital, sender: MllpSender) -> None:
        self.settings = settings
        self.hospital = hospital
        self.sender = sender
        self._minute = int(BEFORE.timestamp()) * 1_000_000

    async def read(self, topic: str, record: str) -> list[dict[str, Any]]:
        found = [CODEC.decode(each.value or b"") async for each in read_to_end(self.settings, topic)]
        return [dict(each.value) for each in found if each.record == record]

    async def tick(self, minutes: int = 1) -> None:
        """So many minutes pass, in all partitions."""
        self._minute += minutes * 60_000_000
        clock = self.settings.simulated_clock
        assert clock is not None
        clock.with_suffix(".part").write_text(str(self._minute), encoding="ascii")
        clock.with_suffix(".part").replace(clock)
        tick = CODEC.encode("Tick", {"minute": self._minute})
        async with Producer(self.settings) as producer:
            for key in range(100):
                await producer.send("router.citizen.ticks", key=str(key).encode(), value=tick)

    async def taken(self) -> None:
        """Wait until the router has taken in all that the hospital has said."""
        async with admin_client(self.settings, "test") as admin:

            async def there() -> bool:
                found = await admin.list_consumer_group_offsets(self.settings.topic("router.citizen"))
                taken = {(place.topic, place.partition): position.offset for place, position in found.items()}
                return all(
                    [
                        taken.get((self.settings.topic(topic), each.partition), 0) > each.offset
                        for topic in ("appointment", "slot")
                        async for each in read_to_end(self.settings, topic)
                    ]
                )

            _: bool = await until(there, timeout=60, what="the router to have taken in everything")

    async def status(self, *wanted: str, minutes: int = 1) -> dict[str, Any]:
        """Wait for a proposal's statuses, so many minutes at each look; its latest word."""

        async def there() -> dict[str, Any] | None:
            await self.tick(minutes)
            said = await self.read("coordination", "Proposal")
            return said[-1] if [each["status"] for each in said] == list(wanted) else None

        last: dict[str, Any] | None = await until(there, timeout=60, what=" ".join(wanted))
        assert last is not None
        return last

    async def accept(self, proposal: dict[str, Any]) -> None:
        await send(self.settings, proposal, Answer("ACCEPTED"))  # type: ignore[arg-type] # a Proposal

    async def requests(self) -> list[str]:
        return [each["action"] for each in await self.read(f"inbox.{AGENCY}", "AgencyRequest")]


@asynccontextmanager
async def whole(broker, prefix, path, habit):
    register = path / "register.yaml"
    register.write_text(REGISTER, encoding="utf-8")
    async with AsyncExitStack() as stack:
        stack.callback(times.follow, None)
        hospital = await stack.enter_async_context(
            AskedHospital(Calendar(), habit=habit, clock=lambda: BEFORE - timedelta(days=7))
        )
        way = {"host": "127.0.0.1", "port": hospital.port}
        way |= {"answer_seconds": 2, "first_pause_seconds": 0.1, "longest_pause_seconds": 0.5}
        common = {"kind": "hospital", "agency": AGENCY, "legal_basis": "testing", "purpose": "testing"}
        settings = load_settings(
            bootstrap_servers=broker,
            data_dir=path / "data",
            simulated_clock=path / "clock",
            pseudonym={"key": KEY, "version": "1"},
            kafka={"topic_prefix": prefix, "session_timeout_seconds": 6},
            router={"institutions": register, "inboxes": (AGENCY,)},
            engine={"write_ticks": False},
            connectors={"hospital": {**common, "port": 0, "inbox": way}},
        )
        await apply(settings)
        stop = asyncio.Event()
        connector = asyncio.create_task(run_connector("hospital", settings, stop))
        await stack.enter_async_context(running(settings))

        def address() -> tuple[str, int] | None:
            if connector.done():
                connector.result()
            host, _, port = (find(path / "data", "connector.hospital") or {}).get("mllp", "").rpartition(":")
            return (host, int(port)) if port else None

        found = await until(address, what="the connector")
        assert found is not None
        sender = await stack.enter_async_context(MllpSender(*found))
        try:
            yield Whole(settings, hospital, sender)
        finally:
            stop.set()
            await asyncio.wait([connector])
        connector.result()


async def open_calendar(at: Whole) -> None:
    """Three visits on three days; on the Friday there is room for all."""
    for days, service in ((0, "FYSIO"), (2, "NEVRO"), (4, "ORTO")):
        start = MONDAY + timedelta(days=days)
        booking = Booking(number=f"A{days}", start=start, service=service, department="HAB", room="R1")
        await at.sender.send(at.hospital.book(EMIL, booking))
    for hours, service in ((1, "FYSIO"), (2, "NEVRO")):
        start = FRIDAY + timedelta(hours=hours)
        free = FreeTime(number=f"T{hours}", start=start, service=service, department="HAB", room="R2")
        await at.sender.send(at.hospital.offer(free))
    await at.taken()  # a tick before the last slot would bring a plan without it


async def test_a_proposal_is_settled_by_the_hospital(broker, topic_prefix, tmp_path):
    async with whole(broker, topic_prefix, tmp_path, lambda _: GOOD) as at:
        await open_calendar(at)
        proposal = await at.status("OPEN")
        moves = {move["appointment"]["id"]: move["slot"] for move in proposal["moves"]}
        assert moves == {"A0": "T1", "A2": "T2"}
        await at.accept(proposal)
        settled = await at.status("OPEN", "ACCEPTED", "SETTLED")
        assert settled["proposal_id"] == proposal["proposal_id"]
        assert await at.requests() == ["HOLD", "CONFIRM"]
        starts = {number: booking.start for number, (_, booking) in at.hospital.calendar.bookings.items()}
        assert starts == {
            "A0": FRIDAY + timedelta(hours=1), "A2": FRIDAY + timedelta(hours=2), "A4": FRIDAY,
        }  # fmt: skip
        assert at.hospital.calendar.pencilled == {}
        await at.hospital.tell(at.sender.send)
        assert len(await at.read("appointment", "AppointmentRescheduled")) == 2
        answers = await at.read("appointment", "RequestAnswered")
        assert [each["answer"] for each in answers] == ["HELD", "CONFIRMED"]
        assert await at.read("refusals", "Refusal") == []


async def test_a_time_that_is_gone_leaves_everything_as_it_was(broker, topic_prefix, tmp_path):
    def habit(asked: Asked) -> Habit:
        return Habit(refuse="TAKEN") if asked.filler == "T2" else GOOD

    async with whole(broker, topic_prefix, tmp_path, habit) as at:
        await open_calendar(at)
        await at.accept(await at.status("OPEN"))
        failed = await at.status("OPEN", "ACCEPTED", "FAILED")
        assert failed["reason"] == "proposal.failed.gone"
        assert await at.requests() == ["HOLD"]
        calendar = at.hospital.calendar
        assert (calendar.pencilled, sorted(calendar.free)) == ({}, ["T1", "T2"])
        starts = [booking.start for _, booking in calendar.bookings.values()]
        assert starts == [MONDAY, MONDAY + timedelta(days=2), FRIDAY]


async def test_a_hospital_that_does_not_answer_in_time_lets_go_of_what_it_held(
    broker, topic_prefix, tmp_path
):
    def habit(asked: Asked) -> Habit:
        return Habit(silent=True) if (asked.trigger, asked.filler) == ("S01", "T2") else GOOD

    async with whole(broker, topic_prefix, tmp_path, habit) as at:
        await open_calendar(at)
        await at.accept(await at.status("OPEN"))
        await at.status("OPEN", "ACCEPTED")
        await until(lambda: at.hospital.calendar.pencilled, what="the first time to be held")
        await at.status("OPEN", "ACCEPTED", "FAILED", minutes=30)
        assert set(await at.requests()) == {"HOLD", "RELEASE"}

        async def answers() -> list[str]:
            return [each["answer"] for each in await at.read("appointment", "RequestAnswered")]

        said: list[str] = await until(answers, what="the hospital to let go")
        assert set(said) == {"RELEASED"}
        calendar = at.hospital.calendar
        assert (calendar.pencilled, sorted(calendar.free)) == ({}, ["T1", "T2"])
