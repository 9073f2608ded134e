"""Errors of the registry API, with Confluent's codes, and errors of its clients.

ApiError                          an answer to a client: HTTP status, error_code, message
BusUnavailableError (RetriableError)
└── RegistryUnavailableError      a registry is away or too slow
RefusedError
├── RegistryRefusedError          a registry did not take a schema, or wants credentials
└── SchemaMissingError            a registry does not have a version of the contract
"""

from bus.errors import BusUnavailableError
from schemas.errors import RefusedError


class RegistryUnavailableError(BusUnavailableError):
    """The registry could not be reached, did not answer in time, or failed."""


class RegistryRefusedError(RefusedError):
    """The registry did not take what we sent."""


class SchemaMissingError(RefusedError):
    """The registry does not have a version that the contract has."""


class ApiError(Exception):
    """What a client of the registry API is told."""

    def __init__(self, status: int, code: int, message: str) -> None:
        """``code`` is Confluent's error_code; its first three digits are the HTTP status."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def subject_not_found(subject: str) -> ApiError:
    """40401."""
    return ApiError(404, 40401, f"Subject '{subject}' not found.")


def version_not_found(version: object) -> ApiError:
    """40402."""
    return ApiError(404, 40402, f"Version {version} not found.")


def schema_not_found() -> ApiError:
    """40403."""
    return ApiError(404, 40403, "Schema not found")


def invalid_schema(why: str) -> ApiError:
    """42201."""
    return ApiError(422, 42201, f"Invalid schema: {why}")


def invalid_version(version: str) -> ApiError:
    """42202."""
    return ApiError(422, 42202, f"'{version}' is not a version: 1 to 2147483647, or latest")


def read_only() -> ApiError:
    """40301: what every attempt to write is told."""
    return ApiError(
        403,
        40301,
        "The contract is read-only here: new versions are reviewed and released in the repository of Samband."
        " Switch automatic registration off (auto.register.schemas=false).",
    )
