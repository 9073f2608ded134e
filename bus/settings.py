"""Settings of every process: ``samband.toml`` below ``SAMBAND_…`` variables, typed, and refused when unsafe.

A list of all of them is in ``docs/configuration.md``.
"""

import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from bus.setting_groups import (
    ConnectorSettings,
    EngineSettings,
    Group,
    KafkaSecurity,
    KafkaSettings,
    Listener,
    LogSettings,
    Name,
    PseudonymSettings,
    RouterSettings,
    user_cache,
)
from schemas.errors import RefusedError

__all__ = [
    "ConnectorSettings",
    "EngineSettings",
    "Group",
    "KafkaSecurity",
    "KafkaSettings",
    "Listener",
    "LogSettings",
    "PseudonymSettings",
    "RouterSettings",
    "Settings",
    "SettingsRefusedError",
    "check_listener",
    "load_settings",
]

PREFIX = "SAMBAND_"
CONFIG_VARIABLE = "SAMBAND_CONFIG"
DEFAULT_FILE = Path("samband.toml")
MIN_KEY_BYTES = 32
EXAMPLE_KEYS = ("example", "change-me", "changeme", "not-a-secret", "demo-key", "secret-secret")
"""A key that holds one of these words was copied from somewhere; it is taken only with ``demo = true``."""


class SettingsRefusedError(RefusedError):
    """A setting is missing, misspelt or unsafe; the message names it and the fix, never its value."""


