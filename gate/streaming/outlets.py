"""From the sinks of the settings to deliveries."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gate.errors import GateError
from gate.settings import Settings
from gate.sink import LogFile, Mail, Syslog
from gate.store import Ledger
from gate.streaming.cursors import Cursor, Cursors
from gate.streaming.delivery import Delivery, HeadDelivery, read_private
from gate.streaming.logfile import FileDelivery
from gate.streaming.mail import MailDelivery
from gate.streaming.runner import Streaming
from gate.streaming.syslog import SyslogDelivery
from gate.streaming.webhook import WebhookDelivery, read_secret


@dataclass(frozen=True)
class Lag:
    """One sink as an operator sees it."""

    name: str
    kind: str
    behind: int
    """Entries that are not delivered yet."""

    cursor: Cursor


def streaming_of(settings: Settings, ledger: Ledger, clock: Callable[[], datetime]) -> Streaming:
    """Put the sinks together; nothing is sent before `start`. BadInput for a secret that cannot be used."""
    deliveries: dict[str, Delivery | HeadDelivery] = {}
    for sink in settings.config.sinks:
        if isinstance(sink, LogFile):
            deliveries[sink.name] = FileDelivery(sink, settings.data)
            continue
        ca = settings.base / sink.ca if sink.ca else None
        if isinstance(sink, Syslog):
            deliveries[sink.name] = SyslogDelivery(sink, ca, Heads(ledger))
        elif isinstance(sink, Mail):
            password = settings.keys / sink.password_file if sink.password_file else None
            said = read_private(password, "the mail server's password") if password else ""
            deliveries[sink.name] = MailDelivery(sink, ledger.origin, said, ca, clock)
        else:
            secret = read_secret(settings.keys / sink.signed_with)
            deliveries[sink.name] = WebhookDelivery(sink, ledger.origin, secret, ca, clock)
    return Streaming(ledger, Cursors(settings.sinks_db, ledger.origin), deliveries, clock)


def lag_of(settings: Settings, ledger: Ledger) -> list[Lag]:
    """Return how far behind each sink is."""
    sinks = settings.config.sinks
    cursors, size = Cursors(settings.sinks_db, ledger.origin), ledger.size()
    found = ((sink, cursors.read(sink.name)) for sink in sinks)
    return [Lag(sink.name, sink.kind, max(0, size - cursor.next), cursor) for sink, cursor in found]


class Heads:
    """The signed head, each size once: what a sink adds to the entries it sends."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._size = ledger, 0

    def __call__(self) -> dict[str, str]:
        """Return the checkpoint when it is another than the last time; empty otherwise, or where none can be signed."""
        try:
            signed = self._ledger.checkpoint()
        except GateError:
            return {}
        size = int(re.split("\n", signed, maxsplit=2)[1])
        if size == self._size:
            return {}
        self._size = size
        return {"checkpoint": signed}
