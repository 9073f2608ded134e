"""A fact that a person states, on the command line or in a simulation, on its way onto the bus."""

import uuid

from bus.producer import Producer
from bus.registry.codec import codec_of
from bus.settings import Settings
from connectors.kit.assembly import AssemblyContext, assemble
from connectors.kit.outcomes import Fact, SourceInput
from schemas.codec import Codec


async def state(settings: Settings, fact: Fact, context: AssemblyContext, now: int) -> str:
    """Publish a fact that is stated ``now`` (microseconds since the epoch); gives its event id.

    Raises:
        BusUnavailableError: Kafka is away.
    """
    source = SourceInput(payload=b"", received=now, system="samband", message_id=str(uuid.uuid4()))
    async with Producer(settings) as producer:
        return await publish(producer, codec_of(settings), fact, context, source)


async def publish(
    producer: Producer, codec: Codec, fact: Fact, context: AssemblyContext, source: SourceInput
) -> str:
    """The same with a producer that is connected, and ``source`` as where it was stated."""
    (made,) = assemble([fact], source, context)
    value = codec.encode(made.record, made.value)
    await (await producer.send(made.topic, key=made.key.encode(), value=value, headers=made.headers))
    return made.event_id
