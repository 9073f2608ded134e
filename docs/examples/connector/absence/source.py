"""Takes one file after the other: translate, publish, and only then let go of the file."""

import asyncio

from absence.facts import Context
from absence.settings import AbsenceSettings
from absence.translate import translate
from connectors.kit.drop import Claim, DropFolder
from connectors.kit.outcomes import DeadLetter, SourceInput, Translation
from connectors.kit.runtime import ConnectorContext


class AbsenceSource:
    """One drop folder."""

    def __init__(self, connector: ConnectorContext, settings: AbsenceSettings) -> None:
        """``connector`` brings the publisher and the pseudonyms."""
        self._connector = connector
        self._context = Context(connector.settings.agency, settings, connector.pseudonyms)
        self._system = connector.settings.system or "absence"
        self.drop = DropFolder(settings.drop)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``. When Kafka or the disk is away, ``serve`` hands the same file over again."""
        await self.drop.serve(
            self.take, stop, lambda available: self._connector.set_ready(available, "drop_folder")
        )

    async def take(self, claim: Claim) -> None:
        """Bring one file to its end."""
        if claim.problem is not None or len(claim.members) != 1:
            # Never read, so that only the label tells it from another.
            source = SourceInput(
                payload=b"", received=claim.received, system=self._system, message_id=f"drop-{claim.label}"
            )
            reason = claim.problem.reason if claim.problem else "drop.not_a_file"
            translation: Translation = DeadLetter(reason, str(claim.problem or "a report is one file"))
        else:
            payload = await asyncio.to_thread(claim.members[0].read)
            source = SourceInput(
                payload=payload, received=claim.received, system=self._system, kind="absence"
            )
            translation = translate(source, self._context)
        await self._connector.publisher.publish(source, translation)  # returns when Kafka has all of it
        if isinstance(translation, DeadLetter):
            report = f"{translation.reason} at {translation.where or '/'}: {translation.problem}"
            await asyncio.to_thread(self.drop.fail, claim, report)
        else:
            await asyncio.to_thread(self.drop.archive, claim)
