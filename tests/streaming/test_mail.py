"""Checkpoints by mail, to a real SMTP server: exact, seldom, over TLS, and never twice in an interval."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import ValidationError

from gate.errors import BadInput, Outside
from gate.ledger import checkpoint
from gate.ledger.note import read_vkey
from gate.sink import Mail
from gate.store.sqlite import SqliteLedger
from gate.streaming.cursors import Cursors
from gate.streaming.delivery import Delivery, HeadDelivery, Unanswered, read_private
from gate.streaming.mail import MailDelivery
from gate.streaming.runner import Streaming
from tests.export.conftest import ORIGIN
from tests.places import free_port
from tests.streaming.conftest import certificate, grow, serving, wall
from tests.streaming.test_runner import Breaking, until

PASSWORD = "a password for tests"
SINK = {"kind": "mail", "name": "auditors", "sender": "sangate@example.com", "to": ["heads@lists.example.com"]}


class Office:
    """What the server was handed, and how it answers."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.answers: list[str] = []
        self.signed_in = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        return self.answers.pop(0) if self.answers else "250 taken"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such"
        envelope.rcpt_tos.append(address)
        return "250 well"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, mechanism: str, given: LoginPassword) -> Any:
        self.signed_in += 1
        right = (given.login, given.password) == (b"sangate", PASSWORD.encode())
        return AuthResult(success=right, handled=False)


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def server(office: Office) -> Iterator[Callable[..., int]]:
    made: list[Controller] = []

    def begin(**options: Any) -> int:
        made.append(Controller(office, "127.0.0.1", free_port(), ready_timeout=60, **options))
        made[-1].start()
        return int(made[-1].port)

    yield begin
    for one in made:
        one.stop()


def way(port: int, clock: Callable[[], datetime] = wall, ca: Path | None = None, **more: Any) -> MailDelivery:
    sink = Mail.model_validate({**SINK, "tls": "none", "address": f"localhost:{port}", "timeout": "60s", **more})
    return MailDelivery(sink, ORIGIN, PASSWORD, ca, clock)


def body(envelope: Envelope) -> str:
    assert isinstance(envelope.content, bytes)
    return str(message_from_bytes(envelope.content, policy=default).get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_the_body_is_the_checkpoint_and_it_comes_over_tls_to_who_signed_in(
    server: Callable[..., int], office: Office, ledger: SqliteLedger, tmp_path: Path, tls: str
) -> None:
    ca, both = certificate(tmp_path, "localhost")
    context = serving(both)
    ways = {"tls_context": context, "require_starttls": True} if tls == "starttls" else {"ssl_context": context}
    begun = tls == "starttls"  # of TLS that was there before, the server's SMTP knows nothing
    options = {"authenticator": office.authenticate, "auth_required": begun, "auth_require_tls": begun}
    sender = way(server(**ways, **options), ca=ca, tls=tls, user="sangate", password_file="auditors-mail")
    signed = ledger.checkpoint()
    sender.tell(signed, 12)
    assert body(office.taken[0]) == signed
    assert checkpoint.verify(body(office.taken[0]), read_vkey(ledger.vkey)).size == 12
    assert office.signed_in == 1


def test_a_server_without_tls_or_with_a_strange_certificate_gets_nothing(
    server: Callable[..., int], office: Office, tmp_path: Path
) -> None:
    ca, _ = certificate(tmp_path, "localhost")
    _, strange = certificate(tmp_path, "elsewhere")
    with pytest.raises(Outside, match="offers no TLS"):
        way(server(), ca=ca, tls="starttls").tell("x", 1)
    with pytest.raises(Outside, match="certificate is not accepted"):
        way(server(tls_context=serving(strange)), ca=ca, tls="starttls").tell("x", 1)
    assert not office.taken


def test_one_mail_in_an_interval_also_over_a_restart(
    server: Callable[..., int], office: Office, ledger: SqliteLedger, tmp_path: Path
) -> None:
    ahead, port, cursors = [timedelta()], server(), Cursors(tmp_path / "sinks.db", ORIGIN)

    def clock() -> datetime:
        return wall() + ahead[0]

    def run(beside: Breaking) -> Streaming:
        made = Streaming(ledger, cursors, {"m": way(port, clock), "beside": beside}, clock, first_wait=0.05)
        made.start()
        return made

    first = Breaking(0)
    sending = run(first)
    until(lambda: cursors.read("m").next == 12)
    grow(ledger, 300)
    until(lambda: len(first.taken) == 312)
    sending.stop()
    grow(ledger, 1)
    second = Breaking(0)
    sending = run(second)
    until(lambda: len(second.taken) == 1)
    sending.stop()
    assert len(office.taken) == 1
    ahead[0] = timedelta(hours=25)
    sending = run(Breaking(0))
    until(lambda: cursors.read("m").next == 313)
    sending.stop()
    assert [body(one).split("\n")[1] for one in office.taken] == ["12", "313"]
    sending = run(Breaking(0))
    ahead[0] = timedelta(hours=50)
    sending.stop()
    assert len(office.taken) == 2, "nothing was entered, so there is nothing to tell"


def test_what_is_refused_is_tried_again_and_what_is_unanswered_waits_for_the_next_interval(
    server: Callable[..., int], office: Office, ledger: SqliteLedger, tmp_path: Path
) -> None:
    office.answers = ["451 later", "250 taken"]
    cursors = Cursors(tmp_path / "sinks.db", ORIGIN)
    sending = Streaming(ledger, cursors, {"m": way(server())}, wall, first_wait=0.05)
    sending.start()
    until(lambda: cursors.read("m").next == 12)
    sending.stop()
    assert len(office.taken) == 2
    with pytest.raises(Outside, match="for none of the recipients"):
        way(server(), to=["nobody@example.com"]).tell("x", 1)
    with pytest.raises(Unanswered, match="for 1 of 2 recipients"):
        way(server(), to=["nobody@example.com", "a@example.com"]).tell("x", 1)


class Hanging(threading.Thread):
    """Answers the first so many lines well, the rest never."""

    def __init__(self, answers: int) -> None:
        super().__init__(daemon=True)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listening.getsockname()[1])
        self.answers, self.mails, self.held = answers, 0, list[socket.socket]()

    def run(self) -> None:
        while True:
            try:
                peer, _ = self.listening.accept()
            except OSError:
                return
            self.held.append(peer)
            with suppress(OSError), peer.makefile("rb") as file:  # who waits for too long goes away
                for answer in (b"220 x", b"250 x", b"250 x", b"250 x", b"354 x")[: self.answers]:
                    peer.sendall(answer + b"\r\n")
                    if answer != b"354 x":
                        file.readline()
                self.mails += any(line == b".\r\n" for line in file)

    def close(self) -> None:
        self.listening.close()
        for one in self.held:
            one.close()


