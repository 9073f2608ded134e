"""Writes records to topics so that a confirmed record is on all in-sync replicas, once and in order."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from bus.cluster import connection
from bus.discard import discard
from bus.errors import BusUnavailableError, translate, translated
from bus.settings import Settings

MAX_REQUEST_BYTES = 20 * 1024 * 1024
"""A dead letter keeps its whole input, and the largest input is 16 MiB."""
BATCH_BYTES = 256 * 1024
MAX_UNCONFIRMED = 10_000
"""Records that may wait for their confirmation; `Producer.send` waits beyond that."""

Confirmation = asyncio.Future[RecordMetadata]


class Producer:
    """An idempotent producer with acks=all. Topic names are logical; the prefix is added here.

    After a record that was refused, or not confirmed in time, it connects anew: the client behind it
    counts such a record as written, and every later one of the partition would be refused as out of order.
    """

    def __init__(self, settings: Settings, client_id: str = "producer", *, linger_ms: int = 5) -> None:
        """``linger_ms``: how long a record waits for company before it is sent."""
        self._settings = settings
        self._client_id = client_id
        self._linger_ms = linger_ms
        self._timeout = settings.kafka.delivery_timeout_seconds
        self._connecting = asyncio.Lock()
        self._connection: _Connection | None = None
        self._open = False

    async def __aenter__(self) -> Self:
        """Connect; BusUnavailableError if no broker answers."""
        self._open = True
        await self._connected()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is waiting, for at most the delivery timeout, and disconnect."""
        self._open = False
        connected, self._connection = self._connection, None
        if connected is not None:
            await connected.close(self._timeout)

    async def send(
        self, topic: str, *, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> Confirmation:
        """Queue one record; the returned future ends when all in-sync replicas have it.

        Both this call and the future raise BusUnavailableError when that does not happen within the
        delivery timeout; the record may have arrived all the same, so sending it again can write it
        twice. RecordTooLargeError when no broker would take it.
        """
        with translated("sending a record"):
            async with asyncio.timeout(self._timeout):
                connected = await self._connected()
                await connected.room.acquire()
                try:
                    sent = await connected.producer.send(
                        self._settings.topic(topic), key=key, value=value, headers=list(headers)
                    )
                except BaseException:
                    connected.room.release()
                    raise
        return connected.confirmation(sent, self._timeout)

    async def _connected(self) -> "_Connection":
        if not self._open:
            raise BusUnavailableError("the producer is closed")
        async with self._connecting:
            if self._connection is not None and not self._connection.failed:
                return self._connection
            if self._connection is not None:
                broken, self._connection = self._connection, None
                await discard(broken.producer)
            self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> "_Connection":
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
                async with asyncio.timeout(self._timeout):
                    await producer.start()
        except BaseException:
            await discard(producer)
            raise
        return _Connection(producer)


class _Connection:
    """One client and the records that wait in it."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.producer = producer
        self.room = asyncio.Semaphore(MAX_UNCONFIRMED)
        self.failed = False

    def confirmation(self, sent: asyncio.Future[RecordMetadata], timeout: float) -> Confirmation:
        """A future that follows ``sent`` and gives up after ``timeout``."""
        loop = asyncio.get_running_loop()
        confirmed: Confirmation = loop.create_future()
        give_up = loop.call_later(timeout, self._expire, confirmed)

        def settle(answer: asyncio.Future[RecordMetadata]) -> None:
            self.room.release()
            give_up.cancel()
            failure = None if answer.cancelled() else answer.exception()
            if failure is not None or answer.cancelled():
                self.failed = True
            if confirmed.done():
                return
            if answer.cancelled():
                confirmed.set_exception(BusUnavailableError("the producer was closed before Kafka confirmed"))
            elif failure is not None:
                confirmed.set_exception(translate(failure, "sending a record"))
            else:
                confirmed.set_result(answer.result())

        sent.add_done_callback(settle)
        return confirmed

    def _expire(self, confirmed: Confirmation) -> None:
        self.failed = True
        if not confirmed.done():
            confirmed.set_exception(BusUnavailableError("Kafka did not confirm a record in time"))

    async def close(self, patience: float) -> None:
        """Deliver what waits, for at most ``patience`` seconds, and disconnect."""
        if not self.failed:
            try:
                async with asyncio.timeout(patience):
                    await self.producer.flush()
            except TimeoutError:
                self.failed = True
        if self.failed:
            await discard(self.producer)
        else:
            await self.producer.stop()
