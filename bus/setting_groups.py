"""The groups of the settings: every field says what it is for, in which unit, and why it has its default.

``docs/configuration.md`` is generated from these descriptions.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=60)]
"""A name that is safe as a label, a file name and a part of a topic name."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; use a name such as Europe/Oslo") from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]
"""A time zone by its IANA name, e.g. Europe/Oslo."""

Port = Annotated[int, Field(ge=0, le=65535)]


def user_cache() -> Path:
    """Where this user's caches live (XDG Base Directory), with our own folder in it."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "samband"


class Group(BaseModel):
    """A group of settings: unknown keys are refused, values do not change after start."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class KafkaSecurity(Group):
    """How clients prove who they are and how the connection is protected."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT",
        description="Kafka's security.protocol. PLAINTEXT is refused for brokers on other machines.",
    )
    ca_file: Path | None = Field(
        None,
        description=(
            "Certificate authorities (PEM) that the brokers' certificates are checked against; "
            "the system's when empty."
        ),
    )
    cert_file: Path | None = Field(None, description="This client's certificate (PEM), for mutual TLS.")
    key_file: Path | None = Field(None, description="This client's private key (PEM), for mutual TLS.")
    key_password: SecretStr | None = Field(None, description="Password of the private key.")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism, used when the protocol begins with SASL."
    )
    sasl_username: str | None = Field(None, description="User name for SASL.")
    sasl_password: SecretStr | None = Field(None, description="Password for SASL.")

    @model_validator(mode="after")
    def _complete(self) -> "KafkaSecurity":
        if self.protocol.startswith("SASL") and not (self.sasl_username and self.sasl_password):
            raise ValueError("sasl_username and sasl_password are needed with this protocol; set both")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together; set both or neither")
        return self


class KafkaSettings(Group):
    """The connection to Kafka, the same for every client in the process."""

    topic_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]*$", max_length=60)] = Field(
        "",
        description=(
            "Put in front of every topic name, consumer group and transactional id, so that "
            "several systems can share one cluster."
        ),
    )
    security: KafkaSecurity = Field(
        default_factory=KafkaSecurity, description="Encryption and authentication."
    )
    allow_plaintext: bool = Field(
        default=False,
        description=(
            "Allow an unencrypted connection to brokers on other machines. Only for a private "
            "network of containers."
        ),
    )
    replication_factor: int = Field(
        -1,
        ge=-1,
        le=9,
        description="Copies of each partition when topics are created; -1 takes the cluster's own default.",
    )
    request_timeout_seconds: float = Field(
        20.0, ge=1, le=120, description="How long one request to a broker may take before it counts as lost."
    )
    delivery_timeout_seconds: float = Field(
        30.0,
        ge=1,
        le=300,
        description=(
            "How long a record may wait for its confirmation before the sender is told that Kafka is away."
        ),
    )
    session_timeout_seconds: float = Field(
        15.0,
        ge=6,
        le=300,
        description=(
            "A member of a consumer group that is silent for so long loses its partitions. Below "
            "6 seconds a busy process is taken for dead."
        ),
    )


class PseudonymSettings(Group):
    """The key under which identifiers of persons become pseudonyms."""

    key: SecretStr = Field(
        SecretStr(""),
        description=(
            "Secret of at least 32 bytes, shared by all agencies that should meet on a citizen. "
            "Make one with `openssl rand -base64 48`. Needed by connectors."
        ),
    )
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$")] = Field(
        "1", description="Names the key in every pseudonym, so that keys can be rotated."
    )


class Listener(Group):
    """Where an HTTP server listens."""

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on. Anything but this machine needs allow_public_listeners.",
    )
    port: Port = Field(0, description="Port; 0 takes a free one, which is logged at start.")


class LogSettings(Group):
    """Structured logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severity that is written."
    )
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto writes for people on a terminal and JSON lines elsewhere."
    )


class ConnectorSettings(Group):
    """One connector; what else its kind needs stands beside these keys and is checked by the kind itself."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    kind: Name = Field(
        description="Which connector it is: hospital, school, municipality, or an installed one."
    )
    agency: Name = Field(description="The agency that it serves, e.g. hospital.innlandet.")
    system: str = Field(
        "", description="The source system's name, where the messages do not say it themselves."
    )
    legal_basis: str = Field(
        min_length=1, description="The legal basis for passing the facts on; written into every fact."
    )
    purpose: str = Field(min_length=1, description="What the facts may be used for; written into every fact.")

    @property
    def extras(self) -> dict[str, Any]:
        """The keys that belong to the connector's kind."""
        return dict(self.model_extra or {})


