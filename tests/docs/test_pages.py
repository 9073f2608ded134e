"""What the pages show and point at is there: pasted files, links, folders, decisions."""

import re
from pathlib import Path

import pytest

from tests.docs.blocks import blocks, name_of
from tools.papers import ROOT, pages, pasted, shown

PAGES = pages()
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_stand_on_a_page_as_they_are(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == pasted(text), "run `python tools/papers.py`"


def test_the_readme_shows_both_programs() -> None:
    programs = {"docs/examples/read_topic.py", "docs/examples/read_topic.mjs"}
    assert programs <= set(shown((ROOT / "README.md").read_text(encoding="utf-8")))


def test_every_program_on_a_page_is_a_file_that_is_run() -> None:
    pasted_files = [file for page in PAGES for file in shown(page.read_text(encoding="utf-8"))]
    programs = [block for language in ("python", "py", "js") for block in blocks(language)]
    assert len(programs) == sum(file.endswith((".py", ".mjs")) for file in pasted_files)


def test_a_stale_page_would_be_seen() -> None:
    page = "<!-- file: docs/examples/read_topic.py -->\n```python\nold\n```\n"
    assert "old" not in pasted(page)
    assert pasted(pasted(page)) == pasted(page)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    for target in _LINK.findall(text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name_of(page)} points at {target}"
        if anchor:
            assert anchor in _anchors(there), f"{name_of(page)} points at {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        reached.add(page)
        text = _FENCED.sub("", page.read_text(encoding="utf-8"))
        targets = {(page.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(text)}
        left += [found for found in targets if found.suffix == ".md" and found not in reached]
    assert {name_of(page) for page in PAGES} - {name_of(page) for page in reached} == set()


def _anchors(page: Path) -> set[str]:
    """The anchors that hosts make of headings: lower case, blanks as hyphens, other signs dropped."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_map_of_the_tree_is_the_tree() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("## Map of the tree")[1]
    named = set(re.findall(r"\[`(\w+)/`\]", table))
    here = {found.name for found in ROOT.iterdir() if found.is_dir() and any(found.rglob("*.py"))}
    assert {name for name in named if not (ROOT / name).is_dir()} == set()
    ours = {"schemas", "bus", "connectors", "router", "samband", "bench", "tests", "tools"} & here
    assert ours <= named


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"\[([^\]]+)\]\((\d{4}-[\w-]+\.md)\)", index))
    decisions = sorted(folder.glob("[0-9]*.md"))
    titles = {}
    for decision in decisions:
        found = re.match(r"# (\d+)\. (.+)", decision.read_text(encoding="utf-8"))
        assert found, f"{decision.name} does not begin with its number and title"
        assert int(found[1]) == int(decision.name[:4])
        titles[found[2]] = decision.name
    assert listed == titles
    assert [int(decision.name[:4]) for decision in decisions] == list(range(1, len(decisions) + 1))
