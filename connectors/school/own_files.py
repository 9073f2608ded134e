"""Takes the single CSV files of a drop folder: answers to requests, and free slots.

Their payload on the bus is a list of digests, as that of a set: what was dropped by mistake may be anything.
"""

import asyncio

from connectors.kit import times
from connectors.kit.drop import Claim
from connectors.kit.inbox import Inbox
from connectors.kit.outcomes import DeadLetter, Fact, Ignore, Publish, SourceInput
from connectors.kit.requests import answer
from connectors.kit.runtime import ConnectorContext
from connectors.kit.slot_sets import SlotSets
from connectors.school.problems import Problem, SetRefusedError
from connectors.school.settings import SchoolSettings
from connectors.school.tables import Answered, kind_of, read_answers, read_slots
from schemas.errors import PoisonError
from schemas.records import InputOutcome


def is_own(claim: Claim) -> bool:
    """Whether a claim is a CSV file by itself; sets are zips and folders."""
    return claim.problem is None and not claim.is_folder and claim.path.name.casefold().endswith(".csv")


class OwnFiles:
    """What becomes of each such file of one connector."""

    def __init__(self, connector: ConnectorContext, settings: SchoolSettings, inbox: Inbox | None) -> None:
        """``inbox`` knows the requests that answers name; without it, none is known."""
        self._connector = connector
        self._settings = settings
        self._inbox = inbox
        own = connector.settings
        self._system = own.system or f"oneroster:{own.agency}"
        self._slots = SlotSets(connector.publisher, connector.pseudonyms, connector.data_dir / "slots")

    async def take(self, claim: Claim, payload: bytes) -> str:
        """Carry the file; a report where it is refused, else nothing. ``payload`` is its list of digests.

        Raises:
            RetriableError: Kafka or the disk is away, or the inbox is still being read after a start.
        """
        source = SourceInput(
            payload=payload, received=claim.received, kind="", system=self._system, message_id=claim.label
        )
        try:
            if claim.size > self._settings.limits.unpacked_bytes:
                raise SetRefusedError(Problem("oneroster.too_large", "The file is larger than the limit"))
            data = await asyncio.to_thread(claim.members[0].read)
            outcome = await self._carry(claim, data, source)
        except SetRefusedError as refused:
            letter = DeadLetter(refused.reason, str(refused), refused.where, type(refused).__name__)
            await self._connector.publisher.publish(source, letter)
            return refused.report()
        if outcome["outcome"] == "DEAD_LETTERED":
            return f"The file could not be published ({outcome['reason']})."
        return ""

    async def _carry(self, claim: Claim, data: bytes, source: SourceInput) -> InputOutcome:
        if await asyncio.to_thread(kind_of, data, self._settings) == "slots":
            agency = self._connector.settings.agency
            offers = await asyncio.to_thread(read_slots, data, agency, self._system, self._settings)
            return await self._slots.take(
                "slots", offers, source.payload,
                system=self._system, at=times.exact(claim.written), received=claim.received,
            )  # fmt: skip
        answers = await asyncio.to_thread(read_answers, data, claim.received, self._settings)
        facts = await self._facts(answers)
        said = Publish(facts) if facts else Ignore("nothing_to_say")
        return await self._connector.publisher.publish(
            SourceInput(
                payload=source.payload, received=source.received, kind="answers", system=source.system,
                message_id=source.message_id,
            ),
            said,
        )  # fmt: skip

    async def _facts(self, answers: list[Answered]) -> tuple[Fact, ...]:
        facts, problems = [], []
        for each in answers:
            try:
                facts.append(await self._fact(each))
            except PoisonError as error:
                column = "answer" if error.reason == "request.answer" else "requestId"
                problems.append(Problem(error.reason, str(error), "answers.csv", each.line, column))
        if problems:
            raise SetRefusedError(*problems)
        return tuple(facts)

    async def _fact(self, each: Answered) -> Fact:
        if self._inbox is None:
            raise PoisonError("This connector takes no requests", reason="request.unknown")
        request = await self._inbox.find(each.request_id)
        remarks = ("code.unknown",) if each.reason and each.reason["mapped"] == "UNKNOWN" else ()
        return answer(request, each.answer, at=each.at, reason=each.reason, remarks=remarks)
