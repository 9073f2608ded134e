"""A national identifier in any odd place never leaves but as a pseudonym, a digest or in sealed details."""

import json
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from bus.metrics import REGISTRY
from connectors.hospital.mllp import frame
from tests.connectors.hospital.messages import FNR
from tests.connectors.hospital.rig import running

OTHER = "15076500565"
"""The official example of Skatteetaten's documentation."""
MSH = f"MSH|^~\\&|{FNR}|{FNR}|||20261116090000||{{kind}}|{{id}}|P|2.5\r"
PID = f"PID|1||{FNR}^^^FNR~{OTHER}^^^SYKEHUS^MR||Nordmann^Kari||19650715\r"
PV1 = f"PV1|1|I|{FNR}^{FNR}|||||||{FNR}|||||||||V{FNR}\r"
SCH = f"SCH||A-{FNR}|||||||||^^^20261117090000||||||||||||||{FNR}\r"
AIS = f"AIS|1|A|{FNR}^Kari Nordmann^{FNR}|20261117090000\rAIL|1|A|{FNR}^{FNR}\r"
MESSAGES = {
    "admission": MSH.format(kind="ADT^A01", id=FNR) + PID + PV1,
    "appointment": MSH.format(kind="SIU^S12", id=f"K{FNR}-1") + PID + SCH + AIS,
    "cancelled": MSH.format(kind="SIU^S15", id="Kari Nordmann") + PID + SCH,
    "merge": MSH.format(kind="ADT^A40", id="131169 00216") + PID + f"MRG|{OTHER}^^^ANNEN^MR\r",
    "person": MSH.format(kind="ADT^A31", id="1") + PID + f"EVN|{FNR}|{FNR}\r",
    "odd type": MSH.format(kind=f"{FNR}^{FNR}", id="2") + PID,
    "odd trigger": MSH.format(kind=f"ADT^{FNR}", id="3") + PID,
    "odd version": MSH.format(kind="ADT^A01", id="4").replace("|2.5", f"|{FNR}") + PID,
    "odd charset": MSH.format(kind="ADT^A01", id="5").replace("|2.5", f"|2.5||||||{FNR}") + "NTE|1||Åse\r",
    "odd segment": MSH.format(kind="ADT^A31", id="6") + f"{FNR}|{FNR}\r",
    "no time": MSH.format(kind="SIU^S12", id="7") + PID + SCH.replace("20261117090000", f"{FNR}xx"),
    "nothing but a number": FNR,
}
SECRETS = (FNR, OTHER, "131169 00216", "Nordmann", "Kari")


@pytest.mark.parametrize("case", MESSAGES)
async def test_no_personal_data_in_logs_metrics_headers_keys_and_outcomes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], case: str
):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        await sender.send_raw(b"noise " + FNR.encode() + frame(MESSAGES[case].encode()))
        await sender.receive()
        written = hospital.bus.written
        assert hospital.outcomes
    told = capfd.readouterr()
    open_parts = [told.out, told.err, generate_latest(REGISTRY).decode()]
    for record in written:
        value = {key: part for key, part in record.value.items() if key not in ("details", "payload")}
        open_parts += [record.key, json.dumps(record.headers), json.dumps(value)]
    for part in open_parts:
        for secret in SECRETS:
            assert secret not in part, (case, secret, part)


async def test_the_log_did_say_something(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        await sender.send(MESSAGES["odd version"].encode())
        assert hospital.outcomes == [("DEAD_LETTERED", "hl7.version")]
    told = capfd.readouterr()
    assert "input_rejected" in told.out + told.err
