"""Settings of a municipality connector, beside the ones that every connector has."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from bus.setting_groups import Zone
from bus.settings import is_loopback
from connectors.kit.carrier import InboxSettings
from connectors.kit.drop import DropSettings

MIB = 1024 * 1024


class HttpSettings(BaseModel):
    """Where documents can be posted."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = Field("127.0.0.1", description="Address to listen on; others need allow_public_listeners.")
    port: int = Field(0, ge=0, le=65535, description="Port; 0 takes a free one, which is announced.")
    token: SecretStr | None = Field(None, min_length=16, description="Bearer token that senders must show.")
    max_bytes: int = Field(4 * MIB, ge=1024, le=16 * MIB, description="Largest document.")


class RequestSettings(InboxSettings):
    """Where requests from the agency's inbox go, and how patiently they are carried there."""

    url: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="Where requests are posted to the municipality's system.",
    )
    token: SecretStr | None = Field(None, description="Bearer token that is shown to that system.")
    allow_plaintext: bool = Field(
        default=False, description="Allow http:// to other machines. Only on a private network."
    )
    folder: Path | None = Field(None, description="The folder that requests are written to instead.")

    @model_validator(mode="after")
    def _one_way_out(self) -> "RequestSettings":
        if (self.url is None) == (self.folder is None):
            raise ValueError("set either url or folder")
        host = urlsplit(self.url or "").hostname or ""
        if self.url and self.url.startswith("http://") and not (self.allow_plaintext or is_loopback(host)):
            raise ValueError("url: requests would cross the network unencrypted; use https://")
        return self


class MunicipalitySettings(BaseModel):
    """What a municipality connector needs: a drop folder, an HTTP listener, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    drop: DropSettings | None = Field(None, description="The folder in which documents are dropped.")
    http: HttpSettings | None = Field(None, description="The listener to which documents are posted.")
    inbox: RequestSettings | None = Field(
        None, description="Where requests from the agency's inbox go; without it, none are taken."
    )
    max_document_bytes: int = Field(4 * MIB, ge=1024, le=16 * MIB, description="Largest document in a file.")
    country: Literal["NO", "SE", "DK", "FI"] = Field("NO", description="Whose national identifiers are used.")
    zone: Zone = Field("Europe/Oslo", description="Zone of times that are written without one.")
    institution: Annotated[str, StringConstraints(min_length=1)] = Field(
        description="The municipality's own code, for documents that do not name the institution."
    )
    institution_system: str = Field(
        "urn:samband:institution", description="Who assigns the codes of institutions that are no orgnr."
    )
    case_kind: str = Field("SOCIAL_ASSISTANCE", description="Kind of case where a document does not say it.")

    @model_validator(mode="after")
    def _some_way_in(self) -> "MunicipalitySettings":
        if self.drop is None and self.http is None:
            raise ValueError("set drop.folder, http.port or both: there is no way in")
        return self
