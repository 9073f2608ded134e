"""The embedded broker, for real: start, stop, restart on old data, and every way to be refused or killed."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bus.embedded import network
from bus.embedded.errors import BrokerError, BrokerRunsError, PortTakenError
from bus.embedded.folder import BrokerFolder
from bus.embedded.server import EmbeddedBroker, stop_running
from tests.waiting import wait_until

NewBroker = Callable[..., EmbeddedBroker]
_RECORDS = [b"first", b"second", "\u00e6\u00f8\u00e5".encode()]


@pytest.fixture
def new_broker(data_dir: Path, cache_dir: Path) -> Iterator[NewBroker]:
    brokers: list[EmbeddedBroker] = []

    def make(**options: int) -> EmbeddedBroker:
        brokers.append(EmbeddedBroker(data_dir, cache_dir=cache_dir, heap="256m", port=options.get("port")))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.stop()


async def _write(bootstrap_servers: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    await admin.close()
    async with (
        AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers, acks="all", transactional_id="kept"
        ) as producer,
        producer.transaction(),
    ):
        for record in _RECORDS:
            await producer.send("kept", record)


async def _read(bootstrap_servers: str) -> list[bytes]:
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest", isolation_level="read_committed"
    ) as consumer:
        consumer.assign([TopicPartition("kept", 0)])
        return [(await asyncio.wait_for(consumer.getone(), 60)).value for _ in _RECORDS]


@pytest.mark.slow
async def test_restart_keeps_the_records_and_the_port_and_else_takes_another(new_broker: NewBroker, data_dir):
    broker = new_broker()
    address = await asyncio.to_thread(broker.start)
    running = BrokerFolder(data_dir).running()
    assert running is not None
    assert address == broker.bootstrap_servers == running.bootstrap_servers
    assert address.startswith("127.0.0.1:")
    await _write(address)
    await asyncio.to_thread(broker.stop)
    assert not BrokerFolder(data_dir).is_taken()

    again = new_broker()
    assert await asyncio.to_thread(again.start) == address
    assert await _read(address) == _RECORDS
    await asyncio.to_thread(again.stop)

    # Both ports of the first run belong to somebody else now, the controller's too.
    taken = [socket.create_server(("127.0.0.1", port)) for port in BrokerFolder(data_dir).last_ports()]
    try:
        moved = new_broker()
        elsewhere = await asyncio.to_thread(moved.start)
        assert elsewhere != address
        assert await _read(elsewhere) == _RECORDS
        await asyncio.to_thread(moved.stop)
    finally:
        for listener in taken:
            listener.close()


async def test_a_partition_that_holds_little_maps_little_into_memory(new_broker: NewBroker, data_dir: Path):
    with new_broker() as broker:
        await _write(broker.bootstrap_servers)
        sizes = {path.suffix: path.stat().st_size for path in data_dir.rglob("kept-0/*.*index")}
    assert sizes.keys() == {".index", ".timeindex"}
    assert max(sizes.values()) <= 1024 * 1024


def test_only_this_machine_can_reach_it(new_broker: NewBroker):
    with new_broker() as broker:
        pids = [broker.pid, *(child.pid for child in psutil.Process(broker.pid).children(recursive=True))]
        listening = {
            connection.laddr.ip
            for pid in pids
            for connection in psutil.Process(pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_second_broker_on_the_folder_is_refused_and_the_first_goes_on(new_broker: NewBroker):
    with new_broker() as first:
        with pytest.raises(BrokerRunsError, match=first.bootstrap_servers):
            new_broker().start()
        host, _, port = first.bootstrap_servers.partition(":")
        assert network.cluster_at(host, int(port)) == first.folder.cluster_id()


def test_another_broker_on_the_chosen_port_is_not_taken_for_ours(
    new_broker: NewBroker, tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    with new_broker() as other:
        port, real = int(other.bootstrap_servers.rpartition(":")[2]), network.free_ports
        choices = [[port, *real("127.0.0.1", 1)]] * 2  # as if free a moment ago, to prepare it and to start
        monkeypatch.setattr(network, "free_ports", lambda *given: choices.pop() if choices else real(*given))
        with EmbeddedBroker(tmp_path / "second", cache_dir=cache_dir, heap="256m") as broker:
            assert not choices
            assert broker.bootstrap_servers != other.bootstrap_servers
            host, _, port_found = broker.bootstrap_servers.partition(":")
            assert network.cluster_at(host, int(port_found)) == broker.folder.cluster_id()
            assert broker.folder.cluster_id() != other.folder.cluster_id()


def test_port_that_was_asked_for_and_is_taken_is_refused(new_broker: NewBroker, data_dir):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} is in use") as refused:
            new_broker(port=port).start()
    assert refused.value.fix
    assert not BrokerFolder(data_dir).is_taken()


def test_port_that_is_lost_between_choice_and_start_is_replaced(new_broker: NewBroker, monkeypatch):
    """The one thing replaced here is luck: the first choice is a port that somebody has just taken."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        choose = network.free_ports
        choices = [[taken, choose("127.0.0.1", 1)[0]]] * 2  # one is used for preparing the folder

        def unlucky_twice(host: str, count: int) -> list[int]:
            return choices.pop() if choices else choose(host, count)

        monkeypatch.setattr(network, "free_ports", unlucky_twice)
        with new_broker() as broker:
            assert broker.bootstrap_servers != f"127.0.0.1:{taken}"
    assert choices == []


