"""
The keyholder's socket: a Unix socket, one conversation at a time, only with users of this machine that are listed.

Who is at the other end is asked of the kernel (SO_PEERCRED), and of whom it is not listed nothing is read: the no is
sent at once. Every wait is bounded, every frame too; one that asks slowly delays only itself and other processes of
the users that may ask.
"""

import logging
import os
import pwd
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from gate.canonical import Json
from gate.errors import BadInput, GateError, Outside
from gate.keyholder.holder import Conversation, Keyholder
from gate.keyholding import words
from gate.keyholding.pinned import Pinned

FRAME_S = 10.0
"""Seconds in which a frame must have come whole, and an answer must have been taken."""

CONVERSATION_S = 600.0
"""Seconds of one conversation: a first one tells a whole ledger."""

_log = logging.getLogger("gate.keyholder")


def serve(keyholder: Keyholder, stop: threading.Event, started: Callable[[Path], None] | None = None) -> None:
    """Answer until `stop` is set or SIGTERM or SIGINT comes. What was answered is durable."""
    path = Path(keyholder.pinned.socket)
    allowed = users(keyholder.pinned)
    listener = _listen(path)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    try:
        if started is not None:
            started(path)
        listener.settimeout(0.1)
        while not stop.is_set():
            try:
                peer, _ = listener.accept()
            except TimeoutError:
                continue
            with peer:
                _one(keyholder, peer, allowed)
    finally:
        listener.close()
        path.unlink(missing_ok=True)


def users(pinned: Pinned) -> frozenset[int]:
    """Return the numbers of the users that may ask; BadInput for one that this machine does not know."""
    found = set()
    for place, name in enumerate(pinned.clients):
        try:
            found.add(int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid)
        except KeyError:
            raise BadInput(f'this machine has no user "{name}"', place=f"clients.{place}") from None
    return frozenset(found)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(FileNotFoundError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as tried:
            try:
                tried.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()  # left behind by one that was killed
            else:
                raise Outside("another process answers here", place=str(path))
        listener.bind(str(path))
        path.chmod(0o666)  # who may ask is decided by SO_PEERCRED
        listener.listen(16)
    except OSError as error:
        listener.close()
        why = error.strerror or str(error)  # a path that is too long has no number
        raise Outside(f"the socket cannot be made: {why}", place=str(path)) from None
    except GateError:
        listener.close()
        raise
    return listener


def _one(keyholder: Keyholder, peer: socket.socket, allowed: frozenset[int]) -> None:
    _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    until = time.monotonic() + CONVERSATION_S
    try:
        if user not in allowed:
            _log.warning("user %d asked, and may not", user)
            _send(peer, {"refused": f"user {user} may ask nothing here", "hint": ""})
            return
        conversation = Conversation(keyholder)
        while time.monotonic() < until:
            content, handed = _receive(peer)
            try:
                told = _answer(conversation, content, peer, handed) if content is not None else None
            finally:
                for number in handed:
                    os.close(number)
            if told is None:
                return
            _send(peer, told)
    except (OSError, ValueError) as error:
        _log.warning("a conversation ended: %s", error)
    except GateError as error:
        _log.error("%s", error)  # the memory itself failed: nothing is known, so nothing is answered


def _answer(
    conversation: Conversation, content: bytes, peer: socket.socket, handed: Sequence[int]
) -> dict[str, Json] | None:
    try:
        asked = words.asked(content)
    except (ValidationError, ValueError):
        return {"refused": "this is nothing that can be asked here", "hint": ""}
    try:
        told = conversation.answer(asked, peer, handed)
    except GateError as error:
        if not isinstance(asked, words.Where):
            _log.warning("%s: refused: %s", _about(asked), error)
        return {"refused": error.message[:2000], "hint": error.hint[:500]}
    except Exception as error:  # noqa: BLE001  # a wish that we stumble over is no reason to be away for the next
        _log.exception("%s: stumbled", _about(asked))
        return {"refused": f"the keyholder stumbled over what it was given ({type(error).__name__})", "hint": ""}
    if told is None:
        _log.info("%s: is being sent", _about(asked))
    elif isinstance(asked, words.PermitWish):
        _log.info("%s: permit %s until %s", _about(asked), told["serial"], told["expires"])
    return told


def _about(asked: words.Asked) -> str:
    if isinstance(asked, words.PermitWish):
        return f"{asked.change} {asked.array} {asked.phase} {asked.number}"
    return f"permit {asked.serial}" if isinstance(asked, words.Carry) else asked.ask


def _send(peer: socket.socket, said: Json) -> None:
    peer.settimeout(FRAME_S)
    peer.sendall(words.framed(said))


def _receive(peer: socket.socket) -> tuple[bytes | None, list[int]]:
    """
    Return what a frame holds and the files that came with it; None at the end. ValueError, OSError for the rest.

    Files come with a frame's first byte. More of them than there is room for are closed by the kernel.
    """
    until = time.monotonic() + FRAME_S
    peer.settimeout(FRAME_S)
    first, handed, _, _ = socket.recv_fds(peer, 1, words.HANDED, socket.MSG_CMSG_CLOEXEC)
    try:
        if not first:
            return None, handed
        header = first + _exactly(peer, words.HEADER - 1, until)
        return _exactly(peer, words.length(header), until), handed
    except BaseException:
        for number in handed:
            os.close(number)
        raise


def _exactly(peer: socket.socket, size: int, until: float) -> bytes:
    found = bytearray()
    while len(found) < size:
        peer.settimeout(max(0.001, until - time.monotonic()))
        part = peer.recv(min(size - len(found), 1 << 16))
        if not part:
            raise ValueError("a frame was cut short")
        found += part
    return bytes(found)
