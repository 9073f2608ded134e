"""Each request of a transaction in turn: delayed, lost on its way, and its answer lost on the way back."""

from pathlib import Path
from random import Random

import pytest

from tests.faults.kinds import Fault, harm_request
from tests.faults.proxy import TRANSACTIONAL, Harm
from tests.faults.rig import rig


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_whatever_becomes_of_a_request_every_record_has_its_effect_once(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with rig(broker, topic_prefix, tmp_path, proxied=True) as here:
        here.start(0)
        fault = Fault(here, None, Random(1), member=0)
        for harm in Harm:
            for api in TRANSACTIONAL:
                await here.progress(50)
                await harm_request(fault, api, harm, most_seconds=1)
                await here.caught_up()
        assert here.proxies[0].seen.keys() >= set(TRANSACTIONAL)
        await here.finish()
