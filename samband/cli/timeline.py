"""``samband timeline``: what a citizen sees, over all agencies."""

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from samband.languages import Language, asked_for

if TYPE_CHECKING:
    from bus.reader import DecodedRecord
    from bus.settings import Settings
    from samband.citizen_view import Citizens, CitizenView, Keys
    from samband.page import Viewer

_TOPICS = ("timeline", "coordination")


def timeline(
    citizen: Annotated[
        str | None,
        typer.Argument(
            help="The citizen's key, as on the topics. Without one, a national number is asked for."
        ),
    ] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on and show changes as they come.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object (with --follow: one a change).")
    ] = False,
    zone: Annotated[str, typer.Option(help="Time zone of what is shown.")] = "Europe/Oslo",
    language: Annotated[
        Language | None, typer.Option(help="Language of the texts; the terminal's own if not given.")
    ] = None,
    country: Annotated[
        str, typer.Option(help="Country of a number that is asked for: NO, SE, DK, FI.")
    ] = "NO",
) -> None:
    """Show a citizen's timeline, what collides, and who holds each case.

    A number is typed without being shown and never leaves this process: it becomes the citizen's key.
    Example: `samband timeline 1.Zm9vYmFyYmF6cXV4cXV1eA --follow --language nn`.
    """
    from bus.settings import load_settings
    from samband.names import institution_names
    from samband.page import Viewer
    from samband.texts import Texts

    settings = load_settings()
    names = institution_names(settings.router.institutions)
    viewer = Viewer(ZoneInfo(zone), names, Texts(language or asked_for(os.environ)))
    key = citizen or ask_key(settings, country)
    asyncio.run(_show(settings, key, viewer, follow=follow, as_json=as_json))


def ask_key(settings: "Settings", country: str) -> str:
    """The key of the citizen whose national number is typed, unseen."""
    from connectors.kit.identifiers import normalise
    from connectors.kit.pseudonyms import Pseudonyms

    number = normalise(country, typer.prompt("National number", hide_input=True, err=True))
    return Pseudonyms(settings.pseudonym_key(), settings.pseudonym.version).of(number.system, number.value)


async def _show(settings: "Settings", citizen: str, viewer: "Viewer", *, follow: bool, as_json: bool) -> None:
    from bus import reader
    from bus.registry.codec import codec_of
    from samband.citizen_view import Keys

    codec, keys = codec_of(settings), Keys()
    async for found in reader.decoded(reader.read_to_end(settings, "timeline"), codec):
        if found.decoded is not None:
            keys.add(found.decoded.record, found.decoded.value)
    citizens = await _read(settings, keys, citizen)
    _print(citizens.view(citizen), viewer, as_json=as_json)
    if not follow:
        return
    async for found in reader.decoded(reader.follow(settings, *_TOPICS, from_beginning=True), codec):
        if found.decoded is None:
            continue
        sources = keys.sources(citizen)
        keys.add(found.decoded.record, found.decoded.value)
        if keys.sources(citizen) != sources:
            citizens = await _read(settings, keys, citizen)
            _print(citizens.view(citizen), viewer, as_json=as_json)
        elif _take(citizens, found, sources):
            _print(citizens.view(citizen), viewer, as_json=as_json)


async def _read(settings: "Settings", keys: "Keys", citizen: str) -> "Citizens":
    """What is said so far under any key under which something of a citizen's may stand."""
    from bus import reader
    from bus.registry.codec import codec_of
    from samband.citizen_view import Citizens

    citizens, sources = Citizens(keys=keys), keys.sources(citizen)
    async for found in reader.decoded(reader.read_to_end(settings, *_TOPICS), codec_of(settings)):
        _take(citizens, found, sources)
    return citizens


def _take(citizens: "Citizens", found: "DecodedRecord", sources: set[str]) -> bool:
    if found.decoded is None:
        return False
    value = found.decoded.value
    return bool(value.get("citizen") in sources and citizens.add(found.decoded.record, value))


def _print(view: "CitizenView", viewer: "Viewer", *, as_json: bool) -> None:
    from samband.views import citizen as shown

    if as_json:
        sys.stdout.write(json.dumps(view.as_object(), ensure_ascii=False) + "\n")
        sys.stdout.flush()
        return
    console = Console()
    if console.is_terminal:
        console.clear()
    if not view.entries and not view.withdrawn:
        console.print(viewer.texts.say("page.nothing"))
        return
    console.print(shown(view, viewer))
