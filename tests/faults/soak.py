"""`make soak`: the long form of the fault tests. Bounces first, then random faults for a given time.

Everything about a fault follows from its seed, but for the exact moment at which it meets the workers. A
failure names the command that does the same faults again.
"""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from bus.embedded.server import EmbeddedBroker
from bus.setting_groups import user_cache
from tests.faults.bounces import ROUNDS, Bounce, bounced
from tests.faults.kinds import KINDS, drawn, survive
from tests.faults.rig import MEMBERS, rig

MESSAGES = 100_000
EPISODE = 20
"""Faults on one set of topics, before all of it is judged and the next set begins."""


class Soak:
    """One run and its log."""

    def __init__(self, kafka: EmbeddedBroker, path: Path) -> None:
        self._kafka = kafka
        self._path = path
        self._started = time.monotonic()
        self._episodes = 0
        self.survived: Counter[str] = Counter()
        self.messages = 0
        self.aborted = 0
        self.doing = ""
        """The command that does again what is being done."""

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self._started) / 60

    def say(self, what: str) -> None:
        print(f"{self.minutes:6.1f} min  {what}", flush=True)  # noqa: T201 - a log for people

    def _place(self) -> tuple[str, Path]:
        """A prefix and a folder that nobody has used."""
        self._episodes += 1
        path = self._path / f"episode-{self._episodes}"
        path.mkdir()
        return f"s{uuid.uuid4().hex[:12]}.", path

    async def bounces(self, messages: int) -> None:
        """Each kind of bounce by itself: three rounds of each member, or of the broker."""
        for what in Bounce:
            self.doing = f'make soak ARGS="--bounces --messages {messages}"'
            each = 1 if what in (Bounce.KILL_BROKER, Bounce.STOP_BROKER) else MEMBERS
            prefix, path = self._place()
            lost = await bounced(self._kafka, prefix, path, messages, [[what] * each] * ROUNDS)
            self.survived[what.value] += each * ROUNDS
            self.messages += messages
            self.aborted += lost
            self.say(f"{each * ROUNDS} x {what.value}: {messages:,} messages, {lost:,} outputs aborted")

    async def episode(self, seeds: list[int], kind: str) -> None:
        """Some random faults, one after the other, and the verdict over all of them."""
        prefix, path = self._place()
        engine = configuration(seeds[0])
        self.say(f"new topics, {engine}")
        ask = f" --kind {kind}" if kind else ""
        async with rig(self._kafka.bootstrap_servers, prefix, path, proxied=True, engine=engine) as here:
            await here.start_all()
            done: Counter[str] = Counter()
            for number, seed in enumerate(seeds, 1):
                self.doing = f'make soak ARGS="--seed {seeds[0]} --faults {number}{ask}"'
                name = kind or drawn(seed)
                self.say(f"seed {seed}: {name}")
                await survive(here, self._kafka, seed, name)
                done[name] += 1
            self.aborted += (lost := await here.finish())
            self.messages += here.feeder.count
            self.survived += done
            self.say(f"sound: {here.feeder.count:,} messages, {lost:,} outputs aborted")

    def summary(self) -> str:
        total = (
            f"survived {self.survived.total()} faults in {self.minutes:.0f} minutes, "
            f"{self.messages:,} messages, {self.aborted:,} outputs aborted and never seen:"
        )
        lines = [f"{count:6}  {name.replace('_', ' ')}" for name, count in sorted(self.survived.items())]
        return "\n".join([total, *lines])


def configuration(seed: int) -> dict[str, object]:
    """The engine's settings for an episode: with or without names that members keep, and standby copies."""
    chance = Random(seed)
    return {"instance_id": chance.choice(["", "member"]), "standbys": chance.choice([0, 1])}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, help="how long random faults go on at least, 40 by default")
    parser.add_argument("--faults", type=int, help="how many random faults at least; alone: exactly so many")
    parser.add_argument("--seed", type=int, help="of the first fault; each next one has the next number")
    parser.add_argument("--kind", choices=sorted(KINDS), default="", help="only faults of this kind")
    parser.add_argument("--bounces", action="store_true", help="only the bounces")
    parser.add_argument("--messages", type=int, default=MESSAGES, help="how many go through each bounce")
    parser.add_argument("--no-bounces", action="store_true", help="only random faults")
    return parser.parse_args()


def episodes(first: int, least: int, time_is_over: Callable[[], bool]) -> Iterator[list[int]]:
    """The seeds of each episode, from ``first`` on: at least so many, and until the time is over."""
    end = first + least
    while first < end or not time_is_over():
        last = min(first + EPISODE, end) if first < end else first + EPISODE
        yield list(range(first, last))
        first = last


async def run(asked: argparse.Namespace, soak: Soak) -> None:
    counted = asked.faults is not None and asked.minutes is None
    minutes = 0 if counted else 40 if asked.minutes is None else asked.minutes
    if not (asked.no_bounces or counted or asked.seed is not None):
        await soak.bounces(asked.messages)
    if not asked.bounces:
        first = asked.seed if asked.seed is not None else time.time_ns() // 1000 % 10**9
        end = soak.minutes + minutes
        for seeds in episodes(first, asked.faults or 0, lambda: soak.minutes >= end):
            await soak.episode(seeds, asked.kind)


def main() -> int:
    asked = arguments()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of each fault many times
    path = Path(tempfile.mkdtemp(prefix="samband-soak-"))  # stays where something failed
    with EmbeddedBroker(path / "kafka", cache_dir=user_cache()) as kafka:
        soak = Soak(kafka, path)
        try:
            asyncio.run(run(asked, soak))
        except Exception:  # noqa: BLE001 - whatever it was, it is told with how to see it again
            traceback.print_exc()
            soak.say(f"not survived; again: {soak.doing}; logs in {path}")
            return 1
        finally:
            print(soak.summary(), flush=True)  # noqa: T201 - a log for people
    shutil.rmtree(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
