"""A Maven repository of three small files on a real port, and folders for brokers."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bus.embedded.jars import Jar
from bus.settings import load_settings


@dataclass
class Repository:
    """Serves ``folder`` as a Maven repository; ``requests`` are the paths that were asked for."""

    url: str
    folder: Path
    requests: list[str] = field(default_factory=list)

    def put(self, artifact: str, content: bytes) -> Jar:
        """Publish ``no.example:<artifact>:1.0``."""
        path = self.folder / "no" / "example" / artifact / "1.0" / f"{artifact}-1.0.jar"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return Jar("no.example", artifact, "1.0", hashlib.sha256(content).hexdigest())


class _Handler(http.server.SimpleHTTPRequestHandler):
    repository: Repository

    def log_message(self, *_arguments: object) -> None:
        self.repository.requests.append(self.path)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # on a machine that reaches its registries through a proxy
    folder = tmp_path / "repository"
    folder.mkdir()

    class Handler(_Handler):
        """A class of its own for each repository."""

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    ) as server:
        Handler.repository = Repository(f"http://127.0.0.1:{server.server_port}", folder)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Handler.repository
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    """The cache of Kafka's jars that all runs share."""
    return load_settings().cache_dir


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with a name that would trip a properties file: a comma, an equals sign, a letter of ours."""
    return tmp_path / "kafka, data = på disk"
