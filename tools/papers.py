"""Pastes files into the papers, where a page says ``<!-- file: path -->`` above a fenced block.

Run ``python tools/papers.py`` after one of the files has changed; a test fails while a page is stale.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_SHOWN = re.compile(r"(<!-- file: (\S+) -->\n```\w*\n).*?(^```$)", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Every page that a person reads."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def pasted(text: str) -> str:
    """The page ``text`` with each file as it is now."""
    return _SHOWN.sub(lambda found: found[1] + (ROOT / found[2]).read_text("utf-8") + found[3], text)


def shown(text: str) -> list[str]:
    """The files that the page ``text`` shows."""
    return [found[2] for found in _SHOWN.finditer(text)]


if __name__ == "__main__":
    for page in pages():
        before = page.read_text("utf-8")
        after = pasted(before)
        if after != before:
            page.write_text(after, "utf-8")
            print(f"{page.relative_to(ROOT)}: written")
