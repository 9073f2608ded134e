"""The README's picture of the demonstration is what the command line shows today."""

from samband.catalogues import catalogue
from tools.demo_picture import PICTURES, draw, recorded

_MAKE = "run `samband demo --once --json docs/pictures/demo.json`, tools/demo_picture.py and tools/papers.py"


def test_the_picture_is_drawn_with_the_words_of_today() -> None:
    drawing = draw(recorded())
    assert (PICTURES / "demo.txt").read_text(encoding="utf-8") == drawing.text, _MAKE
    assert (PICTURES / "demo.svg").read_text(encoding="utf-8") == drawing.svg, _MAKE


def test_the_picture_is_small_and_loads_nothing_from_elsewhere() -> None:
    svg = (PICTURES / "demo.svg").read_text(encoding="utf-8")
    assert len(svg) < 150_000
    assert "url(http" not in svg


def test_what_was_recorded_is_the_story() -> None:
    """Written down from the story: three calls, an exam among them, an agreement, and nothing lost."""
    result = recorded()
    assert result["lost"] == 0
    (emil,) = result["citizens"]
    assert [entry["kind"] for entry in emil["timeline"]].count("AppointmentScheduled") == 3
    assert [proposal["status"] for proposal in emil["proposals"]] == ["SETTLED"]
    reasons = {finding["reason"] for finding in result["offer"]["findings"]}
    assert {"finding.burden", "finding.exam"} <= reasons <= catalogue("en").phrases.keys()
