"""
Asking one witness (C2SP tlog-witness). What it answers is hostile until its signature says otherwise.

A cosignature is proof; a claim to know more is none. So a larger size, or another history, is believed only when the
witness shows a checkpoint that is signed with the ledger's own key.
"""

import base64
import http.client
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from gate.errors import Outside
from gate.ledger import checkpoint, cosignature, merkle, note
from gate.ledger.checkpoint import Checkpoint
from gate.ledger.cosignature import Cosigned
from gate.ledger.note import Signature, VerifierKey
from gate.ledger.policy import Witness
from gate.witnessing import wire

TIMEOUT = 5.0
"""Seconds for each wait on the network; twice that for all of it (our choice)."""

LARGEST = 16 * 1024
"""Bytes of an answer: a signature line is 150, a checkpoint with its lines rarely 1 KiB."""

Prove = Callable[[int, int], tuple[bytes, ...]]
"""(old, new) → the consistency proof, as the ledger makes it."""


class Unproven(Outside):
    """The witness says that it knows more, or another history, and does not show it."""


class OtherKey(Unproven):
    """The witness has cosigned more of this log than there is here, under a key that this ledger does not know."""


class Ahead(Outside):
    """The witness shows a checkpoint of this ledger that is larger than the ledger."""

    def __init__(self, message: str, known: int) -> None:
        super().__init__(message)
        self.known = known


class OtherHistory(Outside):
    """The witness shows a checkpoint, signed with the ledger's key, that this ledger did not grow out of."""


@dataclass(frozen=True)
class Reply:
    """What came back over HTTP."""

    status: int
    kind: str
    text: str


@dataclass(frozen=True)
class Witnessed:
    """A cosignature that was verified, and its line to be kept."""

    line: Signature
    cosigned: Cosigned


def cosign(witness: Witness, signed: str, keys: tuple[VerifierKey, ...], old: int, prove: Prove) -> Witnessed:
    """
    Have a checkpoint cosigned; `old` is what the witness is thought to know, 0 when that is not known.

    Ahead, OtherHistory, Unproven, or Outside with the reason why there is no cosignature.
    """
    head = checkpoint.verify(signed, *keys)
    text = note.read(signed).text
    reply = exchange(witness, "POST", "/add-checkpoint", _request(old, head, prove, signed))
    for _ in range(2):
        if reply.status != 409:
            break
        known = _size(witness, reply)
        if known > head.size:
            raise _ahead(witness, keys, head, known)
        reply = exchange(witness, "POST", "/add-checkpoint", _request(known, head, prove, signed))
    if reply.status == 200:
        return _verified(witness, text, reply.text)
    if reply.status == 403 and (key := _under_another_key(witness, head)):
        raise key
    if reply.status == 422:
        raise _other(witness, keys, head, prove)
    raise Outside(f"{witness.name} answered {reply.status}: {_shown(reply.text)}")


def shown_by(witness: Witness, keys: tuple[VerifierKey, ...]) -> Checkpoint | None:
    """Return the newest checkpoint of the ledger that the witness hands out, signed with the ledger's own key."""
    origin = keys[0].name
    reply = exchange(witness, "GET", _place(origin), None)
    if reply.status != 200:
        return None
    try:
        return checkpoint.verify(reply.text, *keys)
    except ValueError:
        return None


