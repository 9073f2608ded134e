"""Errors of the bus, and the one place where the Kafka client's errors become ours.

RetriableError
├── BusUnavailableError      Kafka is away or too slow: nothing is lost, try again
├── FencedError              another process took over this transactional id: look again whose work it is
└── LocalStoreError          a local store failed: it is made anew from the changelog
RefusedError
├── RecordTooLargeError      a record that no broker takes
├── TopicMismatchError       a topic is not as the catalogue says and may not be changed silently
└── BrokerNotFoundError      no broker is known: start one or name one
FatalError
├── NotAllowedError          Kafka refuses us: credentials or ACLs
├── MissingTopicError        a topic does not exist
├── LostRecordsError         records or state that should be there are gone
└── StageError               a stage raised something else than PoisonError: our bug
"""

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import errors as kafka

from schemas.errors import FatalError, RefusedError, RetriableError, SambandError


class BusUnavailableError(RetriableError):
    """Kafka could not be reached or did not answer in time."""


class RecordTooLargeError(RefusedError):
    """A record is larger than the brokers take."""


class TopicMismatchError(RefusedError):
    """A topic's partitions differ from the catalogue's."""


class BrokerNotFoundError(RefusedError):
    """No broker is configured and no embedded one has been started."""


class NotAllowedError(FatalError):
    """Authentication or authorisation failed."""


class MissingTopicError(FatalError):
    """A topic that is read or written does not exist."""


class FencedError(RetriableError):
    """Another producer with the same transactional id has started, or the transaction timed out."""


class LostRecordsError(FatalError):
    """Records or state that should be there are gone; going on would hide it."""


class LocalStoreError(RetriableError):
    """A local state store could not be read or written; the changelog has everything that was in it."""


class StageError(FatalError):
    """A stage failed with an error that is no PoisonError."""


_NOT_ALLOWED = (
    kafka.AuthenticationFailedError,
    kafka.SaslAuthenticationFailed,
    kafka.IllegalSaslStateError,
    kafka.UnsupportedSaslMechanismError,
    kafka.TopicAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
    kafka.TransactionalIdAuthorizationFailed,
)
_TOO_LARGE = (kafka.MessageSizeTooLargeError, kafka.RecordListTooLargeError)


def translate(error: BaseException, doing: str) -> SambandError:
    """Our error for ``error``, raised while ``doing`` (a few words without values from records)."""
    name = type(error).__name__
    match error:
        case SambandError():
            ours: SambandError = error
        case kafka.ProducerFenced() | kafka.InvalidProducerEpoch():
            ours = FencedError(f"another process took over while {doing}")
        case kafka.UnknownTopicOrPartitionError():
            fix = "create the topics with `samband topics apply`"
            ours = MissingTopicError(f"a topic is missing while {doing}", fix=fix)
        case _ if isinstance(error, _NOT_ALLOWED):
            fix = "check kafka.security and the broker's ACLs"
            ours = NotAllowedError(f"Kafka refused {doing}: {name}", fix=fix)
        case _ if isinstance(error, _TOO_LARGE):
            ours = RecordTooLargeError(f"Kafka refused {doing}: the record is too large")
        case kafka.KafkaError() | TimeoutError() | OSError():
            fix = "check that the broker runs: `samband broker status`"
            ours = BusUnavailableError(f"Kafka did not answer while {doing}: {name}", fix=fix)
        case _:
            ours = FatalError(f"unexpected {name} while {doing}")
    return ours


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what the Kafka client raises inside into our errors."""
    try:
        yield
    except (kafka.KafkaError, TimeoutError, OSError) as error:
        raise translate(error, doing) from error
