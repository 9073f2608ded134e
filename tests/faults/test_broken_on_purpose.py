"""What the fault tests are worth: with the engine broken on purpose they go red."""

from pathlib import Path

import pytest

from tests.faults.feeder import KEYS
from tests.faults.proxy import Api, Harm
from tests.faults.rig import PARTITIONS, Rig, rig


async def doubt(here: Rig, *flags: str) -> None:
    """A worker whose commit is lost, so that it gives up and takes the partition over anew."""
    worker = here.start(0, *flags)
    await here.progress(500)
    aim = here.proxies[0].aim(Api.END_TXN, Harm.CUT_BEFORE)
    await here.until(aim.hit.is_set, "a commit")
    await here.until(lambda: worker.ready(PARTITIONS + 1), "the worker to begin again")
    fed = here.feeder.count
    await here.until(lambda: here.feeder.count >= fed + 2 * KEYS, "messages behind those that are missing")
    await here.finish()


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_without_the_seek_after_a_restore_records_are_missing(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with rig(broker, topic_prefix, tmp_path, proxied=True) as here:
        with pytest.raises(AssertionError, match="missing"):
            await doubt(here, "--no-seek")


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_with_one_fence_for_all_they_end_each_others_work_for_ever(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    # Messages without end: of a number of them each partition would do its share in the end, and be quiet.
    async with rig(broker, topic_prefix, tmp_path) as here:
        members = [here.start(number, "--one-fence") for number in range(2)]
        await here.until(
            lambda: (
                sum(member.log.read_text().count("ProducerFenced") for member in members) >= 2 * PARTITIONS
            ),
            "members that end each other's work",
        )
