"""Which kinds of connectors there are. A kind is imported when one of its connectors is run."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final

from schemas.errors import RefusedError

if TYPE_CHECKING:
    import asyncio

    from connectors.kit.runtime import ConnectorContext

Run = Callable[["ConnectorContext", "asyncio.Event"], Awaitable[None]]

KINDS: Final[dict[str, str]] = {
    "hospital": "connectors.hospital.connector",
    "school": "connectors.school.connector",
    "municipality": "connectors.municipality.connector",
}
"""The module of each kind; its ``run(context, stop)`` is the entry."""


class UnknownKindError(RefusedError):
    """No connector of that kind is installed."""


def entry(kind: str) -> Run:
    """The entry of a kind of connector.

    Raises:
        UnknownKindError: with the kinds that there are.
    """
    module = KINDS.get(kind)
    if module is None:
        raise UnknownKindError(
            f"there is no connector of kind {kind}", fix=f"use one of: {', '.join(sorted(KINDS))}"
        )
    run: Run = import_module(module).run
    return run
