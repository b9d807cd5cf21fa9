"""Bytes from a peer: taken ahead, handed on in order and in pieces, limited before the login, void once we ended it."""

import socket
from collections.abc import Iterator

import pytest

from gate.ssh.wire import AHEAD, HANDSHAKE_LIMIT, Wire

Pair = tuple[Wire, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    near.settimeout(30)
    wire = Wire(near, 10)
    with near, far:
        yield wire, far


def exactly(wire: Wire, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = wire.recv(size - len(found))
        assert part
        found += part
    return found


def test_no_byte_is_lost_or_moved_whatever_pieces_are_asked_for(pair: Pair) -> None:
    wire, far = pair
    sent = bytes(range(256)) * 200
    far.sendall(sent)
    pieces = [exactly(wire, size) for size in (4, 1, 300, 7, AHEAD, 4)]
    pieces.append(exactly(wire, len(sent) - sum(map(len, pieces))))
    assert b"".join(pieces) == sent
    far.shutdown(socket.SHUT_WR)
    assert wire.recv(4) == b""


def test_more_than_the_limit_before_the_login_ends_it_and_after_it_does_not(pair: Pair) -> None:
    wire, far = pair
    for _ in range(HANDSHAKE_LIMIT // 1024):
        far.sendall(bytes(1024))
        exactly(wire, 1024)
    far.sendall(b"x")
    with pytest.raises(EOFError, match="before the login"):
        wire.recv(1)
    wire.trust()
    far.sendall(bytes(1000))
    assert wire.recv(10)


@pytest.mark.parametrize("how", ["close", "abort"])
def test_what_came_before_we_ended_it_is_not_read_after_it(pair: Pair, how: str) -> None:
    """A reply that arrives as we give up must not be taken for an answer."""
    wire, far = pair
    far.sendall(b"first and the rest")
    assert exactly(wire, 5) == b"first"
    getattr(wire, how)()
    with pytest.raises(OSError, match="Bad file descriptor"):
        wire.recv(4)
