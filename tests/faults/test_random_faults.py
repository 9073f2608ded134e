"""A few of the faults of `make soak`, always the same ones: those that find the most in a short time."""

from pathlib import Path

import pytest

from tests.faults.kinds import KINDS, survive
from tests.faults.rig import rig

SHORT = ("clock_jumped", "state_damaged", "late_commit", *({"disk_full"} & KINDS.keys()))


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_few_random_faults_are_survived(broker: str, topic_prefix: str, tmp_path: Path) -> None:
    async with rig(broker, topic_prefix, tmp_path, proxied=True) as here:
        await here.start_all()
        for seed, kind in enumerate(SHORT):
            await survive(here, None, seed, kind)
        await here.finish()


def test_every_short_fault_is_a_kind_of_the_long_run() -> None:
    assert set(SHORT) <= KINDS.keys()
