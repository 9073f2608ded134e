"""Settings as the papers show them are taken as they stand, by the program and by each connector's kind."""

import tomllib
from pathlib import Path

import pytest
from absence.settings import AbsenceSettings
from pydantic import BaseModel

from bus.settings import load_settings
from connectors.hospital.settings import HospitalSettings
from connectors.kit.runtime import checked
from connectors.municipality.settings import MunicipalitySettings
from connectors.school.settings import SchoolSettings
from tests.docs.blocks import Block, blocks

MODELS: dict[str, type[BaseModel]] = {
    "hospital": HospitalSettings,
    "school": SchoolSettings,
    "municipality": MunicipalitySettings,
    "absence": AbsenceSettings,
}
SETTINGS = [block for block in blocks("toml") if "entry-points" not in block.text]
_PLACEHOLDER = "a-token-that-is-long-enough"
"""Stands for the … of a secret or a text that everybody writes anew."""


def _load(text: str, folder: Path) -> None:
    file = folder / "samband.toml"
    file.write_text(text.replace("…", _PLACEHOLDER), encoding="utf-8")
    for name, connector in load_settings(file).connectors.items():
        checked(MODELS[connector.kind], name, connector.extras)


@pytest.mark.parametrize("block", SETTINGS, ids=str)
def test_settings_of_a_page_are_taken(block: Block, tmp_path: Path) -> None:
    _load(block.text, tmp_path)


def test_the_example_to_copy_is_taken(repository: Path, tmp_path: Path) -> None:
    _load((repository / "deploy" / "samband.example.toml").read_text(encoding="utf-8"), tmp_path)


def test_every_kind_is_shown() -> None:
    shown = [tomllib.loads(block.text).get("connectors", {}) for block in SETTINGS]
    assert {one["kind"] for connectors in shown for one in connectors.values()} == set(MODELS)
