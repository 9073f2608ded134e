"""Writes records to topics so that a confirmed record is on all in-sync replicas, once and in order."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from bus.cluster import connection
from bus.errors import BusUnavailableError, translate, translated
from bus.settings import Settings

MAX_REQUEST_BYTES = 20 * 1024 * 1024
"""A dead letter keeps its whole input, and the largest input is 16 MiB."""
BATCH_BYTES = 256 * 1024
MAX_UNCONFIRMED = 10_000
"""Records that may wait for their confirmation; `Producer.send` waits beyond that."""


class Producer:
    """An idempotent producer with acks=all. Topic names are logical; the prefix is added here."""

    def __init__(self, settings: Settings, client_id: str = "producer", *, linger_ms: int = 5) -> None:
        """``linger_ms``: how long a record waits for company before it is sent."""
        self._settings = settings
        self._client_id = client_id
        self._linger_ms = linger_ms
        self._delivery_timeout = settings.kafka.delivery_timeout_seconds
        self._room = asyncio.Semaphore(MAX_UNCONFIRMED)
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        """Connect; BusUnavailableError if no broker answers."""
        producer = AIOKafkaProducer(
            **connection(self._settings, self._client_id),
            enable_idempotence=True,
            acks="all",
            linger_ms=self._linger_ms,
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
            retry_backoff_ms=50,
        )
        try:
            with translated("connecting the producer"):
                async with asyncio.timeout(self._delivery_timeout):
                    await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is waiting, for at most the delivery timeout, and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            stopping = asyncio.ensure_future(producer.stop())
            await asyncio.wait([stopping], timeout=self._delivery_timeout)
            stopping.cancel()

    async def send(
        self, topic: str, *, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> asyncio.Future[RecordMetadata]:
        """Queue one record; the returned future ends when all in-sync replicas have it.

        Both this call and the future raise BusUnavailableError when that does not happen within the
        delivery timeout; the record may then still arrive, so sending it again can write it twice.
        RecordTooLargeError when no broker would take it.
        """
        if self._producer is None:
            raise BusUnavailableError("the producer is not connected")
        confirmed: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        with translated("sending a record"):
            async with asyncio.timeout(self._delivery_timeout):
                await self._room.acquire()
        try:
            with translated("sending a record"):
                async with asyncio.timeout(self._delivery_timeout):
                    sent = await self._producer.send(
                        self._settings.topic(topic), key=key, value=value, headers=list(headers)
                    )
        except BaseException:
            self._room.release()
            raise
        give_up = asyncio.get_running_loop().call_later(self._delivery_timeout, _expire, confirmed)
        sent.add_done_callback(lambda answer: self._settle(answer, confirmed, give_up))
        return confirmed

    def _settle(
        self,
        answer: asyncio.Future[RecordMetadata],
        confirmed: asyncio.Future[RecordMetadata],
        give_up: asyncio.TimerHandle,
    ) -> None:
        self._room.release()
        give_up.cancel()
        failure = None if answer.cancelled() else answer.exception()
        if confirmed.done():
            return
        if answer.cancelled():
            confirmed.set_exception(BusUnavailableError("the producer was closed before Kafka confirmed"))
        elif failure is not None:
            confirmed.set_exception(translate(failure, "sending a record"))
        else:
            confirmed.set_result(answer.result())


def _expire(confirmed: asyncio.Future[RecordMetadata]) -> None:
    if not confirmed.done():
        confirmed.set_exception(BusUnavailableError("Kafka did not confirm a record in time"))
