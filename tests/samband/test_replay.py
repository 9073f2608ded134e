"""A replay gives what the router wrote, to the byte, whatever happened to the router while it did."""

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka import AIOKafkaProducer, TopicPartition

from bench.traffic import Traffic
from bus.cluster import connection
from bus.errors import BusUnavailableError
from bus.reader import read_to_end
from bus.replay.cluster import delete, group_positions
from bus.replay.cursor import Reader
from bus.settings import Settings, load_settings
from bus.topics import apply
from router.events import MOVES
from router.stage import CitizenStage
from tests.waiting import until

FACTS, CITIZENS = 3000, 300
POISON = ("case", b"1.N000000000000000000007", b"\x00\x00\x00\x00\x01 no record")
DEFAULT_RULES = files("router") / "rules_default.yaml"


@dataclass
class Town:
    """A live system that ran through mixed traffic and was killed on the way; it stands still now."""

    settings: Settings
    folder: Path
    routers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def samband(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "samband", *arguments],
            capture_output=True, text=True, check=False, timeout=180, cwd=self.folder,
            env=self.environment() | environment,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SAMBAND_")}
        return inherited | {
            "SAMBAND_BOOTSTRAP_SERVERS": str(self.settings.bootstrap_servers),
            "SAMBAND_KAFKA__TOPIC_PREFIX": self.settings.kafka.topic_prefix,
            "SAMBAND_KAFKA__SESSION_TIMEOUT_SECONDS": "6",
            "SAMBAND_ENGINE__MAX_BATCH_RECORDS": "100",
            "SAMBAND_LOG__FORMAT": "json",
        }

    def start_router(self) -> "subprocess.Popen[bytes]":
        number = len(self.routers)
        with (self.folder / f"router{number}.log").open("wb") as log:
            router = subprocess.Popen(
                [sys.executable, "-m", "samband", "router", "run"],
                cwd=self.folder, stderr=log, stdin=subprocess.DEVNULL,
                env=self.environment() | {"SAMBAND_DATA_DIR": str(self.folder / f"data{number}")},
            )  # fmt: skip
        self.routers.append(router)
        return router

    def works(self, number: int) -> bool:
        """Router ``number`` has taken over a partition."""
        return b"engine_restored" in (self.folder / f"router{number}.log").read_bytes()

    def replay_prefix(self, name: str) -> str:
        return f"{self.settings.kafka.topic_prefix}{name}."

    def replay(self, name: str, *more: str, **environment: str) -> dict[str, Any]:
        done = self.samband("replay", "--into", self.replay_prefix(name), "--json", *more, **environment)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def diff(self, name: str) -> tuple[int, dict[str, Any]]:
        done = self.samband("diff", self.replay_prefix(name), "--json")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


async def send(settings: Settings, records: list[tuple[str, bytes, bytes]]) -> None:
    async with AIOKafkaProducer(
        **connection(settings, "test"), acks="all", enable_idempotence=True, linger_ms=20
    ) as producer:
        sent = [await producer.send(settings.topic(topic), value, key) for topic, key, value in records]
        await asyncio.gather(*sent)


async def worked_off(settings: Settings) -> float:
    """The share of the facts that is committed as done; 1 only when all moves are done too."""
    try:
        done = await group_positions(settings, settings.topic(CitizenStage.name))
    except BusUnavailableError:  # a new broker has no coordinator of groups until the first has come
        return 0
    facts = [topic for topic in CitizenStage.inputs if topic != MOVES]
    places = [TopicPartition(settings.topic(topic), number) for topic in facts for number in range(8)]
    async with Reader(settings) as reader:
        there = await reader.ends(places)
    share = sum(done.get(place, 0) for place in places) / sum(there.values())
    if share < 1:
        return share
    moves = [record async for record in read_to_end(settings, MOVES)]
    at = {place.partition: offset for place, offset in done.items() if place.topic == settings.topic(MOVES)}
    return 1 if all(record.offset < at.get(record.partition, 0) for record in moves) else 0.99


