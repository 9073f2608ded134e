"""Takes documents from a drop folder, oldest first. File names may hold personal data and go nowhere."""

import asyncio
from pathlib import PurePath

from connectors.kit.drop import Claim, DropFolder
from connectors.municipality.documents import Documents
from connectors.municipality.source import Answer
from schemas.errors import PoisonError


class Folder:
    """What is done with each file of one drop folder."""

    def __init__(self, drop: DropFolder, documents: Documents, max_bytes: int) -> None:
        """``max_bytes`` bounds a document; a larger one is refused unread."""
        self._drop = drop
        self._documents = documents
        self._max_bytes = max_bytes

    async def take(self, claim: Claim) -> None:
        """Carry one document, then archive it or put it aside with a report.

        Raises:
            RetriableError: Kafka or the disk is away; the claim stays, and no later one overtakes it.
        """
        answer = await self._carry(claim)
        if answer.problem is None:
            await asyncio.to_thread(self._drop.archive, claim)
        else:
            await asyncio.to_thread(self._drop.fail, claim, report(answer.problem))

    async def _carry(self, claim: Claim) -> Answer:
        problem = claim.problem
        if problem is None and (claim.is_folder or len(claim.members) != 1):
            problem = PoisonError("a document is one file, not a folder", reason="drop.not_a_file")
        if problem is None and claim.size > self._max_bytes:
            problem = PoisonError(f"larger than {self._max_bytes} bytes", reason="input.too_large")
        if problem is not None:  # unread, so that only the label tells it from another
            return await self._documents.refuse(b"", claim.received, problem, f"drop-{claim.label}")
        payload = await asyncio.to_thread(claim.members[0].read)
        return await self._documents.accept(payload, PurePath(claim.members[0].name).stem, claim.received)


def report(problem: PoisonError) -> str:
    """What is written beside a refused document: where it is wrong, and no value from it."""
    return f"reason   {problem.reason}\nwhere    {problem.where or 'the whole file'}\nproblem  {problem}"
