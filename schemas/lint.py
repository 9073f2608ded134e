"""The catalogue's linter: every rule that a reviewer would otherwise have to remember.

Each rule is a function that gives its problems; its docstring is the rule in words. ``samband schemas check``
prints them, and the tests break the catalogue once for every rule.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from schemas.catalogue import ROOT, Ids, Topic, load_ids, load_topics, read_schema, released_file
from schemas.examples import Example, load_examples
from schemas.remarks import remarks
from schemas.sources import Schema, read_named_types
from schemas.yaml_files import ContractError


class Problem(NamedTuple):
    """One thing to mend."""

    rule: str
    where: str
    what: str


@dataclass(frozen=True)
class Contract:
    """All files of the contract, each valid in itself."""

    root: Path
    topics: dict[str, Topic]
    types: dict[str, Schema]
    """Sources by full name."""
    ids: Ids
    released: dict[tuple[str, int], Schema]
    examples: list[Example]
    remarks: Mapping[str, str]

    def record_names(self) -> list[str]:
        """Full names of the record types that topics carry, and that have a source."""
        return sorted({n for topic in self.topics.values() for n in topic.records if n in self.types})


Found = Iterator[tuple[str, str]]
Rule = Callable[[Contract], Found]
_RULES: dict[str, Rule] = {}
GENERATED = "generated.fresh"
"""Looked at last, and only when all else is well: nothing can be made from a broken contract."""


def rule(name: str) -> Callable[[Rule], Rule]:
    """Adds a function to the linter under ``name``."""

    def add(function: Rule) -> Rule:
        _RULES[name] = function
        return function

    return add


def rules() -> dict[str, Rule]:
    """All rules by name."""
    from schemas import lint_records, lint_releases, lint_topics  # noqa: F401, PLC0415 - they add themselves

    return dict(sorted(_RULES.items(), key=lambda item: (item[0] == GENERATED, item[0])))


def lint(root: Path = ROOT) -> list[Problem]:
    """All problems of the contract under ``root``; empty when there are none."""
    try:
        contract = _read(root)
    except ContractError as error:
        return [Problem("file", "schemas", str(error))]
    problems: list[Problem] = []
    for name, check in rules().items():
        if not (name == GENERATED and problems):
            problems += [Problem(name, where, what) for where, what in check(contract)]
    return problems


def _read(root: Path) -> Contract:
    ids = load_ids(root)
    return Contract(
        root=root,
        topics=load_topics(root),
        types=read_named_types(root / "avro"),
        ids=ids,
        released={
            (name, number): read_schema(path)
            for name, versions in ids.items()
            for number in versions
            if (path := released_file(root, name, number)).exists()
        },
        examples=load_examples(root),
        remarks=remarks(root),
    )
