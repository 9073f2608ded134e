"""What the Kafka client keeps to itself about a consumer's place in its group.

aiokafka hands an error of its coordination to whoever asks for records next, and does nothing until somebody
has. While the group shares out anew nobody asks, since every partition rests: the member would wait for
ever, and its partitions with it. Its tasks may also end with an error that nobody hears of: a heartbeat or
a look at the committed offsets that failed is reported again and again and never made anew, and where the
fetching ended, the member keeps its partitions by its heartbeats and never gets a record.
"""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.protocol.commit import OffsetFetchRequest

from bus.groups import refuse_error


def lost(consumer: AIOKafkaConsumer) -> asyncio.Future[None]:
    """A future that fails with what ends the work of ``consumer``, which was started and has no topics yet.

    After that the consumer is of no more use but to be stopped. ``tests/bus/engine/test_membership.py``
    notices when the client does otherwise.
    """
    coordinator: Any = consumer._coordinator  # noqa: SLF001 - there is no other way to hear of it
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(error: BaseException) -> None:
        if not failed.done():
            failed.set_exception(error)

    async def push(error: BaseException) -> None:
        fail(error)
        await asyncio.wait((coordinator._closing,))  # noqa: SLF001 - see above

    def ended(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            fail(error)

    coordinator._push_error_to_user = push  # noqa: SLF001 - see above
    coordinator._coordination_task.add_done_callback(ended)  # noqa: SLF001 - see above
    consumer._fetcher.error_future.add_done_callback(ended)  # noqa: SLF001 - see above
    _look_at_the_answer(coordinator)
    return failed


def _look_at_the_answer(coordinator: Any) -> None:
    """Let a group whose offsets cannot be told yet be asked again.

    The client would take it for a group that has committed nothing: see `bus.groups`.
    """
    send = coordinator._send_req  # noqa: SLF001 - see above

    async def send_and_look(request: Any) -> Any:
        answer = await send(request)
        if isinstance(request, OffsetFetchRequest):
            try:
                refuse_error(answer.error_code)
            except KafkaError:
                coordinator.coordinator_dead()
                raise
        return answer

    coordinator._send_req = send_and_look  # noqa: SLF001 - see above
