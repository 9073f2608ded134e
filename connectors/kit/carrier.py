"""Carries one request to the agency's system: the tries, their pauses, and what is said of a failure."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from bus import metrics
from bus.logs import Event, Log, error_class
from connectors.kit import times
from connectors.kit.outcomes import DeadLetter, Publish
from connectors.kit.requests import answer, reason
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
    deadlines: bool = Field(
        default=True,
        description=(
            "Do not carry requests whose deadline has passed by this machine's clock. Turn it off only "
            "where time is simulated."
        ),
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agency's system said at once. Systems that answer later give none."""

    answer: RequestAnswer
    reason: Code | None = None


Deliver = Callable[[AgencyRequest], Awaitable[Reply | None]]
"""Carries one request into the agency's system, with ``request_id`` as its idempotency key.

Raises:
    RetriableError: the system is away, or did not say whether it has the request. It is tried again.
    PoisonError: the system does not take it and never will. It is answered as refused.
"""


class Carrier:
    """The way to one agency's system."""

    def __init__(self, connector: str, log: Log, settings: InboxSettings, deliver: Deliver) -> None:
        """``connector`` is the connector's name, for metrics and logs."""
        self._name, self._log = connector, log
        self._settings = settings
        self._deliver = deliver
        self._room = asyncio.Semaphore(settings.at_once)
        self._away = False

    async def carry(self, request: AgencyRequest) -> Publish | DeadLetter | None:
        """Try once; None when it is to be tried again, after `pause`."""
        try:
            async with self._room, asyncio.timeout(self._settings.attempt_seconds):
                reply = await self._deliver(request)
            self._tell(None)
            at = times.exact(times.now())
            return Publish((answer(request, reply.answer, at=at, reason=reply.reason),) if reply else ())
        except (RetriableError, TimeoutError) as error:
            self._tell(error)
            return None
        except PoisonError as error:
            self._count("refused")
            code = "AWAY" if error.reason == "request.answer" else "OTHER"
            return _refused(request, error, code)
        except SambandError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours must not keep all other requests waiting
            self._count("failed")
            fault = f"the connector failed: {type(error).__name__}"
            return _refused(request, PoisonError(fault, reason="request.undeliverable"), "AWAY")

    def too_late(self, request: AgencyRequest, now: int) -> Publish | None:
        """The answer to a request that must not be carried any more. To let go late is better than never."""
        if not self._settings.deadlines or self._left(request, now) >= 0:
            return None
        return Publish((answer(request, "REFUSED", at=times.exact(now), reason=reason("AWAY", SYSTEM)),))

    def pause(self, attempt: int, request: AgencyRequest | None = None) -> float:
        """Seconds to wait after ``attempt`` tries; until the deadline of ``request`` at most."""
        first, longest = self._settings.first_pause_seconds, self._settings.longest_pause_seconds
        pause = min(longest, first * 2.0 ** min(attempt - 1, 30))
        if request is None or not self._settings.deadlines:
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


def _refused(request: AgencyRequest, error: PoisonError, code: str) -> DeadLetter:
    told = answer(
        request, "REFUSED", at=times.exact(times.now()),
        reason={"code": error.reason, "system": SYSTEM, "mapped": code},
    )  # fmt: skip
    return DeadLetter(error.reason, str(error), error.where, type(error).__name__, (told,))
