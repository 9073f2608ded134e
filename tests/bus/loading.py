"""A group coordinator that is still loading its groups, as it is for a moment after Kafka was started.

It is too quick to be met on purpose, so its answer is put in the place of one that came.
"""

from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import GroupLoadInProgressError
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.commit import OffsetFetchRequest

_CODE = GroupLoadInProgressError.errno


class Loading:
    """The next answers to OffsetFetch and DescribeGroups say COORDINATOR_LOAD_IN_PROGRESS, whoever asks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int = 1) -> None:
        self.answers = 0
        self._most = most
        self._send = AIOKafkaClient.send

        async def send(client: AIOKafkaClient, node: int, request: Any, **more: Any) -> Any:
            return await self._answer(client, node, request, **more)

        monkeypatch.setattr(AIOKafkaClient, "send", send)

    async def _answer(self, client: AIOKafkaClient, node: int, request: Any, **more: Any) -> Any:
        answer = await self._send(client, node, request, **more)
        if self.answers == self._most:
            return answer
        if isinstance(request, OffsetFetchRequest):
            answer.error_code, answer.topics = _CODE, []
            self.answers += 1
        elif isinstance(request, DescribeGroupsRequest):
            answer.groups = [(_CODE, group[1], "", "", "", [], *group[6:]) for group in answer.groups]
            self.answers += 1
        return answer
