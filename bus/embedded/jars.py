"""Kafka's jars: a committed list with hashes, and a cache of them that all runs of a user share.

The list is what Maven resolved for ``kafka_2.13`` and ``log4j-slf4j-impl``; jgo fetches each file by
its own coordinates, because jgo's resolver picks other versions (docs/adr/0002).
"""

import csv
import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import requests
from jgo.maven import MavenContext

from bus.embedded.errors import JarError

KAFKA_VERSION = "4.3.1"
_LIST = Path(__file__).parent / f"kafka_{KAFKA_VERSION}_jars.tsv"
_CONNECTIONS = 6
"""Downloads at a time: enough to hide the round trips, few enough for any repository's limits."""
_TIMEOUT = 20
"""Seconds without an answer from the repository."""

OnProgress = Callable[[int, int], None]
"""Called with the jars done and the jars to fetch in all; possibly from another thread."""


@dataclass(frozen=True, slots=True, order=True)
class Jar:
    """One file of Maven Central; ``sha256`` in lower-case hex."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """The file's name, in the repository as in the cache."""
        return f"{self.artifact}-{self.version}.jar"


@cache
def jar_list() -> tuple[Jar, ...]:
    """Every jar that the broker's class path needs."""
    with _LIST.open(encoding="utf-8", newline="") as file:
        return tuple(Jar(**row) for row in csv.DictReader(file, dialect="excel-tab"))


class JarCache:
    """The folder ``<cache_dir>/kafka-<version>``, which any number of processes may fill at once.

    ``repository`` is the address of a Maven repository; Maven Central when None.
    """

    def __init__(self, cache_dir: Path, repository: str | None = None) -> None:
        self.folder = cache_dir / f"kafka-{KAFKA_VERSION}"
        self._repository = repository

    def unusable(self, jars: Iterable[Jar] | None = None) -> list[Jar]:
        """The jars that are missing or damaged. Reads all of them: about 50 ms for Kafka's 44 MB."""
        return [jar for jar in (jar_list() if jars is None else jars) if not self._is_sound(jar)]

    def fetch(self, on_progress: OnProgress | None = None, jars: Iterable[Jar] | None = None) -> list[Path]:
        """Every jar's path, after fetching those that are missing or damaged.

        Raises:
            JarError: naming the first jar that could not be brought into the cache.
        """
        wanted = tuple(jar_list() if jars is None else jars)
        unusable = self.unusable(wanted)
        if unusable:
            self._fetch(unusable, on_progress)
        return [self.path(jar) for jar in wanted]

    def path(self, jar: Jar) -> Path:
        """Where ``jar`` is in the cache, or would be."""
        return self.folder / jar.filename

    def _is_sound(self, jar: Jar) -> bool:
        try:
            return _sha256(self.path(jar)) == jar.sha256
        except FileNotFoundError:
            return False
        except OSError as error:
            raise JarError(
                f"{jar.filename} cannot be read in {self.folder}: {error.strerror}",
                fix="make the cache folder readable, or set SAMBAND_CACHE_DIR to another one",
            ) from error

    def _fetch(self, jars: list[Jar], on_progress: OnProgress | None) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (
                tempfile.TemporaryDirectory(dir=self.folder, prefix=".fetching-") as drafts,
                ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="jars") as pool,
            ):
                context = self._context(Path(drafts))
                try:
                    for done, _ in enumerate(pool.map(lambda jar: self._fetch_one(context, jar), jars), 1):
                        if on_progress:
                            on_progress(done, len(jars))
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
        except OSError as error:
            raise _storage_error(error, self.folder) from error

    def _context(self, drafts: Path) -> MavenContext:
        remote = None if self._repository is None else {"repository": self._repository}
        return MavenContext(repo_cache=drafts, local_repos=[], remote_repos=remote, timeout=_TIMEOUT)

    def _fetch_one(self, context: MavenContext, jar: Jar) -> None:
        damaged = self.path(jar).exists()
        state = "is damaged in the cache and" if damaged else "is missing and"
        try:
            draft = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        except requests.RequestException as error:
            raise JarError(
                f"{jar.filename} {state} could not be fetched: no connection to the Maven repository",
                fix="connect to the network (or set HTTPS_PROXY) and run `samband broker fetch`",
            ) from error
        except RuntimeError as error:
            raise JarError(
                f"{jar.filename} {state} could not be fetched: the Maven repository does not have it",
                fix="check that the repository serves Maven Central's files, then run `samband broker fetch`",
            ) from error
        if _sha256(draft) != jar.sha256:
            raise JarError(
                f"{jar.filename} {state} came with another SHA-256 than the one listed",
                fix="run `samband broker fetch` again; if it stays so, the repository serves an altered file",
            )
        # Within one file system and in one step: another process sees the old file or the new one.
        draft.replace(self.path(jar))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _storage_error(error: OSError, folder: Path) -> JarError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return JarError(
            f"the disk is full: Kafka's jars (44 MB) do not fit into {folder}",
            fix="free some space, or set SAMBAND_CACHE_DIR to a folder on another disk",
        )
    return JarError(
        f"the cache folder {folder} cannot be written: {os.strerror(error.errno or 0)}",
        fix="make it writable, or set SAMBAND_CACHE_DIR to another one",
    )
