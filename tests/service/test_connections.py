"""Bad connections: no client can stop or starve the server."""

import json
import socket
import ssl
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPResponse

import pytest
from push_client import BIND, DELETE, PHONE, SUCCESS, answer, authorized, failure
from servers import COMMAND, HASH, Process, http_client, nginx, served

from category_filter.service import PushService, Sessions, connect, connections, parameters

POST = f"POST {BIND} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n".encode()
GET = f"GET {DELETE} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
DOCUMENT = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"


def tls_hello():
    sent = ssl.MemoryBIO()
    hello = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="a")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    return sent.read()


BAD = {
    "nothing": b"",
    "two requests at once": GET * 2,
    "many requests at once": DOCUMENT * 100,
    "a TLS hello": tls_hello(),
    "a line of garbage": b"\x00\xff garbage\r\n\r\n" * 2,
    "an invalid header": b"GET / HTTP/1.1\r\nHost: a\r\n: \x01\r\n\r\n",
    "half a head": POST,
    "half a body": POST + b'Content-Length: 100\r\n\r\n{"application"',
    "an invalid chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
    "a WebSocket": DOCUMENT[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "an endless head": POST + b"X: " + b"a" * 200_000,
    "an unknown method": b"FETCH / HTTP/1.1\r\nHost: a\r\n\r\n",
}
"""What a bad client sends before it disconnects or stalls."""


@contextmanager
def connection(address, sent=b""):
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(sent)
        yield client


def leave(address, sent):
    """Send bytes, and disconnect before the response."""
    with connection(address, sent):
        pass


def reset(address, sent):
    """Send bytes, and reset the connection, so that the server's writes fail."""
    with connection(address, sent) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def received(client):
    return b"".join(iter(lambda: client.recv(65_536), b""))


def assert_disconnects(client, sent):
    """Send until the server disconnects the client, which waits at most 5 seconds."""
    client.settimeout(5)
    with suppress(ConnectionError):
        while True:
            client.sendall(sent)
            time.sleep(0.05)


def assert_serves(address):
    with http_client(base_url=address, timeout=10) as http:
        response = http.post(BIND, json=PHONE, headers=authorized())
        assert answer(response) == (200, SUCCESS)


@pytest.fixture
def url(tmp_path):
    url = f"sqlite:///{tmp_path}/push_tokens.db"
    engine = connect(url)
    Sessions(engine).create(HASH)
    engine.dispose()
    return url


@pytest.fixture
def process(url, tmp_path):
    with Process(url, tmp_path / "log") as process:
        yield process


def test_a_client_that_leaves_early_does_not_stop_the_server(process):
    for sent in BAD.values():
        for go in (leave, reset):
            go(process.address, sent)
    assert_serves(process.address)
    assert process.is_running()


def test_clients_that_leave_early_behind_nginx_do_not_stop_the_server(process, tmp_path):
    with nginx(process.address, tmp_path) as address:
        for _ in range(5):
            for sent in BAD.values():
                for go in (leave, reset):
                    go(address, sent)
        assert_serves(address)
    assert process.is_running()


def test_2000_bad_connections_leave_the_server_serving(process):
    with ExitStack() as held:
        for number in range(2_000):
            sent = [*BAD.values()][number // 3 % len(BAD)]
            match number % 3:
                case 0:
                    leave(process.address, sent)
                case 1:
                    reset(process.address, sent)
                case 2:
                    held.enter_context(connection(process.address, sent[:10_000]))
        assert_serves(process.address)
    assert_serves(process.address)
    assert process.is_running()
    log = process.log.read_text()
    assert len(log.splitlines()) < 200
    assert "Traceback" not in log
    assert "Invalid HTTP request received." in log


@pytest.mark.parametrize("sent", ["nothing", "half a head", "half a body"])
def test_more_open_connections_than_files_leave_the_server_serving(url, tmp_path, sent):
    limited = ("bash", "-c", 'ulimit -n 512; exec "$0" "$@"', COMMAND)
    with Process(url, tmp_path / "log", command=limited) as process, ExitStack() as held:
        for _ in range(1_100):
            held.enter_context(connection(process.address, BAD[sent]))
        assert_serves(process.address)
    assert "Traceback" not in process.log.read_text()
    assert len(process.log.read_text()) < 10_000


def test_the_soft_limit_of_open_files_is_raised(url, tmp_path):
    limited = ("bash", "-c", 'ulimit -Sn 64; exec "$0" "$@"', COMMAND)
    with Process(url, tmp_path / "log", command=limited) as process, ExitStack() as held:
        clients = [
            held.enter_context(connection(process.address, BAD["half a head"])) for _ in range(200)
        ]
        assert_serves(process.address)
        clients[0].sendall(b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")
        assert received(clients[0]).startswith(b"HTTP/1.1 400 ")


@pytest.fixture
def address(url):
    with served(PushService(url).app) as address:
        yield address


def test_a_slow_body_gets_a_408(monkeypatch, address):
    monkeypatch.setattr(parameters, "_BODY_TIMEOUT_S", 0.5)
    with connection(address, POST + b"Content-Length: 100\r\n\r\n{") as client:
        for _ in range(4):
            time.sleep(0.1)
            client.sendall(b" ")
        head, _, body = received(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head.lower()
    reason = "wrong request format: the body took longer than 0.5 seconds"
    assert json.loads(body) == failure(5, reason)


@pytest.mark.parametrize("before", [b"", GET])
def test_a_slow_head_is_disconnected(monkeypatch, url, before):
    monkeypatch.setattr(connections, "_REQUEST_TIMEOUT_S", 0.5)
    with served(PushService(url).app) as address, connection(address, before + POST) as client:
        assert_disconnects(client, b"X: a\r\n")


def test_a_client_that_reads_no_responses_is_disconnected(monkeypatch, url):
    monkeypatch.setattr(connections, "_REQUEST_TIMEOUT_S", 1)
    with served(PushService(url).app) as address, connection(address) as client:
        assert_disconnects(client, DOCUMENT * 100)


def test_a_request_with_a_large_head_is_rejected(address):
    with connection(address) as client:
        client.sendall(POST + b"X: " + b"a" * 131_072)
        assert received(client).startswith(b"HTTP/1.1 400 ")


def test_requests_on_one_connection_are_limited_one_by_one(address):
    with connection(address) as client:
        for _ in range(20):
            client.sendall(GET[:-2] + b"X: " + b"a" * 30_000 + b"\r\n\r\n")
            response = HTTPResponse(client)
            response.begin()
            assert response.status == 400
            response.read()


def test_if_all_connections_are_in_use_the_one_that_waits_longest_is_closed(monkeypatch, url):
    monkeypatch.setattr(connections, "_max_connections", lambda: 3)
    with served(PushService(url).app) as address, ExitStack() as held:
        first, second, third = (held.enter_context(connection(address)) for _ in range(3))
        first.sendall(GET)
        assert first.recv(65_536).startswith(b"HTTP/1.1 400 ")
        assert_serves(address)
        assert received(second) == b""
        for client in (first, third):
            client.sendall(GET)
            assert client.recv(65_536).startswith(b"HTTP/1.1 400 ")


def test_the_server_needs_neither_httptools_nor_uvloop(url, tmp_path):
    code = (
        "import sys; sys.modules['httptools'] = sys.modules['uvloop'] = None\n"
        "from category_filter.cli import main; main()"
    )
    with Process(url, tmp_path / "log", command=(sys.executable, "-c", code)) as process:
        for sent in BAD.values():
            leave(process.address, sent)
        assert_serves(process.address)