def is_loopback(host: str) -> bool:
    """True if ``host`` is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Settings(BaseSettings):
    """All settings of a process. Build it with `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    bootstrap_servers: str | None = Field(
        None,
        description=(
            "Kafka's addresses (host:port, comma-separated). When empty, the embedded broker "
            "that `samband broker start` started in data_dir."
        ),
    )
    data_dir: Path = Field(
        Path("data"), description="The broker's data, state stores, connectors' own files."
    )
    cache_dir: Path = Field(
        default_factory=user_cache,
        description=(
            "Downloads that all runs share; may be deleted at any time. Default: samband in the "
            "user's cache folder."
        ),
    )
    simulated_clock: Path | None = Field(
        None,
        description=(
            "Where time is simulated: a file that holds it, in microseconds since the epoch. Connectors "
            "read it instead of this machine's clock. Used with engine.write_ticks = false."
        ),
    )
    demo: bool = Field(default=False, description="Allow example secrets. Never with real citizens.")
    allow_public_listeners: bool = Field(
        default=False,
        description="Allow listeners that other machines can reach (0.0.0.0, ::, an interface's address).",
    )
    registry_url: str | None = Field(
        None,
        description=(
            "An external schema registry (Confluent API) that ids are taken from; the "
            "catalogue's own fixed ids when empty."
        ),
    )
    kafka: KafkaSettings = Field(default_factory=KafkaSettings, description="The connection to Kafka.")
    pseudonym: PseudonymSettings = Field(
        default_factory=PseudonymSettings, description="Pseudonyms of persons."
    )
    admin: Listener = Field(
        default_factory=Listener, description="Where /metrics, /healthz and /readyz are served."
    )
    contract_server: Listener = Field(
        default_factory=Listener,
        description="Where the contract is served (Confluent registry API, read-only).",
    )
    log: LogSettings = Field(default_factory=LogSettings, description="Logs.")
    engine: EngineSettings = Field(default_factory=EngineSettings, description="The exactly-once engine.")
    router: RouterSettings = Field(default_factory=RouterSettings, description="The router.")
    connectors: dict[Name, ConnectorSettings] = Field(default_factory=dict, description="Connectors by name.")

    @field_validator("bootstrap_servers")
    @classmethod
    def _empty_is_none(cls, value: str | None) -> str | None:
        return value.strip() or None if value is not None else None

    @model_validator(mode="after")
    def _safe(self) -> "Settings":
        self._check_plaintext()
        self._check_key()
        check_listener("admin.host", self.admin.host, allowed=self.allow_public_listeners)
        check_listener("contract_server.host", self.contract_server.host, allowed=self.allow_public_listeners)
        return self

    def _check_plaintext(self) -> None:
        unencrypted = self.kafka.security.protocol in {"PLAINTEXT", "SASL_PLAINTEXT"}
        if self.bootstrap_servers is None or not unencrypted or self.kafka.allow_plaintext:
            return
        hosts = [address.strip().rpartition(":")[0] for address in self.bootstrap_servers.split(",")]
        if not all(is_loopback(host) for host in hosts):
            raise SettingsRefusedError(
                "kafka.security.protocol: personal data would cross the network unencrypted",
                fix=(
                    "set kafka.security.protocol to SASL_SSL or SSL, or kafka.allow_plaintext = true on "
                    "a private network"
                ),
            )

    def _check_key(self) -> None:
        key = self.pseudonym.key.get_secret_value()
        if not key:
            return
        if len(key.encode()) < MIN_KEY_BYTES:
            raise SettingsRefusedError(
                f"pseudonym.key: shorter than {MIN_KEY_BYTES} bytes",
                fix="make one with `openssl rand -base64 48`",
            )
        if not self.demo and (
            any(word in key.lower() for word in EXAMPLE_KEYS) or len(set(key)) < MIN_KEY_BYTES // 4
        ):
            raise SettingsRefusedError(
                "pseudonym.key: looks like an example",
                fix="make one with `openssl rand -base64 48`, or set demo = true",
            )

    def pseudonym_key(self) -> bytes:
        """The pseudonym key; SettingsRefusedError if there is none."""
        key: SecretStr = self.pseudonym.key
        if not key.get_secret_value():
            raise SettingsRefusedError(
                "pseudonym.key: not set",
                fix="set SAMBAND_PSEUDONYM__KEY to the output of `openssl rand -base64 48`",
            )
        return key.get_secret_value().encode()

    def topic(self, name: str) -> str:
        """The physical name of the logical topic ``name``."""
        return self.kafka.topic_prefix + name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - given by the library
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - given by the library
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Overrides first, then the environment, then the file."""
        file = settings_cls.model_config.get("toml_file")
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
        return (*sources, TomlConfigSettingsSource(settings_cls)) if file else sources


def check_listener(field: str, host: str, *, allowed: bool) -> None:
    """SettingsRefusedError if other machines can reach ``host`` and that is not allowed."""
    if not allowed and not is_loopback(host):
        raise SettingsRefusedError(
            f"{field}: other machines could reach this listener",
            fix="use 127.0.0.1, or set allow_public_listeners = true and protect the port",
        )


def load_settings(path: Path | None = None, **overrides: Any) -> Settings:
    """Settings from ``overrides``, the environment and a file, in this order.

    The file is ``path``, else ``SAMBAND_CONFIG``, else ``samband.toml`` where it exists.

    Raises SettingsRefusedError naming the field and the fix.
    """
    file = _find_file(path)
    _refuse_unknown_variables()

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        return FromFile(**overrides)
    except ValidationError as error:
        raise _translated(error) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsRefusedError(f"{file} is not TOML: {error}", fix="mend its syntax") from None
    except SettingsError as error:
        raise SettingsRefusedError(
            f"settings: {error}", fix="give groups as JSON or field by field"
        ) from None


def _find_file(path: Path | None) -> Path | None:
    asked = path or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)
    if asked is None:
        return DEFAULT_FILE if DEFAULT_FILE.is_file() else None
    if not asked.is_file():
        raise SettingsRefusedError(
            f"settings file {asked} does not exist", fix=f"create it or unset {CONFIG_VARIABLE}"
        )
    return asked


def _refuse_unknown_variables() -> None:
    known = {name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE.removeprefix(PREFIX)}
    for variable in os.environ:
        if variable.startswith(PREFIX) and variable.removeprefix(PREFIX).split("__")[0].upper() not in known:
            raise SettingsRefusedError(
                f"{variable}: no such setting", fix="see docs/configuration.md, or unset it"
            )


def _translated(error: ValidationError) -> SettingsRefusedError:
    lines = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in problem["loc"]) or "settings"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "no such setting"
        lines.append(f"{field}: {message}")
    return SettingsRefusedError("; ".join(lines), fix="see docs/configuration.md")