def exchange(witness: Witness, method: str, path: str, body: bytes | None, whole: float = 2 * TIMEOUT) -> Reply:
    """Send one request and read a bounded answer; Outside, with the witness's name, when none comes."""
    path = urlsplit(witness.url).path.rstrip("/") + path
    try:
        got = wire.exchange(
            witness.url, method, path, body, "text/plain; charset=utf-8", silence=TIMEOUT, whole=whole, largest=LARGEST
        )
        return Reply(got.status, got.kind, got.content.decode("utf-8"))
    except UnicodeDecodeError:
        raise Outside(f"{witness.name} does not answer in UTF-8") from None
    except Outside as problem:
        raise Outside(f"{witness.name} {problem.message}") from None
    except ssl.SSLError as problem:
        place = urlsplit(witness.url).netloc
        raise Outside(f"{witness.name} cannot be trusted at {place}: {problem.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        raise Outside(f"{witness.name} does not answer: {_shown(reason)}") from None


def _request(old: int, head: Checkpoint, prove: Prove, signed: str) -> bytes:
    steps = prove(old, head.size) if 0 < old < head.size else ()
    lines = [f"old {old}", *(base64.b64encode(step).decode() for step in steps)]
    return ("\n".join(lines) + f"\n\n{signed}").encode()


def _verified(witness: Witness, text: str, answer: str) -> Witnessed:
    """Lines of keys that are not the witness's are skipped, as the protocol demands."""
    try:
        lines = [note.read_signature(line) for line in answer.rstrip("\n").split("\n")[: note.MOST_SIGNATURES]]
        ours = [line for line in lines if (line.name, line.hash) == (witness.key.name, witness.key.hash)]
        if not ours:
            raise ValueError("it is signed with another key than the one in the configuration")
        return Witnessed(ours[0], cosignature.check(text, ours[0], witness.key))
    except ValueError as problem:
        raise Outside(f"{witness.name} sent no cosignature: {_shown(str(problem))}") from None


def _size(witness: Witness, reply: Reply) -> int:
    try:
        return checkpoint.number(reply.text.removesuffix("\n"))
    except ValueError:
        raise Outside(f"{witness.name} answered 409 without a size") from None


def _ahead(witness: Witness, keys: tuple[VerifierKey, ...], head: Checkpoint, known: int) -> Outside:
    shown = shown_by(witness, keys)
    there = f"this ledger has {head.size}"
    if shown is None or shown.size <= head.size:
        if key := _under_another_key(witness, head):
            return key
        return Unproven(f"{witness.name} says that it knows {known} entries, {there}; it shows no proof")
    missing = shown.size - head.size
    return Ahead(f"{witness.name} has cosigned {shown.size} entries, {there}: {missing} are missing", shown.size)


def _under_another_key(witness: Witness, head: Checkpoint) -> OtherKey | None:
    """
    Return the claim of a checkpoint of this log that is larger, cosigned by the witness itself, and signed otherwise.

    That the key was changed only the log itself could prove, and what says so is what is missing here.
    """
    try:
        reply = exchange(witness, "GET", _place(head.origin), None)
        found = note.read(reply.text)
        shown = checkpoint.read(found.text)
        mine = [line for line in found.signatures if (line.name, line.hash) == (witness.key.name, witness.key.hash)]
        cosignature.check(found.text, mine[0], witness.key)
    except (Outside, ValueError, IndexError):
        return None
    other = [line.hash.hex() for line in found.signatures if line.name == head.origin]
    if reply.status != 200 or shown.origin != head.origin or shown.size <= head.size or not other:
        return None
    return OtherKey(
        f"{witness.name} has cosigned {shown.size} entries of this log under the key {other[0]}, which this ledger "
        f"does not know; it has {head.size}. Was it restored from before a change of its key?"
    )


def _place(origin: str) -> str:
    return f"/{sha256(origin.encode()).hexdigest()}/checkpoint"


def _other(witness: Witness, keys: tuple[VerifierKey, ...], head: Checkpoint, prove: Prove) -> Outside:
    shown = shown_by(witness, keys)
    if shown is not None and shown.size <= head.size:
        steps = prove(shown.size, head.size) if 0 < shown.size < head.size else ()
        if not merkle.consistent(shown.size, head.size, shown.root, head.root, steps):
            return OtherHistory(
                f"{witness.name} has cosigned another history: its {shown.size} entries are not the first "
                f"{shown.size} of this ledger, and both are signed with the ledger's key"
            )
    return Unproven(f"{witness.name} says that this ledger did not grow out of what it knows; it shows no proof")


def _shown(text: str) -> str:
    """Make a stranger's text fit for a log line."""
    return "".join(char if char.isprintable() else " " for char in text[:200]).strip()
