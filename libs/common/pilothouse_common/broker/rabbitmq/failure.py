"""pika's and the socket's errors in words for an operator, without any secret."""

from pika import exceptions


def explain(error: BaseException) -> str:
    """Return why a connection or channel ended."""
    cause = _innermost(error)
    if isinstance(cause, exceptions.ProbableAuthenticationError):
        return "the broker refuses the user name or the password"
    if isinstance(cause, exceptions.ProbableAccessDeniedError):
        return "the broker refuses this user access to the virtual host"
    if isinstance(cause, exceptions.ConnectionClosed | exceptions.ChannelClosed):
        if cause.reply_code == 403 and "LOGIN" in cause.reply_text.upper():
            return "the broker refuses the user name or the password"
        return f"{cause.reply_code} {cause.reply_text}"[:300]
    return f"{type(cause).__name__}: {cause}".rstrip(": ")[:300]


def _innermost(error: BaseException) -> BaseException:
    """Unwrap pika's workflow exceptions, which say nothing themselves."""
    while True:
        inner = getattr(error, "exception", None)
        several = getattr(error, "exceptions", None)
        if inner is None and several:
            inner = several[-1]
        if inner is None and len(error.args) == 1 and isinstance(error.args[0], BaseException):
            inner = error.args[0]
        if not isinstance(inner, BaseException):
            return error
        error = inner
