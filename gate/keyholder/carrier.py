"""
Sends one step to one array and says what came of it. `python -m gate.keyholder.carrier`, started by the keyholder.

What it needs comes on its standard input: login, host keys, step. The connection, and for an upload the image, were
opened by the gate and are believed in nothing: the array proves its host key over the one, and the other is copied and
hashed before a byte of it is sent. A refusal means that nothing was sent.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from pydantic import TypeAdapter

from gate.canonical import Json
from gate.errors import BadInput, GateError, Outside, Refused
from gate.evidence import Reply, ReplyState
from gate.hostkeys import parse
from gate.keyholding import words
from gate.permits.acting import send_step
from gate.ssh.client import USUAL, log_in
from gate.ssh.login import login_key, login_pem
from gate.ssh.passing import reply_out
from gate.ssh.scp import SCP_NAME
from gate.ssh.wire import Wire, reason, utc_now
from gate.step import Step
from gate.transcript import scrubbed

STEP: TypeAdapter[Step] = TypeAdapter(Step)
CHUNK = 1024 * 1024
LARGEST = 16 * 1024 * 1024 * 1024
"""Bytes of an image."""


def main() -> None:
    """Send what standard input says, answer to the gate, and end."""
    asked = json.load(sys.stdin)
    signal.alarm(asked["seconds"])
    with socket.socket(fileno=asked["peer"]) as peer, _lent(asked["handed"][0]) as sock:
        try:
            reply = _sent(asked, sock)
            if asked["mark"] and (reply.state, reply.exit_status) == (ReplyState.ANSWERED, 0):
                _marked(Path(asked["place"]), asked["mark"])
            told: dict[str, Json] = {"reply": reply_out(reply)}
        except GateError as error:
            told = {"refused": error.message[:2000], "hint": error.hint[:500]}
        with suppress(OSError):  # whoever asked has gone: the array is asked what came of it
            peer.settimeout(10)
            peer.sendall(words.framed(told))
    os._exit(0)  # at once: the next step may be sent as soon as this one was answered


@contextmanager
def _lent(number: int) -> Iterator[socket.socket | None]:
    try:
        sock = socket.socket(fileno=number)
    except OSError:
        yield None
        return
    with sock:
        yield sock


def _marked(place: Path, mark: str) -> None:
    """Leave behind that an image was taken whole; durable before the gate hears of it."""
    for path, flags in ((place / mark, os.O_WRONLY | os.O_CREAT), (place, os.O_RDONLY | os.O_DIRECTORY)):
        number = os.open(path, flags | os.O_CLOEXEC, 0o600)
        os.fsync(number)
        os.close(number)


def _sent(asked: Mapping[str, Any], sock: socket.socket | None) -> Reply:
    step, target = STEP.validate_python(asked["step"]), str(asked["target"])
    act_before, expires = (datetime.fromisoformat(asked[name]) for name in ("act_before", "expires"))
    if sock is None or sock.type != socket.SOCK_STREAM or sock.family not in (
        socket.AF_INET, socket.AF_INET6, socket.AF_UNIX
    ):  # fmt: skip
        raise BadInput("what was handed over is no connection; nothing was sent")
    pins = parse("".join(f"array {line}\n" for line in asked["host_keys"]), "carried.host_keys")
    known = tuple(key for _, key in pins.entries)
    with _image(asked, step) as image:
        login = asked["login"]
        with log_in(
            target, _wire(sock), known, login["user"], _login(target, login), USUAL, expires, utc_now
        ) as session:
            reply = send_step(session, step, image, asked["sha256"], act_before, utc_now())
    return scrubbed(reply, (login["password"], login["pem"]))


def _wire(sock: socket.socket) -> Wire:
    try:
        sock.settimeout(USUAL.banner_s)
        return Wire(sock, USUAL.dead_peer_s)
    except OSError as error:
        raise BadInput(f"what was handed over is no connection: {reason(error)}; nothing was sent") from None


def _login(target: str, login: Mapping[str, str]) -> paramiko.PKey | str:
    if login["password"]:
        return login["password"]
    if not login["certificate"]:
        return login_pem(target, login["pem"])
    key = load_ssh_private_key(login["pem"].encode(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused("the keyholder's own key is of another kind")
    return login_key(target, key, login["certificate"], utc_now)


@contextmanager
def _image(asked: Mapping[str, Any], step: Step) -> Iterator[Path]:
    """
    Copy the image to a place of our own under its approved name; Refused when it is not the approved one.

    The copy is what is sent: whoever handed the file over can change it while it is read, and no later.
    """
    if not step.send:
        yield Path()
        return
    name, number = str(asked["image"]), int(asked["handed"][1])
    if not SCP_NAME.fullmatch(name):
        raise BadInput("the image of the plan has no plain name")
    try:
        folder = Path(tempfile.mkdtemp(dir=asked["place"]))
    except OSError as error:
        raise Outside(f"the image cannot be copied: {reason(error)}; nothing was sent") from None
    try:
        _copied(number, folder / name, asked["sha256"])
        yield folder / name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copied(number: int, copy: Path, sha256: str) -> None:
    hashed, at = hashlib.sha256(), 0
    try:
        told = os.fstat(number)
        if not stat.S_ISREG(told.st_mode) or told.st_size > LARGEST:
            raise BadInput("what was handed over as the image is no file; nothing was sent")
        with copy.open("wb") as made:
            while at <= told.st_size and (chunk := os.pread(number, CHUNK, at)):
                at += len(chunk)
                hashed.update(chunk)
                made.write(chunk)
    except OSError as error:
        raise Outside(f"the image cannot be copied: {reason(error)}; nothing was sent") from None
    if f"sha256:{hashed.hexdigest()}" != sha256:
        found = f"its digest is sha256:{hashed.hexdigest()}"
        raise Refused(f"{copy.name} is not the approved image: {found}; nothing was sent")


if __name__ == "__main__":
    main()
