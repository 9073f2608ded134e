"""Draws what the demonstration shows at its end, from what it wrote, as the README has it.

    samband demo --once --json docs/pictures/demo.json
    python tools/demo_picture.py && python tools/papers.py

A test draws it again, and fails while the drawing is not what the command line would show.
"""

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import MONOKAI

from samband.accounting import AgencyTotals
from samband.citizen_view import CitizenView
from samband.demo.acts import ZONE
from samband.demo.institutions import REGISTER
from samband.names import institution_names
from samband.page import Viewer
from samband.texts import Texts
from samband.views import citizen, offered, totals

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
_WIDTH = 100
_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""Rich's picture loads its fonts from elsewhere; the reader's own will do."""


@dataclass(frozen=True)
class Drawing:
    """The screen as a picture, and as text without the timeline."""

    svg: str
    text: str


def draw(result: dict[str, Any]) -> Drawing:
    """The drawing of what `samband demo --json` wrote."""
    view = CitizenView()
    (emil,) = result["citizens"]
    records = {
        "TimelineEntry": "timeline", "Finding": "findings", "CaseStatus": "cases", "Proposal": "proposals",
    }  # fmt: skip
    for record, name in records.items():
        for value in emil[name]:
            view.add(record, value)
    fields = AgencyTotals.__dataclass_fields__
    rows = {
        agency: AgencyTotals(**{name: row[name] for name in fields})
        for agency, row in result["totals"].items()
    }
    console = Console(
        record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    texts = Texts("en")
    viewer = Viewer(ZONE, institution_names(REGISTER), texts)
    console.print(offered(result["offer"]["findings"], result["offer"]["proposal"], viewer))
    console.print(citizen(view, viewer))
    console.print(totals(rows, result["lost"]))
    text = "\n".join(line.rstrip() for line in console.export_text(clear=False).splitlines())
    svg = console.export_svg(title="samband demo", theme=MONOKAI, unique_id="demo")
    first, timeline = text.split(texts.say("page.timeline"), 1)
    last = timeline[timeline.index(texts.say("page.findings")) :]
    return Drawing(_FONTS.sub("", svg) + "\n", f"{first.strip()}\n\n{last.strip()}\n")


def recorded() -> dict[str, Any]:
    """What the demonstration wrote when its picture was taken."""
    result: dict[str, Any] = json.loads((PICTURES / "demo.json").read_text(encoding="utf-8"))
    return result


if __name__ == "__main__":
    drawing = draw(recorded())
    (PICTURES / "demo.svg").write_text(drawing.svg, encoding="utf-8")
    (PICTURES / "demo.txt").write_text(drawing.text, encoding="utf-8")
