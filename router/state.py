"""What the router remembers of a citizen: enough to decide everything again, nothing that is only shown.

Names, titles of appointments and free text pass through and are not kept. Every fact is kept as a short row,
grouped by the thing that it is about, so that a late, repeated, withdrawn or moved fact finds its place.
All of it is outside the search for garbage in circles, because there are none and there are many of it.
``stored.py`` writes and reads it; docs/adr/0008-router-state.md says why it is as it is.
"""

from binascii import unhexlify
from itertools import count
from typing import Any

import msgspec

from router.agreement.bundle import Bundle
from router.planning.outlook import Outlook

KINDS = (
    "PersonRegistered", "PersonUpdated", "IdentityLinked", "IdentityMerged",
    "AppointmentScheduled", "AppointmentRescheduled", "AppointmentModified", "AppointmentCancelled",
    "AppointmentMissed", "StayStarted", "StayEnded", "StayOnLeave", "StayCorrected",
    "CaseOpened", "CaseStepCompleted", "DecisionMade", "InformationRequested", "ServiceRequested",
    "MeetingInvited", "ReferralSent", "ReferralUpdated",
    "EnrollmentChanged", "AbsenceReported", "ExamScheduled", "FactRetracted",
    "MattersStated", "ProposalAnswered", "RequestAnswered", "IdentityUnlinked",
)  # fmt: skip
"""Record types by their number in a row. Only ever added to, at the end: the numbers are in stored states."""
KIND_NUMBER = {name: number for number, name in enumerate(KINDS)}

CONFIDENCES = ("EXACT", "NO_ZONE", "DATE_ONLY", "DOUBTFUL")
SENSITIVITIES = ("INTERNAL", "PERSONAL", "SENSITIVE")
PROTECTIONS = ("NONE", "CONFIDENTIAL", "CONFIDENTIAL_ADDRESS", "STRICTLY_CONFIDENTIAL_ADDRESS")
"""Weakest first, so that the larger index is the one that counts."""

FactId = bytes
"""An event id: the 16 bytes of a UUID; any other text in UTF-8 with an end that UTF-8 cannot hold."""
_UUID_BYTES = 16
_UUID_DIGITS = 32
_UUID_TEXT = 36
_END = b"\xff"


class Fact(msgspec.Struct, array_like=True, gc=False):
    """A remembered fact. Instants are compact (``compact``), texts are numbers in ``Records.names``."""

    id: FactId
    kind: int
    recorded: int
    occurred: int | None
    """None when it is the same as ``recorded``."""
    sequence: int | None
    origin: int
    """Under which keys it came, by its place in ``Records.origins``: for taking a merge back."""
    agency: int
    marks: int
    """Confidence of the main time, sensitivity, protection and whether it closes a case, see ``marks_of``."""


class PlannedFact(Fact):
    """Says when something takes place: appointment, meeting, stay, exam, enrolment."""

    start: int | None
    end: int | None
    institution: int | None
    code: int
    """The mapped status, kind, phase, correction, role or party of the record, by name."""


class CaseFact(Fact):
    """A step of a case. ``code`` and ``next_step`` are whole codes, ``part`` the part that it is about."""

    institution: int
    code: int
    part: int | None
    holder: int | None
    next_step: int | None
    expected_by: int | None
    title: int | None


class Withdrawal(msgspec.Struct, array_like=True, gc=False):
    """``by`` corrects or retracts a fact, which may not have come yet."""

    by: FactId
    retracts: bool


class Mark(msgspec.Struct, array_like=True, gc=False):
    """What was last said about an entry that does not stand, or did not for a while."""

    status: int
    by: FactId | None
    revision: int
    moved_to: str | None = None
    """Whose entry it is, when not the key's under which it was said."""


class Origin(msgspec.Struct, array_like=True, gc=False):
    """An agency lists these keys as one citizen's. Keys are places in ``Records.members``."""

    keys: tuple[int, ...]
    """The key that its facts come under, then the others."""
    agency: int
    said: int
    """When it first did, as the source recorded it (compact)."""


class Statement(msgspec.Struct, array_like=True, gc=False):
    """A fact that says nothing but who is one citizen, or who is not."""

    id: FactId
    kind: int
    """A record type's number: linked, merged, unlinked."""
    said: int
    """When the source recorded it (compact)."""
    agency: int
    keys: tuple[int, ...]
    """The subject's, first the one that the fact comes under."""
    others: tuple[int, ...]
    """Those that it is linked with or unlinked from."""
    retired: tuple[int, ...]
    """Those of both that a merge gives up."""
    confirmed: bool
    """Somebody made sure: it counts against everything that sources say."""


class Block(msgspec.Struct, array_like=True, gc=False):
    """Rows that never change again, see ``packing.py``."""

    ids: bytes | list[FactId]
    """Joined; in a list when one of them is not the 16 bytes of a UUID."""
    rows: bytes
    """The names and rows without their ids, compressed."""


