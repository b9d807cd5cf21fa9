"""Syslog over real TLS: octet counting, the head as a line, wrong certificates, a receiver that goes away."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from gate.errors import Outside
from gate.export.population import Item, read_item
from gate.sink import Syslog
from gate.store.sqlite import SqliteLedger
from gate.streaming.outlets import Heads
from gate.streaming.syslog import SyslogDelivery
from tests.export.readers import rfc5424
from tests.streaming.conftest import certificate, serving


class Collector:
    """Reads frames from one connection after the other."""

    def __init__(self, both: Path) -> None:
        self.frames: list[bytes] = []
        self.context = serving(both)
        self.held: list[socket.socket] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.grown = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                plain, _ = self.listening.accept()
                held = self.context.wrap_socket(plain, server_side=True)
                self.held.append(held)
                with held.makefile("rb") as file:
                    self._read(file)
            except (OSError, ValueError):  # closed meanwhile
                if self.listening.fileno() < 0:
                    return

    def _read(self, file: IO[bytes]) -> None:
        while True:
            length = b""
            while (char := file.read(1)) not in (b" ", b""):
                length += char
            if not length:
                return
            frame = file.read(int(length))
            if len(frame) < int(length):
                return
            with self.grown:
                self.frames.append(frame)
                self.grown.notify_all()

    def wait(self, count: int) -> list[bytes]:
        with self.grown:
            assert self.grown.wait_for(lambda: len(self.frames) >= count, 60), len(self.frames)
            return list(self.frames)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    _, both = certificate(tmp_path, "localhost")
    made = Collector(both)
    yield made
    made.listening.close()
    for held in made.held:
        held.close()


def way_to(collector: Collector, ledger: SqliteLedger, ca: Path) -> SyslogDelivery:
    address = f"localhost:{collector.port}"
    sink = Syslog.model_validate({"kind": "syslog", "name": "siem", "address": address, "timeout": "60s"})
    return SyslogDelivery(sink, ca, Heads(ledger))


def items(ledger: SqliteLedger) -> list[Item]:
    return [read_item(index, body) for index, body in enumerate(ledger.bodies())]


def sent_until_it_fails(way: SyslogDelivery, what: list[Item]) -> None:
    """The end of the other side may still be on its way when the first piece is sent."""
    for _ in range(3):
        way.deliver(what)


def test_frames_carry_every_entry_and_the_signed_head(
    collector: Collector, ledger: SqliteLedger, tmp_path: Path
) -> None:
    way = way_to(collector, ledger, tmp_path / "localhost.pem")
    way.deliver(items(ledger)[:5])
    way.deliver(items(ledger)[5:])
    frames = collector.wait(13)
    way.close()
    head = [frame for frame in frames if b" - checkpoint [" in frame]
    assert len(head) == 1
    assert json.loads(head[0].partition(b"\xef\xbb\xbf")[2])["checkpoint"] == ledger.checkpoint()
    lines = [frame for frame in frames if frame not in head]
    statement = b'<110>1 - - sangate - export.%s [sangate@32473 version="1"] \xef\xbb\xbf{}'
    held = rfc5424(b"\n".join([statement % b"begins", *lines, statement % b"ends"]) + b"\n")
    assert [body for _, _, body in held.records] == list(ledger.bodies())


def test_a_wrong_certificate_is_refused_before_a_byte_is_sent(
    collector: Collector, ledger: SqliteLedger, tmp_path: Path
) -> None:
    other, _ = certificate(tmp_path, "other.example")
    with pytest.raises(Outside, match="its certificate is not accepted"):
        way_to(collector, ledger, other).deliver(items(ledger))
    assert collector.frames == []


def test_a_receiver_that_has_gone_is_noticed_and_found_again(
    collector: Collector, ledger: SqliteLedger, tmp_path: Path
) -> None:
    way = way_to(collector, ledger, tmp_path / "localhost.pem")
    way.deliver(items(ledger)[:5])
    collector.wait(6)
    collector.held[0].shutdown(socket.SHUT_RDWR)
    collector.held[0].close()
    with pytest.raises(Outside, match="cannot be reached"):
        sent_until_it_fails(way, items(ledger)[5:])
    way.deliver(items(ledger)[5:])
    way.close()
    assert b'index="11"' in collector.wait(13)[12]


def test_without_tls_the_record_goes_to_this_machine_only() -> None:
    with pytest.raises(ValueError, match="to this machine only"):
        Syslog.model_validate({"kind": "syslog", "name": "x", "address": "siem.example:514", "tls": "false"})
