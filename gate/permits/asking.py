"""
Asking the keyholder: how the ledger grew, then one permit. The private half of what it certifies never leaves here.

Whatever goes wrong is one sentence, and then there is no permit: it is away, it hangs, it refuses, or what it gave is
not what was asked for.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    load_ssh_public_identity,
)
from pydantic import ValidationError

from gate.canonical import Json, encode
from gate.change import Grant
from gate.errors import CannotTell, Outside, Refused
from gate.evidence import Reply, ReplyState
from gate.keyholding import words
from gate.keyholding.words import Carried, Given, Standing
from gate.ledger import checkpoint, note
from gate.lifecycle import fold
from gate.permits.line import AWAY, Line, opened
from gate.permits.office import PLAN_DIGEST, Permit, Wanted
from gate.ssh.passing import reply_in
from gate.ssh.wire import utc_now
from gate.store import Ledger

Answer = TypeVar("Answer", Given, Standing, Carried)

PATIENCE_S = 10.0
"""Seconds that one answer may take (our choice): deciding takes milliseconds, a keyholder that swaps a few seconds."""


class KeyholderOffice:
    """The office of an installation whose permits are made by another process. Safe to use from many threads."""

    def __init__(self, ledger: Ledger, path: Path, patience_s: float = PATIENCE_S) -> None:
        self._ledger = ledger
        self._path = path
        self._patience_s = patience_s
        self._turn = threading.Lock()

    def issue(self, grant: Grant, now: datetime, wanted: Wanted) -> Permit:
        """Return a permit for exactly what was granted; Refused or Outside with the keyholder's sentence."""
        key = Ed25519PrivateKey.generate()
        given, public = self._given(grant, wanted, key)
        if given.certificate or not given.carried:
            _examine(given, grant, public, now)
        expires = min(datetime.fromisoformat(given.expires), grant.expires)
        carry = partial(self._carry, given.serial, grant.array) if given.carried else None
        sealed = (given.user, given.password, given.pem)
        return Permit(grant.array, int(given.serial), expires, given.certificate, key, *sealed, carry=carry)

    def _carry(
        self, serial: str, array: str, sock: socket.socket, image: Path | None, command: str, seconds: float
    ) -> Reply:
        """
        Have a step sent by the keyholder over a connection of ours. GateError: nothing was sent.

        Once the wish has left, silence and an end without a word are `lost`: it may have been sent.
        """
        began = utc_now()
        with ExitStack() as held:
            files = [sock.fileno(), *([held.enter_context(opened(image)).fileno()] if image is not None else [])]
            with self._talk() as line:
                self._tell(line)
                answering = held.enter_context(line.hand({"ask": "carry", "serial": serial}, files, seconds))
            try:
                reply = reply_in(_read(Carried, answering.heard()).reply)
                if reply.target != array:
                    raise ValueError("it tells of another array")
            except (Outside, KeyError, TypeError, ValueError) as error:
                why = f"the keyholder did not say what came of it: {error}; it may have been sent"
                return Reply(array, command, ReplyState.LOST, began, utc_now(), problem=why)
        return reply

    def attend(self, grant: Grant, now: datetime, wanted: Wanted) -> None:  # noqa: ARG002  # it has its own clock
        """Let a step begin that people do by hand: the keyholder enters it like a permit and gives nothing."""
        given, _ = self._given(grant, wanted, Ed25519PrivateKey.generate())
        if given.certificate or given.password or given.pem:
            raise Outside("the keyholder gave a permit for what people do by hand")

    def _given(self, grant: Grant, wanted: Wanted, key: Ed25519PrivateKey) -> tuple[Given, str]:
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        wish: dict[str, Json] = {
            "ask": "permit",
            "change": grant.change,
            "array": grant.array,
            "phase": wanted.phase.value,
            "number": wanted.number,
            "plan": encode(wanted.plan.material()).decode(),
            "verdict": self._verdict(grant.change),
            "public_key": public,
        }
        with self._talk() as line:
            self._tell(line)
            return _read(Given, line.ask(wish)), public

    def over(self, permit: Permit) -> None:
        """Say that a permit is not needed any more."""
        with self._talk() as line:
            line.ask({"ask": "over", "serial": str(permit.serial)})

    def stopped(self, change: str) -> None:
        """Nothing is asked: the keyholder revokes as soon as it follows the entry, whatever this process says."""

    def follow(self) -> int:
        """Tell how the ledger grew; return how many entries the keyholder has followed."""
        with self._talk() as line:
            return self._tell(line)

    def public_line(self) -> str:
        """Return the CA's public line."""
        with self._talk() as line:
            return _read(Standing, line.ask({"ask": "where"})).ca

    def _tell(self, line: Line) -> int:
        signed = self._ledger.checkpoint()
        size = checkpoint.read(note.read(signed).text).size
        known = _read(Standing, line.ask({"ask": "where"})).size
        if known > size:
            raise Refused(
                f"the keyholder has followed {known} entries of the ledger, and here are {size}",
                hint="an old ledger was put back; docs/operations.md says what to do",
            )
        start = known
        for bodies in _chunks(self._ledger.bodies(known, size)):
            line.ask({"ask": "follow", "start": start, "bodies": bodies})
            start += len(bodies)
        line.ask({"ask": "head", "checkpoint": signed})
        return size

    def _verdict(self, change: str) -> str:
        kept = fold(self._ledger.history(change)).verdict_blob
        stored = self._ledger.get_blob(kept) if kept else b""
        if stored is None:
            raise CannotTell(f"the verdict of {change} is missing from the store")
        return stored.decode()

    @contextmanager
    def _talk(self) -> Iterator[Line]:
        if not self._turn.acquire(timeout=3 * self._patience_s):
            raise Outside("the keyholder is busy with another wish of this process")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.settimeout(self._patience_s)
                try:
                    sock.connect(str(self._path))
                except OSError as error:
                    why = error.strerror or str(error)
                    raise Outside(f"the keyholder is away ({self._path}: {why})", hint=AWAY) from None
                yield Line(sock, self._patience_s)
        finally:
            self._turn.release()


def _read(model: type[Answer], told: dict[str, object]) -> Answer:
    try:
        return model.model_validate(told)
    except ValidationError:
        raise Outside("the keyholder's answer is not of the form that was asked for") from None


def _chunks(bodies: Iterator[bytes]) -> Iterator[list[Json]]:
    chunk, size = list[Json](), 0
    for body in bodies:
        chunk.append(body.decode())
        size += len(body)
        if size >= words.CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _examine(given: Given, grant: Grant, public: str, now: datetime) -> None:
    """Refuse what is not the permit that was asked for: an array would only say that the login failed."""
    try:
        made = load_ssh_public_identity(given.certificate.encode())
        expires = datetime.fromisoformat(given.expires)
        if not isinstance(made, SSHCertificate):
            raise Outside("the keyholder gave no certificate")
        made.verify_cert_signature()
    except ValueError:
        raise Outside("the keyholder gave what is no certificate") from None
    key = made.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    said = (made.valid_principals, made.extensions.get(PLAN_DIGEST), str(made.serial), key)
    asked = ([grant.array.encode()], grant.plan_digest.encode(), given.serial, public)
    if said != asked or now >= expires or made.valid_before > expires.timestamp():
        raise Outside("the keyholder gave another permit than the one that was asked for")
