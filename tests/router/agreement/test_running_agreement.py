"""From findings to a settled agreement in the engine, across a restart, and a replay equal to the byte."""

from collections import Counter
from typing import Any

import pytest

from bus.topics import apply
from samband.replaying import differences, replay
from tests.router.agreement.building import MINUTE, agency_says
from tests.router.planning.test_proposals import NOON_BEFORE, answered, shelves, week
from tests.router.planning.test_running_plans import AGENCY, read, router_settings, told, waited
from tests.router.test_running import publish, running


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_proposal_is_settled_across_a_restart_and_replayed(broker, topic_prefix, tmp_path):
    settings = router_settings(broker, topic_prefix, tmp_path / "first")
    await apply(settings)

    async def come_to(*statuses):
        async def there():
            said = await read(settings, "coordination", "Proposal")
            return [value["status"] for value in said] == list(statuses)

        await waited(there, f"the proposal to be {statuses[-1]}")

    async def asked(action):
        found: list[dict[str, Any]] = []

        async def there():
            found[:] = await read(settings, f"inbox.{AGENCY}", "AgencyRequest")
            return found and found[-1]["action"] == action

        await waited(there, f"the agency to be asked to {action}")
        return found[-1]

    async with running(settings):
        await publish(settings, [*shelves(), *week()])

        async def entries():
            return len(await read(settings, "timeline", "TimelineEntry")) == len(week())

        await waited(entries, "all facts to be taken")
        await told(settings, NOON_BEFORE)
        await come_to("OPEN")
        (proposal,) = await read(settings, "coordination", "Proposal")
        await publish(settings, [answered(proposal, "ACCEPTED")])

        async def accepted():
            return len(await read(settings, "timeline", "TimelineEntry")) == len(week()) + 2

        await waited(accepted, "the answer to be taken")
        await told(settings, NOON_BEFORE + MINUTE)
        held = agency_says(await asked("HOLD"), "HELD", NOON_BEFORE + MINUTE)
    elsewhere = router_settings(
        broker, topic_prefix, tmp_path / "second"
    )  # the state comes from the changelog alone
    async with running(elsewhere):
        await publish(elsewhere, [held, held])
        confirmed = agency_says(await asked("CONFIRM"), "CONFIRMED", NOON_BEFORE + MINUTE)
        await publish(elsewhere, [confirmed, held, confirmed])
        await come_to("OPEN", "ACCEPTED", "SETTLED")

    again = f"{topic_prefix}again."
    await replay(elsewhere, again, lambda *_: None, replace=False, incomplete=False)
    compared = [each async for each in differences(elsewhere, again)]
    assert [each.topic for each in compared if each.different] == []
    equal = Counter[str]()
    for each in compared:
        equal[each.topic] += each.equal
    assert equal[f"inbox.{AGENCY}"] == 2
    assert equal["coordination"] >= 3
