"""Each promise of docs/delivery.md names tests that exist, and so does every other page that names one."""

import ast
import re

import pytest

from tools.papers import ROOT, pages

PAGE = (ROOT / "docs" / "delivery.md").read_text(encoding="utf-8")
NAMED = sorted(
    {named for page in pages() for named in re.findall(r"`([\w/]+\.py::\w+)`", page.read_text("utf-8"))}
)


@pytest.mark.parametrize("named", NAMED)
def test_the_test_exists(named: str) -> None:
    file, _, name = named.partition("::")
    tree = ast.parse((ROOT / "tests" / file.removeprefix("tests/")).read_text(encoding="utf-8"))
    functions = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert name in functions


def test_every_promise_is_shown_by_a_test() -> None:
    """Each row of a table whose last column is called "shown by" names one."""
    tables = re.findall(r"^\|.*\| shown by \|\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) > 20
    assert [row for row in rows if ".py::" not in row] == []
