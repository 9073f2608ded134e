"""Gives up an aiokafka producer at once, with whatever it still holds."""

import asyncio

from aiokafka import AIOKafkaProducer

_PATIENCE_SECONDS = 1.0
_TRIES = 4


async def discard(producer: AIOKafkaProducer) -> None:
    """Stop ``producer`` without waiting for delivery.

    ``AIOKafkaProducer.stop`` waits until everything is delivered, for ever if Kafka is away, and when it is
    cancelled its sender goes on in the background. There is no public way to give up, so this reaches into
    two private attributes; ``tests/bus/test_producer.py`` notices when they change.
    """
    if producer._closed:  # noqa: SLF001 - see above
        return
    producer._closed = True  # noqa: SLF001 - see above
    # Without connections, requests that are under way end at once.
    await producer.client.close()
    sender = producer._sender.sender_task  # noqa: SLF001 - see above
    for _ in range(_TRIES):
        if sender is None or sender.done():
            return
        sender.cancel()
        await asyncio.wait([sender], timeout=_PATIENCE_SECONDS)
