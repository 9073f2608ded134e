"""The hospital connector's entry: an MLLP listener, and the way back, until it is asked to stop."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from bus.settings import check_listener
from connectors.hospital.listener import MllpListener
from connectors.hospital.parse import Reading
from connectors.hospital.settings import HospitalSettings
from connectors.hospital.source import Intake
from connectors.hospital.way_back import WayBack
from connectors.kit.runtime import ConnectorContext


async def run(context: ConnectorContext, stop: asyncio.Event) -> None:
    """Take messages, and carry requests, until ``stop`` is set; then finish what is in work.

    Raises:
        SettingsRefusedError: a setting is wrong, or the address cannot be listened on.
        FatalError: Kafka refuses what the connector writes, or its inbox is missing.

    """
    settings = context.own_settings(HospitalSettings)
    check_listener(f"connectors.{context.name}.host", settings.host, allowed=context.public_listeners)
    reading = Reading(settings, context.settings.agency, context.pseudonyms)
    way_back = WayBack(context, settings.inbox, reading) if settings.inbox else None
    intake = Intake(context, reading, stop, way_back)
    async with AsyncExitStack() as stack:
        listener = await stack.enter_async_context(
            MllpListener(context.name, settings, intake.take, context.log)
        )
        stack.enter_context(context.announce(mllp=listener.address))
        ended = asyncio.Event()
        ends: list[asyncio.Future[Any]] = [asyncio.ensure_future(stop.wait()), listener.failed]
        if way_back is not None:
            ends.append(asyncio.ensure_future(way_back.serve(intake.take_unasked, ended)))
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        ended.set()
        ends[0].cancel()
        if way_back is not None:
            await ends[-1]
    if listener.failed.done():
        listener.failed.result()
