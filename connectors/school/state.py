"""The last accepted set, as far as the next is compared with it: on disk, with nothing personal in clear.

Persons stand under pseudonyms and rows under keyed digests; names, birth dates and whatever else facts carry
are not kept. What is in clear describes the school: organisations, classes, and titles and days of exams.
"""

from pathlib import Path

import msgspec

from connectors.kit.drop import DropUnavailableError
from connectors.kit.durable import write_durably
from schemas.errors import FatalError
from schemas.records import Identifier, Protection


class Org(msgspec.Struct, frozen=True, array_like=True):
    """An organisation: its public identifier, where it has one."""

    identifier: str


class SchoolClass(msgspec.Struct, frozen=True, array_like=True):
    """A class."""

    school: str
    title: str


class LineItem(msgspec.Struct, frozen=True, array_like=True):
    """Something that is graded, an exam if its category says so."""

    class_id: str
    category: str
    title: str
    due: str
    start: str
    end: str
    recorded: str


class User(msgspec.Struct, frozen=True, array_like=True):
    """A person. ``agents`` holds local pseudonyms of others."""

    identifiers: tuple[Identifier, ...]
    digest: str
    role: str
    org: str
    status: str
    agents: tuple[str, ...]
    protection: Protection
    remarks: tuple[str, ...]
    recorded: str


class RoleRow(msgspec.Struct, frozen=True, array_like=True):
    """A row of v1.2's roles.csv."""

    user: str
    role: str
    org: str


class Enrollment(msgspec.Struct, frozen=True, array_like=True):
    """A place in a class. ``user`` is a local pseudonym."""

    digest: str
    user: str
    class_id: str
    school: str
    role: str
    status: str
    begin: str
    end: str
    recorded: str


class PublishedExam(msgspec.Struct, frozen=True, array_like=True):
    """What the bus was last told of one pupil's exam."""

    event_id: str
    digest: str
    start: int


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All that is remembered of one source system. Personal ids are pseudonyms (local ones)."""

    sequence: int = 0
    """How many sets were accepted; part of event ids, so that a row that returns is a new fact."""
    label: str = ""
    """The claim that was accepted last: after a crash it needs archiving only."""
    orgs: dict[str, Org] = {}
    classes: dict[str, SchoolClass] = {}
    categories: dict[str, str] = {}
    """Kind of exam by category: EXAM, TEST, or empty."""
    line_items: dict[str, LineItem] = {}
    users: dict[str, User] = {}
    roles: dict[str, RoleRow] = {}
    births: dict[str, str] = {}
    """Digests of birth dates."""
    enrollments: dict[str, Enrollment] = {}
    people: dict[str, str] = {}
    """Digest of what the bus was last told of each person."""
    exams: dict[str, PublishedExam] = {}


class StateFile:
    """Keeps one `State` in one file, replaced whole, so that a crash leaves the old or the new."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> State:
        """The state; an empty one at the first start.

        Raises:
            FatalError: the file is damaged.
            DropUnavailableError: the disk does not give it.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=State)
        except FileNotFoundError:
            return State()
        except OSError as error:
            raise DropUnavailableError(
                f"Cannot read the accepted set: {error.strerror}", fix="Mend the disk or its permissions."
            ) from None
        except msgspec.MsgspecError:
            raise FatalError(
                "The last accepted set cannot be read from the connector's data folder",
                fix="Restore the file from a backup, or remove it to have all facts published once more.",
            ) from None

    def save(self, state: State) -> None:
        """Durable when this returns; raises DropUnavailableError (disk full), the old state then stands."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._path, msgspec.json.encode(state))
        except OSError as error:
            raise DropUnavailableError(
                f"Cannot keep the accepted set: {error.strerror}",
                fix="Free disk space in the data folder; the set is taken up again.",
            ) from None
