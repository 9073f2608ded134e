"""Takes whole sets of free slots: plan, keep the plan, publish, keep the outcome.

The plan is on disk before anything is published, so that a crash at any moment leaves either nothing said, or
a state that knows what was perhaps said.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from connectors.kit.durable import write_durably
from connectors.kit.outcomes import Ignore, Publish, SourceInput
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.publisher import Publisher
from connectors.kit.reasons import UNCHANGED
from connectors.kit.slots import Offer, SlotSet, difference
from schemas.errors import FatalError, RetriableError
from schemas.records import InputOutcome, Time

KIND: Final = "slots"


class SlotSets:
    """The sets of one connector, each known by its name."""

    def __init__(self, publisher: Publisher, pseudonyms: Pseudonyms, folder: Path) -> None:
        """``folder`` is created at the first set."""
        self._publisher = publisher
        self._pseudonyms = pseudonyms
        self._folder = folder
        self._lock = asyncio.Lock()

    async def take(
        self, name: str, offers: Sequence[Offer], payload: bytes, *, system: str, at: Time, received: int
    ) -> InputOutcome:
        """Carry one set; when this returns, its outcome is on the bus.

        ``name`` tells the set from others of the same agency. ``at`` is when it was made.

        Raises:
            RetriableError: Kafka or the disk is away. The set is to be given again.
            FatalError: what is known of the earlier sets is damaged.
        """
        path = self._folder / f"{self._pseudonyms.digest(name.encode())[:32]}.json"
        async with self._lock:
            known = await asyncio.to_thread(_load, path)
            content = self._pseudonyms.digest(payload)
            change = difference(known, offers, content, at, self._pseudonyms.digest)
            source = SourceInput(
                payload=payload, received=received, kind=KIND, system=system,
                message_id=f"{KIND}-{path.stem}#{change.after.revision}",
            )  # fmt: skip
            if change.facts:
                await asyncio.to_thread(_save, path, change.during)
            said = Publish(change.facts) if change.facts else Ignore(UNCHANGED)
            outcome = await self._publisher.publish(source, said)
            if outcome["outcome"] != "DEAD_LETTERED":
                await asyncio.to_thread(_save, path, change.after)
            return outcome


def _load(path: Path) -> SlotSet:
    try:
        return msgspec.json.decode(path.read_bytes(), type=SlotSet)
    except FileNotFoundError:
        return SlotSet()
    except OSError as error:
        raise _unavailable("read", error) from None
    except msgspec.MsgspecError:
        raise FatalError(
            f"what is known of the set of slots {path.stem[:12]} is damaged",
            fix="restore the file from a backup, or delete it: the slots are then offered again",
        ) from None


def _save(path: Path, state: SlotSet) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, msgspec.json.encode(state))
    except OSError as error:
        raise _unavailable("write", error) from None


def _unavailable(doing: str, error: OSError) -> RetriableError:
    problem = error.strerror or type(error).__name__
    return RetriableError(
        f"cannot {doing} what is known of the slots: {problem}",
        fix="free disk space or mend permissions; nothing is lost",
    )
