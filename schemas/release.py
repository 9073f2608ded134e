"""Makes a new version of a record type from the sources: frozen, with an id that is never used again.

A version that anyone may have written with is never changed. What has changed in ``schemas/avro`` becomes
the next version, provided that it reads everything that earlier versions wrote.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import yaml

from schemas.catalogue import ROOT, Ids, ReleasedId, load_ids, load_topics, read_schema, released_file
from schemas.compatibility import incompatibilities
from schemas.errors import RefusedError
from schemas.sources import Schema, read_named_types, resolve

_IDS_HEADER = """\
# The id of each released version, and the hash that freezes its file. Written by `samband schemas release`.
# An id is never used again: a new one is one above the highest here.
"""


class Released(NamedTuple):
    """A version that was just made."""

    full_name: str
    version: int
    schema_id: int


def release(root: Path = ROOT) -> list[Released]:
    """Release every record type whose source differs from its latest version; nothing when none does.

    Raises:
        RefusedError: a changed source could not read what an earlier version wrote; nothing is released.
        ContractError: a file cannot be read.
    """
    ids = load_ids(root) if (root / "ids.yaml").exists() else {}
    changed = list(_changed(root, ids))
    problems = [
        f"{name} could not read version {number}: {problem}"
        for name, schema in changed
        for number in ids.get(name, {})
        for problem in incompatibilities(reader=schema, writer=read_schema(released_file(root, name, number)))
    ]
    if problems:
        raise RefusedError(
            "; ".join(problems),
            fix="Give new fields a default, or make a new record type beside the old one.",
        )
    made = [_write(root, name, schema, ids) for name, schema in changed]
    if made:
        (root / "ids.yaml").write_text(_IDS_HEADER + _dump(ids), encoding="utf-8")
    return made


def fingerprint(schema: Schema) -> str:
    """SHA-256 of a schema as it is served, whatever the line ends and indents of its file."""
    return hashlib.sha256(served(schema).encode()).hexdigest()


def served(schema: Schema) -> str:
    """The text under which a schema is served and published: compact JSON, keys in their order."""
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def _changed(root: Path, ids: Ids) -> list[tuple[str, Schema]]:
    types = read_named_types(root / "avro")
    names = sorted({name for topic in load_topics(root).values() for name in topic.records})
    if missing := [name for name in names if name not in types]:
        raise RefusedError(f"no source for {', '.join(missing)}", fix="Add the file under schemas/avro.")
    sources = ((name, resolve(name, types)) for name in names)
    return [(name, schema) for name, schema in sources if schema != _latest(root, name, ids)]


def _latest(root: Path, name: str, ids: Ids) -> Schema | None:
    return read_schema(released_file(root, name, max(ids[name]))) if name in ids else None


def _write(root: Path, name: str, schema: Schema, ids: Ids) -> Released:
    versions = ids.setdefault(name, {})
    number = max(versions, default=0) + 1
    schema_id = max((entry.id for entries in ids.values() for entry in entries.values()), default=0) + 1
    versions[number] = ReleasedId(id=schema_id, sha256=fingerprint(schema))
    path = released_file(root, name, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Released(name, number, schema_id)


def _dump(ids: Ids) -> str:
    plain = {
        name: {number: entry.model_dump() for number, entry in versions.items()}
        for name, versions in ids.items()
    }
    return yaml.safe_dump(plain, sort_keys=True, width=110)
