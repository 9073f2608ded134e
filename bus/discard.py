"""Gives up an aiokafka producer at once, with whatever it still holds."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer

_PATIENCE_SECONDS = 1.0
_TRIES = 4


async def discard(producer: AIOKafkaProducer) -> None:
    """Stop ``producer`` without waiting for delivery.

    ``AIOKafkaProducer.stop`` waits until everything is delivered, for ever if Kafka is away, and when it is
    cancelled its sender goes on in the background. There is no public way to give up, so this reaches into
    private attributes; ``tests/bus`` notices when they change.
    """
    if producer._closed:  # noqa: SLF001 - see above
        return
    producer._closed = True  # noqa: SLF001 - see above
    # Without connections, requests that are under way end at once.
    await producer.client.close()
    sender = producer._sender.sender_task  # noqa: SLF001 - see above
    for _ in range(_TRIES):
        if sender is None or sender.done():
            break
        sender.cancel()
        await asyncio.wait([sender], timeout=_PATIENCE_SECONDS)
    for batches in producer._message_accumulator._batches.values():  # noqa: SLF001 - see above
        for batch in batches:
            hear(batch.future)
            hear(batch._drain_waiter)  # noqa: SLF001 - nobody waits for it, but it fails with the batch
    transactions = producer._txn_manager  # noqa: SLF001 - see above
    if transactions is not None and (ended := transactions.wait_for_transaction_end()) is not None:
        hear(ended)


def hear(given_up: asyncio.Future[Any]) -> None:
    """Take note of a failure, now or later, that nobody asks for, else asyncio logs it as an error."""
    if given_up.done():
        _heard(given_up)
    else:
        given_up.add_done_callback(_heard)


def _heard(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
