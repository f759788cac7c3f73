"""Ways to a server on a loopback port: a Unix socket, TLS, an HTTP and a SOCKS5 proxy. All real programs."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.process import Program, free_port, listening
from tests.support.provide import program


@contextmanager
def unix_socket(port: int, directory: Path) -> Iterator[dict[str, str]]:
    """Give the options that reach the server through a Unix socket."""
    path = directory / "socket"
    argv = [_socat(), f"UNIX-LISTEN:{path},fork", f"TCP:127.0.0.1:{port}"]
    with _running(argv, directory) as relay:
        relay.wait_ready(path.exists, within=10)
        yield {"url": f"unix:{path}"}


@contextmanager
def tls(port: int, directory: Path) -> Iterator[dict[str, str]]:
    """Give the options that reach the server over TLS, with the certificate to trust."""
    openssl = program("openssl", packages=["openssl"])
    certificate, key, both = (directory / name for name in ("cert.pem", "key.pem", "both.pem"))
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_text(key.read_text() + certificate.read_text())
    own = free_port()
    listen = f"OPENSSL-LISTEN:{own},bind=127.0.0.1,reuseaddr,fork,cert={both},verify=0"
    with _running([_socat(), listen, f"TCP:127.0.0.1:{port}"], directory) as relay:
        relay.wait_ready(lambda: listening(own), within=10)
        yield {"url": f"https://localhost:{own}", "ca_file": str(certificate)}


@contextmanager
def http_proxy(port: int, directory: Path) -> Iterator[dict[str, str]]:
    """Give the options that reach the server through an HTTP proxy."""
    own = free_port()
    config = directory / "tinyproxy.conf"
    config.write_text(f"Port {own}\nListen 127.0.0.1\nTimeout 60\nMaxClients 10\n")
    binary = program("tinyproxy", packages=["tinyproxy-bin"])
    with _running([binary, "-d", "-c", str(config)], directory) as proxy:
        proxy.wait_ready(lambda: listening(own), within=10)
        yield {"url": f"http://127.0.0.1:{port}", "proxy": f"http://127.0.0.1:{own}"}


@contextmanager
def socks_proxy(port: int, directory: Path) -> Iterator[dict[str, str]]:
    """Give the options that reach the server through a SOCKS5 proxy."""
    own = free_port()
    binary = program("microsocks", packages=["microsocks"])
    with _running([binary, "-i", "127.0.0.1", "-p", str(own)], directory) as proxy:
        proxy.wait_ready(lambda: listening(own), within=10)
        yield {"url": f"http://127.0.0.1:{port}", "proxy": f"socks5h://127.0.0.1:{own}"}


@contextmanager
def _running(argv: Sequence[str], directory: Path) -> Iterator[Program]:
    started = Program(argv, log=directory / "way.log").start()
    try:
        yield started
    finally:
        started.stop()


def _socat() -> str:
    return program("socat", packages=["socat"])
