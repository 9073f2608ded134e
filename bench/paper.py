"""`python -m bench.paper FILE ...`: writes what `make bench` gave as JSON into `docs/performance.md`.

Rows that the page has are replaced, new ones stand after those of the same benchmark. What is written about
the figures is written by hand.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from bench.figures import readable

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
_SIDE_BY_SIDE = re.compile(r"(^\| system \|.*\n\|[-|]+\n)(?:^\|.*\n)+", re.MULTILINE)

Entry = Mapping[str, Any]


def written(page: str, entries: Iterable[Entry]) -> str:
    """``page`` with these entries of JSON files in its tables."""
    systems = []
    for entry in entries:
        if "system" in entry:
            systems.append(entry)
        for figure in entry.get("goals", ()) if "system" in entry else (entry,):
            page = _with(page, figure)
    if systems:
        rows = "".join(_system(entry) for entry in systems)
        page = _SIDE_BY_SIDE.sub(lambda found: found[1] + rows, page)
    return page


def _with(page: str, figure: Entry) -> str:
    lines = page.splitlines(keepends=True)
    row, name = _row(figure), figure["name"]
    benchmark = f"| `{name.partition('.')[0]}."
    same = [number for number, line in enumerate(lines) if line.startswith(f"| `{name}` |")]
    if same:
        lines[same[0]] = row
    else:
        near = [number for number, line in enumerate(lines) if line.startswith(benchmark)]
        every = [number for number, line in enumerate(lines) if line.startswith("| `")]
        lines.insert((near or every)[-1] + 1, row)
    return "".join(lines)


def _row(figure: Entry) -> str:
    met = {True: " (met)", False: " (**missed**)", None: ""}[figure["met"]]
    only = re.search(r'ARGS="(.*)"', figure["command"])
    if only is None or "--scale" in only[1] or only[1].count("--only") > 1:
        raise ValueError(f"{figure['name']}: the page shows whole runs of one benchmark each")
    spread = " | ".join(readable(figure[name]) for name in ("min", "median", "max"))
    return (
        f"| `{figure['name']}` | {figure['what']} | {figure['goal'] or ''}{met} | {spread} "
        f"| {figure['unit']} | `{figure['command']}` |\n"
    )


def _system(entry: Entry) -> str:
    rates = entry["records_per_s"]
    shares = entry["cpu_percent"]
    answer = f"not run: {entry['not_run']}" if entry["not_run"] else "right" if entry["correct"] else "wrong"
    cells = (
        entry["system"],
        f"{entry['processes']}, {entry['threads']}",
        entry["work"],
        "-" if rates["median"] is None else ", ".join(map(readable, rates.values())),
        _text(entry["cpu_s_per_100k"]),
        _text(entry["rss_mb"]),
        _pair(entry["p50_ms"], entry["p99_ms"]),
        _pair(entry["p50_ms_at_5000"], entry["p99_ms_at_5000"]),
        "-" if shares["1000"] is None else ", ".join(map(_text, shares.values())),
        str(entry["rounds"]),
        answer,
    )
    return f"| {' | '.join(cells)} |\n"


def _text(value: float | None) -> str:
    return "-" if value is None else readable(value)


def _pair(first: float | None, second: float | None) -> str:
    return "-" if first is None else f"{_text(first)} / {_text(second)}"


if __name__ == "__main__":
    found = [entry for name in sys.argv[1:] for entry in json.loads(Path(name).read_text(encoding="utf-8"))]
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
