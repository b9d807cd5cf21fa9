"""One closed change in a real ledger, approved by SSH signature and by session, and its pack."""

import base64
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.canonical import Json, encode
from gate.export import pack
from gate.ledger.entry import GATE, Actor, Blob, Draft
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger

ORIGIN = "gate.example.com/ledger/1"
CHANGE = "chg-0001"
PLAN = "sha256:" + "aa" * 32
VERDICT = "sha256:" + "bb" * 32
START = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


class Ticking:
    """A clock that moves one second at each look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def wire(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def sign_ssh(key: Ed25519PrivateKey, text: str, namespace: bytes = b"approval@sangate") -> tuple[str, str]:
    """Return armoured SSHSIG and public key line, as ssh-keygen makes them."""
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    public = wire(b"ssh-ed25519") + wire(raw)
    middle = wire(namespace) + wire(b"") + wire(b"sha512")
    signature = key.sign(b"SSHSIG" + middle + wire(sha512(text.encode()).digest()))
    blob = b"SSHSIG" + struct.pack(">I", 1) + wire(public) + middle + wire(wire(b"ssh-ed25519") + wire(signature))
    encoded = base64.b64encode(blob).decode()
    lines = [encoded[place : place + 70] for place in range(0, len(encoded), 70)]
    armour = "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])
    return armour, "ssh-ed25519 " + base64.b64encode(public).decode()


def statement(approver: str, seat: str, **other: str) -> str:
    fields = {
        "origin": ORIGIN,
        "change": CHANGE,
        "stage": "canary",
        "plan_digest": PLAN,
        "verdict_digest": VERDICT,
        "decision": "approve",
        "expires": "2026-11-24T20:00:00.000000Z",
        "nonce": "00" * 16,
        **other,
    }
    return encode({"v": 1, "seat": seat, "approver": approver, **fields}).decode()


def approval(approver: str, seat: str, *, signed: bool, key_seed: bytes = b"\x07" * 32, **other: str) -> Draft:
    text = statement(approver, seat, **other)
    signature, key = sign_ssh(Ed25519PrivateKey.from_private_bytes(key_seed), text) if signed else ("", "")
    data = {
        "seat": seat,
        "decision": "approve",
        "statement": text,
        "method": "ssh" if signed else "session",
        "signature": signature,
        "key": key,
        "reason": "<b>looks</b> right",
    }
    return Draft("approval.signed", Actor("person", approver), CHANGE, data)


def enrolled(who: str, key_seed: bytes = b"\x07" * 32) -> Draft:
    """That somebody has enrolled the key with which `approval` signs."""
    _, line = sign_ssh(Ed25519PrivateKey.from_private_bytes(key_seed), "")
    digest = sha256(base64.b64decode(line.split()[1])).digest()
    fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    return Draft("key.enrolled", Actor("person", who), None, {"person": who, "fingerprint": fingerprint})


def drafts(ledger: SqliteLedger) -> list[Draft]:
    """The change, entry by entry."""
    content = b"the sealed plan, in exact words\n"
    plan = Blob("plan", ledger.put_blob(content), len(content))
    sealed: dict[str, Json] = {
        "plan_digest": PLAN,
        "canary": "west-2",
        "control": "west-3",
        "targets": ["west-2", "east-1"],
    }
    verdict: dict[str, Json] = {
        "when": "approve",
        "opens": True,
        "verdict_digest": VERDICT,
        "plan_digest": PLAN,
        "findings": [],
    }
    return [
        Draft("change.opened", Actor("person", "engineer"), CHANGE, {"title": "8.7 & <later>", "number": 1}),
        Draft("plan.sealed", GATE, CHANGE, sealed, (plan,)),
        Draft("verdict.given", GATE, CHANGE, verdict),
        approval("lead", "storage", signed=True),
        approval("owner", "data-owner", signed=False),
        Draft("stage.started", Actor("person", "steward"), CHANGE, {"stage": "canary", "array": "west-2"}),
        Draft("judgement.given", GATE, CHANGE, {"result": "held"}),
    ]


def make_ledger(folder: Path) -> SqliteLedger:
    signer = keys.create(folder / "ledger.key", ORIGIN)
    return open_ledger(folder / "ledger.db", signer=signer, clock=Ticking())


def write(ledger: SqliteLedger, entries: list[Draft], *, close: bool = True) -> None:
    for number, draft in enumerate(entries):
        ledger.append(draft)
        passed = Draft("auth.signed_in", Actor("person", f"passer-by {number}"), data={"method": "password"})
        ledger.append(passed if number else enrolled("lead"))
    if close:
        ledger.append(Draft("change.closed", GATE, CHANGE, {"outcome": "held"}))
    ledger.append(Draft("auth.signed_in", Actor("person", "dora"), data={"method": "password"}))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    made = make_ledger(tmp_path)
    yield made
    made.close()


@pytest.fixture
def told(ledger: SqliteLedger) -> SqliteLedger:
    """The ledger with the whole change in it."""
    write(ledger, drafts(ledger))
    return ledger


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A pack of the whole change."""
    made = make_ledger(tmp_path_factory.mktemp("packed"))
    write(made, drafts(made))
    content = pack.make(made, CHANGE)
    made.close()
    return content
