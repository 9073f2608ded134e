"""What institutions are called, from the institution register."""

from collections.abc import Callable
from pathlib import Path

import yaml

from schemas.records import Institution


def institution_names(register: Path | None) -> Callable[[Institution], str]:
    """A function from an institution to its name; to its code where the register has none."""
    names: dict[tuple[str, str], str] = {}
    if register is not None:
        content = yaml.safe_load(register.read_text(encoding="utf-8"))
        for entry in content["institutions"]:
            names.update({(code["system"], code["id"]): entry["name"] for code in entry["codes"]})
    return lambda institution: names.get((institution["system"], institution["id"]), institution["id"])