@pytest.fixture(scope="module")
def town(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("replay")
    settings = load_settings(
        bootstrap_servers=broker,
        data_dir=folder / "data",
        kafka={"topic_prefix": f"t{uuid.uuid4().hex[:12]}."},
    )
    made = Town(settings, folder)
    try:
        asyncio.run(live(made))
        yield made
    finally:
        for one in made.routers:
            if one.poll() is None:
                one.kill()
                one.wait()


async def live(town: Town) -> None:
    """Mixed traffic in three bursts, while routers are killed, join and leave."""
    settings = town.settings
    await apply(settings)
    facts = [(made.topic, made.key, made.data) for made in Traffic(CITIZENS).facts(FACTS)]
    third = FACTS // 3

    async def reached(share: float, what: str) -> None:
        async def looked() -> bool:
            return await worked_off(settings) >= share

        _: bool = await until(looked, timeout=90, what=what)

    killed = town.start_router()
    await send(settings, [*facts[:third], POISON])
    await reached(0.1, "the first router to work")
    killed.kill()
    stays = town.start_router()
    leaves = town.start_router()
    await until(lambda: town.works(1) and town.works(2), timeout=60, what="two routers to share the work")
    await send(settings, facts[third : 2 * third])
    await reached(0.4, "two routers to work")
    leaves.terminate()
    await send(settings, facts[2 * third :])
    await reached(1, "all records to be done")
    stays.terminate()
    for one in town.routers:
        one.wait(timeout=30)


def test_a_replay_is_equal_to_the_byte(town):
    done = town.replay("equal")
    assert done["by_time"] == 0
    code, found = town.diff("equal")
    assert (code, found["equal"]) == (0, True), found
    assert {(one["different"], one["newer"], one["expired"]) for one in found["partitions"]} == {(0, 0, 0)}
    equal = counted(found, "equal")
    assert equal["timeline"] >= FACTS
    assert equal["case.dlq"] == 1
    assert min(equal["router.moves"], equal["router.citizen.changelog"]) >= CITIZENS
    assert equal["coordination"] > 0


def counted(found: dict[str, Any], what: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in found["partitions"]:
        counts[one["topic"]] += one[what]
    return counts


def test_a_changed_rule_shows_what_it_would_change(town):
    rules = yaml.safe_load(DEFAULT_RULES.read_text(encoding="utf-8"))
    rules["burden"]["visits"] = 2
    changed = town.folder / "rules.yaml"
    changed.write_text(yaml.safe_dump(rules), encoding="utf-8")
    town.replay("changed", SAMBAND_ROUTER__RULES=str(changed))
    code, found = town.diff("changed")
    assert (code, found["equal"]) == (1, False)
    different = counted(found, "different")
    assert {topic for topic, count in different.items() if count} == {
        "coordination",
        "router.citizen.changelog",
    }
    records = {record for one in found["partitions"] for record in one["by_record"]}
    assert records == {"Finding", "state"}
    first = next(one["first"] for one in found["partitions"] if one["first"])
    assert first["side"] in ("live", "replay")
    assert first["offset"] >= 0


@pytest.mark.slow
def test_what_would_mix_two_runs_is_refused(town):
    town.replay("twice")
    again = town.samband("replay", "--into", town.replay_prefix("twice"))
    assert (again.returncode, "--replace" in again.stderr) == (2, True), again.stderr
    assert town.replay("twice", "--replace")["records"] >= FACTS
    gone = town.samband("replay", "--into", town.replay_prefix("twice"), "--delete", "--json")
    assert len(json.loads(gone.stdout)["deleted"]) >= len(CitizenStage.inputs) + 3
    assert town.samband("diff", town.replay_prefix("twice")).returncode == 2
    live = town.samband("replay", "--into", town.settings.kafka.topic_prefix)
    assert (live.returncode, "live topics" in live.stderr) == (2, True), live.stderr


@pytest.mark.slow
def test_lost_topics_are_written_again_and_the_router_goes_on(town):
    """Without timeline and changelog the router refuses to work; with both restored nothing is different."""
    lost = ("timeline", "router.citizen.changelog")
    asyncio.run(delete(town.settings, lost))
    asyncio.run(apply(town.settings))
    filled = town.samband("replay", "--restore", "coordination")
    assert (filled.returncode, "not empty" in filled.stderr) == (2, True), filled.stderr
    done = town.samband("replay", "--restore", lost[0], "--restore", lost[1])
    assert done.returncode == 0, done.stderr
    more = [(made.topic, made.key, made.data) for made in Traffic(CITIZENS, seed=2).facts(200)]
    router = town.start_router()
    asyncio.run(send(town.settings, more))
    asyncio.run(all_done(town.settings))
    refused = town.samband("replay", "--restore", "timeline")
    assert (refused.returncode, "a router is running" in refused.stderr) == (2, True), refused.stderr
    router.terminate()
    router.wait(timeout=30)
    assert town.replay("restored")["by_time"] == 0
    code, found = town.diff("restored")
    assert (code, found["equal"]) == (0, True), found


async def all_done(settings: Settings) -> None:
    async def done() -> bool:
        return await worked_off(settings) == 1

    _: bool = await until(done, timeout=60, what="all records to be done")


@pytest.mark.slow
def test_what_the_live_router_wrote_since_is_newer(town):
    """A replay of what was, compared after the router has gone on."""
    town.replay("before")
    router = town.start_router()
    asyncio.run(send(town.settings, [(m.topic, m.key, m.data) for m in Traffic(CITIZENS, seed=3).facts(50)]))
    asyncio.run(all_done(town.settings))
    router.terminate()
    router.wait(timeout=30)
    code, found = town.diff("before")
    assert (code, found["equal"]) == (0, True), found
    newer = counted(found, "newer")
    assert newer["timeline"] >= 50
    assert newer["router.citizen.changelog"] > 0


def test_one_forged_record_is_found_at_its_place(town):
    town.replay("forged")
    told = town.settings.topic("timeline")

    async def forge() -> int:
        records = [record async for record in read_to_end(town.settings, "timeline")]
        record = next(one for one in records if one.partition == 3)
        async with AIOKafkaProducer(**connection(town.settings, "test"), acks="all") as producer:
            value = bytes(record.value or b"")
            forged = value[:-1] + bytes([value[-1] ^ 1])
            sent = await producer.send_and_wait(told, forged, record.key, 3, record.timestamp // 1000)
        return int(sent.offset)

    offset = asyncio.run(forge())
    code, found = town.diff("forged")
    assert code == 1
    (where,) = [one for one in found["partitions"] if one["different"]]
    assert (where["topic"], where["partition"], where["different"]) == ("timeline", 3, 1)
    assert where["first"] == {"side": "live", "offset": offset}


def test_without_its_order_a_replay_says_so(town):
    asyncio.run(delete(town.settings, ["router.citizen.order"]))
    done = town.replay("unordered")
    assert done["by_time"] == done["records"] >= FACTS
    told = town.samband("replay", "--into", town.replay_prefix("unordered"), "--replace")
    assert "was not noted" in told.stderr
