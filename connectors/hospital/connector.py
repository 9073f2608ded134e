"""The hospital connector's entry: an MLLP listener until it is asked to stop."""

import asyncio

from bus.settings import check_listener
from connectors.hospital.listener import MllpListener
from connectors.hospital.parse import Reading
from connectors.hospital.settings import HospitalSettings
from connectors.hospital.source import Intake
from connectors.kit.runtime import ConnectorContext


async def run(context: ConnectorContext, stop: asyncio.Event) -> None:
    """Take messages until ``stop`` is set, then finish what is in work.

    Raises:
        SettingsRefusedError: a setting is wrong, or the address cannot be listened on.
        FatalError: Kafka refuses what the connector writes.

    """
    settings = context.own_settings(HospitalSettings)
    check_listener(f"connectors.{context.name}.host", settings.host, allowed=context.public_listeners)
    reading = Reading(settings, context.settings.agency, context.pseudonyms)
    intake = Intake(context.name, reading, context.publisher, context.log, stop)
    async with MllpListener(context.name, settings, intake.take, context.log) as listener:
        with context.announce(mllp=listener.address):
            asked = asyncio.ensure_future(stop.wait())
            await asyncio.wait((asked, listener.failed), return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
    if listener.failed.done():
        listener.failed.result()
