"""Talks to an external registry: publishes the contract, and takes the ids that it gave.

Credentials may stand in the URL (``https://user:password@registry``); they never come into an error.
"""

import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, NamedTuple, Self
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from bus.registry.api import CONTENT_TYPE
from bus.registry.errors import RegistryRefusedError, RegistryUnavailableError, SchemaMissingError
from bus.registry.store import COMPATIBILITY
from schemas.catalogue import Catalogue, RecordType, catalogue
from schemas.errors import RefusedError
from schemas.release import served
from schemas.sources import Schema

_NOT_FOUND = 404
_CONFLICT = 409
_SERVER_ERROR = 500
_TOO_MANY = 429
_CONFIG_NOT_ALLOWED = (401, 403, 404, 405, 422)


class Outcome(Enum):
    """What publishing did with a version."""

    ADDED = "added"
    UNCHANGED = "was there"


class Published(NamedTuple):
    """One version in the external registry."""

    subject: str
    version: int
    schema_id: int
    outcome: Outcome


class RegistryClient:
    """A registry's address, and the few requests that Samband makes. Blocking, for 5 s at most."""

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        """``url`` is http or https, with credentials if it needs any."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RefusedError("registry_url: not an http or https address", fix="e.g. https://registry:8081")
        host = parts.netloc.rpartition("@")[2]
        self.address = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._headers = {"Accept": f"{CONTENT_TYPE}, application/json", "Content-Type": CONTENT_TYPE}
        if parts.username:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
        self._timeout = timeout

    def schema(self, schema_id: int) -> Schema | None:
        """The schema with this id; None when the registry has none."""
        status, answer = self._ask("GET", f"/schemas/ids/{schema_id}")
        if status == _NOT_FOUND:
            return None
        self._expect_success(status, answer, f"id {schema_id}")
        with self._readable():
            found = json.loads(answer["schema"])
            return found if isinstance(found, dict) else None
        return None

    def look_up(self, subject: str, schema: Schema) -> int | None:
        """The id of ``schema`` under ``subject``; None when it is not there."""
        status, answer = self._ask("POST", f"/subjects/{quote(subject, safe='')}", {"schema": served(schema)})
        if status == _NOT_FOUND:
            return None
        self._expect_success(status, answer, subject)
        return self._id(answer)

    def register(self, subject: str, schema: Schema) -> int:
        """Add ``schema`` to ``subject``; its id."""
        path = f"/subjects/{quote(subject, safe='')}/versions"
        status, answer = self._ask("POST", path, {"schema": served(schema), "schemaType": "AVRO"})
        if status == _CONFLICT:
            raise RegistryRefusedError(
                f"{subject}: the registry has another version that this one cannot read",
                fix="Publish into an empty registry, or remove the subject that is not ours.",
            )
        self._expect_success(status, answer, subject)
        return self._id(answer)

    def set_compatibility(self, subject: str) -> bool:
        """Set BACKWARD_TRANSITIVE for ``subject``; False where the registry does not let us."""
        status, answer = self._ask(
            "PUT", f"/config/{quote(subject, safe='')}", {"compatibility": COMPATIBILITY}
        )
        if status in _CONFIG_NOT_ALLOWED:
            return False
        self._expect_success(status, answer, subject)
        return True

    def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
            self.address + path, data=data, headers=self._headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310 - the same
                status, text = response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read()
        except (OSError, ValueError) as error:
            raise RegistryUnavailableError(
                f"no answer from the registry at {self.address}: {type(error).__name__}",
                fix="Check that it runs, and registry_url.",
            ) from None
        if status >= _SERVER_ERROR or status == _TOO_MANY:
            raise RegistryUnavailableError(
                f"the registry at {self.address} answered {status}", fix="Try again later."
            )
        try:
            return status, json.loads(text)
        except ValueError:
            return status, None

    def _expect_success(self, status: int, answer: Any, what: str) -> None:
        if 200 <= status < 300:  # noqa: PLR2004 - HTTP's success
            return
        reason = answer.get("message") if isinstance(answer, dict) else None
        raise RegistryRefusedError(
            f"{what}: the registry at {self.address} answered {status}{f': {reason}' if reason else ''}",
            fix="Check the credentials in registry_url and what they may do.",
        )

    def _id(self, answer: Any) -> int:
        with self._readable():
            return int(answer["id"])
        return 0

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, TypeError, ValueError):
            raise RegistryRefusedError(
                f"{self.address} does not answer like a schema registry",
                fix="registry_url is the address of its Confluent API (Apicurio: …/apis/ccompat/v7).",
            ) from None


def publish(client: RegistryClient, known: Catalogue | None = None) -> Iterator[Published]:
    """Put every released version into the registry, oldest first. What is there already stays as it is.

    Raises:
        RegistryUnavailableError: try again; what was done stays done.
        RegistryRefusedError: the registry does not take a version.
    """
    for record in (known or catalogue()).record_types:
        prepared = False
        for number, version in sorted(record.versions.items()):
            schema_id = client.look_up(record.full_name, version.schema)
            if schema_id is not None:
                yield Published(record.full_name, number, schema_id, Outcome.UNCHANGED)
                continue
            if not prepared:
                client.set_compatibility(record.full_name)
                prepared = True
            schema_id = client.register(record.full_name, version.schema)
            yield Published(record.full_name, number, schema_id, Outcome.ADDED)


class RegistryIds:
    """Ids of an external registry, for the codec.

    An id that nobody knew is asked for once; a registry that is away is a RetriableError, and asked again.
    """

    def __init__(
        self, client: RegistryClient, latest: dict[str, int], schemas: dict[int, Schema | None]
    ) -> None:
        """Made by `fetch`."""
        self._client = client
        self._latest = latest
        self._schemas = schemas

    @classmethod
    def fetch(cls, client: RegistryClient, known: Catalogue | None = None) -> Self:
        """The ids of every released version, as the registry has them.

        Raises:
            SchemaMissingError: the registry lacks a version; publish first.
            RegistryUnavailableError: it does not answer.
        """
        latest: dict[str, int] = {}
        schemas: dict[int, Schema | None] = {}
        for record in (known or catalogue()).record_types:
            for number, version in sorted(record.versions.items()):
                schema_id = client.look_up(record.full_name, version.schema)
                if schema_id is None:
                    raise SchemaMissingError(
                        f"the registry at {client.address} has no {record.full_name} version {number}",
                        fix="Run: samband schemas publish --registry URL",
                    )
                latest[record.full_name] = schema_id
                schemas[schema_id] = version.schema
        return cls(client, latest, schemas)

    def id_of(self, record: RecordType) -> int:
        """The registry's id for the latest version of ``record``."""
        return self._latest[record.full_name]

    def schema_of(self, schema_id: int) -> Schema | None:
        """The schema that has ``schema_id`` in the registry, or None."""
        if schema_id not in self._schemas:
            self._schemas[schema_id] = self._client.schema(schema_id)
        return self._schemas[schema_id]
