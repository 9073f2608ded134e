"""Connectors are killed anywhere while hospital, school and municipality send.

What was acknowledged is there once; what was not is sent again by its source and is there once.
"""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random

import aiohttp
import pytest

from bus.embedded import network
from bus.embedded.properties import HOST
from bus.endpoints import find
from connectors.municipality.testing import HttpSender
from tests.system.test_kafka_away import Agencies, accounted_for, document
from tests.system.town import CONNECTORS, TOKEN, Town, town
from tests.waiting import until

KILLS = 1
"""Of each connector."""


class Insistent(Agencies):
    """Agencies that are used to connectors that break the connection."""

    async def post_documents(self) -> None:
        async with HttpSender(self.here.url, TOKEN) as sender:
            while not self.stop.is_set():
                case = f"H-{len(self.accepted)}"
                try:
                    reply = await sender.send(case, document(case))
                except aiohttp.ClientError:
                    self.refused += 1
                    await until(self._listening, timeout=60, what="the municipality's connector")
                    continue
                assert (reply.status, reply.body["outcome"]) in ((200, "PUBLISHED"), (200, "IGNORED"))
                self.accepted.append(case)

    def _listening(self) -> dict[str, str] | None:
        return find(self.here.path / "data", "connector.municipality")

    def heard(self, connector: str) -> int:
        """How many inputs of a connector its source knows to be received."""
        archived = len(self.here.lying_in("school", "archive"))
        return {"hospital": len(self.acknowledged), "school": archived}.get(connector, len(self.accepted))


async def kill(here: Town, connector: str) -> None:
    """SIGKILL, and a new process at the same address."""
    component = f"connector.{connector}"
    running = json.loads((here.path / "data" / "run" / f"{component}.json").read_text(encoding="utf-8"))
    os.kill(running["pid"], signal.SIGKILL)
    supervisor = here.system.supervisor
    await until(lambda: supervisor.exit_code(component) is not None, what="the end of the process")
    await supervisor.start(component, ("connector", "run", connector))
    here.system.endpoints[component] = await supervisor.ready(component)


def more(agencies: Insistent, connector: str, inputs: int) -> Callable[[], bool]:
    goal = agencies.heard(connector) + inputs

    def reached() -> bool:
        return agencies.heard(connector) >= goal

    return reached


async def kill_again_and_again(agencies: Insistent, connector: str, chance: Random) -> None:
    for _ in range(KILLS):
        agencies.drop_files()
        inputs = 1 if connector == "school" else chance.randint(1, 60)
        if connector != "school" or chance.random() < 0.5:  # the other half: while it works on the set
            await until(more(agencies, connector, inputs), timeout=60, what=f"inputs of {connector}")
        await kill(agencies.here, connector)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_killed_connectors_lose_nothing_and_double_nothing(broker: str, tmp_path: Path) -> None:
    mllp, http = network.free_ports(HOST, 2)
    ports = {"connectors__hospital__port": mllp, "connectors__municipality__http__port": http}
    async with town(tmp_path, broker, **ports) as here:
        agencies = Insistent(here)
        async with asyncio.TaskGroup() as group:
            group.create_task(agencies.send_messages())
            group.create_task(agencies.post_documents())
            async with asyncio.TaskGroup() as killing:
                for seed, connector in enumerate(CONNECTORS):
                    killing.create_task(kill_again_and_again(agencies, connector, Random(seed)))
            await until(more(agencies, "hospital", 10), timeout=60, what="inputs after the last kill")
            agencies.stop.set()
        await here.outcomes("school", agencies.sets)
        await until(
            lambda: len(here.lying_in("municipality", "archive")) == agencies.documents, timeout=60,
            what="the last document",
        )  # fmt: skip
        accounted_for(agencies, await here.settled())
    assert agencies.hospital.resent >= KILLS
