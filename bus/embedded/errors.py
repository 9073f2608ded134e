"""What can stop the embedded broker. Each message names the thing, and ``fix`` says what to do.

FatalError
├── JarError             a jar is missing or damaged and could not be fetched
└── BrokerError          the broker did not start or did not stop
    └── PortTakenError   a port that was asked for by number is in use
RefusedError
└── BrokerRunsError      a broker runs on this data folder already
"""

from schemas.errors import FatalError, RefusedError


class JarError(FatalError):
    """A jar of the list is not in the cache as listed, and could not be brought there."""


class BrokerError(FatalError):
    """The broker's process did not do what was asked of it."""


class PortTakenError(BrokerError):
    """The port that was asked for is in use."""


class BrokerRunsError(RefusedError):
    """The data folder belongs to a broker that runs."""
