"""A real Kafka and real processes of Samband to measure, in a folder that is removed afterwards."""

import json
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bus.embedded.server import EmbeddedBroker
from bus.settings import Settings, load_settings
from bus.topics import apply
from samband.supervisor import Supervisor

CONNECTOR = "bench"


@contextmanager
def kafka() -> Iterator["Kafka"]:
    """An embedded broker while the block runs, unless SAMBAND_BOOTSTRAP_SERVERS names another."""
    with tempfile.TemporaryDirectory(prefix="samband-bench-") as name:
        folder = Path(name)
        given = load_settings().bootstrap_servers
        if given is not None:
            yield Kafka(folder, given)
            return
        with EmbeddedBroker(folder / "broker", cache_dir=load_settings().cache_dir) as broker:
            yield Kafka(folder, broker.bootstrap_servers)


@dataclass(frozen=True, slots=True)
class Kafka:
    """A running broker and a folder for what is measured on it."""

    folder: Path
    bootstrap_servers: str

    @asynccontextmanager
    async def system(self, run: str) -> AsyncIterator["MeasuredSystem"]:
        """Fresh topics with names of their own, and a supervisor of processes that use them."""
        data_dir = self.folder / run
        data_dir.mkdir()
        config = data_dir / "samband.toml"
        config.write_text(_config(data_dir, f"bench-{run}-{secrets.token_hex(4)}."), encoding="utf-8")
        settings = load_settings(config, bootstrap_servers=self.bootstrap_servers)
        await apply(settings)
        environment = {
            "SAMBAND_CONFIG": str(config),
            "SAMBAND_BOOTSTRAP_SERVERS": self.bootstrap_servers,
        }
        async with Supervisor(data_dir, environment) as supervisor:
            yield MeasuredSystem(settings, supervisor)


@dataclass(frozen=True, slots=True)
class MeasuredSystem:
    """Topics under one prefix, and the processes that work on them."""

    settings: Settings
    supervisor: Supervisor

    async def connector(self) -> "Measured":
        """Start the hospital connector and wait until it is ready."""
        component = f"connector.{CONNECTOR}"
        await self.supervisor.start(component, ("connector", "run", CONNECTOR))
        return await self._measured(component)

    async def router(self) -> "Measured":
        """Start the router and wait until it is ready."""
        await self.supervisor.start("router", ("router", "run"))
        return await self._measured("router")

    async def _measured(self, component: str) -> "Measured":
        endpoints = await self.supervisor.ready(component)
        file = self.settings.data_dir / "run" / f"{component}.json"
        process = psutil.Process(json.loads(file.read_text(encoding="utf-8"))["pid"])
        return Measured(endpoints, process, self.supervisor.log_file(component))


@dataclass(frozen=True, slots=True)
class Measured:
    """A process that is measured."""

    endpoints: Mapping[str, str]
    process: psutil.Process
    log: Path

    def resident_mb(self) -> float:
        """Memory that it holds now, in MB (millions of bytes)."""
        return float(self.process.memory_info().rss) / 1e6

    def cpu_seconds(self) -> float:
        """Processor time that it has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


def _config(data_dir: Path, prefix: str) -> str:
    quoted = json.dumps  # a TOML basic string is written like a JSON string
    return f"""\
data_dir = {quoted(str(data_dir))}

[kafka]
topic_prefix = {quoted(prefix)}

[pseudonym]
key = {quoted(secrets.token_urlsafe(48))}

[connectors.{CONNECTOR}]
kind = "hospital"
agency = "hospital.bench"
legal_basis = "GDPR-6-1-e"
purpose = "coordination"
port = 0
"""
