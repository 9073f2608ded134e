"""Carries one request to the agency's system: the tries, their pauses, and what is said of a failure.

After REFUSED an agency holds nothing, so nobody asks it to let go of anything. The connector therefore
answers in its system's place only where that is certain: a HOLD that the system refused or never got. Of all
else nothing is said; the deadline passes, and the agency is asked to release what it may hold.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from bus import metrics
from bus.logs import Event, Log, error_class
from connectors.kit import times
from connectors.kit.outcomes import DeadLetter, Fact, Ignore, Publish
from connectors.kit.requests import answer
from schemas.errors import PoisonError, RetriableError, SambandError
from schemas.records import AgencyRequest, Code, RequestAnswer

SYSTEM: Final = "samband:inbox"
"""The source system of what the inbox itself says, e.g. that a request came too late."""
DAY: Final = 86_400_000_000
_SECOND: Final = 1_000_000


class InboxSettings(BaseModel):
    """How patiently requests from the agency's inbox are carried to its system."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    first_pause_seconds: float = Field(
        1.0, gt=0, description="Pause after the first try that failed; each further one is twice as long."
    )
    longest_pause_seconds: float = Field(300.0, gt=0, description="… up to this.")
    attempt_seconds: float = Field(30.0, gt=0, description="The longest that one try may take.")
    at_once: int = Field(4, ge=1, le=1000, description="Requests that are carried at the same time.")
    most_waiting: int = Field(
        10_000, ge=1, description="When so many wait, no more are read until one has ended."
    )
    remember_days: float = Field(
        14.0, gt=0, le=700, description="How long after a request its answer may come and be understood."
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agency's system said at once. Systems that answer later give none."""

    answer: RequestAnswer
    reason: Code | None = None


class AwayError(RetriableError):
    """The agency's system could not be reached, so that it has nothing of the request."""


Deliver = Callable[[AgencyRequest], Awaitable[Reply | None]]
"""Carries one request into the agency's system, with ``request_id`` as its idempotency key.

Raises:
    AwayError: the system could not be reached. It is tried again.
    RetriableError: the system did not say whether it has the request. It is tried again.
    PoisonError: the system does not take it and never will. Its ``reason`` is ``request.rejected``.
"""


@dataclass(frozen=True, slots=True)
class Again:
    """It is to be tried again. ``begun``: the system may have the request all the same."""

    begun: bool


class Carrier:
    """The way to one agency's system."""

    def __init__(self, connector: str, log: Log, settings: InboxSettings, deliver: Deliver) -> None:
        """``connector`` is the connector's name, for metrics and logs."""
        self._name, self._log = connector, log
        self._settings = settings
        self._deliver = deliver
        self._room = asyncio.Semaphore(settings.at_once)
        self._away = False

    async def carry(self, request: AgencyRequest) -> Publish | DeadLetter | Again:
        """Try once; when that fails, again after `pause`."""
        try:
            async with self._room, asyncio.timeout(self._settings.attempt_seconds):
                reply = await self._deliver(request)
            self._tell(None)
            at = times.exact(times.now())
            return Publish((answer(request, reply.answer, at=at, reason=reply.reason),) if reply else ())
        except (RetriableError, TimeoutError) as error:
            self._tell(error)
            return Again(begun=not isinstance(error, AwayError))
        except PoisonError as error:
            self._count("refused")
            letter = DeadLetter(error.reason, str(error), error.where, type(error).__name__)
            refuses = request["action"] == "HOLD" and error.reason == "request.rejected"
            return replace(letter, facts=(_refusal(request, "OTHER", error.where),)) if refuses else letter
        except SambandError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours must not keep all other requests waiting
            self._count("failed")
            fault = f"the connector failed: {type(error).__name__}"
            return DeadLetter("request.undeliverable", fault, error=type(error).__name__)

    def too_late(self, request: AgencyRequest, now: int, *, begun: bool) -> Publish | Ignore | None:
        """What becomes of one that must not be carried any more. To let go late is better than never."""
        if self._left(request, now) >= 0:
            return None
        if request["action"] == "HOLD" and not begun:
            return Publish((_refusal(request, "AWAY"),))
        return Ignore("request.too_late")

    def pause(self, attempt: int, request: AgencyRequest | None = None) -> float:
        """Seconds to wait after ``attempt`` tries; until the deadline of ``request`` at most."""
        first, longest = self._settings.first_pause_seconds, self._settings.longest_pause_seconds
        pause = min(longest, first * 2.0 ** min(attempt - 1, 30))
        if request is None:
            return pause
        return min(pause, max(0.0, self._left(request, times.now()) / _SECOND) + 0.001)

    def _left(self, request: AgencyRequest, now: int) -> int:
        """Microseconds until ``request`` is too late."""
        grace = int(self._settings.remember_days * DAY) if request["action"] == "RELEASE" else 0
        return request["deadline"]["instant"] + grace - now

    def _tell(self, error: BaseException | None) -> None:
        self._count("carried" if error is None else "failed")
        if (error is not None) == self._away:
            return
        self._away = error is not None
        if error is None:
            self._log.emit(Event.AGENCY_AVAILABLE, connector=self._name)
        else:
            self._log.emit(Event.AGENCY_UNAVAILABLE, connector=self._name, error=error_class(error))

    def _count(self, result: str) -> None:
        metrics.CONNECTOR_REQUEST_TRIES.labels(self._name, result).inc()


def _refusal(request: AgencyRequest, mapped: str, code: str = "") -> Fact:
    why: Code = {"code": code, "system": SYSTEM, "mapped": mapped}
    return answer(request, "REFUSED", at=times.exact(times.now()), reason=why)
