"""The https carrier against a real HTTP server: what is sent, and what each answer means."""

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pilothouse_common.broker.gateway import GatewayPublisher
from pilothouse_common.contract.message import EVENT_CONTENT_TYPE, Message
from pilothouse_common.contract.samples import decompress, samples_message
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import (
    BrokerUnavailable,
    Forbidden,
    NotFound,
    Rejected,
    Unauthenticated,
    Unroutable,
)

from tests.support.process import free_port


class Gateway(ThreadingHTTPServer):
    """Notes every request and answers as told."""

    daemon_threads = True

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 202
        self.answer = b'{"accepted":1}'
        self.headers: dict[str, str] = {}
        self.hang_up_after_each = False
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.requests.append((self.path, dict(self.headers.items()), body))
                self.send_response(gateway.status)
                self.send_header("Content-Length", str(len(gateway.answer)))
                for name, value in gateway.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(gateway.answer)
                self.close_connection = gateway.hang_up_after_each

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of these tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def an_event(number: int) -> Message:
    body = json.dumps({"specversion": "1.0", "id": str(number)}).encode()
    return Message(Exchange.EVENTS, "job.started", body, EVENT_CONTENT_TYPE, message_id=str(number))


def samples(host: str, text: str) -> Message:
    return samples_message(f"c.{host}", text.encode())


def test_one_event_is_sent_as_a_document_with_the_token_of_the_url(gateway: Gateway):
    publisher = GatewayPublisher(gateway.url.replace("//", "//t%40ken@"))

    publisher.publish([an_event(1)])

    ((path, headers, body),) = gateway.requests
    assert path == "/v1/events"
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert headers["Authorization"] == "Bearer t@ken"
    assert body == an_event(1).body
    publisher.close()


def test_several_events_are_sent_as_one_batch_in_order(gateway: Gateway):
    publisher = GatewayPublisher(gateway.url + "/prefix/", token="abc")

    publisher.publish([an_event(n) for n in range(5)])

    ((path, headers, body),) = gateway.requests
    assert path == "/prefix/v1/events"
    assert headers["Content-Type"] == "application/cloudevents-batch+json"
    assert headers["Authorization"] == "Bearer abc"
    assert [event["id"] for event in json.loads(body)] == ["0", "1", "2", "3", "4"]
    publisher.close()


def test_samples_of_one_host_are_joined_and_still_gzip(gateway: Gateway):
    publisher = GatewayPublisher(gateway.url)

    publisher.publish([samples("n1", "a 1\n"), samples("n1", "b 2\n"), samples("n2", "c 3\n")])

    assert [(path, decompress(body)) for path, _, body in gateway.requests] == [
        ("/v1/samples?cluster=c&hostname=n1", b"a 1\nb 2\n"),
        ("/v1/samples?cluster=c&hostname=n2", b"c 3\n"),
    ]
    assert gzip.decompress(gateway.requests[0][2]) == b"a 1\nb 2\n"
    assert gateway.requests[0][1]["Content-Encoding"] == "gzip"
    publisher.close()


def test_large_bodies_are_sent_in_several_requests(gateway: Gateway):
    publisher = GatewayPublisher(gateway.url)
    big = Message(Exchange.SAMPLES, "c.n1", b"x" * 700_000, "text/plain")

    publisher.publish([big] * 3)

    assert [len(body) for _, _, body in gateway.requests] == [700_000] * 3
    publisher.close()


PROBLEM = json.dumps({"title": "No", "detail": "field 'job_id': expected int"}).encode()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected), (413, Rejected), (415, Rejected), (422, Rejected),
        (401, Unauthenticated), (403, Forbidden), (404, NotFound),
        (408, BrokerUnavailable), (429, BrokerUnavailable), (500, BrokerUnavailable),
        (503, BrokerUnavailable),
    ],
)  # fmt: skip
def test_each_refusal_becomes_our_error_with_the_words_of_the_problem(
    gateway: Gateway, status: int, error: type[Exception]
):
    gateway.status, gateway.answer = status, PROBLEM
    publisher = GatewayPublisher(gateway.url, token="geheim")

    with pytest.raises(error, match="expected int") as caught:
        publisher.publish([an_event(1)])

    assert type(caught.value) is error
    assert "geheim" not in str(caught.value)
    publisher.close()


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[1]", b"[" * 60_000, b"\xff", b"x" * 200_000])
def test_an_answer_that_is_no_problem_document_is_still_our_error(gateway: Gateway, answer: bytes):
    gateway.status, gateway.answer = 400, answer
    publisher = GatewayPublisher(gateway.url)

    for _ in range(2):
        with pytest.raises(Rejected, match="400"):
            publisher.publish([an_event(1)])

    publisher.close()


def test_a_redirect_says_where_the_gateway_is(gateway: Gateway):
    gateway.status, gateway.headers = 308, {"Location": "https://new.example.org/"}
    publisher = GatewayPublisher(gateway.url)

    with pytest.raises(NotFound, match=r"new\.example\.org"):
        publisher.publish([an_event(1)])

    publisher.close()


def test_a_connection_that_the_gateway_closed_meanwhile_is_made_anew(gateway: Gateway):
    gateway.hang_up_after_each = True
    publisher = GatewayPublisher(gateway.url)

    for number in range(5):
        publisher.publish([an_event(number)])

    assert len(gateway.requests) == 5
    publisher.close()


def test_a_gateway_that_does_not_answer_is_unavailable_within_the_limit():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}?timeout_seconds=0.2"
        publisher = GatewayPublisher(url)

        with pytest.raises(BrokerUnavailable, match="timed out"):
            publisher.publish([an_event(1)])

        publisher.close()


def test_a_server_that_speaks_something_else_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        publisher = GatewayPublisher(f"http://127.0.0.1:{server.getsockname()[1]}")

        with pytest.raises(BrokerUnavailable, match="SSH"):
            publisher.publish([an_event(1)])

        thread.join()
        publisher.close()


def test_tls_to_a_server_without_it_is_unavailable(gateway: Gateway):
    publisher = GatewayPublisher(gateway.url.replace("http:", "https:"), timeout_seconds=2)

    with pytest.raises(BrokerUnavailable):
        publisher.publish([an_event(1)])

    publisher.close()


def test_commands_do_not_go_through_the_gateway():
    publisher = GatewayPublisher(f"http://127.0.0.1:{free_port()}")

    with pytest.raises(Unroutable, match=r"pilothouse\.commands"):
        publisher.publish([Message(Exchange.COMMANDS, "run.1.cancel", b"", "")])


def test_a_closed_carrier_says_so(gateway: Gateway):
    publisher = GatewayPublisher(gateway.url)
    publisher.close()

    with pytest.raises(BrokerUnavailable, match="closed"):
        publisher.publish([an_event(1)])
