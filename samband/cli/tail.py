"""``samband tail``: a topic's records as they come, decoded."""

import asyncio
from typing import Annotated

import typer

_Topic = Annotated[str, typer.Argument(help="Name of the topic, e.g. timeline; without the prefix.")]
_Begin = Annotated[
    bool, typer.Option("--from-beginning", help="Begin with the oldest record instead of now.")
]
_End = Annotated[
    bool, typer.Option("--to-end", help="Stop at the present end; with it, everything so far is shown.")
]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def tail(topic: _Topic, from_beginning: _Begin = False, to_end: _End = False, as_json: _Json = False) -> None:
    """Show the committed records of TOPIC, decoded, as they come. End with Ctrl+C.

    Example: `samband tail timeline --from-beginning`, or
    `samband tail person --to-end --json | jq .record`.
    """
    asyncio.run(_tail(topic, from_beginning=from_beginning, to_end=to_end, as_json=as_json))


async def _tail(topic: str, *, from_beginning: bool, to_end: bool, as_json: bool) -> None:
    from bus.reader import decoded, follow, read_to_end
    from bus.registry.codec import codec_of
    from bus.settings import load_settings
    from samband.cli.records import print_record

    settings = load_settings()
    records = (
        read_to_end(settings, topic) if to_end else follow(settings, topic, from_beginning=from_beginning)
    )
    async for found in decoded(records, codec_of(settings)):
        print_record(found, as_json=as_json)
