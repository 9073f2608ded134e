"""The generated pages are fresh and complete."""

import pytest

from bus.reference import configuration, pages
from bus.settings import Settings


@pytest.mark.parametrize(("page", "content"), pages().items(), ids=lambda value: getattr(value, "name", ""))
def test_the_page_is_fresh(page, content):
    assert page.read_text(encoding="utf-8") == content, "run: python -m bus.reference"


def test_every_setting_is_described():
    rows = [line for line in configuration().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert all(not row.endswith("|  |") for row in rows)
    assert all(f"`{name}" in configuration() for name in Settings.model_fields if name != "connectors")
