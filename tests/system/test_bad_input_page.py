"""docs/bad_input.md says what is so: each row names a test that exists and reasons that are known."""

import ast
import re
from pathlib import Path

import pytest

from connectors.kit.reasons import DEAD_LETTER_REASONS, IGNORED_REASONS

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = 5
ASKED_FOR = (
    "garbage bytes on MLLP", "half a frame, then silence", "17 MiB frame", "wrong HL7 version", "missing MSH",
    "character set that lies", "dates that do not exist", "appointment without id",
    "same MSH-10 with other content", "CSV with a missing column", "a BOM", "CRLF", "quotes never closed",
    "zip bomb", "names lead out", "symlink in the drop folder", "JSON with trailing rubbish", "2 GB file",
    "full disk", "Kafka away",
)  # fmt: skip


def rows() -> list[list[str]]:
    lines = (ROOT / "docs" / "bad_input.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_each_row_names_a_test_that_exists_and_a_reason_that_is_known(row: list[str]) -> None:
    assert len(row) == COLUMNS
    assert all(row)
    path, _, name = row[-1].strip("`").partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {
        each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for outcome, known in (("DEAD_LETTERED", DEAD_LETTER_REASONS), ("IGNORED", IGNORED_REASONS)):
        for reason in re.findall(rf"{outcome} `([^`]+)`", row[3]):
            assert reason in known


@pytest.mark.parametrize("words", ASKED_FOR)
def test_the_page_leaves_out_none(words: str) -> None:
    assert any(words in row[0] for row in rows())
