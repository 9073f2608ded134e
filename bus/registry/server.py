"""Serves the contract to foreign clients over the Confluent registry API, read-only."""

from types import TracebackType
from typing import Self

from aiohttp import web

from bus.registry.api import registry_app
from bus.registry.store import CatalogueStore, Store
from schemas.catalogue import Catalogue, catalogue
from schemas.errors import RefusedError


class RegistryServer:
    """Serves any store; ``url`` is known once it is entered."""

    def __init__(self, store: Store, host: str = "127.0.0.1", port: int = 0) -> None:
        """Port 0 takes a free one."""
        self._store = store
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            RefusedError: the address cannot be listened on.
        """
        runner = web.AppRunner(registry_app(self._store), access_log=None, handle_signals=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise RefusedError(
                f"contract_server.port: cannot listen on {self._host}:{self._port}: {error.strerror}",
                fix="stop what uses the port, or set contract_server.port = 0",
            ) from None
        host, port = runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._runner = runner
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


class ContractServer(RegistryServer):
    """The catalogue for clients of other make.

    Use::

    async with ContractServer() as server:
        print(server.url)
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, known: Catalogue | None = None) -> None:
        """Listens on this machine alone unless told otherwise."""
        super().__init__(CatalogueStore(known or catalogue()), host, port)
