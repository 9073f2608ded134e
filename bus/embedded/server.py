"""Starts, stops and restarts one Kafka node as a child process."""

import base64
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from bus.embedded import guard, java, network
from bus.embedded.archive import ClassArchive, recording
from bus.embedded.errors import BrokerError, PortTakenError
from bus.embedded.fencing import wait_until_fenced
from bus.embedded.folder import BrokerFolder, RunningBroker
from bus.embedded.jars import JarCache, OnProgress
from bus.embedded.processes import Process, end, end_group
from bus.embedded.properties import HOST, controller_properties, server_properties
from bus.embedded.storage import check_space, translated

_READY_SECONDS = 60.0
"""A start takes three to five seconds; a machine that is busy with other things gets more."""
_FORMAT_SECONDS = 60.0
_POLL = 0.05
_PORT_TRIES = 4
_DISK_FULL = "No space left on device"
_PORT_TAKEN = "Address already in use"


class EmbeddedBroker:
    """A Kafka broker whose life is this object's, or with ``start(detached=True)`` its own.

    Use it as a context manager; from asyncio, call ``start`` and ``stop`` with ``asyncio.to_thread``.
    ``heap`` is Java's, as after ``-Xmx``. ``port`` asks for a fixed port; otherwise a free one is picked,
    the one of the last run if it can be had. ``on_fetch`` hears how far the first download of jars is.
    ``record`` gets an archive of the classes that were loaded, when the broker stops.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        cache_dir: Path,
        heap: str = "512m",
        port: int | None = None,
        repository: str | None = None,
        on_fetch: OnProgress | None = None,
        record: Path | None = None,
    ) -> None:
        self.folder = BrokerFolder(data_dir)
        self._cache = JarCache(cache_dir, repository)
        self._heap = heap
        self._port = port
        self._on_fetch = on_fetch
        self._record = record
        self._options: list[str] = []
        self._process: Process | None = None
        self._bootstrap_servers = ""

    @property
    def bootstrap_servers(self) -> str:
        """``host:port`` of the started broker."""
        if not self._bootstrap_servers:
            raise BrokerError("the broker has not been started")
        return self._bootstrap_servers

    @property
    def pid(self) -> int | None:
        """The process that leads the broker's group; None when this object holds none."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *, detached: bool = False) -> str:
        """Start the broker, wait until it answers, and give its address.

        An attached broker ends with this process, even if that is killed; a detached one goes on until
        `stop_running` is called for its folder.

        Raises:
            BrokerRunsError: if a broker runs on the data folder already.
            JarError: if a jar is missing or damaged and could not be fetched.
            PortTakenError: if the port that was asked for is in use.
            BrokerError: if the broker ended or did not answer.
        """
        jars = self._cache.fetch(self._on_fetch)
        self._options = ClassArchive(self._cache.folder).options
        with translated(self.folder.path), self.folder.lock() as lock:
            check_space(self.folder.path)
            if not self.folder.is_formatted:
                self._format(jars)
            else:
                self._fence(jars, lock)
            process = self._launch(jars, lock, detached=detached)
        self._process = None if detached else process
        return self._bootstrap_servers

    def stop(self) -> None:
        """Stop the broker in an orderly way; nothing happens if this object does not hold one."""
        process, self._process, self._bootstrap_servers = self._process, None, ""
        if process is not None:
            end(process)
            self.folder.withdraw()

    def _format(self, jars: list[Path]) -> None:
        """Prepare Kafka's data folder; what an interrupted earlier try left is removed first."""
        shutil.rmtree(self.folder.data, ignore_errors=True)
        self._write_properties(self._choose_ports(first_try=True))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        arguments = ["format", "--standalone", "-t", cluster, "-c", str(self.folder.properties)]
        command = java.command(
            jars,
            java.STORAGE,
            arguments,
            options=self._options,
            heap="128m",
            log=self.folder.log,
        )
        try:
            with self.folder.output.open("wb") as output:
                subprocess.run(
                    command,
                    check=True,
                    timeout=_FORMAT_SECONDS,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self.folder.path,  # the properties name the data folder from here
                )
        except subprocess.SubprocessError as error:
            shutil.rmtree(self.folder.data, ignore_errors=True)
            raise self._failure("could not prepare its data folder", self._reports(0)) from error

    def _fence(self, jars: list[Path], lock: int) -> None:
        """Run the controller alone until it has given up the broker of the last run."""
        log, reports = self.folder.fencing_log, ""
        for _ in range(_PORT_TRIES):
            (port,) = network.free_ports(HOST, 1)
            properties = controller_properties(self.folder.data.name, port)
            self.folder.properties.write_text(properties, encoding="ascii")
            log.unlink(missing_ok=True)
            process = self._spawn(jars, lock, log=log, detached=False)
            try:
                if wait_until_fenced(process, log):
                    return
            finally:
                end(process)
            said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            reports = said + self._reports(0)
            if _PORT_TAKEN not in reports:
                break
        raise self._failure("could not be brought back on its old data", reports)

    def _launch(self, jars: list[Path], lock: int, *, detached: bool) -> Process:
        for attempt in range(_PORT_TRIES):
            if attempt:
                self._fence(jars, lock)  # Kafka may have registered the broker before it missed the port
            ports = self._choose_ports(first_try=attempt == 0)
            self._write_properties(ports)
            log_start = self.folder.log.stat().st_size if self.folder.log.exists() else 0
            process = self._spawn(jars, lock, log=self.folder.log, detached=detached)
            try:
                ready = self._becomes_ready(process, ports[0])
            except BaseException:
                end(process)
                raise
            if ready:
                self._bootstrap_servers = f"{HOST}:{ports[0]}"
                self.folder.remember_ports(ports)
                self.folder.announce(RunningBroker(self._bootstrap_servers, process.pid))
                return process
            end(process)
            reports = self._reports(log_start)
            if _PORT_TAKEN not in reports:
                raise self._failure("ended while it was starting", reports)
        raise BrokerError(f"no port stayed free in {_PORT_TRIES} tries", fix="run the command again")

    def _choose_ports(self, *, first_try: bool) -> list[int]:
        """A port for clients and one for the controller. Others may take them before Kafka does."""
        last = self.folder.last_ports()
        if first_try and self._port is None and last and all(network.is_free(HOST, port) for port in last):
            return last
        ports = network.free_ports(HOST, 2)
        if self._port is not None:
            if not network.is_free(HOST, self._port):
                raise PortTakenError(
                    f"port {self._port} is in use",
                    fix="stop what listens there, ask for another port, or leave the choice to Samband",
                )
            ports[0] = self._port
        return ports

    def _write_properties(self, ports: list[int]) -> None:
        text = server_properties(self.folder.data.name, broker_port=ports[0], controller_port=ports[1])
        self.folder.properties.write_text(text, encoding="ascii")

    def _spawn(self, jars: list[Path], lock: int, *, log: Path, detached: bool) -> Process:
        """Kafka itself, or Kafka below a guard; in a session of its own, so that Ctrl-C is ours alone."""
        arguments = [str(self.folder.properties)]
        fencing = log == self.folder.fencing_log
        options = recording(self._record) if self._record and not fencing else self._options
        command = java.command(
            jars, java.BROKER, arguments, options=options, heap=self._heap, log=log, fencing=fencing
        )
        if not detached:
            command = [sys.executable, "-I", "-S", guard.__file__, *command]
        with self.folder.output.open("wb") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=(lock,),
                cwd=self.folder.path,
            )

    def _becomes_ready(self, process: Process, port: int) -> bool:
        """True once Kafka answers, False if its process ended.

        Where it missed its port, another Kafka that took it may answer there before its process has ended.
        """
        cluster = self.folder.cluster_id()
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                return False
            if network.cluster_at(HOST, port) == cluster:
                return True
            time.sleep(_POLL)
        raise BrokerError(
            f"the broker did not answer within {_READY_SECONDS:.0f} s", fix=f"see {self.folder.log}"
        )

    def _reports(self, log_start: int) -> str:
        """What Java and Kafka said since the start of this try."""
        said = b""
        if self.folder.log.exists():
            with self.folder.log.open("rb") as log:
                log.seek(log_start)
                said = log.read()
        return (said + self.folder.output.read_bytes()).decode(errors="replace")

    def _failure(self, what: str, reports: str) -> BrokerError:
        if _DISK_FULL in reports:
            return BrokerError(
                f"the disk is full: {self.folder.path}",
                fix="free some space, or set SAMBAND_DATA_DIR to another disk",
            )
        errors = [line for line in reports.splitlines() if " ERROR " in line or "Error" in line]
        detail = f": {errors[0]}" if errors else ""
        return BrokerError(
            f"the broker {what}{detail}", fix=f"see {self.folder.log} and {self.folder.output.name} beside it"
        )


def stop_running(data_dir: Path) -> RunningBroker | None:
    """Stop the broker of another process that runs on ``data_dir``; None if there was none.

    Raises:
        BrokerError: if it could not be stopped.
    """
    folder = BrokerFolder(data_dir)
    broker = folder.running()
    if broker is None:
        return None
    if not end_group(broker.pid, has_ended=lambda: not folder.is_taken()):
        raise BrokerError(
            f"the broker (process {broker.pid}) could not be stopped",
            fix=f"end that process; see {folder.log}",
        )
    folder.withdraw()
    return broker


def archive_classes(cache_dir: Path) -> bool:
    """Make the archive of classes that later starts use, by a start for this alone; whether there is one now.

    Raises as `EmbeddedBroker.start` does.
    """
    folder = JarCache(cache_dir).folder
    archive = ClassArchive(folder)
    if archive.is_sound:
        return True
    with translated(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".recording-") as drafts:
        draft = Path(drafts) / "classes.aot"
        with EmbeddedBroker(Path(drafts) / "broker", cache_dir=cache_dir, record=draft):
            pass
        if draft.exists():
            archive.keep(draft)
    return archive.is_sound
