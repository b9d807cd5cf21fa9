"""
The signed head by mail, for people who keep it where the gate's administrator cannot reach: one mail, at most, in each
interval. The body is the checkpoint itself, so that what is saved from it can be given to `verify.py --last`.

Over SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS from the first byte (RFC 8314).
"""

import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path

from gate.errors import Outside
from gate.sink import Mail, MailTls
from gate.streaming.delivery import Unanswered, context, cut, said

AGAIN = 0.5
"""Seconds between two cuts of a connection whose time is up: during the start of TLS its socket is another one."""


class MailDelivery:
    """One connection for each mail."""

    def __init__(self, sink: Mail, origin: str, password: str, ca: Path | None, clock: Callable[[], datetime]) -> None:
        self._sink, self._origin, self._password, self._clock = sink, origin, password, clock
        self.every = sink.every
        self._seconds = sink.timeout.total_seconds()
        host, _, port = sink.address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._context = None if sink.tls is MailTls.NONE else context(ca)
        self._client: smtplib.SMTP | None = None

    def tell(self, signed: str, size: int) -> None:
        """See HeadDelivery."""
        message = letter(self._sink, self._origin, signed, size, self._clock())
        client = self._client = self._new()
        try:
            with self._in_time(client):
                self._greet(client)
                self._send(client, message.as_bytes())
        except smtplib.SMTPResponseException as problem:
            raise Outside(f"the mail server answered {problem.smtp_code}") from None
        except smtplib.SMTPNotSupportedError:
            raise Outside("the mail server offers no TLS, or no way to sign in") from None
        except smtplib.SMTPServerDisconnected:
            raise Outside("the mail server ended the connection, or did not answer in time") from None
        except (OSError, ValueError) as problem:  # ValueError: a reply that smtplib cannot read
            raise Outside(f"the mail server cannot be reached: {said(problem)}") from None
        finally:
            self._client = None
            client.close()

    def close(self) -> None:
        """See HeadDelivery."""
        client = self._client
        if client is not None and client.sock is not None:
            cut(client.sock)

    def _new(self) -> smtplib.SMTP:
        here = socket.gethostname() or "localhost"  # given, or smtplib would wait for a name server
        if self._sink.tls is MailTls.TLS:
            return smtplib.SMTP_SSL(local_hostname=here, timeout=self._seconds, context=self._context)
        return smtplib.SMTP(local_hostname=here, timeout=self._seconds)

    def _greet(self, client: smtplib.SMTP) -> None:
        """Connect, begin TLS and sign in, as the settings say; never less than they say."""
        client._host = self._host  # type: ignore[attr-defined]  # the name that a certificate is compared with
        _is(220, client.connect(self._host, self._port))
        client.ehlo_or_helo_if_needed()
        if self._sink.tls is MailTls.STARTTLS:
            client.starttls(context=self._context)
            client.ehlo_or_helo_if_needed()
        if self._sink.user:
            client.login(self._sink.user, self._password)

    def _send(self, client: smtplib.SMTP, message: bytes) -> None:
        """Hand the mail over; once its bytes may have gone, nothing but an answer says that they have not."""
        _is(250, client.mail(self._sink.sender))
        taken = [code in (250, 251) for code, _ in map(client.rcpt, self._sink.to)]
        if not any(taken):
            raise Outside("the mail server takes mail for none of the recipients")
        try:
            code = client.data(message)[0]
        except smtplib.SMTPDataError:
            raise  # it did not want to begin
        except (OSError, ValueError):
            code = 0
        if code in range(400, 600):
            raise smtplib.SMTPResponseException(code, b"")
        if code != 250:
            raise Unanswered("the mail server did not say whether it took the mail")
        if not all(taken):
            raise Unanswered(f"the mail server takes mail for {sum(taken)} of {len(taken)} recipients")

    @contextmanager
    def _in_time(self, client: smtplib.SMTP) -> Iterator[None]:
        """Cut a connection that takes longer altogether, however slowly it drips."""
        done = threading.Event()

        def watch() -> None:
            left = self._seconds
            while not done.wait(left):
                if client.sock is not None:
                    cut(client.sock)
                left = AGAIN

        threading.Thread(target=watch, daemon=True).start()
        try:
            yield
        finally:
            done.set()


def letter(sink: Mail, origin: str, signed: str, size: int, now: datetime) -> EmailMessage:
    """Return the mail; for the same head it has the same Message-ID, by which one that comes twice is known."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = sink.sender, ", ".join(sink.to)
    message["Subject"] = f"{origin}: checkpoint of {size} entries"
    message["Date"] = format_datetime(now)
    body = signed.partition("\n\n")[0]
    message["Message-ID"] = f"<{size}.{sha256(body.encode()).hexdigest()[:32]}@{origin.partition('/')[0]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(signed, cte="quoted-printable")
    return message


def _is(wanted: int, answer: tuple[int, bytes]) -> None:
    if answer[0] != wanted:
        raise smtplib.SMTPResponseException(answer[0], b"")
