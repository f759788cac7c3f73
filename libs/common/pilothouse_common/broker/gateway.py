"""The https carrier: messages go through the gateway, with a token instead of broker credentials.

Events: POST /v1/events, one CloudEvents document or a JSON array of them. Samples: POST /v1/samples per
host; gzip members of one host are joined, which is again a valid gzip stream (RFC 1952, 2.2).
"""

import http.client
import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import (
    BrokerUnavailable,
    ConfigError,
    Forbidden,
    NotFound,
    Rejected,
    Unauthenticated,
    Unroutable,
)

MAX_REQUEST_BYTES = 1 << 20
"""Bodies are joined up to this; the gateway takes more."""
_MAX_ANSWER_BYTES = 1 << 16
_OPTIONS = ("ca", "proxy", "timeout_seconds", "allow_http")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LATER = (408, 425, 429)
_REFUSALS: dict[int, type[Rejected]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: NotFound,
}


@dataclass(frozen=True, slots=True)
class _Request:
    path: str
    content_type: str
    content_encoding: str
    body: bytes


class GatewayPublisher:
    """A Publisher over HTTP(S); one connection, kept open, used by one thread at a time.

    Args:
        url: ``https://[TOKEN@]HOST[:PORT][/PREFIX]``; options ``ca`` (file), ``proxy``
            (``http://HOST:PORT``), ``timeout_seconds``, and ``allow_http=true`` for ``http://`` to
            another machine, which sends the token in the clear.
        token: When the URL holds none.
        timeout_seconds: For connecting and for every answer.

    Raises:
        ConfigError: The URL is wrong.
    """

    def __init__(self, url: str, *, token: str = "", timeout_seconds: float = 5.0) -> None:
        parts, port, options = _read(url)
        self._shown = f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")
        self._prefix = parts.path.rstrip("/")
        token = unquote(parts.password or parts.username or "") or token
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = _timeout(options, timeout_seconds)
        self._connection = _connection(parts, port, options, timeout)
        self._lock = threading.Lock()
        self._closed = False

    def publish(self, messages: Sequence[Message]) -> None:
        """Return when the gateway has given every message to the broker.

        Raises:
            BrokerUnavailable: No answer in time, 5xx or 429.
            Unauthenticated, Forbidden, NotFound: The gateway refuses this sender, whatever it says.
            Rejected: The gateway refuses a message: its words.
            Unroutable: A command, for which the gateway has no door.
        """
        requests = list(_requests(messages))
        with self._lock:
            if self._closed:
                raise BrokerUnavailable("this publisher is closed")
            for request in requests:
                self._post(request)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._closed = True
            self._connection.close()

    def _post(self, request: _Request) -> None:
        headers = {**self._headers, "Content-Type": request.content_type}
        if request.content_encoding:
            headers["Content-Encoding"] = request.content_encoding
        try:
            status, location, body = self._exchange(request, headers)
        except (OSError, http.client.HTTPException) as exc:
            self._connection.close()
            words = str(exc) or type(exc).__name__
            raise BrokerUnavailable(f"gateway {self._shown}: {words}") from exc
        self._judge(status, location, body)

    def _exchange(self, request: _Request, headers: dict[str, str]) -> tuple[int, str, bytes]:
        """Send and read the answer; a kept connection that the gateway closed is made anew, once."""
        for kept in (self._connection.sock is not None, False):
            try:
                self._connection.request("POST", self._prefix + request.path, request.body, headers)
                answer = self._connection.getresponse()
                body = answer.read(_MAX_ANSWER_BYTES)
                if not answer.isclosed():
                    self._connection.close()  # an endless answer
                return answer.status, answer.getheader("Location", ""), body
            except (ConnectionError, http.client.BadStatusLine):
                self._connection.close()
                if not kept:
                    raise
        raise AssertionError("the second round returns or raises")

    def _judge(self, status: int, location: str, body: bytes) -> None:
        if 200 <= status < 300:
            return
        words = f"gateway {self._shown}: {status} {_detail(body)}".rstrip()
        if status >= 500 or status in _LATER:
            raise BrokerUnavailable(words)
        if status < 400:
            raise NotFound(
                f"{words}: it is at {location[:200]!r}; set PILOTHOUSE_BROKER_URL to that"
            )
        raise _REFUSALS.get(status, Rejected)(words)


