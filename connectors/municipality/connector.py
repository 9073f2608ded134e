"""Runs a municipality connector: its drop folder, its HTTP listener, or both, and the way back."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from connectors.kit.drop import DropFolder
from connectors.kit.inbox import Inbox
from connectors.kit.runtime import ConnectorContext
from connectors.kit.slot_sets import SlotSets
from connectors.municipality import http
from connectors.municipality.delivery import Posting, into_folder
from connectors.municipality.documents import Documents
from connectors.municipality.folder import Folder
from connectors.municipality.settings import MunicipalitySettings
from connectors.municipality.source import Cases
from connectors.municipality.state import StateStore
from connectors.municipality.subject import Context


async def run(context: ConnectorContext, stop: asyncio.Event) -> None:
    """Take documents until ``stop`` is set.

    Raises:
        SettingsRefusedError: a setting is wrong or unsafe.
        FatalError: going on would do harm.
    """
    settings = context.own_settings(MunicipalitySettings)
    mapping = Context(context.settings.agency, settings, context.pseudonyms, context.settings.system)
    cases = Cases(context.publisher, mapping, StateStore(context.data_dir / "cases"))
    cases.on_stored = lambda well: context.set_ready(well, "state")
    endpoints: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        ends: list[asyncio.Future[None]] = []
        inbox = await _inbox(context, settings, stack)
        if inbox is not None:
            ends.append(asyncio.create_task(inbox.serve(stop)))
        slots = SlotSets(context.publisher, context.pseudonyms, context.data_dir / "slots")
        documents = Documents(cases, context.publisher, mapping, slots, inbox)
        if settings.http is not None:
            http.check(settings.http, context.name, public=context.public_listeners)
            listener = http.Listener(settings.http, documents, context.log, context.name)
            await stack.enter_async_context(listener)
            endpoints["http"] = listener.url
            ends.append(listener.failed)
        if settings.drop is not None:
            drop = DropFolder(settings.drop)
            take = Folder(drop, documents, settings.max_document_bytes).take
            endpoints["folder"] = str(settings.drop.folder)
            ends.append(
                asyncio.create_task(drop.serve(take, stop, lambda well: context.set_ready(well, "folder")))
            )
        stack.enter_context(context.announce(**endpoints))
        await _until_one_ends(ends, stop)


async def _inbox(
    context: ConnectorContext, settings: MunicipalitySettings, stack: AsyncExitStack
) -> Inbox | None:
    """The agency's inbox with the way out that the settings name; None where they name none."""
    chosen = settings.inbox
    if chosen is None:
        return None
    if chosen.folder is not None:
        return Inbox(context, chosen, into_folder(chosen.folder))
    posting = await stack.enter_async_context(Posting(chosen))
    return Inbox(context, chosen, posting.deliver)


async def _until_one_ends(ends: list[asyncio.Future[None]], stop: asyncio.Event) -> None:
    """Wait for ``stop`` or the first failure, and let the folder finish the document it is at."""
    stopped: asyncio.Future[Any] = asyncio.create_task(stop.wait())
    everything = [stopped, *ends]
    try:
        await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            if end.done() and not end.cancelled():
                end.result()
        tasks = [end for end in ends if isinstance(end, asyncio.Task)]
        if tasks:
            await asyncio.wait(tasks)
            for task in tasks:
                task.result()
    finally:
        for waiting in everything:
            waiting.cancel()
