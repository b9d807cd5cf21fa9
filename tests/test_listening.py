"""The door of both servers against real sockets that take their time."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from waitress import wasyncore

from gate.errors import Outside
from gate.listening import listen, turn

PATIENCE = 2.0


def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    body: bytes = environ["wsgi.input"].read()
    time.sleep(2 * PATIENCE if environ["PATH_INFO"] == "/slow" else 0)
    start("200 OK", [("Content-Length", str(len(body) + 2))])
    return [b"ok", body]


@contextmanager
def door(patience: float = PATIENCE, **settings: Any) -> Iterator[int]:
    server = listen(answer, "127.0.0.1", 0, threads=2, **{"connection_limit": 100, **settings})
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            turn(server, patience, 0.05)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield server.effective_port
    finally:
        stop.set()
        thread.join()
        server.task_dispatcher.shutdown(timeout=2)
        wasyncore.close_all(server._map)


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def drip(peer: socket.socket, begin: bytes, piece: bytes, most: int = 200) -> int:
    """Send a piece every 50 ms; return how many went out before the other side had enough."""
    peer.sendall(begin)
    for sent in range(most):
        try:
            peer.sendall(piece)
            peer.settimeout(0.05)
            if peer.recv(100) == b"":
                return sent
        except TimeoutError:
            continue
        except OSError:
            return sent
    return most


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"a"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n", b"a"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"", b"\r\n\r\n"),
        (b"", b""),
    ],
    ids=["one header", "many headers", "a body", "chunks", "requests of nothing", "nothing"],
)
def test_whoever_drips_is_cut_off_however_small_the_pieces(begin: bytes, piece: bytes) -> None:
    with door() as port, dial(port) as peer:
        assert drip(peer, begin, piece) < 200


def test_an_answer_takes_the_time_it_needs_and_its_connection_may_ask_again() -> None:
    with door() as port, dial(port) as peer:
        for path in (b"/slow", b"/", b"/slow"):
            time.sleep(PATIENCE / 5)
            peer.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            got = b""
            while not got.endswith(b"ok"):
                piece = peer.recv(1000)
                assert piece, "cut off in the middle"
                got += piece


def test_headers_have_a_size_as_a_whole() -> None:
    with door(max_request_header_size=4096) as port, dial(port) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 600)
        assert b" 431 " in peer.recv(100)


def test_where_every_place_is_held_by_somebody_who_drips_a_whole_request_is_still_answered() -> None:
    with door(patience=600, connection_limit=12) as port:
        dripping = [dial(port) for _ in range(12)]
        stop = threading.Event()

        def hold() -> None:
            while not stop.wait(0.05):
                for peer in dripping:
                    with suppress(OSError):
                        peer.sendall(b"G")

        thread = threading.Thread(target=hold)
        thread.start()
        try:
            with dial(port) as peer:
                peer.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert peer.recv(1000).startswith(b"HTTP/1.0 200")
        finally:
            stop.set()
            thread.join()
            for one in dripping:
                one.close()


def test_an_address_that_is_taken_is_said_in_a_sentence() -> None:
    with door() as port, pytest.raises(Outside, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        listen(answer, "127.0.0.1", port)
