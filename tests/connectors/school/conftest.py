"""One school connector for each test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.connectors.school.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.fixture
def make_rig(tmp_path: Path) -> Callable[..., Rig]:
    return lambda **options: Rig(tmp_path, options)
