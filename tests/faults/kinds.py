"""The faults: each is done to a rig that works, at a moment and in a way that a seed decides.

A fault has ended when nothing of it is left but its consequences: whoever was ended lives again, whoever
was frozen goes on, what was held back was let go.
"""

import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bus.embedded.server import EmbeddedBroker
from tests.faults.bounces import Bounce, bounce
from tests.faults.proxy import TRANSACTIONAL, Api, Harm
from tests.faults.rig import MEMBERS, Rig
from tests.system.test_full_disk_mounted import fill, may_mount, within_a_small_disk


@dataclass(frozen=True)
class Fault:
    """What a fault may use. ``member`` is the one that it is aimed at."""

    here: Rig
    kafka: EmbeddedBroker | None
    """None where the broker is not to be harmed."""
    chance: Random
    member: int

    async def moment(self) -> None:
        """Let some work be done, so that faults meet every state that there is."""
        await self.here.progress(self.chance.randint(1, 300))

    async def hold(self, most_seconds: float) -> None:
        """Leave things as they are for a while; how long is part of the fault."""
        with suppress(TimeoutError):
            await self.here.watched(lambda: False, "nothing", self.chance.uniform(0, most_seconds))

    async def others_go_on(self) -> None:
        """Wait until all that was sent so far has come out, with the help of others if need be."""
        await self.here.caught_up()


Do = Callable[[Fault], Awaitable[None]]
KINDS: dict[str, Do] = {}


def kind(do: Do) -> Do:
    """Register a kind of fault under its function's name."""
    KINDS[do.__name__] = do
    return do


@kind
async def worker_killed(fault: Fault) -> None:
    await bounce(fault.here, fault.kafka, Bounce.KILL_WORKER, fault.member)


@kind
async def worker_stopped(fault: Fault) -> None:
    await bounce(fault.here, fault.kafka, Bounce.STOP_WORKER, fault.member)


@kind
async def worker_gone_for_a_while(fault: Fault) -> None:
    fault.here.kill(fault.member)
    await fault.others_go_on()
    fault.here.start(fault.member)


@kind
async def worker_frozen(fault: Fault) -> None:
    """Shorter or longer than its session."""
    worker = fault.here.workers[fault.member]
    worker.signal(signal.SIGSTOP)
    await fault.hold(12)
    worker.signal(signal.SIGCONT)


@kind
async def zombie(fault: Fault) -> None:
    """Frozen at any moment until others have done its work."""
    worker = fault.here.workers[fault.member]
    worker.signal(signal.SIGSTOP)
    await fault.others_go_on()
    worker.signal(signal.SIGCONT)


@kind
async def zombie_before_commit(fault: Fault) -> None:
    """Frozen exactly between offsets and commit until others have done its work."""
    fault.here.kill(fault.member)
    worker = fault.here.start(fault.member, "--stop-before-commit")
    await fault.here.until(worker.stopped, "the worker to stop before its third commit")
    await fault.others_go_on()
    worker.signal(signal.SIGCONT)


@kind
async def late_commit(fault: Fault) -> None:
    """A commit is on its way until others have done the work, and reaches the broker then."""
    aim = fault.here.proxies[fault.member].aim(Api.END_TXN, Harm.DELAY)
    worker = fault.here.workers[fault.member]
    await fault.here.until(aim.hit.is_set, "a commit")
    worker.signal(signal.SIGSTOP)
    await fault.others_go_on()
    aim.release()
    worker.signal(signal.SIGCONT)


@kind
async def broker_killed(fault: Fault) -> None:
    await bounce(fault.here, fault.kafka, Bounce.KILL_BROKER, fault.member)


@kind
async def broker_stopped(fault: Fault) -> None:
    await bounce(fault.here, fault.kafka, Bounce.STOP_BROKER, fault.member)


@kind
async def broker_frozen(fault: Fault) -> None:
    """Shorter or longer than the sessions of the members and of the broker itself."""
    assert fault.kafka is not None
    assert fault.kafka.pid is not None
    os.killpg(fault.kafka.pid, signal.SIGSTOP)
    try:
        await fault.hold(12)
    finally:
        os.killpg(fault.kafka.pid, signal.SIGCONT)


async def harm_request(fault: Fault, api: Api, harm: Harm, most_seconds: float = 3) -> None:
    aim = fault.here.proxies[fault.member].aim(api, harm)
    if api is Api.INIT_PRODUCER_ID:
        await bounce(fault.here, fault.kafka, Bounce.STOP_WORKER, fault.member)
    await fault.here.until(aim.hit.is_set, f"{api.name} to be harmed")
    if harm is Harm.DELAY:
        await fault.hold(most_seconds)
        aim.release()


@kind
async def request_delayed(fault: Fault) -> None:
    await harm_request(fault, fault.chance.choice(TRANSACTIONAL), Harm.DELAY)


