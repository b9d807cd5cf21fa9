"""What a web server hands out under an image's name, against servers that do it and servers that do not."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gate.gather.handed_out import NotHandedOut, handed_out
from gate.gather.image import read_image
from gate.lab.packages import serve_packages
from tests.places import network

CONTENT = b"firmware " * 1000
FILE = "lab-9.14.1P4.tgz"
PLACE = network(62)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / FILE).write_bytes(CONTENT)
    return tmp_path


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    directory = tmp_path_factory.mktemp("handed-out")
    (directory / FILE).write_bytes(CONTENT)
    serving = serve_packages(f"{PLACE}.1:0", directory)
    yield f"{PLACE}.1:{serving.server_address[1]}", directory
    serving.shutdown()
    serving.server_close()


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """A server that says one thing to whoever comes, and ends the connection."""
    listener = socket.create_server((f"{PLACE}.2", 0))

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(4096)
            peer.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"{PLACE}.2:{listener.getsockname()[1]}"
    finally:
        listener.close()


def test_the_same_bytes_are_the_image(images: Path, server: tuple[str, Path]) -> None:
    reading = read_image(images, FILE, server=server[0])
    assert reading.problem == ""
    assert reading.sha256 == f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


def test_other_bytes_or_none_leave_the_image_without_a_digest(images: Path, server: tuple[str, Path]) -> None:
    place, directory = server
    (directory / FILE).write_bytes(CONTENT[:-1] + b"!")
    other = read_image(images, FILE, server=place)
    assert (other.sha256, "other bytes" in other.problem) == (None, True)
    (directory / FILE).unlink()
    gone = read_image(images, FILE, server=place)
    assert (gone.sha256, "status 404" in gone.problem) == (None, True)


def test_the_lab_hands_out_plain_names_and_no_list(server: tuple[str, Path]) -> None:
    for name in ("", "../etc/passwd", "a/b"):
        with pytest.raises(NotHandedOut, match="status 404"):
            handed_out(server[0], name, 1 << 20)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "not hand out|stops in the middle"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000, "more than 2000 bytes"),
        (b"220 mail.example.com ESMTP\r\n", "does not hand out"),
        (b"", "does not hand out"),
    ],
)
def test_an_answer_that_is_not_the_whole_file_is_none(answer: bytes, why: str) -> None:
    with saying(answer) as place, pytest.raises(NotHandedOut, match=why):
        handed_out(place, FILE, 2000)


def test_a_server_that_is_not_there_is_told(images: Path) -> None:
    reading = read_image(images, FILE, server=f"{PLACE}.9:9")
    assert (reading.sha256, "does not hand out" in reading.problem) == (None, True)


def test_a_server_that_takes_its_time_is_given_up(images: Path, server: tuple[str, Path]) -> None:
    with pytest.raises(NotHandedOut, match="too slowly"):
        handed_out(server[0], FILE, 1 << 20, within_s=0)
    assert read_image(images, FILE).problem == ""
