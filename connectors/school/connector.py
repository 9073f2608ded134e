"""The entry of the school connector."""

import asyncio

from connectors.kit.runtime import ConnectorContext
from connectors.school.settings import SchoolSettings
from connectors.school.source import SchoolSource


async def run(context: ConnectorContext, stop: asyncio.Event) -> None:
    """Take OneRoster sets from the drop folder until ``stop``.

    Raises:
        SettingsRefusedError: a setting of this connector is wrong.
        FatalError: the last accepted set cannot be read from the data folder.
    """
    settings = context.own_settings(SchoolSettings)
    with context.announce(folder=str(settings.drop.folder)):
        await SchoolSource(context, settings).run(stop)
