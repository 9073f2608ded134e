"""Requests to a hospital that others wrote: python-hl7's MLLP server reads and acknowledges them."""

import hl7
import pytest
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server

from connectors.hospital.bundle_store import BundleStore
from connectors.hospital.desk import Desk
from connectors.hospital.sender import Sender
from connectors.hospital.settings import RequestSettings
from connectors.kit.carrier import Reply
from tests.connectors.hospital.desk_rig import HOLD, RELEASE
from tests.connectors.hospital.messages import reading


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")  # python-hl7's own, from Python 3.12 on
@pytest.mark.parametrize("kind", ["SRM", "SIU"])
async def test_python_hl7_takes_them_and_its_acknowledgements_are_understood(tmp_path, kind):
    taken: list[hl7.Message] = []

    async def serve(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        while not reader.at_eof():
            try:
                message = await reader.readmessage()
            except EOFError:
                break
            taken.append(message)
            writer.writemessage(message.create_ack("AA"))
            await writer.drain()
        writer.close()

    async with await start_hl7_server(serve, host="127.0.0.1", port=0, encoding="utf-8") as server:
        port = server.sockets[0].getsockname()[1]
        settings = RequestSettings.model_validate({"host": "127.0.0.1", "port": port, "message": kind})
        desk = Desk(settings, reading(), BundleStore(tmp_path))
        async with Sender(settings, desk.acknowledged) as sender:
            assert await desk.deliver(HOLD, sender) == Reply("HELD")
            assert await desk.deliver(RELEASE, sender) == Reply("RELEASED")
    name = "ARQ" if kind == "SRM" else "SCH"
    assert [message.extract_field(name, 1, 2) for message in taken] == ["T1", "T2", "T1", "T2"]
    assert len({message.extract_field("MSH", 1, 10) for message in taken}) == 4
    assert len({message.extract_field(name, 1, 1) for message in taken}) == 2
    assert [message.extract_field(name, 1, 24 if kind == "SRM" else 26) for message in taken] == [
        "r1", "r1", "r2", "r2",
    ]  # fmt: skip
