"""What the tests of the papers share with those of foreign clients."""

from tests.foreign.conftest import bus, contract_server, node

__all__ = ["bus", "contract_server", "node"]
