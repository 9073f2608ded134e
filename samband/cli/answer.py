"""``samband answer``: what a citizen says to a proposal, until there is a page for it."""

import asyncio
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from samband.cli.timeline import ask_key
from samband.languages import Language, asked_for

if TYPE_CHECKING:
    from bus.settings import Settings
    from samband.answers import Answer
    from schemas.records import Proposal

_NOT_USED, _NO_ANSWER = 1, 3


class Said(StrEnum):
    """What a citizen may say."""

    ACCEPT = "accept"
    DECLINE = "decline"
    COUNTER = "counter"


class Reason(StrEnum):
    """Why a proposal is declined."""

    NO_CHANGE = "no-change"
    TIMES = "times"
    PLACE = "place"
    OTHER = "other"


EPILOG = (
    "Examples: `samband answer 1.Zm9vYmFy` shows what is proposed; `samband answer 1.Zm9vYmFy accept`; "
    "`samband answer 1.Zm9vYmFy decline --reason times`; `samband answer 1.Zm9vYmFy counter --wish "
    "'must not tuesday' --wish 'not before 10:00'`. A wish is one of: not DAYS; not before HH:MM [DAYS]; "
    "not after HH:MM [DAYS]; one day; same person; in front of it may stand must, important or wish. "
    "Exit code 1 if nothing is open or the answer could not be used, 3 without a word from the router."
)


def answer(  # noqa: PLR0913 - each is an option
    citizen: Annotated[
        str | None,
        typer.Argument(
            help="The citizen's key, as for `samband timeline`. Without one, a national number is asked for."
        ),
    ] = None,
    said: Annotated[
        Said | None, typer.Argument(help="The answer. Without one, the proposal is shown.")
    ] = None,
    *,
    reason: Annotated[Reason, typer.Option(help="Why it is declined.")] = Reason.OTHER,
    wish: Annotated[
        list[str] | None, typer.Option(help="What the next proposal is to heed; may be given several times.")
    ] = None,
    words: Annotated[str, typer.Option(help="The citizen's own words.")] = "",
    wait: Annotated[float, typer.Option(help="Seconds to wait for the router.", min=0)] = 30.0,
    zone: Annotated[str, typer.Option(help="Time zone of what is shown.")] = "Europe/Oslo",
    language: Annotated[
        Language | None, typer.Option(help="Language of the texts; the terminal's own if not given.")
    ] = None,
    country: Annotated[
        str, typer.Option(help="Country of a number that is asked for: NO, SE, DK, FI.")
    ] = "NO",
) -> None:
    """Show the proposal that is open for a citizen, or answer it: accept, decline or counter."""
    from bus.settings import load_settings
    from samband.answers import proposals

    for each in Said:
        if citizen == each:
            citizen, said = None, each
    given = _answer(said, reason, wish or [], words)
    settings = load_settings()
    key = citizen or ask_key(settings, country)
    found = asyncio.run(proposals(settings, key))
    latest = found[-1] if found else None
    if given is None:
        _show(settings, latest, zone, language)
        return
    if latest is None or latest["status"] != "OPEN":
        typer.echo(
            "Nothing is proposed to this citizen at the moment. Fix: see `samband timeline`.", err=True
        )
        raise typer.Exit(_NOT_USED)
    raise typer.Exit(asyncio.run(_say(settings, latest, given, wait)))


def _answer(said: Said | None, reason: Reason, wishes: list[str], words: str) -> "Answer | None":
    from samband.answers import Answer
    from samband.wishes import wish

    if wishes and said is not Said.COUNTER:
        raise typer.BadParameter("--wish belongs to counter")
    if said is Said.ACCEPT:
        return Answer("ACCEPTED", words=words)
    if said is Said.DECLINE:
        return Answer("DECLINED", reason=reason.name, words=words)
    if said is Said.COUNTER:
        if not wishes:
            raise typer.BadParameter("counter needs at least one --wish")
        return Answer("COUNTERED", wishes=[wish(text) for text in wishes], words=words)
    return None


def _show(settings: "Settings", latest: "Proposal | None", zone: str, language: Language | None) -> None:
    from samband.names import institution_names
    from samband.page import Viewer
    from samband.texts import Texts
    from samband.views import proposal

    names = institution_names(settings.router.institutions)
    viewer = Viewer(ZoneInfo(zone), names, Texts(language or asked_for(os.environ)))
    Console().print(viewer.texts.say("page.no_proposal") if latest is None else proposal(latest, viewer))


async def _say(settings: "Settings", proposal: "Proposal", given: "Answer", wait: float) -> int:
    from samband.answers import refused, send

    why = await refused(settings, await send(settings, proposal, given), wait)
    if why is None:
        typer.echo("No word from the router yet: it is used as soon as the router runs.", err=True)
        return _NO_ANSWER
    if why:
        typer.echo(f"The answer could not be used ({why}). Fix: see what is open now.", err=True)
        return _NOT_USED
    typer.echo(f"{given.said.capitalize()}. See `samband timeline {proposal['citizen']}` for what follows.")
    return 0
