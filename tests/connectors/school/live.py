"""The school connector as a process of its own on a real Kafka."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bus.reader import Record, read_to_end
from bus.settings import Settings, load_settings
from bus.topics import apply
from connectors.kit.pseudonyms import Pseudonyms
from schemas.codec import Codec, Decoded
from schemas.errors import RetriableError
from tests.connectors.school.rig import AGENCY
from tests.waiting import until

REPOSITORY = Path(__file__).resolve().parents[3]
KEY = "a-long-enough-key-0123456789-that-only-tests-use"
PSEUDONYMS = Pseudonyms(KEY.encode(), "1")
FACTS = ("person", "education")
WORKER = """
import asyncio, sys
from pathlib import Path
from bus.logs import configure
from bus.process import run
from bus.settings import load_settings
from connectors.kit.runtime import run_connector
settings = load_settings(Path(sys.argv[1]))
configure(settings.log)
raise SystemExit(run("connector", lambda stop: run_connector("school", settings, stop)))
"""


class Live:
    """One connector, its folders, and what lies on its topics."""

    def __init__(self, broker: str, prefix: str, path: Path, patience: float = 60.0) -> None:
        self.path = path
        self.file = path / "samband.toml"
        self.file.write_text(
            f"""
bootstrap_servers = "{broker}"
data_dir = "{path / "data"}"
kafka.topic_prefix = "{prefix}"
kafka.allow_plaintext = true
pseudonym.key = "{KEY}"

[connectors.school]
kind = "school"
agency = "{AGENCY}"
legal_basis = "opplæringsloven"
purpose = "coordination"
drop.folder = "{path / "drop"}"
drop.interval_seconds = 0.05
drop.patience_seconds = {patience}
""",
            encoding="utf-8",
        )
        self.settings: Settings = load_settings(self.file)
        self.inbox = path / "drop" / "in"
        self.inbox.mkdir(parents=True)
        self.log = path / "log"

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The process; it is told to stop at the end, unless it has ended."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", WORKER, str(self.file)],
                cwd=REPOSITORY,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise

    async def topics(self) -> None:
        """Make all topics of the catalogue, as `samband topics apply` does."""
        await apply(self.settings)

    async def records(self, *topics: str) -> list[Record]:
        """All that lies in the topics; topics that were just made may have no leader for a moment."""

        async def attempt() -> Any:
            try:
                return ([record async for record in read_to_end(self.settings, *topics)],)
            except RetriableError:
                return None

        answer: Any = await until(attempt, timeout=60, what="the topics")
        found: list[Record] = answer[0]
        return found

    async def read(self, *topics: str) -> list[tuple[str, Decoded]]:
        """Key and record of all that lies in the topics."""
        codec = Codec()
        return [
            ((record.key or b"").decode(), codec.decode(record.value))
            for record in await self.records(*topics)
            if record.value is not None
        ]

    async def raw(self, *topics: str) -> bytes:
        """All keys, headers and values of the topics."""
        found = await self.records(*topics)
        told = [(record.key or b"", record.headers) for record in found]
        return repr(told).encode() + b"".join(record.value or b"" for record in found)

    async def outcomes(self) -> list[dict[str, Any]]:
        """What became of the inputs so far."""
        return [decoded.value for _, decoded in await self.read("inputs")]

    def settled(self, count: int) -> bool:
        """Whether ``count`` inputs lie in archive, failed or held."""
        places = [self.path / "drop" / place for place in ("archive", "failed", "held")]
        return sum(label.is_dir() for place in places if place.is_dir() for label in place.iterdir()) >= count


async def stopped(process: subprocess.Popen[bytes]) -> None:
    """Kill without warning, as a power cut does."""
    process.kill()
    await asyncio.to_thread(process.wait)
