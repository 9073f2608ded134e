"""Sets up ``.venv`` from nothing but Python: uv, the locked packages, this project, Kafka's jars.

``make`` runs this before each target; when nothing has changed since the last time it does nothing and
asks no network. It runs before anything is installed, so it uses the standard library alone, and it
keeps to what Python 3.7 understands, so that an old one gets a sentence instead of a syntax error.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

OLDEST = (3, 11)
NEWEST_TO_TRY = 15
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "bootstrap.log"
STAMP = VENV / "bootstrap.stamp"
INPUTS = (
    "pyproject.toml",
    "requirements.lock",
    "tools/uv.lock",
    "tools/bootstrap.py",
    "tools/native.py",
    "schemas/fast/reading.pyx",
    "schemas/fast/writing.pyx",
)
NEEDED_MB = 1500
FOREIGN = ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "UV_PYTHON")
"""Variables of another environment that would lead pip, uv or Python elsewhere."""
UNCOMPILED = (
    "no C compiler, or no headers of this Python: everything works, but the router does half as much"
    " — install them (Debian and Ubuntu: apt-get install gcc libc6-dev python3-dev),"
    " then remove .venv and run the same command again"
)
DISK_SIGNS = ("no space left", "disk quota", "disk is full")
NETWORK_SIGNS = (
    "dns error",
    "failed to connect",
    "connection refused",
    "connection error",
    "no connection",
    "newconnectionerror",
    "error sending request",
    "name resolution",
    "timed out",
    "unreachable",
)


class SetUpError(Exception):
    """The set-up cannot go on; the text says what is wrong and what to do."""


def main() -> int:
    """Bring ``.venv`` up to date and give the exit code."""
    try:
        use_new_enough_python()
        if not is_up_to_date():
            set_up()
    except SetUpError as error:
        sys.stderr.write(f"samband: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nsamband: set-up interrupted; run the same command again to go on\n")
        return 130
    return 0


def use_new_enough_python() -> None:
    """Go on in a newer Python if this one is too old and the machine has one."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(NEWEST_TO_TRY, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, __file__])  # noqa: S606 - the same script, with no shell between
    raise SetUpError(
        f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, and this is {sys.version.split()[0]}"
        " — install one, or name it: make PYTHON=/path/to/python3"
    )


def stamp() -> str:
    """What the environment was made from, and where."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_up_to_date() -> bool:
    """Whether the last set-up ended well and was made from the same files."""
    try:
        return STAMP.read_text() == stamp() and os.access(PYTHON, os.X_OK)
    except OSError:
        return False


def set_up() -> None:
    """All steps, each of which may be repeated."""
    made_from = stamp()
    if not has_usable_python():
        check_machine()
        run("Creating .venv", sys.executable, "-m", "venv", "--clear", str(VENV))
    if STAMP.exists():
        STAMP.unlink()
    uv = find_uv()
    python = ("--python", str(PYTHON))
    # Compiled now, once; where Python may not write bytecode, every process would compile a second long.
    locked = ("--compile-bytecode", "--require-hashes", str(ROOT / "requirements.lock"))
    run("Installing the locked packages", uv, "pip", "sync", *python, *locked)
    editable = ("--no-deps", "--no-build-isolation", "-e", str(ROOT))
    run("Installing samband itself", uv, "pip", "install", *python, *editable)
    if not is_compiled():
        sys.stderr.write(f"samband: {UNCOMPILED}\n")
    run("Fetching Kafka's jars", str(PYTHON), "-m", "samband", "broker", "fetch")
    STAMP.write_text(made_from)


def is_compiled() -> bool:
    """Whether tools/native.py had what it needs."""
    check = "from schemas.fast import COMPILED; raise SystemExit(not COMPILED)"
    return subprocess.call([str(PYTHON), "-c", check], cwd=ROOT) == 0


def has_usable_python() -> bool:
    """Whether ``.venv`` has a Python that still runs, new enough, and its pip."""
    check = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    try:
        return subprocess.call([str(PYTHON), "-I", "-c", check], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def check_machine() -> None:
    """Tell what is missing before anything is downloaded."""
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise SetUpError(
                f"this Python lacks its module {module}"
                " — install it (Debian and Ubuntu: apt-get install python3-venv)"
            )
    free = shutil.disk_usage(ROOT).free >> 20
    if free < NEEDED_MB:
        raise SetUpError(
            f"the disk is full: {free} MB are free and the set-up needs {NEEDED_MB}"
            " — free some space and try again"
        )


def find_uv() -> str:
    """The machine's uv, or the pinned one from the package index in a folder of its own inside ``.venv``."""
    installed = shutil.which("uv")
    if installed:
        return installed
    folder = VENV / "uv"
    uv = folder / "bin" / "uv"
    if not os.access(uv, os.X_OK):
        pip = (str(PYTHON), "-m", "pip", "install", "--retries", "2", "--disable-pip-version-check")
        pinned = ("--require-hashes", "--no-deps", "-r", str(ROOT / "tools" / "uv.lock"))
        run("Installing uv", *pip, "--upgrade", "--target", str(folder), *pinned)
    return str(uv)


def run(what: str, *command: str) -> None:
    """Run one step. What it says goes to the log, its latest line to the terminal."""
    VENV.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    said = []
    with LOG.open("a") as log, Progress(what) as progress:
        log.write(f"$ {' '.join(command)}\n")
        step = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )
        for line in step.stdout or ():
            log.write(line)
            said.append(line.strip())
            progress.detail = line.strip()
        progress.failed = step.wait() != 0
    if progress.failed:
        raise SetUpError(f"{what[0].lower()}{what[1:]} failed: {diagnosis(said)}")


def diagnosis(said: list[str]) -> str:
    """What is wrong and what to do, from what the tool said."""
    text = " ".join(said).lower()
    if any(sign in text for sign in DISK_SIGNS):
        return "the disk is full — free some space and try again"
    if any(sign in text for sign in NETWORK_SIGNS):
        return (
            "no connection to the package registry"
            " — connect to the network (or set HTTPS_PROXY) and try again"
        )
    last = next((line for line in reversed(said) if line), "it said nothing")
    return f"{last} — see {LOG.relative_to(ROOT)}"


class Progress:
    """A line with the step, its seconds and its latest words; a plain line where there is no terminal."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.detail = ""
        self.failed = False
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._painter = threading.Thread(target=self._paint, daemon=True)

    def __enter__(self) -> Progress:  # noqa: PYI034 - Python 3.7 has no Self
        if self._live:
            self._painter.start()
        else:
            sys.stderr.write(f"samband: {self.what} …\n")
            sys.stderr.flush()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._ended.set()
        if self._live:
            self._painter.join()
            mark = "✗" if self.failed or kind else "✓"
            sys.stderr.write(f"\r\033[K{mark} {self.what} ({time.monotonic() - self._started:.0f} s)\n")

    def _paint(self) -> None:
        for frame in itertools.cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"):
            line = f"{frame} {self.what} {time.monotonic() - self._started:3.0f} s  {self.detail}"
            sys.stderr.write("\r\033[K" + line[: shutil.get_terminal_size().columns - 1])
            sys.stderr.flush()
            if self._ended.wait(0.1):
                return


if __name__ == "__main__":
    sys.exit(main())
