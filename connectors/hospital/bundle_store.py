"""Keeps each bundle in a small file of its own, replaced whole and forced to disk."""

import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from connectors.hospital.bundles import Bundle
from connectors.kit.durable import write_durably
from schemas.errors import FatalError, RetriableError

KEEP_DAYS: Final = 180.0
"""How long a bundle is kept after it was last written: a release may come until the appointments are over."""
_DAY: Final = 86_400


class BundlesUnavailableError(RetriableError):
    """The disk does not give or take a bundle at the moment; nothing was sent or answered."""


class BundlesUnreadableError(FatalError):
    """A bundle's file is damaged; going on could hold what nobody will let go."""


class BundleStore:
    """The bundles of one connector."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is created at the first save."""
        self._folder = folder

    def load(self, proposal: str) -> Bundle | None:
        """The bundle of a proposal, or None when there is none.

        Raises:
            BundlesUnavailableError: it cannot be read at the moment.
            BundlesUnreadableError: its file is damaged.
        """
        return self._read(self._path(proposal))

    def all(self) -> Iterator[Bundle]:
        """Every bundle, the one that was written longest ago first; those that are too old are deleted."""
        try:
            found = sorted((path.stat().st_mtime, path) for path in self._folder.glob("[!.]*.json"))
            for written, path in found:
                if written < time.time() - KEEP_DAYS * _DAY:
                    path.unlink()
                elif (bundle := self._read(path)) is not None:
                    yield bundle
        except OSError as error:
            raise _unavailable("read", error) from None

    def save(self, bundle: Bundle) -> None:
        """Durable when this returns.

        Raises:
            BundlesUnavailableError: it cannot be written at the moment; the old one stands.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_durably(self._path(bundle.proposal), msgspec.json.encode(bundle))
        except OSError as error:
            raise _unavailable("write", error) from None

    def _read(self, path: Path) -> Bundle | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Bundle)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unavailable("read", error) from None
        except msgspec.MsgspecError:
            raise BundlesUnreadableError(
                f"what is known of a request to the hospital is damaged ({path.name})",
                fix="restore the file from a backup, or delete it and ask the hospital what it holds",
            ) from None

    def _path(self, proposal: str) -> Path:
        return self._folder / f"{sha256(proposal.encode()).hexdigest()[:32]}.json"


def _unavailable(doing: str, error: OSError) -> BundlesUnavailableError:
    return BundlesUnavailableError(
        f"cannot {doing} what is known of a request: {error.strerror or type(error).__name__}",
        fix="free disk space or mend permissions; nothing is lost",
    )
