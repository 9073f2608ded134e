"""Writes the demonstration's ``samband.toml``: what an operator would write, with a key made for this run."""

import json
import os
import secrets
from pathlib import Path

from samband.demo.institutions import MUNICIPALITY, REGISTER

CONNECTORS = ("hospital", "school", "municipality")


def write(folder: Path, hospital_port: int) -> Path:
    """``folder/samband.toml``, for a system whose data all lie in ``folder``.

    The hospital takes requests at ``hospital_port`` of this machine. Time is told by the demonstration.

    On a cluster that others use too (SAMBAND_BOOTSTRAP_SERVERS), each run has topics of its own.
    """
    prefix = f"demo-{secrets.token_hex(4)}." if os.environ.get("SAMBAND_BOOTSTRAP_SERVERS") else ""
    path = folder / "samband.toml"
    path.write_text(_text(folder, prefix, hospital_port), encoding="utf-8")
    path.chmod(0o600)
    return path


def drop_folder(folder: Path, connector: str) -> Path:
    """Where the simulated legacy system of ``connector`` leaves its files."""
    return folder / "drop" / connector


def _text(folder: Path, prefix: str, hospital_port: int) -> str:
    quoted = json.dumps  # a TOML basic string is written like a JSON string
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
inboxes = ["hospital.fjordheim"]

[connectors.hospital]
kind = "hospital"
agency = "hospital.fjordheim"
legal_basis = "GDPR-6-1-e"
purpose = "coordination"
port = 0
inbox = {{ host = "127.0.0.1", port = {hospital_port}, answered_by = "message" }}

[connectors.school]
kind = "school"
agency = "school.granvik"
legal_basis = "GDPR-6-1-e"
purpose = "coordination"
drop = {{ folder = {quoted(str(drop_folder(folder, "school")))}, interval_seconds = 0.2 }}

[connectors.municipality]
kind = "municipality"
agency = "municipality.granvik"
legal_basis = "GDPR-6-1-e"
purpose = "coordination"
institution = {quoted(MUNICIPALITY.code)}
http = {{ port = 0 }}
"""
