"""``samband diff``: whether a replay gave what the live topics hold."""

import asyncio
import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from bus.replay.diff import Difference

_Prefix = Annotated[str, typer.Argument(help="Prefix of the replay's topics, e.g. replay.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
_DIFFERS = 1


def diff(prefix: _Prefix, as_json: _Json = False) -> None:
    """Compare the replay under PREFIX with the live topics, record by record. Exit code 1 if any differs.

    Equal means: key, value, headers and timestamp to the byte, in the order of each partition that the
    records came from; of states, the last of each citizen. What the live router wrote since the replay
    began is newer, and no difference. Example: `samband diff replay.`, after
    `samband replay --into replay.`; `samband diff replay. --json | jq .equal`.
    """
    from bus.logs import configure
    from bus.settings import LogSettings

    configure(LogSettings(level="error"))
    found = asyncio.run(_all(prefix))
    different = sum(one.different for one in found)
    if as_json:
        typer.echo(json.dumps({"equal": not different, "partitions": [asdict(one) for one in found]}))
    else:
        _show(found)
    if different:
        raise typer.Exit(_DIFFERS)


async def _all(prefix: str) -> "list[Difference]":
    from bus.settings import load_settings
    from samband.replaying import differences

    compared = []
    with Console(stderr=True).status("Comparing") as status:
        async for found in differences(load_settings(), prefix):
            compared.append(found)
            status.update(f"Comparing {found.topic}, partition {found.partition}: {found.equal:,} equal")
    return compared


def _show(found: "list[Difference]") -> None:
    table = Table("topic", "partition", "equal", "different", "newer", "first difference", box=None)
    for one in found:
        if one.equal or one.different or one.newer:
            first = "" if one.first is None else f"{one.first.side} offset {one.first.offset}"
            counts = (one.partition, one.equal, one.different or "", one.newer or "")
            table.add_row(one.topic, *(str(count) for count in counts), first)
    console = Console()
    console.print(table)
    equal, different = sum(one.equal for one in found), sum(one.different for one in found)
    if not different:
        console.print(f"All {equal:,} records are equal.")
        return
    console.print(f"{different:,} records differ, {equal:,} are equal.")
    console.print(_by_record(found))


def _by_record(found: "list[Difference]") -> Table:
    """What differs, by type of record."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    for one in found:
        for record, kinds in one.by_record.items():
            counted.setdefault((one.topic, record), Counter()).update(kinds)
    table = Table("topic", "record", "changed", "only live", "only in the replay", box=None)
    for (topic, record), kind in counted.items():
        cells = (kind["changed"], kind["only_live"], kind["only_replay"])
        table.add_row(topic, record, *(str(cell) for cell in cells))
    return table
