"""Settings of one school connector, read from the extras of its section in ``samband.toml``."""

from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bus.setting_groups import Zone
from connectors.kit.carrier import InboxSettings
from connectors.kit.drop import DropSettings

_MIB = 1024 * 1024


class SetLimits(BaseModel):
    """What a set may hold; more is refused before it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entries: int = Field(default=100, gt=0, description="Files in a zip.")
    unpacked_bytes: int = Field(
        default=512 * _MIB, gt=0, description="Bytes of all files of a set, unpacked."
    )
    ratio: int = Field(
        default=200, gt=0, description="Unpacked to packed size of a file above 1 MiB in a zip."
    )


class MassDeletion(BaseModel):
    """When a set ends suspiciously many enrolments: it is then held until a person releases it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    percent: float = Field(default=20.0, ge=0, le=100, description="Of the active enrolments (or exams).")
    at_least: int = Field(default=10, ge=1, description="Fewer rows than this never hold a set.")


class RequestSettings(InboxSettings):
    """Where requests from the agency's inbox go, and how patiently they are carried there."""

    folder: Path = Field(description="The outbox: each request lies there as a CSV and an iCalendar file.")


class SchoolSettings(BaseModel):
    """Everything that differs from one school system to the next."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    drop: DropSettings
    inbox: RequestSettings | None = Field(
        default=None, description="Where requests from the agency's inbox go; without it, none are taken."
    )
    limits: SetLimits = SetLimits()
    mass_deletion: MassDeletion = MassDeletion()
    zone: Zone = Field(default="Europe/Oslo", description="Time zone of dates and of times without one.")
    country: Literal["NO", "SE", "DK", "FI"] = Field(default="NO", description="Whose national identifiers.")
    national_id: str = Field(
        default="identifier",
        pattern=r"^(none|identifier|userMasterIdentifier|userIds:[^{}:,]+|metadata\.[^,]+)$",
        description="Where users.csv holds the national identifier: a column, `userIds:TYPE`, or `none`.",
    )
    encoding_fallback: str | None = Field(
        default=None, description="Read files that are not UTF-8 in this encoding, e.g. windows-1252."
    )
    absence_deletes: frozenset[Literal["enrollments", "lineItems"]] = Field(
        default=frozenset({"enrollments"}),
        description="Tables in which a row that a bulk file no longer holds has ended.",
    )
    exam_titles: tuple[str, ...] = Field(
        default=("eksamen", "exam", "tentamen"), description="Parts of the category titles of exams."
    )
    test_titles: tuple[str, ...] = Field(
        default=("prøve", "heldagsprøve"), description="Parts of the category titles of tests."
    )
    institution_system: str = Field(
        default="urn:oid:2.16.578.1.12.4.1.4.101",
        description="Register of orgs.csv's `identifier`; the default is the Norwegian organisation number.",
    )
    protection_column: str = Field(
        default="metadata.protection",
        description="Extension column of users.csv with the protection marking.",
    )

    @cached_property
    def zone_info(self) -> ZoneInfo:
        """The zone as an object."""
        return ZoneInfo(self.zone)

    @field_validator("encoding_fallback")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        if encoding is not None:
            try:
                "".encode(encoding)
            except LookupError as error:
                raise ValueError("is not an encoding such as windows-1252") from error
        return encoding