def test_data_folder_that_is_not_kafkas_is_told_with_the_log(new_broker: NewBroker, data_dir):
    (data_dir / "kafka").mkdir(parents=True)
    (data_dir / "kafka" / "meta.properties").write_text("version=1\nnode.id=7\ncluster.id=another\n")
    with pytest.raises(BrokerError, match="could not be brought back") as refused:
        new_broker().start()
    assert "output.log" in refused.value.fix
    assert not BrokerFolder(data_dir).is_taken()


def test_interrupted_preparation_is_made_good(new_broker: NewBroker, data_dir):
    (data_dir / "kafka").mkdir(parents=True)
    (data_dir / "kafka" / "bootstrap.checkpoint").write_bytes(b"half")
    with new_broker() as broker:
        assert broker.bootstrap_servers


@pytest.mark.slow
def test_start_that_ended_after_its_fencing_is_made_good(new_broker: NewBroker, data_dir):
    with new_broker():
        pass
    said = data_dir / "fencing.log"
    assert not said.exists()
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(PortTakenError):
        new_broker(port=listener.getsockname()[1]).start()
    assert "Fencing broker 1 " in said.read_text()
    with new_broker() as broker:
        assert broker.bootstrap_servers
    assert "Fencing broker" not in said.read_text()


@pytest.mark.slow
async def test_killed_broker_is_noticed_and_loses_nothing(new_broker: NewBroker, data_dir):
    broker = new_broker()
    address = await asyncio.to_thread(broker.start)
    await _write(address)
    assert broker.pid is not None
    os.killpg(broker.pid, signal.SIGKILL)
    wait_until(lambda: not BrokerFolder(data_dir).is_taken(), what="the lock to be free")
    assert (data_dir / "broker.json").exists()
    assert BrokerFolder(data_dir).running() is None
    await asyncio.to_thread(broker.stop)

    again = new_broker()
    await asyncio.to_thread(again.start)
    assert await _read(again.bootstrap_servers) == _RECORDS
    await asyncio.to_thread(again.stop)


def test_killed_parent_leaves_no_broker_behind(data_dir, cache_dir):
    parent = f"""
from pathlib import Path
from bus.embedded.server import EmbeddedBroker
with EmbeddedBroker(Path({str(data_dir)!r}), cache_dir=Path({str(cache_dir)!r}), heap="256m") as broker:
    print(broker.pid, flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        group = int(process.stdout.readline())
        assert len(psutil.Process(group).children()) == 1
        process.kill()
    wait_until(lambda: not psutil.pid_exists(group), timeout=40, what="guard and broker to end")
    assert not BrokerFolder(data_dir).is_taken()


def test_command_line_starts_it_in_the_background_and_stops_it(tmp_path, cache_dir):
    environment = {**os.environ, "SAMBAND_DATA_DIR": str(tmp_path), "SAMBAND_CACHE_DIR": str(cache_dir)}
    environment.pop("SAMBAND_BOOTSTRAP_SERVERS", None)

    def samband(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "samband", "broker", *arguments],
            env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    stopped = {"running": False, "bootstrap_servers": None}
    code, output, _ = samband("status", "--json")
    assert (code, json.loads(output)) == (1, stopped)
    try:
        code, output, errors = samband("start", "--json", "--heap", "256m")
        assert (code, errors) == (0, "")
        address = json.loads(output)["bootstrap_servers"]
        code, output, _ = samband("status")
        assert (code, address in output) == (0, True)
        code, output, errors = samband("start")
        assert (code, output, len(errors.splitlines())) == (2, "", 1)
        assert address in errors
        assert "samband broker stop" in errors
    finally:
        code, output, _ = samband("stop", "--json")
    assert (code, json.loads(output)) == (0, stopped)
    assert stop_running(tmp_path / "broker") is None
    host, _, port = address.partition(":")
    assert network.cluster_at(host, int(port)) is None
