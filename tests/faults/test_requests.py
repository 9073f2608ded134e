"""Each request of a transaction in turn: delayed, lost on its way, and its answer lost on the way back."""

from pathlib import Path

import pytest

from tests.faults.proxy import TRANSACTIONAL, Api, Harm
from tests.faults.rig import MEMBERS, Rig, rig


async def harm_everywhere(here: Rig, api: Api) -> None:
    """Each member's next request of this type meets another harm, all at once."""
    cut = [here.proxies[member] for member, harm in enumerate(Harm) if harm is not Harm.DELAY]
    goals = {proxy: proxy.seen[Api.INIT_PRODUCER_ID] + 1 for proxy in cut}
    aims = [here.proxies[member].aim(api, harm) for member, harm in enumerate(Harm)]
    if api is Api.INIT_PRODUCER_ID:  # asked for by who lost an answer
        for proxy in here.proxies.values():
            proxy.aim(Api.END_TXN, Harm.CUT_AFTER)
    await here.until(lambda: all(aim.hit.is_set() for aim in aims), f"{api.name} to be harmed")
    await here.until(
        lambda: all(proxy.seen[Api.INIT_PRODUCER_ID] >= goal for proxy, goal in goals.items()),
        "new producers",
    )
    for aim in aims:
        aim.release()


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_whatever_becomes_of_a_request_every_record_has_its_effect_once(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    assert len(Harm) == MEMBERS
    async with rig(broker, topic_prefix, tmp_path, proxied=True) as here:
        await here.start_all()
        for api in TRANSACTIONAL:
            await here.progress(50)
            await harm_everywhere(here, api)
            await here.caught_up()
        await here.finish()
