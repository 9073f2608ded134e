"""The codec of a process: with the catalogue's own ids, or with those of the registry in the settings."""

from functools import cache

from bus.registry.client import RegistryClient, RegistryIds
from bus.settings import Settings
from schemas.codec import Codec


def codec_of(settings: Settings) -> Codec:
    """The codec that everything in this process writes and reads with; made once per registry.

    Blocks for a second or so when a registry is configured and it is asked for the first time.

    Raises:
        SchemaMissingError: the registry lacks a version of the contract.
        RegistryUnavailableError: the registry does not answer.
    """
    return _with_ids_of(settings.registry_url)


@cache
def _with_ids_of(registry_url: str | None) -> Codec:
    return Codec() if registry_url is None else Codec(RegistryIds.fetch(RegistryClient(registry_url)))
