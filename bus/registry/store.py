"""What a registry knows, as a value: subjects, versions, ids. No HTTP here.

Subject naming is RecordNameStrategy: a subject is the full name of a record, whatever topics carry it
(docs/adr/0003-avro-contract.md says why).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import fastavro

from bus.registry.errors import (
    ApiError,
    invalid_schema,
    invalid_version,
    read_only,
    schema_not_found,
    subject_not_found,
    version_not_found,
)
from schemas.catalogue import Catalogue
from schemas.compatibility import incompatibilities
from schemas.release import served
from schemas.sources import Schema

_NOT_AVRO = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_MAX_VERSION = 2**31 - 1
COMPATIBILITY = "BACKWARD_TRANSITIVE"


@dataclass(frozen=True, slots=True)
class Entry:
    """A version under a subject."""

    subject: str
    version: int
    schema_id: int
    text: str
    """The schema as it is served."""

    @property
    def schema(self) -> Schema:
        """The schema as JSON."""
        found: Schema = json.loads(self.text)
        return found


class Store(Protocol):
    """What the HTTP routes ask. Methods raise ApiError for what is not there or not allowed."""

    writable: bool

    def entries(self) -> Iterable[Entry]:
        """All versions of all subjects, in order."""

    def register(self, subject: str, text: str) -> Entry:
        """Add a version, or give the one that is there with the same schema."""

    def set_compatibility(self, subject: str | None, level: str) -> None:
        """Set the compatibility level of a subject, or of all."""

    def compatibility(self, subject: str | None) -> str:
        """The level in force."""


class CatalogueStore:
    """The catalogue as a registry that nobody can write to."""

    writable = False

    def __init__(self, known: Catalogue) -> None:
        """Serves every released version."""
        self._entries = tuple(
            Entry(record.full_name, version.number, version.schema_id, served(version.schema))
            for record in known.record_types
            for version in record.versions.values()
        )

    def entries(self) -> Iterable[Entry]:
        """All released versions."""
        return self._entries

    def register(self, subject: str, text: str) -> Entry:
        """Refused."""
        raise read_only()

    def set_compatibility(self, subject: str | None, level: str) -> None:
        """Refused."""
        raise read_only()

    def compatibility(self, subject: str | None) -> str:
        """BACKWARD_TRANSITIVE for every subject."""
        if subject is not None:
            versions_of(self, subject)
        return COMPATIBILITY


def subjects_of(store: Store) -> list[str]:
    """All subjects, sorted."""
    return sorted({entry.subject for entry in store.entries()})


def versions_of(store: Store, subject: str) -> list[Entry]:
    """All versions of ``subject``, oldest first."""
    found = [entry for entry in store.entries() if entry.subject == subject]
    if not found:
        raise subject_not_found(subject)
    return found


def version_of(store: Store, subject: str, version: str) -> Entry:
    """One version; ``latest`` and ``-1`` mean the newest."""
    found = versions_of(store, subject)
    if version in ("latest", "-1"):
        return found[-1]
    if not (version.isascii() and version.isdigit() and 1 <= int(version[:12]) <= _MAX_VERSION):
        raise invalid_version(version)
    for entry in found:
        if entry.version == int(version):
            return entry
    raise version_not_found(version)


def with_id(store: Store, schema_id: str) -> list[Entry]:
    """Every subject and version that this id is known under."""
    found = [entry for entry in store.entries() if str(entry.schema_id) == schema_id]
    if not found:
        raise schema_not_found()
    return found


def same_schema(store: Store, subject: str, text: str) -> Entry | None:
    """The version of ``subject`` that says the same as ``text``, whatever its blanks and short names."""
    wanted = normal_form(text)
    return next((e for e in store.entries() if e.subject == subject and normal_form(e.text) == wanted), None)


def problems_between(candidate: str, entries: Iterable[Entry]) -> list[str]:
    """Why ``candidate`` cannot read what ``entries`` wrote."""
    normal_form(candidate)
    reader = json.loads(candidate)
    return [
        f"version {entry.version}: {problem}"
        for entry in entries
        for problem in incompatibilities(reader=reader, writer=entry.schema)
    ]


def normal_form(text: str) -> Any:
    """The schema with full names everywhere; two texts that mean the same give the same.

    Raises:
        ApiError: 42201, not an Avro schema.
    """
    try:
        return fastavro.parse_schema(json.loads(text), _write_hint=False)
    except _NOT_AVRO as error:
        raise invalid_schema(type(error).__name__) from None
    except fastavro.schema.SchemaParseException as error:
        raise invalid_schema(type(error).__name__) from None


def schema_in(body: Any) -> str:
    """The schema text in a request's body."""
    if not isinstance(body, Mapping) or not isinstance(body.get("schema"), str):
        raise ApiError(422, 42201, "The body needs a field 'schema' that holds the schema as text")
    if body.get("schemaType", "AVRO") not in ("AVRO", None) or body.get("references"):
        raise invalid_schema("only self-contained Avro schemas are served here")
    return str(body["schema"])
