import subprocess
import sys

import pytest

from bench.router_profile import PARTS, NoProfileError, Profile, part_of, profiled

RUN = "<module> (samband/__main__.py:9);run (asyncio/runners.py:190);_run_once (asyncio/base_events.py:1906)"
WORK = f"{RUN};_transact (bus/engine/task.py:207);process (bus/engine/processor.py:80)"


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        (
            f"{WORK};decode (router/stage.py:49);_fact (router/stage.py:99);decode (schemas/codec.py:170)",
            "decode",
        ),
        (f"{WORK};step (router/stage.py:64);step (router/step.py:30);add (router/timeline.py:3)", "step"),
        (f"{WORK};step (router/stage.py:66);encode (schemas/codec.py:160)", "encode"),
        (f"{WORK};get (bus/engine/store.py:120);load (router/stage.py:80);decode (x.py:1)", "state"),
        (f"{RUN};_commit (bus/engine/task.py:230);dump (router/stage.py:70)", "state"),
        (f"{RUN};_commit (bus/engine/task.py:230);send (aiokafka/producer/producer.py:1)", "commit"),
        (f"{RUN};_sender_routine (aiokafka/producer/sender.py:160)", "client"),
        (f"{WORK};write (bus/engine/transaction.py:90)", "engine"),
        (RUN, "engine"),
    ],
)
def test_a_stack_belongs_to_the_innermost_part_that_it_speaks_of(stack, part):
    assert part_of(stack) == part


def test_shares_are_of_all_samples():
    profile = Profile(f"{RUN} 6\n{RUN};_sender_routine (aiokafka/producer/sender.py:160) 2\n")
    assert profile.samples == 8
    assert profile.shares == {**dict.fromkeys(PARTS, 0.0), "engine": 0.75, "client": 0.25}


def test_a_process_that_works_is_seen_from_outside(tmp_path):
    flames = tmp_path / "pictures" / "flames.svg"
    busy = "input()\nfor _ in range(100_000): sum(range(1000))"
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, text=True) as process:
        try:
            with profiled(process.pid, flames) as found:
                process.communicate("begin\n")
        except NoProfileError as error:
            pytest.skip(f"this system lets nobody look: {error}")
    (profile,) = found
    assert profile.samples > 0
    assert flames.read_text(encoding="utf-8").startswith("<?xml")
    assert [path.name for path in flames.parent.iterdir()] == ["flames.svg"]


def test_a_process_that_is_gone_is_no_profile(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    with pytest.raises(NoProfileError), profiled(process.pid, tmp_path / "flames.svg"):
        pass