@pytest.mark.parametrize("answers", [0, 1, 3])
def test_a_server_that_hangs_is_given_up(ledger: SqliteLedger, answers: int) -> None:
    hanging = Hanging(answers)
    hanging.start()
    with pytest.raises(Outside, match="did not answer in time") as told:
        way(hanging.port, timeout="1s").tell(ledger.checkpoint(), 12)
    assert not isinstance(told.value, Unanswered)
    hanging.close()


def test_a_server_that_takes_a_mail_and_hangs_gets_one_in_an_interval_and_stalls_nothing(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    hanging, beside, cursors = Hanging(5), Breaking(0), Cursors(tmp_path / "sinks.db", ORIGIN)
    hanging.start()
    ways: dict[str, Delivery | HeadDelivery] = {"m": way(hanging.port, timeout="5s"), "beside": beside}
    sending = Streaming(ledger, cursors, ways, wall, first_wait=0.01)
    sending.start()
    until(lambda: len(beside.taken) == 12)
    until(lambda: "did not say whether" in cursors.read("m").problem)
    grow(ledger, 1)
    until(lambda: len(beside.taken) == 13)
    sending.stop()
    assert (hanging.mails, len(hanging.held), cursors.read("m").next) == (1, 1, 0)
    hanging.close()


def test_a_server_that_hangs_does_not_hold_up_the_end(ledger: SqliteLedger, tmp_path: Path) -> None:
    hanging = Hanging(0)
    hanging.start()
    sending = Streaming(ledger, Cursors(tmp_path / "sinks.db", ORIGIN), {"m": way(hanging.port, timeout="60s")}, wall)
    sending.start()
    until(lambda: hanging.held)
    sending.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "sink m"]
    hanging.close()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"tls": "none", "address": "mail.example.com:25"}, "this machine only"),
        ({"address": "localhost:25", "user": "x"}, "go together"),
        ({"address": "localhost:25", "password_file": "x"}, "go together"),
        ({"address": "localhost:25", "to": []}, "at least 1 item"),
        ({"address": "localhost:25", "to": ["a@b\nBcc: c@d"]}, "should match"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(words: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Mail.model_validate({**SINK, **words})


def test_a_password_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "auditors-mail"
    path.write_text(PASSWORD)
    path.chmod(0o644)
    with pytest.raises(BadInput, match="the password may be read or written by others"):
        read_private(path, "the password")
    path.chmod(0o600)
    assert read_private(path, "the password") == PASSWORD
