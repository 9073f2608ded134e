"""What an absence connector needs, beside the settings that every connector has."""

from pydantic import BaseModel, ConfigDict, Field

from connectors.kit.drop import DropSettings


class AbsenceSettings(BaseModel):
    """The keys of `[connectors.<name>]` that only this kind has."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    drop: DropSettings = Field(description="The folder in which reports are dropped.")
    school: str = Field(min_length=1, description="The school's organisation number.")
    zone: str = Field("Europe/Oslo", description="Zone of the days in the reports.")
