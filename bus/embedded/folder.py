"""The broker's data folder: what lies where, whose it is at the moment, and which ports were used last.

    kafka/              Kafka's own data
    server.properties   written at each start
    kafka.log           Kafka's warnings and errors; output.log holds what Java itself printed
    fencing.log         what the controller said before the broker started again (fencing.py)
    broker.json         where the broker can be reached; there only while it runs
    ports.json          the ports of the last run
    lock                locked by the broker's own process for as long as it lives

The lock, not a process id, tells whether a broker runs: the kernel lets go of it however the process
ends, so a file left behind by a crash is known to be stale and a reused process id does no harm.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bus.embedded.errors import BrokerRunsError

_TRIES = 10
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A broker that has started; ``pid`` leads its process group."""

    bootstrap_servers: str
    pid: int


class BrokerFolder:
    """The files of one embedded broker."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.data = self.path / "kafka"
        self._meta = self.data / "meta.properties"
        self.properties = self.path / "server.properties"
        self.log = self.path / "kafka.log"
        self.fencing_log = self.path / "fencing.log"
        self.output = self.path / "output.log"
        self._state = self.path / "broker.json"
        self._ports = self.path / "ports.json"
        self._lock = self.path / "lock"

    @property
    def is_formatted(self) -> bool:
        """True if Kafka's data folder was prepared to the end by an earlier start."""
        return self._meta.is_file()

    def cluster_id(self) -> str:
        """The id of the cluster whose data the folder holds, once it is formatted."""
        lines = self._meta.read_text(encoding="ascii").splitlines()
        return next(line.removeprefix("cluster.id=") for line in lines if line.startswith("cluster.id="))

    @contextlib.contextmanager
    def lock(self) -> Iterator[int]:
        """Take the folder, and give the open file that a child process must inherit to keep it.

        Raises:
            BrokerRunsError: if a broker, or somebody who is starting one, has it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        file = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # More than one try, because somebody may just be looking.
            for left in reversed(range(_TRIES)):
                if _locked(file):
                    break
                if not left:
                    raise self._taken()
                time.sleep(_PAUSE)
            self._state.unlink(missing_ok=True)
            yield file
        finally:
            os.close(file)

    def is_taken(self) -> bool:
        """True while a broker lives in this folder, or is being started in it."""
        try:
            file = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _locked(file)
        finally:
            os.close(file)

    def running(self) -> RunningBroker | None:
        """The broker that runs here; None if there is none, or it is not ready yet."""
        return self._read_state() if self.is_taken() else None

    def announce(self, broker: RunningBroker) -> None:
        """Tell other processes where the broker is."""
        _write(self._state, asdict(broker))

    def withdraw(self) -> None:
        """Take the announcement back; the broker has ended."""
        self._state.unlink(missing_ok=True)

    def last_ports(self) -> list[int]:
        """The broker's and the controller's port of the last run; empty before the first."""
        try:
            ports: list[int] = json.loads(self._ports.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return []  # any other ports do as well
        return ports

    def remember_ports(self, ports: list[int]) -> None:
        """Let the next start try these first."""
        _write(self._ports, ports)

    def _read_state(self) -> RunningBroker | None:
        try:
            return RunningBroker(**json.loads(self._state.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def _taken(self) -> BrokerRunsError:
        broker = self._read_state()
        where = (
            f" at {broker.bootstrap_servers} (process {broker.pid})" if broker else ", or is just starting"
        )
        return BrokerRunsError(
            f"a broker runs on {self.path} already{where}",
            fix="use it, stop it with `samband broker stop`, or choose another data folder",
        )


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(path: Path, content: object) -> None:
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(content) + "\n", encoding="utf-8")
    draft.replace(path)
