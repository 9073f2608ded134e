"""A stand-in for an external registry: takes schemas, checks them, and gives ids of its own.

It keeps Confluent's rules that a client can notice: the same schema has the same id under every subject,
registering it again gives the version that is there, and what breaks compatibility is answered with 409.
"""

from collections.abc import Iterable

from bus.registry.errors import ApiError
from bus.registry.server import RegistryServer
from bus.registry.store import COMPATIBILITY, Entry, normal_form, problems_between, same_schema

_LEVELS = {"NONE", "BACKWARD", COMPATIBILITY}


class MemoryStore:
    """Subjects in memory. Ids begin at ``first_id``, so that they differ from the catalogue's."""

    writable = True

    def __init__(self, first_id: int = 100_001) -> None:
        """Empty; compatibility level BACKWARD, as Confluent's is."""
        self._entries: list[Entry] = []
        self._next = first_id
        self.levels: dict[str | None, str] = {None: "BACKWARD"}

    def entries(self) -> Iterable[Entry]:
        """All versions, in the order in which they came."""
        return self._entries

    def register(self, subject: str, text: str) -> Entry:
        """The version with this schema; a new one if need be."""
        if known := same_schema(self, subject, text):
            return known
        earlier = [entry for entry in self._entries if entry.subject == subject]
        level = self.compatibility(subject)
        against = {"NONE": [], "BACKWARD": earlier[-1:]}.get(level, earlier)
        if problems := problems_between(text, against):
            raise ApiError(409, 409, f"Schema being registered is incompatible: {problems}")
        entry = Entry(subject, len(earlier) + 1, self._id_for(text), text)
        self._entries.append(entry)
        return entry

    def set_compatibility(self, subject: str | None, level: str) -> None:
        """For one subject, or for all others."""
        if level not in _LEVELS:
            raise ApiError(422, 42203, "Invalid compatibility level")
        self.levels[subject] = level

    def compatibility(self, subject: str | None) -> str:
        """The subject's own level, else the one for all."""
        return self.levels.get(subject, self.levels[None])

    def _id_for(self, text: str) -> int:
        form = normal_form(text)
        for entry in self._entries:
            if normal_form(entry.text) == form:
                return entry.schema_id
        self._next += 1
        return self._next - 1


class StandInRegistry(RegistryServer):
    """A registry over real HTTP, on a free port of this machine."""

    def __init__(self, first_id: int = 100_001) -> None:
        """Empty at first; ``store`` shows what it has taken."""
        self.store = MemoryStore(first_id)
        super().__init__(self.store)