def _requests(messages: Sequence[Message]) -> Iterator[_Request]:
    """Join neighbours that may travel together, keeping the order."""
    group: list[Message] = []
    for message in messages:
        if message.exchange not in (Exchange.EVENTS, Exchange.SAMPLES):
            raise Unroutable(f"the gateway takes no messages for {message.exchange}")
        if group and not _may_join(group, message):
            yield _request(group)
            group = []
        group.append(message)
    if group:
        yield _request(group)


def _may_join(group: list[Message], message: Message) -> bool:
    first = group[0]
    if sum(len(m.body) for m in group) + len(message.body) > MAX_REQUEST_BYTES:
        return False
    if first.exchange is Exchange.EVENTS:
        return message.exchange is Exchange.EVENTS
    return (message.exchange, message.routing_key, message.content_encoding) == (
        Exchange.SAMPLES,
        first.routing_key,
        first.content_encoding,
    )


def _request(group: list[Message]) -> _Request:
    first = group[0]
    bodies = [message.body for message in group]
    if first.exchange is Exchange.SAMPLES:
        cluster, _, hostname = first.routing_key.partition(".")
        path = f"/v1/samples?cluster={quote(cluster, safe='')}&hostname={quote(hostname, safe='')}"
        return _Request(path, first.content_type, first.content_encoding, b"".join(bodies))
    if len(bodies) == 1:
        return _Request("/v1/events", "application/cloudevents+json", "", bodies[0])
    batch = b"[" + b",".join(bodies) + b"]"
    return _Request("/v1/events", "application/cloudevents-batch+json", "", batch)


def _detail(body: bytes) -> str:
    """Return the words of an RFC 9457 problem."""
    with suppress(ValueError, RecursionError):
        problem = json.loads(body)
        if isinstance(problem, dict):
            return str(problem.get("detail") or problem.get("title") or "")[:500]
    return ""


def _read(url: str) -> tuple[SplitResult, int | None, dict[str, str]]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise ConfigError("broker URL: the host or the port is not valid") from exc
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for option in options:
        if option not in _OPTIONS:
            raise ConfigError(
                f"broker URL: unknown option {option!r}; known: {', '.join(_OPTIONS)}"
            )
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ConfigError("broker URL: expected https://[TOKEN@]HOST[:PORT]")
    allowed = parts.hostname in _LOOPBACK or options.get("allow_http") == "true"
    if parts.scheme == "http" and not allowed:
        raise ConfigError(
            "broker URL: http:// to another machine would send the token in the clear; "
            "use https://, or add ?allow_http=true"
        )
    return parts, port, options


def _timeout(options: dict[str, str], default: float) -> float:
    try:
        seconds = float(options.get("timeout_seconds", default))
    except ValueError as exc:
        raise ConfigError("broker URL: timeout_seconds must be a number") from exc
    if not 0 < seconds <= 3600:
        raise ConfigError("broker URL: timeout_seconds must be more than 0 and at most 3600")
    return seconds


def _connection(
    parts: SplitResult, port: int | None, options: dict[str, str], timeout: float
) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    try:
        proxy = urlsplit(options.get("proxy", ""))
        at = (proxy.hostname, proxy.port or 3128) if proxy.hostname else (host, port)
    except ValueError as exc:
        raise ConfigError("broker URL: proxy must be http://HOST:PORT") from exc
    if parts.scheme == "http":
        if proxy.hostname:
            raise ConfigError("broker URL: a proxy is used for https:// only")
        return http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        context = ssl.create_default_context(cafile=options.get("ca") or None)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(f"broker URL: cannot read ca: {exc}") from exc
    connection = http.client.HTTPSConnection(*at, timeout=timeout, context=context)
    if proxy.hostname:
        connection.set_tunnel(host, port or 443)
    return connection
