"""What the fault tests are worth: with the engine broken on purpose they go red."""

from pathlib import Path

import pytest

from tests.faults.proxy import Api, Harm
from tests.faults.rig import PARTITIONS, Rig, rig


async def doubt(here: Rig, *flags: str) -> None:
    """A worker whose commit is lost for so long that it gives up and takes the partition over anew."""
    worker = here.start(0, *flags)
    await here.progress(500)
    aim = here.proxies[0].aim(Api.END_TXN, Harm.DELAY)
    await here.until(aim.hit.is_set, "a commit")
    await here.until(lambda: worker.ready(PARTITIONS + 1), "the worker to begin again")
    aim.release()
    await here.finish()


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_without_the_seek_after_a_restore_records_are_missing(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with rig(
        broker,
        topic_prefix,
        tmp_path,
        total=6000,
        proxied=True,
        engine={"transaction_timeout_seconds": 5},
    ) as here:
        with pytest.raises(AssertionError, match="missing"):
            await doubt(here, "--no-seek")


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_with_one_fence_for_all_they_end_each_others_work_and_nobody_is_ever_done(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with rig(broker, topic_prefix, tmp_path, total=6000) as here:
        members = [here.start(number, "--one-fence") for number in range(2)]
        await here.until(
            lambda: sum(member.log.read_text().count("engine_recovering") for member in members) >= 20,
            "members that end each other's work",
        )
        assert here.reader.count < 6000
        assert here.offsets.latest != here.feeder.ends()
