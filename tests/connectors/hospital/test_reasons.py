"""Every reason and remark that the connector gives is in the closed lists."""

import re
from pathlib import Path

import yaml

from connectors.hospital import translate
from connectors.hospital.testing import adt
from connectors.kit.reasons import DEAD_LETTER_REASONS, IGNORED_REASONS
from tests.connectors.hospital.messages import EMIL, envelope, read, reading


def test_every_reason_is_explained(repository: Path):
    text = "".join(path.read_text() for path in (repository / "connectors" / "hospital").glob("*.py"))
    given = set(re.findall(r'reason="([a-z0-9_.]+)"', text))
    ignored = set(re.findall(r'Ignore\("([a-z0-9_.]+)"\)', text))
    assert len(given) > 10
    assert given <= set(DEAD_LETTER_REASONS)
    assert ignored
    assert ignored <= set(IGNORED_REASONS)


def test_every_remark_is_in_the_closed_list(repository: Path):
    known = yaml.safe_load((repository / "schemas" / "remarks.yaml").read_text())
    text = (repository / "connectors" / "hospital" / "fact.py").read_text()
    given = set(re.findall(r'"((?:time|id|message|institution)\.[a-z_]+)"', text))
    assert len(given) == 7
    assert given <= set(known)


def test_a_fault_of_our_own_is_a_dead_letter_and_stops_nothing(monkeypatch):
    def broken(_: object) -> None:
        raise ZeroDivisionError("a text that might hold 13116900216")

    monkeypatch.setattr(translate, "facts", broken)
    found = read(adt("A31", envelope(), EMIL), reading())
    assert (found.reason, found.error) == ("translate.failed", "ZeroDivisionError")  # type: ignore[union-attr] # else no such field
    assert "13116900216" not in repr(found)
