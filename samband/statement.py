"""A fact that a person states on the command line, on its way onto the bus."""

import uuid

from bus.producer import Producer
from bus.registry.codec import codec_of
from bus.settings import Settings
from connectors.kit.assembly import AssemblyContext, assemble
from connectors.kit.outcomes import Fact, SourceInput


async def state(settings: Settings, fact: Fact, context: AssemblyContext, now: int) -> str:
    """Publish a fact that is stated ``now`` (microseconds since the epoch); gives its event id.

    Raises:
        BusUnavailableError: Kafka is away.
    """
    source = SourceInput(payload=b"", received=now, system="samband", message_id=str(uuid.uuid4()))
    (made,) = assemble([fact], source, context)
    value = codec_of(settings).encode(made.record, made.value)
    async with Producer(settings) as producer:
        await (await producer.send(made.topic, key=made.key.encode(), value=value, headers=made.headers))
    return made.event_id
