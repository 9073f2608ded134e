"""Settings of a municipality connector, beside the ones that every connector has."""

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from bus.setting_groups import Zone
from connectors.kit.drop import DropSettings

MIB = 1024 * 1024


class HttpSettings(BaseModel):
    """Where documents can be posted."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = Field("127.0.0.1", description="Address to listen on; others need allow_public_listeners.")
    port: int = Field(0, ge=0, le=65535, description="Port; 0 takes a free one, which is announced.")
    token: SecretStr | None = Field(None, min_length=16, description="Bearer token that senders must show.")
    max_bytes: int = Field(4 * MIB, ge=1024, le=16 * MIB, description="Largest document.")


class MunicipalitySettings(BaseModel):
    """What a municipality connector needs: a drop folder, an HTTP listener, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    drop: DropSettings | None = Field(None, description="The folder in which documents are dropped.")
    http: HttpSettings | None = Field(None, description="The listener to which documents are posted.")
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
