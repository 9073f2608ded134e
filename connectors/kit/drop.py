"""The shape of a drop folder: an agency leaves files or folders, a connector takes each exactly once.

::

    <folder>/in/                 the agency writes here, and nowhere else
    <folder>/claimed/<label>/    taken by one atomic rename; what is here at start is taken up again
    <folder>/archive/<label>/    done, kept for `archive_days`
    <folder>/failed/<label>/     refused, with <label>.report.txt beside it
    <folder>/held/<label>/       waits for a person's decision, with <label>.report.txt beside it

An input is taken when two polls in a row saw the same sizes and times, so that it is not read half-written;
names that begin with a dot or end in ``.part`` or ``.tmp`` are still being written. Nothing is followed,
unpacked or executed, and an agency's file name, which may hold personal data, is used nowhere but in the
report that lies beside the file: logs and metrics name an input by its label.
"""

import asyncio
import os
import shutil
import stat
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, Field

from schemas.errors import PoisonError, RefusedError, RetriableError

_MIB = 1024 * 1024
_UNFINISHED = (".part", ".tmp")

Fingerprint = tuple[tuple[str, int, int, int], ...]
"""Kind, size and time of every entry of an input: the same twice means that nobody is writing."""


class DropSettings(BaseModel):
    """Where inputs are dropped, and how patiently they are watched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Field(description="Holds in/, claimed/, archive/, failed/ and held/, on one file system.")
    interval_seconds: float = Field(default=1.0, gt=0, description="Time between two looks into in/.")
    patience_seconds: float = Field(
        default=60.0, ge=0, description="How long a folder waits for the files that its manifest promises."
    )
    max_bytes: int = Field(default=512 * _MIB, gt=0, description="A larger input is refused unread.")
    archive_days: float = Field(default=30.0, ge=0, description="How long archived inputs are kept.")


class DropUnavailableError(RetriableError):
    """The file system refused (disk full, no permission); the input stays where it was."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an input. ``name`` is the agency's own: never log it."""

    name: str
    path: Path
    size: int
    written: int
    """When it was last written to, by the file system: microseconds since the epoch."""

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open without following a link; a file that changes while it is read is read again later."""
        with _translated("read an input"):
            descriptor = os.open(
                self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            )
        with os.fdopen(descriptor, "rb") as stream, _translated("read an input"):
            before = os.fstat(descriptor)
            yield stream
            after = os.fstat(descriptor)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise DropUnavailableError("An input changed while it was read", fix="It is read again.")

    def read(self) -> bytes:
        """Read all of it; at most the size that was seen when it was claimed, and one byte more."""
        with self.open() as stream:
            return stream.read(self.size + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An input that this connector alone has taken."""

    label: str
    """Names the input in logs: when it was taken, sorted by time; holds nothing of the agency's."""
    path: Path
    received: int
    """Microseconds since the epoch."""
    members: tuple[Member, ...]
    """Its files, by name: one for a file, all for a folder."""
    is_folder: bool
    released: bool = False
    """A person has let it pass after it was held."""
    problem: PoisonError | None = None
    """Why it must not be read at all (a link, too large, …); then ``members`` is empty."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(member.size for member in self.members)

    @property
    def written(self) -> int:
        """When the agency last wrote to it; when it was taken, if the clock there runs ahead."""
        return min(max((member.written for member in self.members), default=self.received), self.received)


class DropFolder:
    """Watches one drop folder. One process at a time: the claims are its own."""

    def __init__(
        self, settings: DropSettings, *, complete: Callable[[Path], bool] = lambda _folder: True
    ) -> None:
        """``complete`` says of a folder in ``in/`` whether all files that it promises are there."""
        self._settings = settings
        self._complete = complete
        self._seen: dict[str, tuple[Fingerprint, float]] = {}
        self._last_label = 0
        self.inbox, self._claimed, self._archive, self._failed, self._held = (
            settings.folder / name for name in ("in", "claimed", "archive", "failed", "held")
        )

    def prepare(self) -> None:
        """Create the folders; raises DropUnavailableError."""
        with _translated("create the drop folder"):
            for folder in (self.inbox, self._claimed, self._archive, self._failed, self._held):
                folder.mkdir(parents=True, exist_ok=True)
            taken = [label for folder in (self._claimed, self._held) for label in _labels(folder)]
        self._last_label = max(map(int, taken), default=0)  # also when the clock was set back

    async def serve(
        self,
        take: Callable[[Claim], Awaitable[None]],
        stop: asyncio.Event,
        on_available: Callable[[bool], None],
    ) -> None:
        """Hand every claim to ``take``, oldest first, until ``stop``.

        ``take`` settles the claim (archive, fail or hold). When it raises RetriableError, because Kafka or
        the disk is away, the claim stays and is handed over again, before any younger one.
        ``on_available`` hears False when the file system refuses, and True when all is well again.
        """
        prepared = False
        while not stop.is_set():
            try:
                if not prepared:
                    await asyncio.to_thread(self.prepare)
                    prepared = True
                for claim in await asyncio.to_thread(self.poll):
                    if stop.is_set():
                        return
                    await take(claim)
                await asyncio.to_thread(self.clean)
                on_available(True)  # noqa: FBT003 - as Publisher.on_available
            except DropUnavailableError:
                on_available(False)  # noqa: FBT003 - the one argument says it
            except RetriableError:
                pass
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._settings.interval_seconds)

    def poll(self) -> list[Claim]:
        """Claim what has come to rest since the last poll, and return all that is claimed, oldest first."""
        with _translated("look into the drop folder"):
            self._take_released()
            present: dict[str, tuple[Fingerprint, float]] = {}
            ready: list[tuple[int, str]] = []
            for name in os.listdir(self.inbox):  # noqa: PTH208 - names that are no UTF-8 must come through
                if name.startswith(".") or name.endswith(_UNFINISHED):
                    continue
                with suppress(FileNotFoundError):  # gone since the listing: its writer renamed it
                    self._look(name, present, ready)
            self._seen = present
            for _, name in sorted(ready):
                with suppress(FileNotFoundError):
                    self._claim(name)
            return self.claimed()

    def claimed(self) -> list[Claim]:
        """What was taken and is not settled yet, oldest first."""
        return [claim for label in _labels(self._claimed) if (claim := self._load(self._claimed / label))]

    def held(self) -> list[Claim]:
        """What waits for a decision, oldest first."""
        return [claim for label in _labels(self._held) if (claim := self._load(self._held / label))]

    def archive(self, claim: Claim) -> None:
        """The input is done. Its age in the archive counts from now."""
        with _translated("archive an input"):
            os.utime(claim.path.parent)
            self._settle(claim, self._archive)

    def fail(self, claim: Claim, report: str) -> None:
        """The input is refused; ``report`` says where it is wrong, without values."""
        self._put_aside(claim, self._failed, report)

    def hold(self, claim: Claim, report: str) -> None:
        """The input waits until a person releases it."""
        self._put_aside(claim, self._held, report)

    def ask_release(self, label: str | None = None) -> list[str]:
        """Ask the connector to take up one held input (or all), from any process; returns the labels.

        Raises RefusedError when there is none.
        """
        waiting = _labels(self._held) if self._held.is_dir() else []
        chosen = [name for name in waiting if label in (None, name)]
        if not chosen:
            raise RefusedError(
                "No such held input" if label else "Nothing is held",
                fix=f"Held now: {', '.join(waiting) or 'nothing'}.",
            )
        with _translated("release an input"):
            for name in chosen:
                (self._held / f"{name}.release").touch()
        return chosen

    def resume(self, claim: Claim) -> None:
        """Move a held input back among the claimed, to be tried again without having been released."""
        with _translated("take up a held input"):
            self._settle(claim, self._claimed)

    def clean(self) -> None:
        """Remove from the archive what is older than `archive_days`."""
        with _translated("clean the archive"):
            limit = time.time() - self._settings.archive_days * 86_400
            for label in _labels(self._archive):
                if (self._archive / label).stat().st_mtime < limit:
                    shutil.rmtree(self._archive / label)

    # -- one input

    def _look(
        self, name: str, present: dict[str, tuple[Fingerprint, float]], ready: list[tuple[int, str]]
    ) -> None:
        path, now = self.inbox / name, time.monotonic()
        fingerprint = _fingerprint(path)
        before, since = self._seen.get(name, ((), now))
        if before != fingerprint:
            present[name] = fingerprint, now
            return
        present[name] = fingerprint, since
        patient = now - since < self._settings.patience_seconds
        if patient and path.is_dir() and not path.is_symlink():
            unfinished = any(entry[0].endswith(_UNFINISHED) for entry in fingerprint)
            if unfinished or not self._complete(path):
                return
        ready.append((max(entry[3] for entry in fingerprint), name))

    def _claim(self, name: str) -> None:
        # Labels rise even when the clock stands still, so that inputs keep their order over a restart.
        self._last_label = max(time.time_ns() // 1_000, self._last_label + 1)
        folder = self._claimed / f"{self._last_label:016d}"
        folder.mkdir()
        (self.inbox / name).rename(folder / name)

    def _load(self, folder: Path) -> Claim | None:
        entries = os.listdir(folder)  # noqa: PTH208 - see poll
        if not entries:  # stopped between making the folder and the rename: the input is still in in/
            folder.rmdir()
            return None
        path = folder / entries[0]
        members: tuple[Member, ...] = ()
        problem = _problem_with_name(path.name)
        if problem is None:
            try:
                members = _members(path, self._settings.max_bytes)
            except PoisonError as error:
                problem = error
        return Claim(
            label=folder.name,
            path=path,
            received=int(folder.name),
            members=members,
            is_folder=path.is_dir() and not path.is_symlink(),
            released=(self._claimed / f"{folder.name}.release").exists(),
            problem=problem,
        )

    def _take_released(self) -> None:
        for mark in self._held.glob("*.release"):
            held = self._held / mark.stem
            if held.is_dir():  # first, so that a stop in between leaves the mark where it works again
                held.rename(self._claimed / held.name)
            (self._held / f"{mark.stem}.report.txt").unlink(missing_ok=True)
            mark.replace(self._claimed / mark.name)

    def _put_aside(self, claim: Claim, folder: Path, report: str) -> None:
        # The report first: an input without one would puzzle people, a report too many is overwritten.
        with _translated("write a report"):
            name = claim.path.name.encode("utf-8", "backslashreplace").decode()
            text = f"input {claim.label}\nname  {name!r}\n\n{report.rstrip()}\n"
            (folder / f"{claim.label}.report.txt").write_text(text, encoding="utf-8")
            self._settle(claim, folder)

    def _settle(self, claim: Claim, folder: Path) -> None:
        source = claim.path.parent
        source.rename(folder / claim.label)
        for left in (f"{claim.label}.release", f"{claim.label}.report.txt"):
            (source.parent / left).unlink(missing_ok=True)


def _labels(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.name.isdigit() and entry.is_dir())


def _fingerprint(path: Path) -> Fingerprint:
    """Looks at the entry itself and, for a real folder, at what it holds, to any depth."""
    own = path.lstat()
    entries = [("", stat.S_IFMT(own.st_mode), own.st_size, own.st_mtime_ns)]
    if stat.S_ISDIR(own.st_mode):
        for root, folders, files in os.walk(path, followlinks=False):
            for name in (*folders, *files):
                seen = os.lstat(os.path.join(root, name))  # noqa: PTH118 - as os.walk gives it
                entries.append((f"{root}/{name}", stat.S_IFMT(seen.st_mode), seen.st_size, seen.st_mtime_ns))
    return tuple(sorted(entries))


def _problem_with_name(name: str) -> PoisonError | None:
    if all(
        character.isprintable() for character in name
    ):  # surrogates of undecodable bytes are not printable
        return None
    return PoisonError("The name holds control characters or is not UTF-8", reason="drop.name")


def _members(path: Path, max_bytes: int) -> tuple[Member, ...]:
    own = path.lstat()
    if stat.S_ISLNK(own.st_mode):
        raise PoisonError("The input is a symbolic link, which is never followed", reason="drop.link")
    paths: Sequence[Path] = sorted(path.iterdir()) if stat.S_ISDIR(own.st_mode) else [path]
    members = []
    for member in paths:
        seen = member.lstat()
        if stat.S_ISLNK(seen.st_mode):
            raise PoisonError("A file of the folder is a symbolic link", reason="drop.link")
        if not stat.S_ISREG(seen.st_mode):
            raise PoisonError("Neither a file nor a folder of files", reason="drop.not_a_file")
        if problem := _problem_with_name(member.name):
            raise problem
        members.append(Member(member.name, member, seen.st_size, seen.st_mtime_ns // 1_000))
    if sum(member.size for member in members) > max_bytes:
        raise PoisonError(f"Larger than the limit of {max_bytes} bytes", reason="input.too_large")
    return tuple(members)


@contextmanager
def _translated(action: str) -> Iterator[None]:
    """Every refusal of the file system says what to do, and never which file it was."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DropUnavailableError(
            f"Cannot {action}: {reason}", fix="Free disk space or permissions; nothing is lost."
        ) from None
