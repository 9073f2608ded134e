"""Keeps what was said about each case in one small file, replaced as a whole and forced to disk."""

from dataclasses import asdict
from pathlib import Path
from typing import Final

import msgspec

from connectors.kit.durable import write_durably
from connectors.municipality.difference import State
from schemas.errors import FatalError, RetriableError

_VERSION: Final = 1


class StateUnavailableError(RetriableError):
    """The state cannot be written or read at the moment (disk full, no permission); nothing was published."""


class StateUnreadableError(FatalError):
    """A state file is damaged; going on would publish the whole case again."""


class StateStore:
    """The states of one connector's cases. Files are named by the digest of the case id."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is created at the first save."""
        self._folder = folder

    def load(self, case: str) -> State:
        """The state of ``case`` (a digest in hex); an empty one for a case that was never seen.

        Raises:
            StateUnavailableError: it cannot be read at the moment.
            StateUnreadableError: the file is damaged.
        """
        try:
            data = self._path(case).read_bytes()
        except FileNotFoundError:
            return State()
        except OSError as error:
            raise _unavailable("read", error) from None
        try:
            kept = msgspec.json.decode(data)
            if kept.pop("version") != _VERSION:
                raise StateUnreadableError("the state of a case is of another version", fix="update Samband")
            return msgspec.convert(kept, State)
        except (msgspec.MsgspecError, KeyError, AttributeError):
            raise StateUnreadableError(
                f"the state of case {case[:12]} is damaged",
                fix="restore the file from a backup, or delete it: its facts are then said again",
            ) from None

    def save(self, case: str, state: State) -> None:
        """Replace the state of ``case``; it is on disk when this returns.

        Raises:
            StateUnavailableError: it cannot be written at the moment; the old one stands.
        """
        path = self._path(case)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, msgspec.json.encode({"version": _VERSION, **asdict(state)}))
        except OSError as error:
            raise _unavailable("write", error) from None

    def _path(self, case: str) -> Path:
        return self._folder / case[:2] / f"{case}.json"


def _unavailable(doing: str, error: OSError) -> StateUnavailableError:
    problem = error.strerror or type(error).__name__
    return StateUnavailableError(
        f"cannot {doing} a case's state: {problem}",
        fix="free disk space or mend permissions; nothing is lost",
    )
