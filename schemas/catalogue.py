"""The catalogue: which topics there are, which records they carry, and each record's released versions.

Topics are reviewable YAML files (``schemas/topics``), versions are frozen Avro files (``schemas/released``)
and their ids are fixed in ``schemas/ids.yaml``. ``catalogue()`` is what every other room reads.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.sources import Schema
from schemas.yaml_files import ContractError, read_yaml

ROOT = Path(__file__).parent

Key = Literal["citizen", "connector", "partition", "record", "shelf"]
"""The record key: the citizen's pseudonym, the connector's name, the number of the record's own partition,
the key of the record that failed, or the shelf that a service's slots lie on (``schemas/shelves.py``)."""


def _retention(value: object) -> object:
    if value == "forever":
        return None
    if isinstance(value, str) and value.endswith("d") and value[:-1].isdigit():
        return timedelta(days=int(value[:-1]))
    raise ValueError("expected a number of days such as 90d, or forever")


class Topic(BaseModel):
    """One topic, as its YAML file has it. The physical name has the deployment's prefix in front."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z]+)*$")]
    owner: Annotated[str, Field(min_length=1)]
    description: Annotated[str, Field(min_length=20)]
    records: tuple[str, ...]
    """Full names of the record types that it carries; empty for raw bytes (internal topics only)."""
    key: Key
    partitions: Annotated[int, Field(ge=1, le=1000)]
    retention: Annotated[timedelta | None, BeforeValidator(_retention)]
    """None: forever."""
    cleanup: Literal["delete", "compact"]
    max_message_bytes: Annotated[int, Field(ge=1024)] = 1_048_588
    """Kafka's max.message.bytes; its default unless the topic carries whole inputs or states."""
    sensitivity: Literal["INTERNAL", "PERSONAL", "SENSITIVE"]
    dead_letter: str | None
    """The topic for records of this one that cannot be handled."""
    writers: Annotated[tuple[str, ...], Field(min_length=1)]
    readers: Annotated[tuple[str, ...], Field(min_length=1)]
    internal: bool = False
    per_agency: bool = False
    """It stands for a topic ``<name>.<agency>`` for each agency that takes requests."""

    @property
    def retention_ms(self) -> int:
        """Kafka's retention.ms: -1 for forever."""
        return -1 if self.retention is None else self.retention // timedelta(milliseconds=1)

    def all_of(self, agencies: Iterable[str]) -> list["Topic"]:
        """The topics that it stands for: itself, or one for each agency."""
        if not self.per_agency:
            return [self]
        return [self.model_copy(update={"name": f"{self.name}.{agency}"}) for agency in sorted(set(agencies))]


@dataclass(frozen=True, slots=True)
class Version:
    """A released version of a record type: never changed, its id never used again."""

    number: int
    schema_id: int
    schema: Schema
    """Self-contained Avro schema."""


@dataclass(frozen=True)
class RecordType:
    """A record type that goes over the bus on its own."""

    full_name: str
    topics: tuple[str, ...]
    versions: dict[int, Version]

    @cached_property
    def short_name(self) -> str:
        """Name without namespace; unique within the catalogue."""
        return self.full_name.rpartition(".")[2]

    @cached_property
    def version(self) -> int:
        """Number of the latest version."""
        return max(self.versions)

    @property
    def schema_id(self) -> int:
        """Id of the latest version."""
        return self.versions[self.version].schema_id

    @property
    def schema(self) -> Schema:
        """Schema of the latest version."""
        return self.versions[self.version].schema


class ReleasedId(BaseModel):
    """One entry of ``ids.yaml``: the id of a version, and the hash that freezes its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[int, Field(ge=1, le=2**31 - 1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


Ids = dict[str, dict[int, ReleasedId]]
_IDS = TypeAdapter(Ids)


@dataclass(frozen=True)
class Catalogue:
    """All topics and record types."""

    topics: dict[str, Topic]
    records: dict[str, RecordType]
    """By full name and by short name."""

    @cached_property
    def record_types(self) -> tuple[RecordType, ...]:
        """Each record type once, by full name."""
        return tuple(sorted({id(r): r for r in self.records.values()}.values(), key=lambda r: r.full_name))

    @cached_property
    def by_id(self) -> dict[int, tuple[RecordType, Version]]:
        """Record type and version of every fixed schema id."""
        return {v.schema_id: (r, v) for r in self.record_types for v in r.versions.values()}


@cache
def catalogue() -> Catalogue:
    """The catalogue of this distribution.

    Raises:
        ContractError: a file of it is wrong; ``samband schemas check`` says more.
    """
    return load(ROOT)


def load(root: Path) -> Catalogue:
    """The catalogue under ``root``, which has ``topics``, ``released`` and ``ids.yaml``.

    Raises:
        ContractError: a file is missing or wrong, with file and field.
    """
    topics = load_topics(root)
    ids = load_ids(root)
    records: dict[str, RecordType] = {}
    for full_name in sorted({name for topic in topics.values() for name in topic.records}):
        carrying = tuple(topic.name for topic in topics.values() if full_name in topic.records)
        record = RecordType(full_name, carrying, _versions(root, full_name, ids))
        if record.short_name in records:
            raise ContractError(
                f"{records[record.short_name].full_name} and {full_name} have the same short name",
                fix="Rename one of them.",
            )
        records[full_name] = records[record.short_name] = record
    return Catalogue(topics, records)


def load_topics(root: Path) -> dict[str, Topic]:
    """All topics under ``root/topics`` by name, in the order of their names."""
    topics = {}
    for path in sorted((root / "topics").glob("*.yaml")):
        document = read_yaml(path)
        if not isinstance(document, dict):
            raise ContractError(f"topics/{path.name}: expected a mapping of fields")
        try:
            topic = Topic.model_validate({"name": path.stem, **document})
        except ValidationError as error:
            raise _invalid(f"topics/{path.name}", error) from error
        topics[topic.name] = topic
    return topics


def load_ids(root: Path) -> Ids:
    """The fixed ids, by record's full name and version."""
    document = read_yaml(root / "ids.yaml")
    try:
        return _IDS.validate_python(document)
    except ValidationError as error:
        raise _invalid("ids.yaml", error) from error


def released_file(root: Path, full_name: str, version: int) -> Path:
    """Where a released version lies."""
    return root / "released" / full_name / f"v{version}.avsc"


def read_schema(path: Path) -> Schema:
    """The Avro schema in ``path``, as JSON."""
    try:
        schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ContractError(
            f"{path.parent.name}/{path.name}: {error}", fix="Restore the released file; it is never edited."
        ) from error
    return schema


def _versions(root: Path, full_name: str, ids: Ids) -> dict[int, Version]:
    if full_name not in ids:
        raise ContractError(f"{full_name} has no released version", fix="Run: samband schemas release")
    return {
        number: Version(number, released.id, read_schema(released_file(root, full_name, number)))
        for number, released in sorted(ids[full_name].items())
    }


def _invalid(file: str, error: ValidationError) -> ContractError:
    problems = "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )
    return ContractError(f"{file}: {problems}", fix=f"Mend schemas/{file}.")
