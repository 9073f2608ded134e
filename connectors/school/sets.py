"""Opens a dropped OneRoster set, a zip or a folder, without trusting it, and reads its manifest.

A set is what OneRoster 1.1 CSV (section 2) and the 1.2 CSV binding call a zip file: ``manifest.csv`` and
the files that it promises. Nothing is unpacked to disk: members are read into memory under limits.
"""

import errno
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from connectors.kit.drop import Claim, DropUnavailableError
from connectors.school.problems import Problem, SetRefusedError
from connectors.school.records import MANIFEST, TABLES, read_records
from connectors.school.settings import SetLimits

Mode = Literal["bulk", "delta"]

VERSIONS = ("1.1", "1.2")
KNOWN_FILES = frozenset({MANIFEST, *(f"{name}.csv" for name in TABLES)})
"""Files of a set that are read; all others are left alone."""
_RATIO_FROM = 1 << 20
_ENCRYPTED = 0x1
_BLANK = ("", "absent")


@dataclass(frozen=True, slots=True)
class RosterSet:
    """A set as it was read: the bytes of the files that the connector uses, and what the manifest says."""

    version: str
    system_code: str
    """``source.systemCode``; empty when absent."""
    modes: dict[str, Mode]
    """Of each table that the manifest promises and the set holds."""
    missing: tuple[str, ...]
    """Tables that the manifest promises and the set does not hold: the set is partial."""
    files: dict[str, bytes]
    """By file name (``users.csv``), the manifest among them."""

    @property
    def kind(self) -> str:
        """For ``InputOutcome.kind``, e.g. ``OneRoster 1.1 bulk``."""
        modes = set(self.modes.values())
        return f"OneRoster {self.version} {modes.pop() if len(modes) == 1 else 'mixed' if modes else 'empty'}"


def read_set(claim: Claim, limits: SetLimits) -> RosterSet:
    """Read the set that was claimed; raises SetRefusedError with every place that is wrong."""
    files = (_read_folder if claim.is_folder else _read_zip)(claim, limits)
    if MANIFEST not in files:
        raise SetRefusedError(Problem("oneroster.no_manifest", "The set has no manifest.csv", MANIFEST))
    return described(files)


def described(files: dict[str, bytes]) -> RosterSet:
    """Read the manifest of ``files`` and compare it with them; raises SetRefusedError."""
    properties = _properties(files[MANIFEST])
    version = properties.get("oneroster.version", ("", 1))[0]
    if version not in VERSIONS:
        raise SetRefusedError(
            Problem("oneroster.version", "oneroster.version is neither 1.1 nor 1.2", MANIFEST, 1, "value")
        )
    modes: dict[str, Mode] = {}
    missing = []
    for name in TABLES:
        present = f"{name}.csv" in files
        mode, line = properties.get(f"file.{name}", ("", 1))
        if mode in {"bulk", "delta"}:
            if present:
                modes[name] = "bulk" if mode == "bulk" else "delta"
            else:
                missing.append(name)
        elif mode not in _BLANK:
            raise SetRefusedError(
                Problem("oneroster.manifest", "A mode is not bulk, delta or absent", MANIFEST, line, "value")
            )
        elif present:
            raise SetRefusedError(
                Problem(
                    "oneroster.manifest", f"{name}.csv is there, but absent in the manifest", MANIFEST, line
                )
            )
    code = properties.get("source.systemCode", ("", 1))[0]
    return RosterSet(version, "" if code in _BLANK else code, modes, tuple(missing), files)


def is_complete(folder: Path) -> bool:
    """Whether a folder that is still being filled holds all that its manifest promises."""
    try:
        names = {entry.name for entry in folder.iterdir()}
        manifest = folder / MANIFEST
        if MANIFEST not in names or manifest.is_symlink() or manifest.stat().st_size > _RATIO_FROM:
            return False
        properties = _properties(manifest.read_bytes())
    except (OSError, SetRefusedError):
        return False  # the drop folder's patience ends the waiting, and the set is then refused by read_set
    return all(
        f"{name}.csv" in names
        for name in TABLES
        if properties.get(f"file.{name}", ("", 1))[0] in {"bulk", "delta"}
    )


