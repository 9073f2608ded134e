"""The entry, which `pyproject.toml` names."""

import asyncio

from absence.settings import AbsenceSettings
from absence.source import AbsenceSource
from connectors.kit.runtime import ConnectorContext


async def run(context: ConnectorContext, stop: asyncio.Event) -> None:
    """Take reports from the drop folder until ``stop``."""
    settings = context.own_settings(AbsenceSettings)
    with context.announce(folder=str(settings.drop.folder)):
        await AbsenceSource(context, settings).run(stop)
