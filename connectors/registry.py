"""Which kinds of connectors there are. A kind is imported when one of its connectors is run."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.metadata import entry_points
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
"""The module of each kind of ours; its ``run(context, stop)`` is the entry."""

GROUP: Final = "samband.connectors"
"""The group of entry points under which other distributions offer kinds of theirs."""


class UnknownKindError(RefusedError):
    """No connector of that kind is installed, or two are."""


def entry(kind: str) -> Run:
    """The entry of a kind of connector, ours or an installed one; ours cannot be replaced.

    Raises:
        UnknownKindError: with the kinds that there are.
    """
    module = KINDS.get(kind)
    if module is not None:
        ours: Run = import_module(module).run
        return ours
    installed = entry_points(group=GROUP)
    offered = {found.value: found for found in installed if found.name == kind}
    if not offered:
        known = sorted({*KINDS, *(found.name for found in installed)})
        raise UnknownKindError(f"there is no connector of kind {kind}", fix=f"use one of: {', '.join(known)}")
    if len(offered) > 1:
        raise UnknownKindError(
            f"several installed distributions offer the kind {kind}",
            fix=f"uninstall all but one of: {', '.join(sorted(offered))}",
        )
    (only,) = offered.values()
    theirs: Run = only.load()
    return theirs
