"""Whom a document is about, which institution handles the case, and how both are named on the bus."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from connectors.kit.identifiers import normalise
from connectors.kit.pseudonyms import Pseudonyms
from connectors.municipality import vocabulary
from connectors.municipality.node import Node
from connectors.municipality.parse import Document
from connectors.municipality.settings import MunicipalitySettings
from schemas.errors import PoisonError
from schemas.records import CaseRef, Code, Identifier, Institution, Protection

_ORGNR: Final = re.compile(r"[0-9]{9}")
_PLAIN_CASE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Context:
    """What the mapping needs to know beside the document. Pure values only."""

    agency: str
    settings: MunicipalitySettings
    pseudonyms: Pseudonyms
    system: str = ""
    """The source system's name, where the settings give one."""

    @property
    def zone(self) -> ZoneInfo:
        """Zone of times without one."""
        return ZoneInfo(self.settings.zone)

    @property
    def case_system(self) -> str:
        """Who assigns the municipality's case ids."""
        return f"urn:samband:case:{self.agency}"


@dataclass(frozen=True, slots=True)
class CaseHead:
    """What all facts of a document share."""

    case: CaseRef
    institution: Institution
    identifiers: tuple[Identifier, ...]
    kind: Code
    protection: Protection
    remarks: frozenset[str]


def head_of(document: Document, received: int, context: Context) -> CaseHead:
    """The head of a document. ``received`` (microseconds) dates numbers that carry no century.

    Raises:
        PoisonError: the applicant's number cannot be one.
    """
    remarks: set[str] = set()
    local = context.pseudonyms.identifier(context.case_system, document.case_id, national=False)
    identifiers = [local]
    if document.envelope.has("sokerFnr"):
        identifiers.insert(0, person(document.envelope, "sokerFnr", received, context, remarks))
    else:
        remarks.add("id.local_only")
    return CaseHead(
        case={"system": context.case_system, "id": public_case_id(document, context), "part": None},
        institution=_institution(document.envelope, context, remarks),
        identifiers=tuple(identifiers),
        kind=_kind(document, context, remarks),
        protection=_protection(document, remarks),
        remarks=frozenset(remarks),
    )


def public_case_id(document: Document, context: Context) -> str:
    """The case id as it goes over the bus.

    A declared id goes as it is. One that only a file name or path gave may hold anything, a name too, and
    goes as a pseudonym unless it is a UUID.
    """
    if document.declared and _PLAIN_CASE_ID.fullmatch(document.case_id):
        return document.case_id
    try:
        return str(UUID(document.case_id))
    except ValueError:
        return context.pseudonyms.of(context.case_system, document.case_id)


def person(node: Node, name: str, received: int, context: Context, remarks: set[str]) -> Identifier:
    """The person whose national number is in ``name``, as a pseudonym.

    Raises:
        PoisonError: it cannot be such a number.
    """
    year = datetime.fromtimestamp(received / 1_000_000, UTC).year
    try:
        number = normalise(context.settings.country, node.text(name), year=year)
    except PoisonError as error:
        raise PoisonError(str(error), reason=error.reason, where=node.at(name)) from None
    remarks.update(number.warnings)
    # A number that others may carry too is only good within the municipality that wrote it.
    system = number.system if number.national else f"{number.system}:{context.agency}"
    return context.pseudonyms.identifier(system, number.value, national=number.national)


def named_institution(node: Node, context: Context, *names: str) -> Institution | None:
    """The institution that ``node`` names: by ``orgnr``, or by the agency's code in one of ``names``."""
    number = node.optional("orgnr")
    if number is not None and _ORGNR.fullmatch(number):
        return {"system": vocabulary.ORGNR, "id": number, "department": None}
    for name in names:
        if code := node.reference(name):
            return {"system": context.settings.institution_system, "id": code, "department": None}
    return None


def _institution(envelope: Node, context: Context, remarks: set[str]) -> Institution:
    named = named_institution(envelope, context)
    if named is not None:
        return named
    remarks.add("institution.default")
    settings = context.settings
    return {"system": settings.institution_system, "id": settings.institution, "department": None}


def _kind(document: Document, context: Context, remarks: set[str]) -> Code:
    for node in (document.envelope, document.body):
        if code := node.code("sakstype"):
            return vocabulary.coded(code, "sakstype", vocabulary.KIND, remarks)
    return {"code": "", "system": "digisos:sakstype", "mapped": context.settings.case_kind}


def _protection(document: Document, remarks: set[str]) -> Protection:
    code = document.envelope.code("adressebeskyttelse").upper()
    if code not in vocabulary.PROTECTION:
        remarks.add("code.unknown")
    return vocabulary.PROTECTION.get(code, "STRICTLY_CONFIDENTIAL_ADDRESS")
