"""Whom a message is about: identifiers from PID-3 and MRG-1, chosen by authority and type, never by position.

Rules (HL7 v2 chapter 3.3.2, data type CX): component 1 is the identifier, 4 its assigning authority, 5 its
type (table 0203), 8 the day it expired.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from connectors.hospital.hl7 import Repetition, Segment
from connectors.hospital.settings import Authority, HospitalSettings
from connectors.kit.identifiers import NotAnIdentifierError, country_of, normalise
from connectors.kit.pseudonyms import Pseudonyms
from schemas.records import Identifier

_OID = re.compile(r"[0-2](?:\.\d+)+")
_NOT_OF_A_PERSON: Final = frozenset(
    {
        "AN",
        "ANC",
        "AND",
        "ANON",
        "ANT",
        "ACSN",
        "AM",
        "BA",
        "BC",
        "CC",
        "DI",
        "DS",
        "MS",
        "VN",
        "VS",
        "XX",
        "EI",
        "RI",
    }
)
"""Types of table 0203 that number an account, a visit, a card or a thing, or hide the person on purpose."""
_PATIENT_NUMBERS: Final = frozenset({"MR", "PI", "PT", "MRT", "MC"})
_PLACEHOLDER = re.compile(r"0+|9{6,}|x+|unknown|ukjent|n/?a", re.IGNORECASE)
_NATIONAL_RUN = re.compile(
    r"(?<!\d)(?:\d{10,12}(?!\d)|\d{6}(?:\d\d)?[-+A-FU-Y ]\d{3}[0-9A-Za-z](?!\d)|\d{6}[-. ]\d{5}(?!\d))"
)
"""What a Nordic national identifier looks like within another text, in any usual spelling."""
_ANY_PATIENT_NUMBER = 2
_SHORTEST_RUN = 10
_LONGEST_TOKEN = 200
_MESSAGE_ID = re.compile(r"[\x21-\x7e]*")
_DAY = 8


@lru_cache(maxsize=8192)
def _holds_number(text: str) -> bool:
    return _NATIONAL_RUN.search(text) is not None


class Candidate(NamedTuple):
    """An identifier and how far it is trusted; the smallest is the strongest."""

    expired: bool
    rank: int
    system: str
    pseudonym: str
    national: bool
    warnings: tuple[str, ...]


class _Issuer(NamedTuple):
    """Who assigns an identifier, and how far the identifier is trusted for it."""

    country: str | None
    """Set for the national identifiers of a country; ``system`` is then that of others it may assign."""
    system: str
    rank: int
    national: bool = False


@dataclass(frozen=True, slots=True)
class Identities:
    """The identifiers of one person, the strongest first."""

    identifiers: tuple[Identifier, ...]
    remarks: tuple[str, ...] = ()

    def without(self, others: "Identities") -> tuple[Identifier, ...]:
        """Those that ``others`` does not have."""
        known = {(one["system"], one["pseudonym"]) for one in others.identifiers}
        return tuple(one for one in self.identifiers if (one["system"], one["pseudonym"]) not in known)


@dataclass(slots=True)
class IdentityReader:
    """Reads identifiers under one source's settings."""

    settings: HospitalSettings
    agency: str
    pseudonyms: Pseudonyms
    _authorities: dict[str, Authority] = field(init=False)
    _issuer: Callable[[str, tuple[str, ...], tuple[str, ...]], _Issuer] = field(init=False)

    def __post_init__(self) -> None:
        self._issuer = lru_cache(maxsize=1024)(self._find_issuer)
        self._authorities = {name.upper(): one for name, one in self.settings.authorities.items()}

    def patient(self, pid: Segment, facility: Segment, today: str) -> Identities:
        """The patient of a PID: PID-3, else what versions before 2.3 used (PID-2, PID-4).

        ``facility`` is the MSH; ``today`` the message's own date (``YYYYMMDD…``), by which ids expire.
        """
        for number in (3, 2, 4):
            candidates = list(self._candidates(pid.repetitions(number), facility, today))
            if number == 3 and self.settings.ssn_country and pid.text(19):  # noqa: PLR2004 - PID-3, PID-19
                candidates += self._national(self.settings.ssn_country, pid.text(19), "PID-19", expired=False)
            if candidates:
                return _sorted(candidates)
        return Identities(())

    def prior(self, mrg: Segment, facility: Segment, today: str) -> Identities:
        """The patient that an MRG gives up: MRG-1, else what old versions used (MRG-4, MRG-2)."""
        for number in (1, 4, 2):
            candidates = list(self._candidates(mrg.repetitions(number), facility, today))
            if candidates:
                return _sorted(candidates)
        return Identities(())

    def related(self, repetitions: list[Repetition], facility: Segment, today: str) -> Identities:
        """Another person, such as the next of kin of NK1-33, by national or patient number only."""
        found = self._candidates(repetitions, facility, today)
        return _sorted([one for one in found if one.rank <= _ANY_PATIENT_NUMBER])

    def local_system(self, namespace: str, oid: str, oid_type: str) -> str:
        """The system of ids that an authority assigns.

        An OID is known everywhere. A namespace (HD component 1) means something at its hospital only, so the
        agency stands before it: two hospitals that both call their authority ``PAS`` share no patients.
        """
        if oid and (oid_type == "ISO" or (not oid_type and _OID.fullmatch(oid))):
            return f"urn:oid:{oid}"
        return f"{self.agency}:{self.token(namespace or oid)}"

    def token(self, text: str) -> str:
        """``text`` as it may stand outside sealed details: as it is, or a keyed digest.

        Visit numbers, room codes and names of applications are codes. Some systems build them from a
        national identifier; what looks as if it held one leaves the connector as a digest only.
        """
        if len(text) < _SHORTEST_RUN:
            return text
        if len(text) <= _LONGEST_TOKEN and not _holds_number(text):
            return text
        return self._digest(text)

    def message_id(self, text: str) -> str:
        """MSH-10 as it may be logged: ``token``, and no free text either."""
        return self.token(text) if _MESSAGE_ID.fullmatch(text) else self._digest(text)

    def _digest(self, text: str) -> str:
        return f"digest.{self.pseudonyms.digest(text.encode())[:32]}"

    def _candidates(self, found: list[Repetition], facility: Segment, today: str) -> Iterable[Candidate]:
        if not found:
            return
        here = tuple(facility.values(4, 1, 2, 3))
        for one in found:
            value, authority, kind, expires = one.values(1, 4, 5, 8)
            value, kind, expires = value.strip(), kind.upper(), expires[:_DAY]
            if not value or kind in _NOT_OF_A_PERSON or _PLACEHOLDER.fullmatch(value):
                continue
            expired = bool(expires) and expires < today[: len(expires)]
            assigned = (authority, one.text(4, 2), one.text(4, 3))
            issuer = self._issuer(kind, assigned, here)
            if issuer.country:
                yield from self._national(issuer.country, value, issuer.system, expired=expired)
            else:
                yield self._candidate(issuer.system, value, issuer.rank, expired, national=issuer.national)

    def _find_issuer(self, kind: str, assigned: tuple[str, ...], here: tuple[str, ...]) -> _Issuer:
        """``assigned``: an authority's namespace, OID and OID type; ``here``: those of MSH-4."""
        namespace, oid, oid_type = assigned
        authority = self._authority(oid, namespace, kind)
        if authority is not None and authority.country:
            return _Issuer(authority.country, self.local_system(namespace or kind, oid, oid_type), 0)
        if authority is not None and authority.system:
            rank = 0 if authority.national else 3
            return _Issuer(None, authority.system, rank, authority.national)
        own = self._is_own(namespace, oid, here)
        system = self.local_system(*((namespace, oid, oid_type) if namespace or oid else here))
        return _Issuer(None, system, _rank(kind, own=own))

    def _authority(self, *names: str) -> Authority | None:
        for name in names:
            found = self._authorities.get(name.upper()) if name else None
            if found:
                return found
            country = country_of(name) if name else None
            if country:
                return _NATIONAL[country]
        return None

    def _is_own(self, namespace: str, oid: str, here: tuple[str, ...]) -> bool:
        own = {*self.settings.own_authorities, *here[:2]}
        return (not namespace and not oid) or bool(({namespace, oid} & own) - {""})

    def _national(self, country: str, value: str, issuer: str, *, expired: bool) -> Iterable[Candidate]:
        try:
            number = normalise(country, value)
        except NotAnIdentifierError:
            return  # an authority's field with something else typed in: not an identifier of anybody
        # A number that two people may carry is told apart by who issued it.
        system = number.system if number.national else f"{issuer}:{number.kind}"
        yield self._candidate(
            system, number.value, 0 if number.national else 4, expired,
            national=number.national, warnings=number.warnings,
        )  # fmt: skip

    def _candidate(
        self,
        system: str,
        value: str,
        rank: int,
        expired: bool,  # noqa: FBT001 - passed on by position in one place
        *,
        national: bool,
        warnings: tuple[str, ...] = (),
    ) -> Candidate:
        return Candidate(expired, rank, system, self.pseudonyms.of(system, value), national, warnings)


_NATIONAL: Final = {
    "NO": Authority(country="NO"),
    "SE": Authority(country="SE"),
    "DK": Authority(country="DK"),
    "FI": Authority(country="FI"),
}


def _rank(kind: str, *, own: bool) -> int:
    """National ids are 0; the hospital's own patient number 1, any patient number 2, untyped 3, others 4."""
    if kind in _PATIENT_NUMBERS:
        return 1 if own else 2
    return 3 if not kind else 4


def _sorted(candidates: list[Candidate]) -> Identities:
    remarks: list[str] = []
    found: dict[tuple[str, str], Identifier] = {}
    for one in sorted(candidates):
        remarks += one.warnings
        found.setdefault(
            (one.system, one.pseudonym),
            {"system": one.system, "pseudonym": one.pseudonym, "national": one.national},
        )
    return Identities(tuple(found.values()), tuple(sorted(set(remarks))))