@kind
async def request_delayed_beyond_the_transaction(fault: Fault) -> None:
    await harm_request(fault, fault.chance.choice(TRANSACTIONAL), Harm.DELAY, most_seconds=24)


@kind
async def request_lost(fault: Fault) -> None:
    await harm_request(fault, fault.chance.choice(TRANSACTIONAL), Harm.CUT_BEFORE)


@kind
async def answer_lost(fault: Fault) -> None:
    await harm_request(fault, fault.chance.choice(TRANSACTIONAL), Harm.CUT_AFTER)


@kind
async def answers_lost(fault: Fault) -> None:
    """Several, one after the other, of any kind."""
    proxy = fault.here.proxies[fault.member]
    for _ in range(fault.chance.randint(2, 6)):
        api = fault.chance.choice([Api.FETCH, Api.PRODUCE, Api.END_TXN, Api.HEARTBEAT])
        aim = proxy.aim(api, Harm.CUT_AFTER)
        await fault.here.until(aim.hit.is_set, f"{api.name} to be harmed")


@kind
async def connections_cut(fault: Fault) -> None:
    for _ in range(fault.chance.randint(1, 5)):
        await fault.here.proxies[fault.member].cut()
        await fault.here.progress(fault.chance.randint(1, 100))


@kind
async def storm(fault: Fault) -> None:
    """Members leave and join quicker than the group can settle."""
    for _ in range(fault.chance.randint(4, 8)):
        member = fault.chance.randrange(MEMBERS)
        how = fault.chance.choice([Bounce.KILL_WORKER, Bounce.STOP_WORKER, Bounce.STOP_WORKER])
        await bounce(fault.here, fault.kafka, how, member)
        await fault.hold(2)


@kind
async def clock_jumped(fault: Fault) -> None:
    """Hours forward or back, and back again while the state is being worked on."""
    worker = fault.here.workers[fault.member]
    await fault.here.until(lambda: "process_started" in worker.log.read_text(), "a worker that listens")
    for _ in range(fault.chance.randint(1, 3)):
        hours = fault.chance.choice([-48, -13, -1, 1, 13, 48])
        (fault.here.folder(fault.member) / "clock").write_text(str(hours * 3600))
        worker.signal(signal.SIGUSR1)
        await fault.moment()


@kind
async def state_damaged(fault: Fault) -> None:
    """Bytes of the local state are other than they were when the worker comes back."""
    if fault.chance.random() < 0.5:
        fault.here.kill(fault.member)
    else:
        await fault.here.stop(fault.member)
    files = [path for path in (fault.here.folder(fault.member) / "state").rglob("*") if path.is_file()]
    for path in sorted(files):
        damage(bytearray(path.read_bytes()), fault.chance, path.write_bytes)
    worker = fault.here.start(fault.member)
    await fault.here.until(worker.ready, "the worker on its damaged state")


def damage(content: bytearray, chance: Random, write: Callable[[bytes], object]) -> None:
    """Flip a few bits, or cut the end off, in every second file."""
    if not content or chance.random() < 0.5:
        return
    if chance.random() < 0.3:
        del content[chance.randrange(len(content)) :]
    else:
        for _ in range(chance.randint(1, 20)):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    write(bytes(content))


@kind
async def state_lost(fault: Fault) -> None:
    await fault.here.stop(fault.member)
    shutil.rmtree(fault.here.folder(fault.member) / "state", ignore_errors=True)
    fault.here.start(fault.member)


async def disk_full(fault: Fault) -> None:
    """The disk of the state folder is full for a while; it is a small one of the worker's own."""
    await fault.here.stop(fault.member)
    state = fault.here.folder(fault.member) / "state"
    state.mkdir(parents=True, exist_ok=True)
    worker = fault.here.start(fault.member, within=within_a_small_disk(state, "8m"))
    await fault.here.until(worker.ready, "the worker on its small disk")
    ballast = Path(f"/proc/{worker.process.pid}/root") / state.relative_to("/") / "ballast"
    fill(ballast)
    fault.here.proxies[fault.member].aim(Api.END_TXN, Harm.CUT_AFTER)  # so that it opens a store anew
    signs = ('"error": "Exception"', '"reason": "failed"')  # RocksDB's own, or found when it was opened anew
    await fault.here.until(
        lambda: any(sign in worker.log.read_text() for sign in signs), "the disk to be found full"
    )
    await fault.hold(3)
    ballast.unlink()


if may_mount():
    kind(disk_full)


def drawn(seed: int) -> str:
    """The kind of fault that a seed means."""
    return Random(seed).choice(sorted(KINDS))


async def survive(here: Rig, kafka: EmbeddedBroker | None, seed: int, kind: str) -> None:
    """One fault, decided by the seed but for its kind; then everything goes on as if it had not been."""
    chance = Random(seed)
    fault = Fault(here, kafka, chance, chance.randrange(MEMBERS))
    await fault.moment()
    await KINDS[kind](fault)
    await here.caught_up()
    here.compare()
