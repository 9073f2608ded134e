"""The entry of the school connector."""

import asyncio

from connectors.kit.inbox import Inbox
from connectors.kit.runtime import ConnectorContext, together
from connectors.school.outbox import into_outbox
from connectors.school.settings import SchoolSettings
from connectors.school.source import SchoolSource


async def run(context: ConnectorContext, stop: asyncio.Event) -> None:
    """Take OneRoster sets from the drop folder until ``stop``, and requests from the agency's inbox.

    Raises:
        SettingsRefusedError: a setting of this connector is wrong.
        FatalError: the last accepted set cannot be read from the data folder.
    """
    settings = context.own_settings(SchoolSettings)
    chosen = settings.inbox
    inbox = Inbox(context, chosen, into_outbox(chosen.folder)) if chosen is not None else None
    with context.announce(folder=str(settings.drop.folder)):
        serving = [SchoolSource(context, settings, inbox).run(stop)]
        if inbox is not None:
            serving.append(inbox.serve(stop))
        await together(*serving)
