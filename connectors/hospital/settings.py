"""Settings of a hospital connector: the keys beside ``kind``, ``agency`` and the other common ones."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bus.setting_groups import Zone
from connectors.hospital.charset import codec_name
from schemas.records import Protection

_MIB = 1024 * 1024
Country = Literal["NO", "SE", "DK", "FI"]
Code = Annotated[str, Field(min_length=1, max_length=60)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Tls(_Group):
    """Encryption of the MLLP listener."""

    certificate: Path = Field(description="The listener's certificate chain (PEM).")
    key: Path = Field(description="Its private key (PEM), readable by this process alone.")
    client_ca: Path | None = Field(
        None, description="Certificates (PEM) that sign clients; when set, a client must show one."
    )


class Authority(_Group):
    """What an assigning authority of PID-3 (component 4, or the type of component 5) stands for."""

    country: Country | None = Field(
        None, description="It assigns the national identifiers of this country, normalised by its rules."
    )
    system: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="URI under which its identifiers are known, e.g. urn:oid:2.16.840.1.113883.4.1."
    )
    national: bool = Field(
        default=False, description="With system: whether an identifier is unique to a person in a country."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "Authority":
        if (self.country is None) == (self.system is None):
            raise ValueError("give either country or system")
        return self


class HospitalSettings(_Group):
    """What the hospital connector reads from its section of ``samband.toml``."""

    host: str = Field(
        "127.0.0.1",
        description="Address of the MLLP listener. Anything but this machine needs allow_public_listeners.",
    )
    port: int = Field(
        2575, ge=0, le=65_535, description="Port (2575 is registered for HL7); 0 takes a free one."
    )
    tls: Tls | None = Field(None, description="Encrypt the listener. Needed when it leaves this machine.")
    max_connections: int = Field(200, ge=1, description="Connections at a time; further ones are closed.")
    max_message_bytes: int = Field(
        16 * _MIB, ge=1024, le=16 * _MIB, description="The largest message; a larger one is rejected (AR)."
    )
    frame_timeout_seconds: float = Field(
        30.0, gt=0, description="Silence within a message after which the connection is closed."
    )
    retry_seconds: float = Field(
        1.0,
        gt=0,
        description="While Kafka is away: pause between attempts for senders that take no acknowledgement.",
    )
    zone: Zone = Field("Europe/Oslo", description="Time zone of times that are sent without an offset.")
    fallback_charset: str = Field(
        "8859/1",
        description="Character set of messages with an empty MSH-18 that are not valid UTF-8.",
    )
    processing_ids: tuple[Literal["P", "T", "D"], ...] = Field(
        ("P",),
        min_length=1,
        description="MSH-11 values that are taken; P production, T training, D debugging.",
    )
    authorities: dict[Code, Authority] = Field(
        default_factory=dict,
        description="Assigning authorities by namespace, OID or identifier type, beside the Nordic ones.",
    )
    own_authorities: tuple[Code, ...] = Field(
        (),
        description="Authorities whose MR and PI numbers are the hospital's own; MSH-4 always counts as one.",
    )
    ssn_country: Country | None = Field(
        None, description="PID-19 holds the national identifier of this country. It is not read when empty."
    )
    protection_codes: dict[Code, Protection] = Field(
        default_factory=dict,
        description="The hospital's own codes in PD1-12, PV1-16 and ARV-3 and what they protect.",
    )

    @field_validator("fallback_charset")
    @classmethod
    def _known_charset(cls, value: str) -> str:
        if codec_name(value) is None:
            raise ValueError("no such character set; use e.g. 8859/1, 8859/15, windows-1252 or UTF-8")
        return value
