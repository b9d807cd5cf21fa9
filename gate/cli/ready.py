"""Telling systemd that a service answers now, so that what starts after it finds it there (sd_notify(3))."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

READY = b"READY=1"


def tell_ready(environment: Mapping[str, str] = os.environ) -> None:
    """Send one datagram to the socket in NOTIFY_SOCKET; nothing where there is none, or where nobody listens to it."""
    name = environment.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(READY, "\0" + name[1:] if name.startswith("@") else name)
