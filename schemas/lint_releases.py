"""Rules about released versions, examples, and files that are generated from the contract."""

import json
import re
from collections import Counter
from itertools import pairwise

from schemas.codec import parse
from schemas.compatibility import incompatibilities
from schemas.examples import from_json
from schemas.generate import generated
from schemas.lint import GENERATED, Contract, Found, rule
from schemas.release import fingerprint
from schemas.sources import resolve
from schemas.validation import misfits

_ELEVEN_DIGITS = re.compile(r"(?<![0-9a-zA-Z])\d{11}(?![0-9a-zA-Z])")


@rule("release.ids")
def ids_are_unique(contract: Contract) -> Found:
    """No id is given twice, and later versions have higher ones: an id is never used again."""
    given = Counter(entry.id for versions in contract.ids.values() for entry in versions.values())
    for name, versions in contract.ids.items():
        for number, entry in versions.items():
            if given[entry.id] > 1:
                yield f"{name} v{number}", f"shares the id {entry.id}"
        if any(versions[a].id >= versions[b].id for a, b in pairwise(sorted(versions))):
            yield name, "has a later version with a lower id"


@rule("release.files")
def releases_are_whole(contract: Contract) -> Found:
    """Versions count from 1 without a gap, and ids and files know the same ones."""
    for name, versions in contract.ids.items():
        if sorted(versions) != list(range(1, len(versions) + 1)):
            yield name, "its versions do not count from 1 without a gap"
        for number in versions:
            if (name, number) not in contract.released:
                yield f"{name} v{number}", "has an id and no file under schemas/released"
    for path in sorted((contract.root / "released").rglob("*.avsc")):
        if (path.parent.name, int(path.stem.removeprefix("v") or 0)) not in contract.released:
            yield f"{path.parent.name} {path.stem}", "has a file and no id in ids.yaml"


@rule("release.frozen")
def releases_never_change(contract: Contract) -> Found:
    """A released file still has the hash under which it was released, and is a valid Avro schema."""
    for (name, number), schema in contract.released.items():
        if fingerprint(schema) != contract.ids[name][number].sha256:
            yield f"{name} v{number}", "was changed after its release: restore it and make a new version"
        else:
            parse(schema)


@rule("release.fresh")
def sources_are_released(contract: Contract) -> Found:
    """The latest version of every record type is what its source says."""
    for name in contract.record_names():
        latest = contract.released.get((name, max(contract.ids.get(name, {0: None}))))
        if latest != resolve(name, contract.types):
            yield name, "its source differs from its latest version; run: samband schemas release"


@rule("release.topic")
def releases_have_a_topic(contract: Contract) -> Found:
    """Every released record type belongs to a topic."""
    for name in sorted(contract.ids.keys() - set(contract.record_names())):
        yield name, "is released and belongs to no topic"


@rule("release.compatible")
def later_versions_read_earlier_ones(contract: Contract) -> Found:
    """BACKWARD_TRANSITIVE: every version reads what any earlier one wrote."""
    for (name, number), schema in contract.released.items():
        for earlier in range(1, number):
            writer = contract.released.get((name, earlier))
            for problem in incompatibilities(reader=schema, writer=writer) if writer else ():
                yield f"{name} v{number}", f"cannot read v{earlier}: {problem}"


@rule("example.there")
def versions_have_examples(contract: Contract) -> Found:
    """Every version of every record type has an example, and no example is of something else."""
    shown = {(example.record, example.version) for example in contract.examples}
    versions = {(name.rpartition(".")[2], number) for name, number in contract.released}
    for record, number in sorted(versions - shown):
        yield f"{record} v{number}", f"has no example under schemas/examples/{record}/v{number}"
    for record, number in sorted(shown - versions):
        yield f"{record} v{number}", "has examples and is no released version"


@rule("example.valid")
def examples_fit(contract: Contract) -> Found:
    """An example has every field of its version and no other, each of its type."""
    schemas = {
        (name.rpartition(".")[2], number): schema for (name, number), schema in contract.released.items()
    }
    for example in contract.examples:
        schema = schemas.get((example.record, example.version))
        for problem in misfits(schema, from_json(schema, example.document)) if schema else ():
            yield str(example.path.relative_to(contract.root)), problem


@rule("example.personal")
def examples_hold_no_person(contract: Contract) -> Found:
    """No example holds eleven digits in a row, which could be somebody's national identifier."""
    for example in contract.examples:
        if _ELEVEN_DIGITS.search(json.dumps(example.document, ensure_ascii=False)):
            yield str(example.path.relative_to(contract.root)), "holds eleven digits in a row"


@rule("example.remarks")
def remarks_are_known(contract: Contract) -> Found:
    """Examples use quality remarks of the closed list only."""
    for example in contract.examples:
        for code in example.document.get("meta", {}).get("remarks", ()):
            if code not in contract.remarks:
                yield (
                    str(example.path.relative_to(contract.root)),
                    f"uses the remark {code}, which is not in the list",
                )


@rule(GENERATED)
def generated_files_are_fresh(contract: Contract) -> Found:
    """What is generated from the contract says what the contract says."""
    for path, text in generated(contract.root).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield path.name, "is out of date; run: samband schemas generate"