def _properties(data: bytes) -> dict[str, tuple[str, int]]:
    rows = read_records(MANIFEST, data, required=("propertyName", "value"), kept=("propertyName", "value"))
    return {row.values["propertyName"]: (row.values["value"], row.line) for row in rows}


def _read_folder(claim: Claim, limits: SetLimits) -> dict[str, bytes]:
    chosen = [member for member in claim.members if member.name in KNOWN_FILES]
    if sum(member.size for member in chosen) > limits.unpacked_bytes:
        raise SetRefusedError(Problem("oneroster.too_large", "The files are larger than the limit"))
    return {member.name: member.read() for member in chosen}


def _read_zip(claim: Claim, limits: SetLimits) -> dict[str, bytes]:
    with claim.members[0].open() as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                return _unpacked(archive, limits)
        except OSError as error:
            if error.errno not in {
                None,
                errno.EINVAL,
            }:  # the disk's fault; an offset out of bounds is the zip's
                raise DropUnavailableError(f"Cannot read a zip: {error.strerror}") from None
            raise _damaged(error) from None
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
            raise _damaged(error) from None


def _damaged(error: Exception) -> SetRefusedError:
    return SetRefusedError(
        Problem("zip.damaged", f"Neither a zip nor a folder of CSV files ({type(error).__name__})")
    )


def _unpacked(archive: zipfile.ZipFile, limits: SetLimits) -> dict[str, bytes]:
    """The sum of the declared sizes is under the limit, and zipfile gives no byte more than is declared."""
    # Not is_dir(): Python 3.11 fails on an entry without a name.
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    names = _safe_names(entries, limits)
    return {
        name: archive.read(entry) for entry, name in zip(entries, names, strict=True) if name in KNOWN_FILES
    }


def _safe_names(entries: list[zipfile.ZipInfo], limits: SetLimits) -> list[str]:
    """The file names below the one folder that a set may be wrapped in; refuses what only an attack has."""
    if len(entries) > limits.entries:
        raise SetRefusedError(Problem("zip.bomb", "The zip holds more files than the limit"))
    if sum(entry.file_size for entry in entries) > limits.unpacked_bytes:
        raise SetRefusedError(Problem("zip.bomb", "The zip unpacks to more than the limit"))
    paths = []
    for number, entry in enumerate(entries, 1):
        where = f"entry {number}"
        if entry.flag_bits & _ENCRYPTED:
            raise SetRefusedError(Problem("zip.encrypted", "The zip is encrypted", where))
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise SetRefusedError(Problem("zip.path", "The zip holds a symbolic link", where))
        if entry.file_size > _RATIO_FROM and entry.file_size > limits.ratio * max(entry.compress_size, 1):
            raise SetRefusedError(Problem("zip.bomb", "A file is packed beyond what CSV can be", where))
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise SetRefusedError(
                Problem("zip.damaged", "A file is packed in a rare way; use deflate", where)
            )
        paths.append(_safe_path(entry.orig_filename, where))
    kept = [path for path in paths if path.parts[0] != "__MACOSX"]
    folders = {path.parts[:-1] for path in kept if path.name.endswith(".csv")}
    if len(folders) > 1 or any(len(folder) > 1 for folder in folders):
        raise SetRefusedError(Problem("zip.path", "The CSV files lie in more than one folder"))
    folder = folders.pop() if folders else ()
    names = [path.name if path.parts[:-1] == folder else str(path) for path in paths]
    if len(set(names)) != len(names):
        raise SetRefusedError(Problem("zip.path", "The zip holds two files of the same name"))
    return names


def _safe_path(name: str, where: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if (
        not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or ":" in name
        or "\0" in name
    ):
        raise SetRefusedError(Problem("zip.path", "A file name leads out of the zip", where))
    return path
