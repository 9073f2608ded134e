"""Takes sets from the drop folder, has them translated, and tells the bus before it tells the folder.

The order makes a crash harmless: facts and outcome confirmed by Kafka, then the accepted state on disk, then
the set into the archive. After a stop in between the set is taken up again under the same label; what the bus
has is recognised (same input, same event ids), and what the state has is archived at once.
"""

import asyncio
import hashlib
from dataclasses import dataclass

from bus.logs import Event
from connectors.kit.drop import Claim, DropFolder
from connectors.kit.inbox import Inbox
from connectors.kit.outcomes import DeadLetter, Ignore, SourceInput
from connectors.kit.runtime import ConnectorContext
from connectors.school.merge import RosterContext
from connectors.school.own_files import OwnFiles, is_own
from connectors.school.sets import KNOWN_FILES, RosterSet, is_complete, read_set
from connectors.school.settings import SchoolSettings
from connectors.school.state import State, StateFile
from connectors.school.translate import Plan, refusal, stands_alone, translate
from schemas.errors import PoisonError, SambandError

_BLOCK = 1 << 20
_BEHIND = "The set waits: an older set is held, and this one is only right after it."


@dataclass(frozen=True, slots=True)
class _Read:
    """A claim that was read: what the bus is told of it, and the set, if it is one."""

    source: SourceInput
    roster: RosterSet | None
    refused: PoisonError | None


class _FaultError(PoisonError):
    """The connector itself failed on a set. Only the class of the error is told: its text may hold values."""

    def __init__(self, error: str) -> None:
        super().__init__(f"The connector failed on this set: {error}", reason="translate.failed")


class SchoolSource:
    """One drop folder and its accepted states, one for each source system."""

    def __init__(
        self, connector: ConnectorContext, settings: SchoolSettings, inbox: Inbox | None = None
    ) -> None:
        """``inbox`` knows the requests that the school's answers name."""
        self._connector = connector
        self._settings = settings
        self._own_files = OwnFiles(connector, settings, inbox)
        self.drop = DropFolder(settings.drop, complete=is_complete)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; raises FatalError when the accepted state cannot be read."""
        await self.drop.serve(
            self.take, stop, lambda available: self._connector.set_ready(available, "drop_folder")
        )

    async def take(self, claim: Claim) -> None:
        """Bring one claim to its end; raises RetriableError when Kafka or the disk is away."""
        if is_own(claim):
            await self._take_own(claim)
            return
        read = await asyncio.to_thread(self._read, claim)
        if read.roster is None:
            problem = read.refused or PoisonError("The input is no set", reason="input.unreadable")
            await self._end(claim, read, refusal(problem))
            return
        context = self._context(claim, read.source.system)
        state_file = self._state_file(context)
        state = await asyncio.to_thread(state_file.load)
        if claim.label == state.label:
            await self._archive(claim, read.roster)
            return
        plan = await asyncio.to_thread(self._plan, read.roster, state, context, claim)
        await self._end(claim, read, plan, state_file)

    async def _take_own(self, claim: Claim) -> None:
        payload = "".join(await asyncio.to_thread(self._digest_lines, claim)).encode()
        report = await self._own_files.take(claim, payload)
        if report:
            await asyncio.to_thread(self.drop.fail, claim, report)
        else:
            await asyncio.to_thread(self.drop.archive, claim)

    async def _end(self, claim: Claim, read: _Read, plan: Plan, state_file: StateFile | None = None) -> None:
        if plan.translation is None:
            await asyncio.to_thread(self.drop.hold, claim, plan.report)
            waiting = len(await asyncio.to_thread(self.drop.held))
            reason = "waits_behind" if plan.report == _BEHIND else "mass_deletion"
            name = self._connector.name
            self._connector.log.emit(Event.INPUT_HELD, connector=name, reason=reason, count=waiting)
            return
        outcome = await self._connector.publisher.publish(read.source, plan.translation)
        if outcome["outcome"] == "DEAD_LETTERED" or isinstance(plan.translation, DeadLetter):
            report = plan.report or f"The set could not be published ({outcome['reason']})."
            await asyncio.to_thread(self.drop.fail, claim, report)
            return
        if state_file is not None and plan.state is not None:
            await asyncio.to_thread(state_file.save, plan.state)
        await self._archive(claim, read.roster)

    async def _archive(self, claim: Claim, roster: RosterSet | None) -> None:
        """End the claim, and first what it decides for the sets that are held."""
        complete = roster is not None and stands_alone(roster)
        for held in await asyncio.to_thread(self.drop.held):
            if held.label > claim.label:
                await asyncio.to_thread(self.drop.resume, held)
            elif complete:
                read = await asyncio.to_thread(self._read, held)
                await self._connector.publisher.publish(read.source, Ignore("superseded"))
                await asyncio.to_thread(self.drop.archive, held)
        await asyncio.to_thread(self.drop.archive, claim)

    def _plan(self, roster: RosterSet, state: State, context: RosterContext, claim: Claim) -> Plan:
        older = any(held.label < claim.label for held in self.drop.held())
        if older and not stands_alone(roster):
            return Plan(None, report=_BEHIND)
        try:
            return translate(roster, state, context, claim.label, released=claim.released)
        except SambandError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours is a dead letter, not a standstill
            return refusal(_FaultError(type(error).__name__))

    def _read(self, claim: Claim) -> _Read:
        """Read and measure a claim. Its payload on the bus is a list of digests, never the files."""
        roster, refused = None, claim.problem
        if refused is None:
            try:
                roster = read_set(claim, self._settings.limits)
            except PoisonError as error:
                refused = error
            except SambandError:
                raise
            except Exception as error:  # noqa: BLE001 - as in _plan
                refused = _FaultError(type(error).__name__)
        code = roster.system_code if roster else ""
        own = self._connector.settings
        system = own.system or f"oneroster:{code or own.agency}"
        source = SourceInput(
            payload="".join(self._digest_lines(claim)).encode(),
            received=claim.received,
            kind=roster.kind if roster else "",
            system=system,
            message_id=claim.label,
        )
        return _Read(source, roster, refused)

    def _digest_lines(self, claim: Claim) -> list[str]:
        lines = []
        for member in claim.members:
            plain = hashlib.sha256()
            with member.open() as stream:
                while block := stream.read(_BLOCK):
                    plain.update(block)
            keyed = self._connector.pseudonyms.digest(plain.digest())
            name = member.name if member.name in KNOWN_FILES else "other"
            lines.append(f"{name} {member.size} {keyed}\n")
        return lines

    def _context(self, claim: Claim, system: str) -> RosterContext:
        own = self._connector
        return RosterContext(
            self._settings, own.pseudonyms, own.settings.agency, system, claim.received, claim.written
        )

    def _state_file(self, context: RosterContext) -> StateFile:
        name = context.pseudonyms.digest(context.system.encode())[:16]
        return StateFile(self._connector.data_dir / f"accepted-{name}.json")
