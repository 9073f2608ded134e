"""Serves the contract to foreign clients over the Confluent registry API, read-only."""

from bus.http import HttpListener
from bus.registry.api import registry_app
from bus.registry.store import CatalogueStore, Store
from schemas.catalogue import Catalogue, catalogue


class RegistryServer(HttpListener):
    """Serves any store; ``url`` is known once it is entered."""

    def __init__(self, store: Store, host: str = "127.0.0.1", port: int = 0) -> None:
        """Port 0 takes a free one."""
        super().__init__(registry_app(store), host, port, "contract_server")


class ContractServer(RegistryServer):
    """The catalogue for clients of other make.

    Use::

    async with ContractServer() as server:
        print(server.url)
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, known: Catalogue | None = None) -> None:
        """Listens on this machine alone unless told otherwise."""
        super().__init__(CatalogueStore(known or catalogue()), host, port)