class Records(msgspec.Struct, array_like=True, gc=False):
    """All that is stored for one key.

    What is rarely added to is a tuple: empty ones are one object, which each step finds in the caches.
    """

    alias: str | None = None
    """The key that everything under this one is passed on to; all else is then empty."""
    alias_national: bool = False
    members: dict[str, int] = {}
    """All keys that were ever listed together, with flags: 1 = national, 2 = retired by a merge, and for
    national ones who assigns them (``identity.py``)."""
    names: list[str] = []
    """Every text that rows refer to, once."""
    plans: dict[str, list[PlannedFact]] = {}
    """By reference with its kind in front, e.g. ``A|system|id``, see ``facts.py``."""
    cases: dict[str, list[CaseFact]] = {}
    others: dict[str, list[Fact]] = {}
    withdrawals: dict[FactId, list[Withdrawal]] = {}
    marks: dict[FactId, Mark] = {}
    case_revisions: dict[str, int] = {}
    """Last revision of each case; negative when it was withdrawn, being another citizen's."""
    findings: dict[bytes, int] = {}
    """Last revision of each finding by its id; negative when it is closed."""
    origins: tuple[Origin, ...] = ()
    statements: tuple[Statement, ...] = ()
    moves: int = 0
    """Revision of what was last said of who is one citizen."""
    refused: dict[bytes, int] = {}
    """Last revision of each refusal by its id; negative when it is closed."""
    people: tuple["Records", ...] = ()
    """Each citizen on their own when these keys are several (``people.py``); else empty, and all is here."""
    outlook: Outlook | None = None
    """What planning knows; none until something asks for a plan."""
    bundles: tuple[Bundle, ...] = ()
    """Proposals: the open one, and ended ones while something may still come of them."""
    blocks: tuple[Block, ...] = ()
    """The rows of a long history as they are stored; in memory they stand above as well."""


_MOST_SHARED = 10_000
_shared: dict[str, str] = {}
"""One of each text that rows refer to, for all citizens: institutions and codes are few, and so stay in the
processor's caches. Emptied when there are too many."""


class Numbers(dict[str, int]):
    """The number of each text: its place in a list, to which a text that is new is added."""

    __slots__ = ("_names",)

    def __init__(self, names: list[str]) -> None:
        super().__init__(zip(names, count(), strict=False))
        self._names = names

    def __missing__(self, name: str) -> int:
        if len(_shared) >= _MOST_SHARED:
            _shared.clear()
        name = _shared.setdefault(name, name)
        found = self[name] = len(self._names)
        self._names.append(name)
        return found


class Citizen(msgspec.Struct, eq=False, gc=False):
    """A citizen's records, and what is worked out from them when it is asked for and never stored."""

    records: Records = msgspec.field(default_factory=Records)
    key: str = ""
    """The key under which the citizen is spoken of; empty until it is asked for, see ``identity.py``."""
    numbers: Numbers | None = None
    heard: dict[tuple[str, ...], tuple[int, int]] = {}
    """The place and the first time of each origin by what a fact says of its subject, see ``identity.py``."""
    persons: list["Citizen"] | None = None
    """Those in ``records.people``, see ``people.py``."""
    owners: list[int] | None = None
    """Which of them has the facts of each origin."""
    loose: int = 0
    """How many rows are in no block."""
    first_loose: dict[str | bytes, int] | None = None
    """Where, of each thing and each withdrawn fact, what is in no block begins; None without blocks."""
    names_in_blocks: int = 0
    calendar: Any = None
    case_views: dict[str, Any] = {}

    def number(self, name: str) -> int:
        """The number of a text, which is added when it is new."""
        return self.numbering()[name]

    def numbering(self) -> Numbers:
        """The number of every text; asking for a new one adds it."""
        if self.numbers is None:
            self.numbers = Numbers(self.records.names)
        return self.numbers

    def forget_views(self) -> None:
        """Work everything out again at the next question."""
        self.calendar = None
        self.case_views = {}


_SECOND = 1_000_000
_UINT32 = 1 << 32
_WHOLE_SECONDS = _UINT32 * _SECOND
_OFFSET = 1 << 63


def compact(instant: int) -> int:
    """An instant in five bytes of msgpack when it is a whole second before 2106, else in nine."""
    if instant % _SECOND == 0 and 0 <= instant < _WHOLE_SECONDS:
        return instant // _SECOND
    return instant + _OFFSET if instant >= 0 else instant


def instant_of(value: int) -> int:
    """The instant that ``compact`` took."""
    if 0 <= value < _UINT32:
        return value * _SECOND
    return value - _OFFSET if value >= 0 else value


def fact_id(event_id: str) -> FactId:
    """An event id as it is stored."""
    digits = event_id.replace("-", "")
    if len(digits) == _UUID_DIGITS and len(event_id) == _UUID_TEXT and event_id[8:24:5] == "----":
        try:
            packed = unhexlify(digits)
        except ValueError:
            packed = b""
        if packed.hex() == digits:
            return packed
    text = event_id.encode() + _END
    return text if len(text) != _UUID_BYTES else text + _END


def event_id_of(stored: FactId) -> str:
    """The event id that ``fact_id`` took."""
    if len(stored) != _UUID_BYTES:
        return stored.rstrip(_END).decode()
    text = stored.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_CONFIDENCE = {name: number for number, name in enumerate(CONFIDENCES)}
_SENSITIVITY = {name: number * 4 for number, name in enumerate(SENSITIVITIES)}
_PROTECTION = {name: number * 16 for number, name in enumerate(PROTECTIONS)}


def marks_of(confidence: str, sensitivity: str, protection: str) -> int:
    """Three small scales in one number below 64; ``CLOSES`` may be added."""
    return _CONFIDENCE[confidence] + _SENSITIVITY[sensitivity] + _PROTECTION[protection]


def confidence_of(marks: int) -> int:
    """Index into ``CONFIDENCES``."""
    return marks & 3


def sensitivity_of(marks: int) -> int:
    """Index into ``SENSITIVITIES``."""
    return marks >> 2 & 3


def protection_of(marks: int) -> int:
    """Index into ``PROTECTIONS``."""
    return marks >> 4 & 3


CLOSES = 64
"""Mark of a step after which nothing more is to happen in the case."""

SCALES = tuple(
    (confidence_of(marks), sensitivity_of(marks), protection_of(marks)) for marks in range(2 * CLOSES)
)
"""All three by marks, looked up."""
