"""Writes the simulation's ``samband.toml``: what an operator would write, with a key made for this run."""

import json
import os
import secrets
from pathlib import Path

from samband.simulation.places import (
    CLINICS_OF_TOWN,
    HEALTH,
    HOSPITAL,
    MUNICIPAL_CODE,
    MUNICIPALITY,
    PHYSIOTHERAPY,
    REGISTER,
    SCHOOLS,
)
from samband.simulation.way_back import AskedClinics


def write(folder: Path, clinics: AskedClinics) -> Path:
    """``folder/samband.toml``, for a system whose data all lie in ``folder``.

    On a cluster that others use too (SAMBAND_BOOTSTRAP_SERVERS), each run has topics of its own.
    """
    shared = os.environ.get("SAMBAND_BOOTSTRAP_SERVERS")
    prefix = f"simulation-{secrets.token_hex(4)}." if shared else ""
    path = folder / "samband.toml"
    path.write_text(_text(folder, prefix, clinics), encoding="utf-8")
    path.chmod(0o600)
    return path


def drop_folder(folder: Path) -> Path:
    """Where the schools' system leaves its files."""
    return folder / "drop" / "schools"


def _text(folder: Path, prefix: str, clinics: AskedClinics) -> str:
    quoted = json.dumps  # a TOML basic string is written like a JSON string
    common = 'legal_basis = "GDPR-6-1-e"\npurpose = "coordination"'
    return f"""\
data_dir = {quoted(str(folder))}
simulated_clock = {quoted(str(folder / "clock"))}

[pseudonym]
key = {quoted(secrets.token_urlsafe(48))}

[kafka]
topic_prefix = {quoted(prefix)}

[engine]
write_ticks = false

[router]
institutions = {quoted(str(REGISTER))}
inboxes = {quoted([HEALTH, CLINICS_OF_TOWN])}

[connectors.health]
kind = "hospital"
agency = {quoted(HEALTH)}
{common}
port = 0
{_inbox(clinics.port(HOSPITAL), "acknowledgement", "SRM")}

[connectors.clinics]
kind = "hospital"
agency = {quoted(CLINICS_OF_TOWN)}
{common}
port = 0
{_inbox(clinics.port(PHYSIOTHERAPY), "message", "SIU")}

[connectors.schools]
kind = "school"
agency = {quoted(SCHOOLS)}
{common}
drop = {{ folder = {quoted(str(drop_folder(folder)))}, interval_seconds = 0.1 }}

[connectors.municipality]
kind = "municipality"
agency = {quoted(MUNICIPALITY)}
{common}
institution = {quoted(MUNICIPAL_CODE)}
http = {{ port = 0 }}
"""


def _inbox(port: int, answered_by: str, message: str) -> str:
    """The way to a clinic that can be asked."""
    dialect = f'message = "{message}", answered_by = "{answered_by}"'
    patience = "first_pause_seconds = 0.05, longest_pause_seconds = 1.0, at_once = 8"
    return f'inbox = {{ host = "127.0.0.1", port = {port}, {dialect}, answer_seconds = 0.5, {patience} }}'
