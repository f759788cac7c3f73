"""How slurmrestd is reached: TCP, TLS, a Unix socket, through an HTTP or SOCKS5 proxy."""

import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from pilothouse_common.errors import ConfigError, Malformed, SchedulerUnavailable
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from pilothouse_dispatcher.slurm.answers import Answer, OutcomeUnknown

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
"""slurmrestd itself gives slurmctld 10 seconds; less would be a third kind of silence."""
TIMEOUT = urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
MAX_BODY_BYTES = 512 << 20
_NOT_SENT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


class Transport:
    """Kept-alive connections to one slurmrestd.

    Args:
        url: ``http(s)://HOST:PORT`` or ``unix:/PATH``.
        proxy: ``http://HOST:PORT``, ``socks5://HOST:PORT`` or ``socks5h://…`` (names are resolved there).
        ca_file: Certificates that sign slurmrestd's; empty: the system's.

    Raises:
        ConfigError: A wrong address, or a CA file that cannot be read.
    """

    def __init__(self, url: str, *, proxy: str = "", ca_file: str = "") -> None:
        self.url = url.rstrip("/")
        self._base = "" if url.startswith("unix:") else self.url
        self._pool = _open(self.url, proxy, ca_file)
        # Some proxies end a connection without saying so: a request on it would have no known outcome.
        self._keeps = not proxy.startswith("http")

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Return the answer, whatever its status.

        Raises:
            SchedulerUnavailable: It was not sent.
            OutcomeUnknown: It was sent, and no answer came.
            Malformed: An answer larger than any.
        """
        try:
            came = self._pool.request(
                method,
                self._base + path,
                headers=headers,
                body=body,
                preload_content=False,
            )
            content = came.read(MAX_BODY_BYTES + 1)
            came.release_conn()
        except _NOT_SENT as exc:
            raise SchedulerUnavailable(f"slurmrestd {self.url}: {exc}") from exc
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise OutcomeUnknown(f"slurmrestd {self.url}: {exc}") from exc
        if not self._keeps:
            self.close()
        if len(content) > MAX_BODY_BYTES:
            raise Malformed(f"slurmrestd {path}: more than {MAX_BODY_BYTES} bytes")
        return Answer(came.status, content)

    def close(self) -> None:
        """Close the connections; the next request opens one anew."""
        if isinstance(self._pool, urllib3.PoolManager):
            self._pool.clear()
        else:
            self._pool.close()


def segment(text: str) -> str:
    """Return text as one segment of a path."""
    return quote(text, safe="")


def _open(url: str, proxy: str, ca_file: str) -> urllib3.PoolManager | HTTPConnectionPool:
    if url.startswith("unix:"):
        if proxy:
            raise ConfigError(
                "PILOTHOUSE_SLURM_PROXY: a Unix socket is not reached through a proxy"
            )
        return _UnixPool(url.removeprefix("unix:"))
    options: dict[str, Any] = {
        "timeout": TIMEOUT,
        "retries": False,
        "ssl_context": _context(ca_file),
    }
    scheme = urlsplit(proxy).scheme
    if scheme in ("http", "https"):
        return urllib3.ProxyManager(proxy, **options)
    if scheme in ("socks5", "socks5h"):
        from urllib3.contrib.socks import SOCKSProxyManager

        return SOCKSProxyManager(proxy, **options)
    if proxy:
        raise ConfigError(
            "PILOTHOUSE_SLURM_PROXY: expected http://HOST:PORT or socks5h://HOST:PORT"
        )
    return urllib3.PoolManager(**options)


def _context(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as exc:
        raise ConfigError(f"PILOTHOUSE_SLURM_CA_FILE={ca_file}: {exc.strerror or exc}") from exc


class _UnixConnection(HTTPConnection):
    """HTTP over a Unix socket; ``host`` is the path."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(CONNECT_SECONDS)
        try:
            made.connect(self._path)
        except OSError as exc:
            made.close()
            raise urllib3.exceptions.NewConnectionError(
                self, f"{self._path}: {exc.strerror}"
            ) from exc
        made.settimeout(ANSWER_SECONDS)
        self.sock = made


class _UnixPool(HTTPConnectionPool):
    """Connections to one Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT, retries=False, maxsize=4)
        self._path = path

    def _new_conn(self) -> _UnixConnection:
        return _UnixConnection(self._path)
