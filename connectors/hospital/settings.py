"""Settings of a hospital connector: the keys beside ``kind``, ``agency`` and the other common ones."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bus.setting_groups import Zone
from bus.settings import is_loopback
from connectors.hospital.charset import codec_name
from connectors.kit.carrier import InboxSettings
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


Reason = Literal[
    "TAKEN", "CLOSED", "UNKNOWN_APPOINTMENT", "UNKNOWN_SLOT", "NOT_ALLOWED", "AWAY", "OTHER", "UNKNOWN"
]
"""What ``RequestAnswered.reason`` maps to."""


class ClientTls(_Group):
    """Encryption of the connection to the hospital."""

    ca: Path | None = Field(
        None, description="Certificates (PEM) that sign the hospital's; the system's own when empty."
    )
    certificate: Path | None = Field(None, description="Our certificate chain (PEM), where it asks for one.")
    key: Path | None = Field(None, description="Its private key (PEM), readable by this process alone.")

    @model_validator(mode="after")
    def _both_or_none(self) -> "ClientTls":
        if (self.certificate is None) != (self.key is None):
            raise ValueError("give both certificate and key, or neither")
        return self


class RequestSettings(InboxSettings):
    """Where requests from the agency's inbox go, in which form, and how patiently they are carried there."""

    host: Annotated[str, Field(min_length=1)] = Field(description="Where the hospital listens (MLLP).")
    port: int = Field(2575, ge=1, le=65_535, description="Its port.")
    tls: ClientTls | None = Field(None, description="Encrypt the connection to the hospital.")
    allow_plaintext: bool = Field(
        default=False, description="Allow other machines without tls. Only on a private network."
    )
    message: Literal["SRM", "SIU"] = Field(
        "SRM", description="SRM asks for a change, SIU tells of it; what the hospital's system takes."
    )
    answered_by: Literal["acknowledgement", "message"] = Field(
        "acknowledgement",
        description="Whether AA is the answer, or an SRR or SIU that comes later and that AA only announces.",
    )
    acknowledgements: Literal["original", "enhanced"] = Field(
        "original", description="Enhanced mode asks for a commit acknowledgement (CA) before the answer."
    )
    version: Literal["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8"] = Field(
        "2.5.1", description="MSH-12 of what is sent; the fields are those of 2.5.1."
    )
    charset: str = Field("UNICODE UTF-8", description="MSH-18 of what is sent, and what it is written in.")
    processing_id: Literal["P", "T", "D"] = Field("P", description="MSH-11 of what is sent.")
    application: Code = Field(
        "SAMBAND", description="MSH-3, and the authority of our ids in SCH-1 and ARQ-1."
    )
    facility: str = Field("", description="MSH-4.")
    receiving_application: str = Field("", description="MSH-5.")
    receiving_facility: str = Field("", description="MSH-6.")
    resource_segment: Literal["AIP", "AIG"] = Field(
        "AIP", description="Whether a slot's resource is written as a person (AIP) or as equipment (AIG)."
    )
    refusals: dict[Code, Reason] = Field(
        default_factory=dict,
        description="The hospital's own codes of refusal (ERR-5, ERR-3, SCH-6) and what they mean.",
    )
    answer_seconds: float = Field(
        10.0, gt=0, description="Wait for an acknowledgement before the message is sent again."
    )
    at_once: int = Field(1, ge=1, le=1000, description="Requests that are carried at the same time.")

    @field_validator("charset")
    @classmethod
    def _known_charset(cls, value: str) -> str:
        return _charset(value)

    @model_validator(mode="after")
    def _encrypted(self) -> "RequestSettings":
        if self.tls is None and not self.allow_plaintext and not is_loopback(self.host):
            raise ValueError("host: requests would cross the network unencrypted; set tls")
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

    slots: bool = Field(
        default=True,
        description="S24 offers a time and S23 takes it back; when false, both are ignored.",
    )
    inbox: RequestSettings | None = Field(
        None, description="Where requests from the agency's inbox go; without it, none are taken."
    )

    @field_validator("fallback_charset")
    @classmethod
    def _known_charset(cls, value: str) -> str:
        return _charset(value)


def _charset(value: str) -> str:
    if codec_name(value) is None:
        raise ValueError("no such character set; use e.g. 8859/1, 8859/15, windows-1252 or UTF-8")
    return value