class RouterSettings(Group):
    """The router's reference data."""

    institutions: Path | None = Field(
        None,
        description=(
            "Register of institutions (names, coordinates, opening hours); the built-in one when empty."
        ),
    )
    rules: Path | None = Field(None, description="Coordination rules; the built-in ones when empty.")
    inboxes: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")], ...] = Field(
        (),
        description=(
            "Agencies that take requests to move appointments, each from its topic inbox.<agency>; the "
            "appointments of all others stay where they are."
        ),
    )


class EngineSettings(Group):
    """The exactly-once engine that runs the router's stages."""

    commit_interval_ms: int = Field(
        100,
        ge=1,
        le=10_000,
        description=(
            "The longest time from the end of a commit to the end of the next while records come: a commit "
            "is begun earlier by what commits take, half of this time at most."
        ),
    )
    max_commit_interval_ms: int = Field(
        1_000,
        ge=1,
        le=10_000,
        description=(
            "The longest time for which a transaction collects while the process is busy, since commits cost "
            "time themselves: up to four times commit_interval_ms while it needs over 40 % of a core, and up "
            "to a quarter of the time by which its records are late. Less than commit_interval_ms counts as "
            "that."
        ),
    )
    max_batch_records: int = Field(
        4000, ge=1, le=100_000, description="The most records in one transaction of one partition."
    )
    max_batch_bytes: int = Field(
        16 * 1024 * 1024,
        ge=1024 * 1024,
        le=1024 * 1024 * 1024,
        description="The most bytes, read and written, in one transaction of one partition.",
    )
    instance_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]*$", max_length=100)] = Field(
        "",
        description=(
            "A name that this process keeps over restarts and shares with no other, e.g. the name of a "
            "StatefulSet's pod. With it, a restart within kafka.session_timeout_seconds gets the same "
            "partitions back and nobody else notices. Empty: partitions go to others as soon as it stops."
        ),
    )
    transaction_timeout_seconds: float = Field(
        30.0,
        ge=5,
        le=600,
        description=(
            "The broker aborts a transaction that is open for so long; readers wait for it at most this time."
        ),
    )
    hot_states: int = Field(
        50_000,
        ge=1,
        description=(
            "Decoded states kept in memory by one process, shared equally by its partitions; the rest is "
            "read from the local store. A state of more than 1 KiB counts once for each KiB: decoded it "
            "takes six times as much, so that the default takes some 300 MB at most."
        ),
    )
    unwritten_bytes: int = Field(
        4 * 1024 * 1024,
        ge=1,
        description=(
            "So much changed state, or half as much again, waits in memory for each partition before it goes "
            "to the local store. With more, what changes often is written less often. A crash loses none of "
            "it: the changelog has it all."
        ),
    )
    difference_min_bytes: int = Field(
        4096,
        ge=256,
        description=(
            "A changed state of at least so many bytes is written to the changelog as the difference to the "
            "one before, where that is much smaller. Smaller ones cost less processor time in full."
        ),
    )
    standbys: int = Field(
        0,
        ge=0,
        le=9,
        description=(
            "How many other members keep a copy of each partition's state, so that one of them takes it over "
            "within seconds. The same for all members of a group; each needs a state_dir of its own."
        ),
    )
    fetch_min_bytes: int = Field(
        65_536, ge=1, description="A broker answers a fetch at once when it has so much."
    )
    fetch_max_wait_ms: int = Field(
        20,
        ge=1,
        le=5_000,
        description=(
            "… or after this time, or when the next commit is near. Small is quick at low rates, large saves "
            "processor time."
        ),
    )
    breaker_keys: int = Field(
        10,
        ge=1,
        description=(
            "A worker stops when so many keys of one partition have failed, because then it is a fault of "
            "ours and no single citizen's; before that each is parked."
        ),
    )
    breaker_share: float = Field(
        0.05,
        gt=0,
        le=1,
        description="… and they are at least this share of the records tried meanwhile.",
    )
    write_ticks: bool = Field(
        default=True,
        description=(
            "Write the minutes of this machine's clock as ticks for stages that live in time. Turned off, "
            "something else writes them, e.g. a simulation."
        ),
    )
    state_dir: Path | None = Field(
        None,
        description=(
            "Local state stores; a folder of data_dir when empty. May be deleted at any time: it "
            "is rebuilt from the changelog."
        ),
    )
