"""Every error that may cross a seam.

PilothouseError
├── Transient              may succeed later: keep the work, wait, try again
│   ├── BrokerUnavailable
│   ├── StoreUnavailable
│   ├── SchedulerUnavailable
│   ├── NoAnswer           somebody was asked and did not answer in time
│   └── Busy               too much is asked at once
├── Rejected               will never succeed as it is: say what, where and what to do
│   ├── Malformed          bytes that do not follow the contract
│   ├── UnknownMessage     a message type nobody here knows
│   ├── Unroutable         the broker has no queue for the routing key
│   ├── Unauthenticated    no valid token
│   ├── Forbidden          a valid token without the scope
│   ├── NotFound           does not exist, or may not be seen
│   └── Conflict           contradicts what is stored
└── ConfigError            a setting is wrong; processes print it as one line and exit with 2
"""


class PilothouseError(Exception):
    """Root of every error raised on purpose."""


class Transient(PilothouseError):
    """The same call may succeed later."""


class BrokerUnavailable(Transient):
    """The broker or carrier cannot take or give messages now."""


class StoreUnavailable(Transient):
    """A store cannot be reached or refuses everything now."""


class SchedulerUnavailable(Transient):
    """Slurm cannot be asked now."""


class NoAnswer(Transient):
    """Somebody was asked and did not answer in time; whether they acted is not known."""


class Busy(Transient):
    """Too much is asked at once."""


class Rejected(PilothouseError):
    """The same call can never succeed."""


class Malformed(Rejected):
    """Bytes that do not follow the wire contract."""


class UnknownMessage(Rejected):
    """A message type or version that this process does not know."""


class Unroutable(Rejected):
    """No queue is bound for this routing key."""


class Unauthenticated(Rejected):
    """No token, or one that is not valid (any more)."""


class Forbidden(Rejected):
    """The token is valid but does not carry the scope."""


class NotFound(Rejected):
    """It does not exist, or the caller may not see it: the two are not told apart."""


class Conflict(Rejected):
    """It contradicts what is already there."""


class ConfigError(PilothouseError):
    """A setting is missing or wrong."""
