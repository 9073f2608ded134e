"""The closed list of quality remarks that ``meta.remarks`` may hold."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from schemas.catalogue import ROOT
from schemas.yaml_files import ContractError, read_yaml

_CODE = re.compile(r"[a-z]+\.[a-z_]+\Z")


@cache
def remarks(root: Path = ROOT) -> Mapping[str, str]:
    """What each remark code means, by code.

    Raises:
        ContractError: the list cannot be read, or an entry is not a code with an explanation.
    """
    document = read_yaml(root / "remarks.yaml")
    if not isinstance(document, dict):
        raise ContractError(
            "remarks.yaml: expected codes with explanations", fix="Mend schemas/remarks.yaml."
        )
    for code, meaning in document.items():
        if not isinstance(code, str) or not _CODE.match(code) or not isinstance(meaning, str) or not meaning:
            raise ContractError(
                f"remarks.yaml: {code}: expected about.what and an explanation", fix="Mend the entry."
            )
    return MappingProxyType(document)


def unknown_remarks(codes: Iterable[str], root: Path = ROOT) -> list[str]:
    """Those of ``codes`` that are not in the list, sorted."""
    return sorted(set(codes) - remarks(root).keys())
