"""The fenced blocks of the papers, with the place where each stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.papers import ROOT, pages

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Where it stands: the name of a test's case."""
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    """The page's path, as links have it."""
    return page.relative_to(ROOT).as_posix()


def blocks(language: str) -> list[Block]:
    """All blocks in ``language``, on all pages."""
    return [block for page in pages() for block in _blocks(page) if block.language == language]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(name_of(page), line, found[1], found[2])
