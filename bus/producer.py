"""Writes records to topics so that a confirmed record is on all in-sync replicas, once and in order."""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from bus.cluster import connection
from bus.discard import discard
from bus.errors import BusUnavailableError, translate, translated
from bus.partitioning import key_hash
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
        try:
            connected = self._connection
            if not self._open or connected is None or connected.failed or connected.room.locked():
                connected = await self._with_room()
            else:
                await connected.room.acquire()  # at once
            try:
                queueing = connected.producer.send(
                    self._settings.topic(topic), key=key, value=value, headers=list(headers)
                )
                sent = await self._queued(queueing)
            except BaseException:
                connected.room.release()
                raise
        except (KafkaError, TimeoutError, OSError) as error:
            raise translate(error, "sending a record") from error
        return connected.confirmation(sent)

    async def _with_room(self) -> "_Connection":
        """A connection that works, with room for one more record, which is taken."""
        async with asyncio.timeout(self._timeout):
            connected = await self._connected()
            await connected.room.acquire()
            return connected

    async def _queued(self, queueing: Coroutine[Any, Any, Any]) -> asyncio.Future[RecordMetadata]:
        """The client's own future for a record.

        It nearly always gives one without waiting. A timer is set only where it does wait (for metadata, or
        for a full batch to leave): timers for nothing cost more than all else here.
        """
        try:
            waits_for = queueing.send(None)
        except StopIteration as ended:
            sent: asyncio.Future[RecordMetadata] = ended.value
        else:
            async with asyncio.timeout(self._timeout):
                sent = await _Begun(queueing, waits_for)
        return sent

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
            partitioner=_partition,
        )
        try:
            with translated("connecting the producer"):
                async with asyncio.timeout(self._timeout):
                    await producer.start()
        except BaseException:
            await discard(producer)
            raise
        return _Connection(producer, self._timeout)


class _Connection:
    """One client and the records that wait in it."""

    def __init__(self, producer: AIOKafkaProducer, timeout: float) -> None:
        self.producer = producer
        self.room = asyncio.Semaphore(MAX_UNCONFIRMED)
        self.failed = False
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._unconfirmed: dict[Confirmation, float] = {}
        """When each is given up, the first to be given up first: all have the same time."""
        self._watch: asyncio.TimerHandle | None = None

    def confirmation(self, sent: asyncio.Future[RecordMetadata]) -> Confirmation:
        """A future that follows ``sent`` and gives up after the delivery timeout."""
        confirmed: Confirmation = self._loop.create_future()
        deadline = self._unconfirmed[confirmed] = self._loop.time() + self._timeout
        if self._watch is None:
            self._watch = self._loop.call_at(deadline, self._expire)
        sent.add_done_callback(partial(self._settle, confirmed))
        return confirmed

    def _settle(self, confirmed: Confirmation, answer: asyncio.Future[RecordMetadata]) -> None:
        self.room.release()
        self._unconfirmed.pop(confirmed, None)
        if answer.cancelled():
            self.failed = True
            error: BaseException = BusUnavailableError("the producer was closed before Kafka confirmed")
        elif (failure := answer.exception()) is not None:
            self.failed = True
            error = translate(failure, "sending a record")
        else:
            if not confirmed.done():
                confirmed.set_result(answer.result())
            return
        if not confirmed.done():
            confirmed.set_exception(error)

    def _expire(self) -> None:
        """Give up what waits for too long; one timer looks after all records."""
        self._watch = None
        for confirmed, deadline in list(self._unconfirmed.items()):
            if deadline > self._loop.time():
                self._watch = self._loop.call_at(deadline, self._expire)
                return
            del self._unconfirmed[confirmed]
            self.failed = True
            if not confirmed.done():
                confirmed.set_exception(BusUnavailableError("Kafka did not confirm a record in time"))

    async def close(self, patience: float) -> None:
        """Deliver what waits, for at most ``patience`` seconds, and disconnect."""
        if self._watch is not None and not self._unconfirmed:
            self._watch.cancel()
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


class _Begun(Awaitable[Any]):
    """The rest of a coroutine that ran up to its first wait."""

    def __init__(self, begun: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._begun = begun
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    answer = yield waits_for
                except BaseException as error:  # noqa: BLE001 - thrown in from outside: it is the coroutine's
                    waits_for = self._begun.throw(error)
                else:
                    waits_for = self._begun.send(answer)
        except StopIteration as ended:
            return ended.value


def _partition(key: bytes, partitions: Sequence[int], _: Sequence[int]) -> int:
    """The partition of a key, out of all."""
    return partitions[key_hash(key) % len(partitions)]
