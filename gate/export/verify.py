#!/usr/bin/env python3
# ruff: noqa: B905, BLE001, D101, D102, D103, ISC004, PTH110, PTH123, PTH202, RET503, UP006, UP031, UP035
"""
Check a sangate evidence pack, an exported ledger, or a mapped export of one, without sangate.

    python3 verify.py pack.zip  [--policy FILE] [--last CHECKPOINT] [--keep FILE]
    python3 verify.py log.jsonl [--policy FILE] [--last CHECKPOINT] [--keep FILE] [--tree-only | --every-entry]
    python3 verify.py ledger.zip …                                      (the log and all that lies beside it, as one)
    python3 verify.py mapped FILE --against log.jsonl [--part]         (csv, ocsf, rfc5424, cef, sqlite, jsonl, webhook)

One file, standard library only, Python 3.8 or newer; nothing is fetched, nothing written but --keep. Bytes are checked
as they lie there and never encoded again. Exit code 0: verified. 1: changed, with the place. 2: cannot tell.
Take this file and the policy (the public keys) from somewhere else than what you check. Read it in this order: Ed25519,
tree and proofs, notes and policy; approvals; entries, changes and commitments; log. What comes after these brings such
logs and entries out of other files: archives; pack; mapped files; command. Formats: RFC 6962 and 9162, C2SP
signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy and tlog-proof, OpenSSH PROTOCOL.sshsig, W3C WebAuthn; what
is ours is in docs/ledger-format.md.
"""

from __future__ import annotations

import argparse
import binascii
import contextlib
import hashlib
import json
import os
import re
import struct
import sys
import time
import zlib
from itertools import chain
from typing import Any, Callable, Iterator, NamedTuple, Tuple

VERIFIED, TAMPERED, CANNOT_TELL = 0, 1, 2
LARGEST_FILE, LARGEST_LINE, MOST_FILES = 512 << 20, 64 << 10, 500_000  # C2SP: an entry has at most 65,535 bytes
LARGE, HELPED = 32 << 20, 4  # from here on a second processor is put to use, and hashes one piece in so many


class Bad(Exception):
    """Something is not as it was made; the message says what that means."""

    finding = "WRONG"

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(what)
        self.where = where


class Unknown(Bad):
    """The question cannot be answered from what is there."""

    finding = "unsure"


class Report:
    """What was found, in order: (finding, where, what); a finding is ok, note, unsure or WRONG."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str]] = []

    def say(self, finding: str, where: str, what: str, *values: object) -> None:
        self.lines.append((finding, where, what % values if values else what))

    def judge(self, where: str, what: str, call: Callable[..., Any], *values: Any) -> Any:
        """Call; what goes wrong in it is a finding, and the answer then is None."""
        try:
            return call(*values)
        except Bad as problem:
            self.say(problem.finding, problem.where or where, what, problem)

    @property
    def code(self) -> int:
        kinds = {kind for kind, _, _ in self.lines}
        return TAMPERED if "WRONG" in kinds else CANNOT_TELL if "unsure" in kinds or "ok" not in kinds else VERIFIED


def at(where: str, call: Callable[..., Any], *values: Any) -> Any:
    """Call, and put the place to whatever is wrong."""
    try:
        return call(*values)
    except Bad as problem:
        raise type(problem)(str(problem), problem.where or where) from None


def plain(value: object) -> str:
    """Make text of strangers fit for a terminal."""
    return "".join(char if char.isprintable() else "?" for char in str(value)[:400])


def text_of(data: bytes) -> str:
    """Decode; bytes that are no text turn into a sign that is in no key, no number, and nothing that was signed."""
    return data.decode("utf-8", "replace")


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def unbase64(text: str) -> bytes:
    """Decode base64 spelled in its one canonical way: a changed character is always a change."""
    try:
        decoded = binascii.a2b_base64(text.encode("utf-8", "replace"))
    except binascii.Error:
        decoded = b"\0"
    if base64(decoded) != text:
        raise Bad("is not base64 where it should be, or has stray bits")
    return decoded


def read_json(data: bytes) -> dict[str, Any]:
    """Read a JSON object in which no key is said twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError
        return made

    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Bad("is not JSON: one object that says each key once")
    return found


# --- Ed25519, RFC 8032 section 5.1.7. Not constant-time: it sees public data only. ---

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
Point = Any  # four integers: extended coordinates


def add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    return (f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P


def decompress(data: bytes) -> Point:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * ROOT_OF_MINUS_1 % P if (x * x - square) % P else x
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """True when `signature` is the one of `message` by the key `public`: its first half is scalar B - hash key."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, scalar = decompress(public), int.from_bytes(signature[32:], "little")
    if key is None or scalar >= ORDER:
        return False
    hashed = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    minus = P - key[0], key[1], 1, P - key[3]
    total, table = (0, 1, 1, 0), (None, BASE, minus, add(BASE, minus))
    for bit in reversed(range(253)):
        total = add(total, total)
        chosen = table[(scalar >> bit & 1) + 2 * (hashed >> bit & 1)]
        total = add(total, chosen) if chosen else total
    inverse = pow(total[2], P - 2, P)
    x, y = total[0] * inverse % P, total[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    """As `ed25519`; by the package `cryptography` where the process has loaded it anyway: 40 times quicker."""
    quick = sys.modules.get("cryptography.hazmat.primitives.asymmetric.ed25519")
    try:
        if quick is None:
            return ed25519(public, message, signature)
        quick.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except Exception:
        return False
    return True


def es256(x: bytes, y: bytes, message: bytes, signature: bytes) -> bool:
    """Check an ECDSA signature on P-256 with the package `cryptography`, where it is installed."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256

        point = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1())
        point.public_key().verify(signature, message, ec.ECDSA(SHA256()))
    except ImportError:
        raise Unknown("is signed with ES256; install the Python package cryptography to check it") from None
    except Exception:
        return False
    return True


# --- The tree and its proofs: RFC 6962 section 2.1, C2SP tlog-proof ---

# For the two blocks of a node Python's own SHA-256 is quicker than setting up OpenSSL's; for an entry it is slower.
short = getattr(hashlib, "__get_builtin_constructor", lambda _: hashlib.sha256)("sha256")


def root_of(hashes: list[bytes]) -> bytes:
    """Return the root over leaves, or over subtrees of one size of which the last may be smaller."""
    while len(hashes) > 1:
        pairs, odd = iter(hashes), hashes[len(hashes) & ~1 :]
        hashes = [short(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs)] + odd
    return hashes[0] if hashes else sha256(b"")


class Proof(NamedTuple):
    """That an entry is in the tree of a checkpoint."""

    place: int
    steps: list[bytes]
    extra: bytes  # what comes along: in a change of key the entry itself
    note: bytes

    def holds(self, entry: bytes, head: Head) -> bool:
        """Follow the steps to the root (RFC 9162 section 2.1.3.2)."""
        place, last, folded = self.place, head.size - 1, sha256(b"\x00" + entry)
        for step in self.steps:
            if last <= 0:
                return False
            pair = step + folded if place & 1 or place == last else folded + step
            while place == last and not place & 1 and place:
                place, last = place >> 1, last >> 1
            folded, place, last = sha256(b"\x01" + pair), place >> 1, last >> 1
        return self.place < head.size and last == 0 and folded == head.root


def read_proof(data: bytes) -> Proof:
    head, gap, note = data.partition(b"\n\n")
    lines = text_of(head).split("\n")
    extra = unbase64(lines.pop(1)[6:]) if lines[1:] and lines[1].startswith("extra ") else b""
    index = re.fullmatch("index (0|[1-9][0-9]{0,17})", lines[1]) if len(lines) > 1 else None
    if lines[0] != "c2sp.org/tlog-proof@v1" or not index or not gap or len(lines) > 66:
        raise Bad("is not a proof")
    return Proof(int(index.group(1)), [unbase64(line) for line in lines[2:]], extra, note)


# --- Keys, notes, policy, checkpoints, witnesses: C2SP signed-note, tlog-policy, tlog-checkpoint, tlog-cosignature ---

LOG, WITNESS = 1, 4  # signature types


class Key:
    def __init__(self, vkey: str, kind: int) -> None:
        self.name, hash_hex, encoded = [*vkey.split("+", 2), "", ""][:3]
        material, self.kind = unbase64(encoded), kind
        if len(material) != 33 or material[0] != kind or not self.name:
            raise Bad("names a key that is not the Ed25519 key of a %s" % ("log" if kind == LOG else "witness"))
        self.public, self.hash = material[1:], sha256(self.name.encode() + b"\n" + material)[:4]
        if self.hash.hex() != hash_hex:
            raise Bad("names a key whose own hash does not fit: a letter of the key was changed")


class Note:
    """A signed text; lines of keys that nobody asks for are skipped."""

    def __init__(self, data: bytes) -> None:
        text, gap, tail = text_of(data).rpartition("\n\n")
        lines = [line.split(" ") for line in tail.split("\n")]
        if not gap or lines.pop() != [""] or len(lines) > 64 or any([line[0], len(line)] != ["—", 3] for line in lines):
            raise Bad("is not a note: a text, an empty line, and one line for each signature")
        self.text, self.signatures = text + "\n", [(name, unbase64(signature)) for _, name, signature in lines]

    def by(self, key: Key) -> int | None:
        """Return when `key` has signed (0 for a log); None when it has not; Bad when its line is wrong."""
        for name, signed in self.signatures:
            if (name, signed[:4]) == (key.name, key.hash):
                at_time = int.from_bytes(signed[4:12], "big") if key.kind == WITNESS else 0
                head = "cosignature/v1\ntime %d\n" % at_time if key.kind == WITNESS else ""
                if not signed_by(key.public, (head + self.text).encode(), signed[12 if head else 4 :]):
                    raise Bad("is not what %s signed: text or signature was changed" % plain(name))
                return at_time
        return None


class Head(NamedTuple):
    """A checkpoint; `seen` says when which witness has cosigned it."""

    data: bytes
    origin: str
    size: int
    root: bytes
    seen: dict[str, int]
    key: bytes  # the log's, that has signed it


class Policy:
    """Whose logs and witnesses are believed."""

    def __init__(self, data: bytes) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: list[tuple[str, int, set[str]]] = []
        self.until: dict[bytes, int] = {}  # keys that have handed the log on: alone they sign no larger tree
        self.quorum, names, free = "", {"none"}, {"none"}  # free: in no group yet; each counts in one way only
        for line in text_of(data).split("\n"):
            verb, *words = re.findall("[^ \t]+", line) or ["#"]
            count, new = len(words), bool(words) and words[0] not in names
            if verb == "log" and count in (1, 2):
                self.logs.append(Key(words[0], LOG))
            elif verb == "witness" and count in (2, 3) and new:
                self.witnesses[words[0]] = Key(words[1], WITNESS)
            elif verb == "group" and count > 2 and new:
                members = set(words[2:])
                need = {"any": "1", "all": str(len(members))}.get(words[1], words[1])
                if len(members) != count - 2 or not members <= free - {"none"} or not re.fullmatch("[1-9][0-9]?", need):
                    raise Bad("has a group that cannot be: " + plain(line))
                self.groups.append((words[0], int(need), members))
                free -= members
            elif verb == "quorum" and count == 1 and words[0] in free and not self.quorum:
                self.quorum = words[0]
            elif not verb.startswith("#"):
                raise Bad("has a line that a policy cannot have: " + plain(line))
            if verb in ("witness", "group"):
                names.add(words[0])
                free.add(words[0])
        keys = [key.public for key in [*self.logs, *self.witnesses.values()]]
        if not self.logs or not self.quorum or len(set(keys)) != len(keys):
            raise Bad("does not name a log and one quorum, or names a key twice")
        if any(need > len(members) for _, need, members in self.groups):
            raise Bad("has a group that cannot be: it asks for more than it has")

    def names(self) -> str:
        return ", ".join("%s+%s" % (plain(key.name), key.hash.hex()) for key in self.logs)

    def signed(self, data: bytes, size: int = 0) -> tuple[Note, Key]:
        """Return a note about the first `size` entries and the key of a log that has signed it."""
        note = Note(data)
        signers = [key for key in self.logs if note.by(key) is not None]
        if not signers:
            names = ", ".join(sorted({name for name, _ in note.signatures}))
            raise Bad("is signed by %s, with a key which the policy does not name" % plain(names))
        key = max(signers, key=lambda key: self.until.get(key.public, 1 << 62))
        self.in_force(key, size)
        return note, key

    def in_force(self, key: Key, size: int) -> None:
        """Bad when the key had handed the log to another before there were `size` entries."""
        until = self.until.get(key.public, size)
        if size > until:
            raise Bad("is signed by key %s alone, which entry %d took the log from" % (key.hash.hex(), until))

    def head(self, data: bytes) -> Head:
        """Return a checkpoint that a log of the policy has signed."""
        note, key = self.signed(data)
        lines = note.text.split("\n")
        root = unbase64(lines[2]) if len(lines) == 4 else b""
        if len(root) != 32 or lines[0] != key.name or not re.fullmatch("0|[1-9][0-9]{0,17}", lines[1]):
            raise Bad("is not a checkpoint of this log")
        self.in_force(key, int(lines[1]))
        seen = {name: when for name, witness in self.witnesses.items() if (when := note.by(witness))}
        return Head(data, lines[0], int(lines[1]), root, seen, key.public)

    def check_head(self, data: bytes, report: Report) -> Head:
        """Return the checkpoint to check by; say who has signed it, and whether they are as many as the policy asks."""
        head: Head = at("checkpoint", self.head, data)
        report.say("ok", "checkpoint", "%d entries, signed by %s", head.size, plain(head.origin))
        counted = set(head.seen)
        for name, need, members in self.groups:
            counted |= {name} if len(counted & members) >= need else set()
        seen = [(plain(name), time.gmtime(min(when, 1 << 37))) for name, when in head.seen.items()]
        times = ", ".join("%s at %s" % (name, time.strftime("%Y-%m-%dT%H:%M:%SZ", when)) for name, when in seen)
        if self.quorum in counted:
            report.say("ok", "witness", "cosigned by %s: no second history was shown to them", times)
        elif self.quorum != "none":
            what = "not witnessed as the policy asks (%s): %s; a second history may exist"
            report.say("unsure", "witness", what, plain(self.quorum), times or "cosigned by nobody in it")
        else:
            what = "not witnessed: only the gate's own key vouches that no second history exists"
            report.say("note", "witness", "cosigned by " + times if times else what)
        return head

    def follow(self, data: bytes, report: Report) -> None:
        """Follow the log's changes of key: each proof is a `key.rotated` entry, signed by the old key and the new."""
        first = b"c2sp.org/tlog-proof@v1\n"
        for number, piece in enumerate(data.split(first)[1:], 1):
            where = "change of key %d" % number
            proof: Proof = at(where, read_proof, first + piece)
            entry = at(where, read_entry, proof.extra)
            old, new = (at(where, Key, str(entry["data"].get(name)), LOG) for name in ("old", "key"))
            known = [key for key in self.logs if (key.name, key.public) == (old.name, old.public)]
            if not known:
                continue  # not from a key that is held
            note, head = at(where, Note, proof.note), at(where, self.head, proof.note)
            same = entry["kind"] == "key.rotated" and new.name == old.name == head.origin  # not another log's word
            signed = note.by(known[0]) is not None and note.by(new) is not None
            if not same or not signed or head.size != proof.place + 1 or not proof.holds(proof.extra, head):
                raise Bad("is not one that the old key and the new key have both signed", where)
            self.until[old.public] = proof.place
            self.until.pop(new.public, None)
            if all(key.public != new.public for key in self.logs):
                self.logs.append(new)
                what = "entry %d hands the log to key %s; the old key and the new have signed it"
                report.say("ok", where, what, proof.place, new.hash.hex())


# --- Approvals and the like: statements that people have signed ---

NAMESPACE = b"approval@sangate"
STATEMENT = "seat approver expires stage plan_digest verdict_digest decision signs_for"
WAIVER = "seat approver expires check finding reason"
WORD = "person plan_digest phase step number word by"
GO = "escort expires plan_digest array phase step number attempt words contractor firm ask"
SIGNED = {  # kind of entry → what it is, the purpose of its signature, the words of its statement, what is said in it
    "approval.signed": ("an approval", NAMESPACE, STATEMENT, "seat %(seat)s: approve"),
    "approval.denied": ("an approval", NAMESPACE, STATEMENT, "seat %(seat)s: deny"),
    "waiver.signed": ("a waiver", b"waiver@sangate", WAIVER, "seat %(seat)s: waives a finding of %(check)s"),
    "step.confirmed": ("a word", b"attended@sangate", WORD, "%(phase)s step %(step)s is %(word)s"),
    "escort.go": ("a go", b"escort@sangate", GO, "go for %(phase)s step %(step)s, attempt %(attempt)s"),
}
OWN, ACTOR = ("seat", "decision", "check", "array", "phase", "step", "number", "word", "by"), "approver person escort"
ASKED = {"ask": "ask", "attempt": "attempt", "words": "command", "expires": "until"}  # in a go → in what asks for it
# COSE keys as CTAP2 has every authenticator spell them: the bytes before x, and between x and y.
COSE_ED25519, COSE_ES256, COSE_Y = map(bytes.fromhex, ("a4010103272006215820", "a5010203262001215820", "225820"))


def wire(*parts: bytes) -> bytes:
    """Spell strings as SSH does, each after its length."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def check_sshsig(armoured: str, public_line: str, message: bytes, purpose: bytes = NAMESPACE) -> str:
    """Check an SSH signature (OpenSSH PROTOCOL.sshsig): all of it but 64 bytes is known before. Return the key."""
    armour, words = re.split("-+(?:BEGIN|END) SSH SIGNATURE-+", armoured.strip()), public_line.split()
    if len(words) < 2 or len(armour) != 3 or armour[0] or armour[2]:
        raise Bad("has no SSH signature" if words[1:] else "names no public key")
    blob, public = unbase64("".join(armour[1].split())), unbase64(words[1])
    begun = b"SSHSIG" + (1).to_bytes(4, "big") + wire(public)
    if not blob.startswith(begun):
        raise Bad("is signed by another key than the one it names")
    if not blob.startswith(begun + wire(purpose)):
        raise Bad("has a signature made for another purpose")
    kind, key, signature = b"ssh-ed25519", public[-32:], blob[-64:]
    if public != wire(kind, key):
        raise Unknown("is signed with %s: check it with ssh-keygen -Y verify" % plain(words[0]))
    for algorithm in ("sha512", "sha256"):
        middle = wire(purpose, b"", algorithm.encode())
        if blob == begun + middle + wire(wire(kind, signature)):
            if signed_by(key, b"SSHSIG" + middle + wire(hashlib.new(algorithm, message).digest()), signature):
                return "SSH key SHA256:" + base64(sha256(public)).rstrip("=")
            raise Bad("has a signature that is not of this statement by this key")
    raise Bad("has a signature of an unknown form")


def check_passkey(joined: str, key_text: str, message: bytes) -> str:
    """Check a WebAuthn assertion over the SHA-256 of the statement and return the fingerprint of its key."""
    words, key = joined.split("."), unbase64(key_text)
    if len(words) != 3:
        raise Bad("has no passkey signature")
    authenticator, client, signature = map(unbase64, words)
    said = read_json(client)
    if said.get("type") != "webauthn.get" or said.get("crossOrigin") not in (None, False):
        raise Bad("has a passkey signature made for another purpose")
    if said.get("challenge") != base64(sha256(message)).replace("+", "-").replace("/", "_").rstrip("="):
        raise Bad("has a passkey signature of another statement")
    labels = (re.sub("^https?://|:[0-9]+$", "", str(said.get("origin")))).split(".")
    sites = [sha256(".".join(labels[start:]).encode("utf-8", "replace")) for start in range(len(labels))]
    if len(authenticator) < 37 or authenticator[:32] not in sites:
        raise Bad("has a passkey signature made for another site")
    if authenticator[32] & 5 != 5:
        raise Bad("has a passkey signature without anybody having been there and verified")
    signed = authenticator + sha256(client)
    if key.startswith(COSE_ED25519) and len(key) == 42:
        good = signed_by(key[10:], signed, signature)
    elif key.startswith(COSE_ES256) and key[42:45] == COSE_Y and len(key) == 77:
        good = es256(key[10:42], key[45:], signed, signature)
    else:
        raise Unknown("is signed by a passkey of a kind that this program does not know")
    if not good:
        raise Bad("has a signature that is not of this statement by this key")
    return "passkey SHA256:" + base64(sha256(key)).rstrip("=")


def check_statement(entry: dict[str, Any], in_force: dict[str, str]) -> str:
    """Say who decided what; Bad unless the statement is about this change, by this person, signed, and was in time."""
    data, (_, purpose, shape, telling) = entry["data"], SIGNED[entry["kind"]]
    if not all(isinstance(data.get(name), str) for name in ("statement", "method", "signature", "key")):
        raise Bad("lacks its statement")
    exact, words = data["statement"].encode("utf-8", "replace"), {"v", "origin", "change", "nonce", *shape.split()}
    said, method = read_json(exact), data["method"]
    if not words - {"signs_for"} <= set(said) <= words or said["v"] != 1:
        raise Bad("has no statement of version 1")
    if "decision" in words and data.get("decision") != telling.rpartition(" ")[2]:
        raise Bad("calls itself %s" % plain(data.get("decision")))
    own = {name: str(data.get(name)) for name in OWN}
    for name, value in {**in_force, **own, **dict.fromkeys(ACTOR.split(), entry["actor"]["id"])}.items():
        if name in words and said[name] != value:
            raise Bad("names %s %s where %s was in force" % (name, plain(said[name]), plain(value)))
    if "seat" in words and (not isinstance(said["expires"], str) or said["expires"] <= entry["time"]):
        raise Bad("had expired when it was given")
    if method == "session" and data["signature"]:
        raise Bad("calls itself made by a session and carries a signature")
    if method == "ssh":
        by = "signed by " + check_sshsig(data["signature"], data["key"], exact, purpose)
    elif method == "passkey" and purpose == NAMESPACE:
        by = "signed by " + check_passkey(data["signature"], data["key"], exact)
    elif method == "session":
        by = "by web session: the gate's word, no signature"
    else:
        raise Unknown("was made by %s, which this program does not know" % plain(method))
    return "%s, %s (%s)" % (plain(entry["actor"]["id"]), telling % {name: plain(said[name]) for name in said}, by)


# --- Entries, and the changes that they tell of ---

SHAPE: dict[str, Any] = {"actor": dict, "blobs": list, "change": (str, type(None)), "data": dict, "private": dict}
SHAPE.update({"id": str, "kind": str, "seq": (int, type(None)), "time": str, "v": int})
REPLY = "reply"  # what a device answered: the only blob that may be removed one day, with an entry that says so
FOLLOWED = [*SIGNED, "plan.sealed", "verdict.given", "change.closed", "log.opened", "escort.asked"]
FOLLOWED += ["key.rotated", "key.enrolled", "key.revoked"]
# An entry of which only the frame is read: it names no blob, is of no kind that is followed, and has no brace inside
# its data, so that nothing in there can pass for the change or the number outside. TEXT: ASCII, no quote, no backslash.
FRAME = (
    rb'\{"actor":\{"id":"TEXT","type":"TEXT"\},"blobs":\[\],"change":(?:null|"(TEXT)"),"data":\{[^}]*\},"id":"TEXT",'
    rb'"kind":"(?!(?:KINDS)")TEXT","seq":(?(1)([1-9][0-9]{0,15})|null),"time":"TEXT","v":1\}'
)
FRAME = FRAME.replace(b"TEXT", rb"[ !#-\[\]-~]*").replace(b"KINDS", "|".join(map(re.escape, FOLLOWED)).encode())
frame = re.compile(FRAME).fullmatch


def read_entry(line: bytes) -> dict[str, Any]:
    entry = {"private": {}, **read_json(line)}
    sound = entry.keys() == SHAPE.keys() and all(isinstance(entry[name], kind) for name, kind in SHAPE.items())
    sound = sound and isinstance(entry["actor"].get("id"), str) and {*map(type, entry["blobs"])} <= {dict}
    if not sound or entry["v"] != 1 or (entry["change"] is None) != (entry["seq"] is None) or entry["seq"] is True:
        raise Bad("is not an entry of version 1")
    return entry


def read_disclosures(data: bytes) -> dict[tuple[int, str], str]:
    """Read values that are kept outside the log, each with its salt; return the commitment that each needs."""
    found = {}
    for number, line in enumerate(data.splitlines(), 1):
        one = at("disclosure %d" % number, read_json, line)
        try:
            field, index, salt, value = (one[name] for name in ("field", "index", "salt", "value"))
            said = json.dumps([field, value], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            salted = bytes.fromhex(salt) + said.encode("utf-8", "surrogatepass")
            if len(one) != 4 or type(index) is not int or type(field) is not str:
                raise ValueError
        except (ValueError, TypeError, KeyError):
            raise Bad("is not a disclosure", "disclosure %d" % number) from None
        found[index, field] = "sha256:" + sha256(salted).hex()
    return found


class Change:
    def __init__(self, origin: str, name: str) -> None:
        self.count, self.closed, self.asked = 0, False, dict.fromkeys(ASKED, "nothing")
        self.in_force = {"origin": origin, "change": name, "plan_digest": "", "verdict_digest": ""}


class Story:
    """Follows every change through the first `end` entries of a log or the entries of a pack, in order."""

    def __init__(self, origin: str, private: bytes, report: Report, end: int = 0, *, every: bool = False) -> None:
        self.origin, self.report, self.end, self.every, self.index = origin, report, end, every, 0
        self.disclosed, self.fitting = read_disclosures(private), 0
        self.changes: dict[str, Change] = {}
        self.enrolled: dict[str, str] = {}  # fingerprint → who signs with it
        self.revoked: dict[str, int] = {}  # fingerprint → the entry after which it signs nothing
        self.given: set[tuple[str, str, str]] = set()  # whose statements of which change were seen, by their nonces
        self.known = end > 0  # every enrolment is among the entries: a whole log, from its first epoch on
        self.handed: list[tuple[int, str]] = []  # entries that take the log from a key, and that key
        self.blobs: dict[tuple[str, str], tuple[int, str]] = {}  # digest and size → an entry that names it, as what
        self.pruned: set[str] = set()  # blobs that list what was removed, as an entry says

    def follow(self, lines: list[bytes]) -> None:
        """Go on in a log. Of an entry that is a plain FRAME no more than that is read, unless `every` is asked for."""
        for index, line in enumerate(lines[: max(0, self.end - self.index)], self.index):
            found = None if self.every else frame(line)
            if found is None:
                entry = self.report.judge("entry %d" % index, "%s", read_entry, line)
                if entry is None:
                    self.end = 0  # what comes after it has lost its thread
                    return
                self.entry(index, entry)
            elif found[1] is not None:
                self.count(index, found[1].decode(), int(found[2]))
        self.index += len(lines)

    def count(self, index: int, name: str, seq: Any) -> Change:
        """One entry more of a change; what else it says does not matter here."""
        change = self.changes.get(name) or self.changes.setdefault(name, Change(self.origin, name))
        change.count += 1
        if seq != change.count:
            what = "is number %s of %s where number %d should be: an entry was left out, added or moved"
            self.report.say("WRONG", "entry %d" % index, what, plain(seq), plain(name), change.count)
            change.count = seq
        if change.closed:
            self.report.say("WRONG", "entry %d" % index, "comes after %s was closed", plain(name))
        return change

    def entry(self, index: int, entry: dict[str, Any]) -> None:
        """Follow one entry. Whatever kind is looked at here must be one of FOLLOWED."""
        where, kind, name, data = "entry %d" % index, entry["kind"], entry["change"], entry["data"]
        for field, commitment in entry["private"].items():
            value = self.disclosed.pop((index, field), None)
            self.fitting += value == commitment
            if value not in (None, commitment):
                self.report.say("WRONG", where, "did not commit to the %s that is disclosed", plain(field))
        for blob in entry["blobs"]:
            self.names(index, kind, blob)
        if kind == "log.opened":
            self.opened(index, data)
        if name is None:
            return self.keys(index, kind, data)
        change = self.count(index, name, entry["seq"])
        if kind in ("plan.sealed", "verdict.given"):
            digest = kind.partition(".")[0] + "_digest"
            change.in_force[digest] = str(data.get(digest))
        elif kind == "escort.asked":
            change.asked = {name: str(data.get(asked)) for name, asked in ASKED.items()}
        elif kind in SIGNED:
            in_force = {**change.in_force, **(change.asked if kind == "escort.go" else {})}
            said = self.report.judge(where, "is %s that %%s" % SIGNED[kind][0], check_statement, entry, in_force)
            if said:
                self.signed(where, entry, said)
        elif kind == "change.closed":
            change.closed = True
            if data.get("entries") != change.count:
                what = "closes %s with %s entries, but %d are here: the record is not whole"
                self.report.say("WRONG", where, what, plain(name), plain(data.get("entries")), change.count)

    def keys(self, index: int, kind: str, data: dict[str, Any]) -> None:
        """Follow the log's own key, and whose the keys are that statements are signed with."""
        if kind == "key.rotated":
            self.handed.append((index, str(data.get("old"))))
        elif kind == "key.enrolled":
            self.enrolled.setdefault(str(data.get("fingerprint")), str(data.get("person")))
        elif kind == "key.revoked":
            self.revoked.setdefault(str(data.get("fingerprint")), index)

    def signed(self, where: str, entry: dict[str, Any], said: str) -> None:
        """Compare the key of a statement that is in order with those that its person has enrolled."""
        self.report.say("ok", where, said)
        who, nonce = entry["actor"]["id"], str(read_json(entry["data"]["statement"].encode())["nonce"])
        if (entry["change"], who, nonce) in self.given:
            what = "is a statement of %s that was entered before: it was given once"
            self.report.say("WRONG", where, what, plain(who))
        self.given.add((entry["change"], who, nonce))
        found = re.search("SHA256:[A-Za-z0-9+/]{43}", said.rpartition(" (")[2])
        owner = self.enrolled.get(found[0]) if found else who
        if found and found[0] in self.revoked:
            self.report.say("WRONG", where, "is signed with a key that entry %d revoked", self.revoked[found[0]])
        elif owner is not None and owner != who:
            self.report.say("WRONG", where, "is signed with a key of %s, not of %s", plain(owner), plain(who))
        elif found and owner is None and self.known:
            self.report.say("WRONG", where, "is signed with a key that no entry before enrols for %s", plain(who))
        elif found and owner is None:
            self.report.say("note", where, "compare this key with the one that %s holds: %s", plain(who), found[0])

    def names(self, index: int, kind: str, blob: dict[str, Any]) -> None:
        digest, name = str(blob.get("sha256")), plain(blob.get("name"))
        said = digest, repr(blob.get("size"))
        if self.blobs.get(said, (0, REPLY))[1] == REPLY:
            self.blobs[said] = index, name
        if kind == "blobs.pruned":
            self.pruned.add(digest)

    def opened(self, index: int, data: dict[str, Any]) -> None:
        """Say which epoch a log is, and what the one before it lost."""
        if index or data.get("origin") != self.origin:
            what = "opens the log %s here: a log is opened once"
            self.report.say("WRONG", "entry %d" % index, what, plain(data.get("origin")))
        elif "previous" in data:  # empty where no checkpoint of it is known
            self.known = False
            before = plain(str(data["previous"]).replace("\n", " ")[:200].split(" \u2014")[0]).strip() or "another"
            what = "this log goes on from %s, of which %s entries are declared lost: ask for that log too"
            self.report.say("note", "entry 0", what, before, plain(data.get("missing", 0)))

    def finish(self) -> None:
        for index, field in sorted(self.disclosed):
            self.report.say("WRONG", "entry %d" % index, "has no commitment to the %s that is disclosed", plain(field))
        if self.fitting:
            self.report.say("ok", "disclosures", "%d values are the ones that their entries commit to", self.fitting)
        if self.index:
            closed = sum(change.closed for change in self.changes.values())
            self.report.say("ok", "changes", "%d, of which %d are closed and whole", len(self.changes), closed)


# --- A whole log ---

STAMP = "%d entries bear one (RFC 3161), not judged here; openssl ts -verify -in %s -data %s -CAfile TSA-CA.pem"


class Place(NamedTuple):
    """Where bytes lie: a file, or a piece of an archive."""

    path: str
    start: int = 0
    size: int = 1 << 62


def pieces(place: Place) -> Iterator[bytes]:
    with open(place.path, "rb", buffering=0) as file:
        file.seek(place.start)
        left, read = place.size, b"-"
        while read:
            read = file.read(min(1 << 17, left))
            left -= len(read)
            yield read


def read_place(place: Place) -> bytes:
    data = b"".join(pieces(place._replace(size=min(place.size, LARGEST_FILE + 1))))
    if len(data) > LARGEST_FILE:
        raise Unknown("is larger than %d bytes" % LARGEST_FILE, place.path)
    return data


def digest_of(place: Place) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces(place):
        digest.update(piece)
    return digest.digest()


def chunks_of(log: Place) -> Iterator[list[bytes]]:
    """Yield the lines of a log, some hundreds at once; Bad when a line is too long or has no end."""
    rest, count = b"", 0
    for read in pieces(log):
        *lines, rest = (rest + read).split(b"\n")
        if len(rest) > LARGEST_LINE:
            raise Bad("is longer than any entry can be", "entry %d" % (count + len(lines)))
        count += len(lines)
        yield lines
    if rest:
        raise Bad("is cut short: the file does not end with a line end", "entry %d" % count)


def leaves_of(lines: list[bytes]) -> list[bytes]:
    found, begun = [], hashlib.sha256(b"\x00").copy
    for line in lines:
        leaf = begun()
        leaf.update(line)
        found.append(leaf.digest())
    return found


def hashes_in(joined: bytes) -> list[bytes]:
    return [joined[place : place + 32] for place in range(0, len(joined), 32)]


def help_out(log: Place, story: Story, out: Any) -> None:
    """In a process of its own: follow the changes, and hash one piece of HELPED: both processes then take as long."""
    with contextlib.suppress(Exception):  # the other process comes to the same place, and says what is wrong there
        for number, lines in enumerate(chunks_of(log)):
            if number % HELPED == 0:
                out.send_bytes(b"".join(leaves_of(lines)))
            story.follow(lines)
        story.finish()
        out.send((story.report, story.blobs, story.pruned, story.handed))


def walk(log: Place, sizes: set[int], story: Story | None) -> tuple[int, dict[int, bytes]]:
    """Read a log once. Return how many entries there are, and the root over the first N for each N of `sizes`."""
    helper, roots = None, {}
    tiles: list[bytes] = []  # roots over 256 leaves each
    leaves: list[bytes] = []
    if story and min(log.size, os.path.getsize(log.path)) > LARGE and (os.cpu_count() or 1) > 1:
        import multiprocessing

        helper, out = multiprocessing.Pipe(duplex=False)
        multiprocessing.Process(target=help_out, args=(log, story, out), daemon=True).start()
        out.close()

    def look() -> None:
        for size in sizes:
            if size >> 8 == len(tiles) and size & 255 <= len(leaves):
                roots[size] = root_of(tiles + [root_of(leaves[: size & 255])] * bool(size & 255))

    for number, lines in enumerate(chunks_of(log)):
        if helper and number % HELPED == 0:
            leaves += hashes_in(helper.recv_bytes())
        else:
            leaves += leaves_of(lines)
        if story and not helper:
            story.follow(lines)
        while len(leaves) >= 256:
            look()
            tiles.append(root_of(leaves[:256]))
            del leaves[:256]
    look()
    if story and helper:
        story.report, story.blobs, story.pruned, story.handed = helper.recv()
    elif story:
        story.finish()
    return 256 * len(tiles) + len(leaves), roots


def check_log(whole: Whole, head: Head, earlier: dict[str, Head], story: Story | None, report: Report) -> None:
    """Compare the tree over the exact bytes with the signed head, and with heads that are known from elsewhere."""
    count, roots = walk(whole.log, {head.size, *(old.size for old in earlier.values())}, story)
    if count < head.size:
        what = "is missing: the log was signed with %d entries; ask for the whole file again"
        report.say("WRONG", "entry %d" % count, what, head.size)
    elif roots[head.size] != head.root:
        report.say("WRONG", *first_bad(whole, head))
    elif count > head.size:
        what = "and what follows came after the checkpoint, so no signature covers it"
        report.say("unsure", "entry %d" % head.size, what)
    else:
        report.say("ok", "tree", "%d entries are byte for byte what was signed", count)
    for label, old in earlier.items():
        if label == "export" and old.size > head.size and old.origin == head.origin:
            what = "was made of %d entries and the log of %d: the log is older than the export: export it again"
            report.say("unsure", label, what, old.size, head.size)
        elif old.size > head.size or old.origin != head.origin:
            what = "has %d entries of %s, %d of %s were there at the %s: the log was cut, or it is another epoch"
            report.say("WRONG", "checkpoint", what, head.size, plain(head.origin), old.size, plain(old.origin), label)
        elif roots.get(old.size) != old.root:
            report.say("WRONG", "entry 0 to %d" % (old.size - 1), "are not those of %s: history was rewritten", label)
        else:
            report.say("ok", label, "the first %d entries are unchanged since", old.size)
    for index, key in story.handed if story else ():
        if index + 1 < head.size and at("entry %d" % index, Key, key, LOG).public == head.key:
            report.say("WRONG", "checkpoint", "is signed by the key alone that entry %d took the log from", index)
    if story and report.code != TAMPERED:  # of bytes that were changed there is no story to tell
        report.lines += story.report.lines
        check_blobs(whole, story, report)


def first_bad(whole: Whole, head: Head) -> tuple[str, str]:
    """Name the first changed entry by the leaf hashes beside the log, if they themselves lead to the signed root."""
    leaves, path = hashes_in(whole.read("leaves")), whole.log.path
    if root_of(leaves) != head.root:
        return path, "is not what was signed: at least one entry was changed (which one: needs the .leaves file)"
    for index, (line, leaf) in enumerate(zip(chain.from_iterable(chunks_of(whole.log)), leaves)):
        if sha256(b"\x00" + line) != leaf:
            return "entry %d (line %d)" % (index, index + 1), "was changed after it was written"
    return path, "is not what was signed"


# --- Files, and archives: a zip in the one way that sangate makes it, so that no two programs find two things in it ---

NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*")
NARROW, MANY = 0xFFFFFFFF, 0xFFFF  # what does not fit below these is said in a field of its own (zip64)


def zip_heading(name: bytes, crc: int, size: int, start: int | None = None) -> bytes:
    """Return what stands before a file, or with its `start` its line in the directory: stored, dated 1980-01-01."""
    wide = [size] * 2 * (size >= NARROW) + [start or 0] * ((start or 0) >= NARROW)
    extra = struct.pack("<2H%dQ" % len(wide), 1, 8 * len(wide), *wide) if wide else b""
    need, short_size = 45 if wide else 20, min(size, NARROW)
    middle = struct.pack("<5H3I2H", need, 0, 0, 0, 33, crc, short_size, short_size, len(name), len(extra))
    if start is None:
        return b"PK\3\4" + middle + name + extra
    tail = struct.pack("<3H2I", 0, 0, 0, 0o644 << 16, min(start, NARROW))
    return b"PK\1\2" + struct.pack("<H", 3 << 8 | need) + middle + tail + name + extra


def zip_ending(start: int, size: int, count: int) -> bytes:
    """Return what stands behind the directory, which begins at `start` and has `size` bytes and `count` lines."""
    wide = b""
    if count >= MANY or start + size >= NARROW:
        wide = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 3 << 8 | 45, 45, 0, 0, count, count, size, start)
        wide += struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1)
    counts, sizes = [min(count, MANY)] * 2, [min(size, NARROW), min(start, NARROW)]
    return wide + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *counts, *sizes, 0)


class Archive:
    """Where each file of an archive lies, and at which byte the archive first differs from one that sangate makes."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.places: dict[str, Place] = {}
        self.odd: int | None = None
        directory, name = [], ""
        with open(path, "rb") as file:
            for start in iter(file.tell, -1):
                fixed = file.read(30)
                if fixed[:4] != b"PK\3\4" or len(fixed) < 30:
                    break
                size, length, more = struct.unpack("<I2H", fixed[22:])
                raw, extra = file.read(length), file.read(more)
                size = size if size < NARROW else int.from_bytes(extra[4:12], "little")
                before, name, begun = name, text_of(raw), file.tell()
                if not NAME.fullmatch(name) or length > 200 or name <= before:
                    raise Bad("has a name that no pack has, or not in its order: " + plain(name), "archive")
                crc = left = 0
                for piece in pieces(Place(path, begun, size)):
                    crc, left = zlib.crc32(piece, crc), left + len(piece)
                self.compare(start, fixed + raw + extra, zip_heading(raw, crc, left))
                file.seek(begun + left)
                self.places[name] = Place(path, begun, left)
                directory.append(zip_heading(raw, crc, left, start))
                if len(directory) > MOST_FILES:
                    raise Unknown("has more than %d files" % MOST_FILES, "archive")
            listed = b"".join(directory)
            ending = listed + zip_ending(start, len(listed), len(directory))
            file.seek(start)
            self.compare(start, file.read(len(ending) + 1), ending)

    def compare(self, start: int, there: bytes, due: bytes) -> None:
        if there != due and self.odd is None:
            same = next((i for i, (a, b) in enumerate(zip(there, due)) if a != b), min(len(there), len(due)))
            self.odd = start + same

    def judge(self, report: Report) -> None:
        if self.odd is not None:
            what = "is not as sangate packs: changed, cut short, added or packed again"
            report.say("WRONG", "byte %d of the archive" % self.odd, what)


class Whole:
    """A log, or one change of it (`pack`), and what lies beside it: the files of one name, or of one archive."""

    BESIDE = ("checkpoint", "leaves", "policy", "private.jsonl", "rotations", "stamped", "tsr")
    ENDINGS = ("jsonl", "manifest", *BESIDE)

    def __init__(self, path: str, archive: Archive | None = None, *, pack: bool = False) -> None:
        stem, dot, old = path.rpartition(".")
        self.stem = "" if pack else "ledger." if archive else (stem if dot and "/" not in old else path) + "."
        self.archive, self.missing = archive, Bad if pack else Unknown  # all of a pack is listed in its manifest
        names, top = [self.name(ending) for ending in self.ENDINGS], self.name("blobs")
        self.files = archive.places if archive else {name: Place(name) for name in names if os.path.exists(name)}
        for folder, _, found in () if archive else os.walk(top):
            paths = ["%s/%s" % (folder, name) for name in found]
            self.files.update({path: Place(path) for path in paths})
        self.log = self.files["ledger.jsonl"] if archive and not pack else Place(path)
        shape = re.compile("%s/([0-9a-f]{2})%s([0-9a-f]{62})" % (re.escape(top), "" if pack else "/")).fullmatch
        self.blobs = {
            "sha256:" + "".join(found.groups()): name
            for name, found in zip(self.files, map(shape, self.files))
            if found
        }
        self.strange = set() if pack else self.files.keys() - {*names, *self.blobs.values()}

    def name(self, ending: str) -> str:
        return self.stem + ending

    def read(self, ending: str, *, needed: bool = False) -> bytes:
        """Read what lies beside the log under this ending; empty when it is not there."""
        place = self.files.get(self.name(ending))
        if needed and place is None:
            raise self.missing("is not there", self.name(ending))
        return read_place(place) if place else b""

    def trust(self, options: Any, report: Report) -> Policy:
        """Return the policy to check by, with the log's changes of key."""
        given = read_place(Place(options.policy)) if options.policy else self.read("policy", needed=True)
        policy: Policy = at("policy", Policy, given)
        if not options.policy:
            what = "the key comes with what it is to check; compare it with the one you hold: %s"
            report.say("note", "policy", what, policy.names())
        several = [self.files[name] for name in sorted(self.files) if name.startswith(self.name("rotations/"))]
        policy.follow(self.read("rotations") + b"".join(map(read_place, several)), report)
        return policy


def check_manifest(whole: Whole, policy: Policy, head: Head, report: Report) -> None:
    """Compare what lies beside the log of an archive with what the ledger's key has signed of it."""
    signed, where = whole.read("manifest"), whole.name("manifest")
    if not signed:
        raise Unknown("is not there: taken out, or never made; so nobody signed what lies beside the log", where)
    note, _ = at(where, policy.signed, signed, head.size)
    there = [ending for ending in whole.BESIDE if whole.name(ending) in whole.files]
    listed = ["%s %s" % (ending, base64(digest_of(whole.files[whole.name(ending)]))) for ending in there]
    text = "\n".join([head.origin + "#archive", *listed, ""])
    if note.text == text:
        report.say("ok", "manifest", "beside the log lies what was signed: %s", ", ".join(there))
        return
    changed = {line.split(" ")[0] for line in {*note.text.split("\n")} ^ {*text.split("\n")}}
    for name in sorted(changed) or ["manifest"]:
        report.say("WRONG", whole.name(name), "is not as it was signed: changed, taken out or put in")


def check_blobs(whole: Whole, story: Story, report: Report) -> None:
    """Compare what entries name with what lies beside them; only what an entry says was removed may be absent."""
    counts, left = {"is there": 0, "was removed": 0}, dict(whole.blobs)
    behind: set[bytes] = set()
    removed = b"".join(read_place(whole.files[whole.blobs[one]]) for one in story.pruned if one in whole.blobs)
    for (digest, size), (index, name) in story.blobs.items() if whole.archive or whole.blobs else ():
        lies = whole.blobs.get(digest)
        content = read_place(whole.files[lies]) if lies else b""
        if lies and ("sha256:" + sha256(content).hex(), repr(len(content))) != (digest, size):
            report.say("WRONG", lies, "is not the %s that entry %d names", name, index)
        elif lies:
            behind.update(re.findall(b"sha256:[0-9a-f]{64}", content if name == "evidence" else b""))
        elif name != REPLY or digest.encode() not in removed:
            report.say("unsure", "entry %d" % index, "names %s (%s), which is not there", name, plain(digest))
        counts["is there" if lies else "was removed"] += 1
        left.pop(digest, None)
    for digest, lies in left.items():
        counts["is there"] += 1
        if digest.encode() not in behind:
            report.say("WRONG", lies, "is named by no entry and no evidence; somebody put it in")
        elif "sha256:" + digest_of(whole.files[lies]).hex() != digest:
            report.say("WRONG", lies, "is not the reply that evidence names")
    for name in whole.strange if whole.archive else ():
        report.say("WRONG", plain(name), "belongs to no log; somebody put it in")
    if any(counts.values()):
        what = "%d are what entries name; %d are not there, as an entry says that they were removed"
        report.say("ok", "blobs", what, *counts.values())


# --- A pack: one change in one archive ---


class Pack(Whole):
    def __init__(self, archive: Archive, options: Any, report: Report) -> None:
        super().__init__(archive.path, archive, pack=True)
        self.report, self.options = report, options
        self.policy: Policy | None = None
        self.head: Head | None = None
        self.entries: list[int] = []
        for step in (self.check_head, self.check_files, self.check_entries, self.check_stamp, self.check_last):
            report.judge("file", "%s", step)

    def file(self, name: str) -> bytes:
        return self.read(name, needed=True)

    def check_head(self) -> None:
        self.policy = self.trust(self.options, self.report)
        self.head = self.policy.check_head(self.file("checkpoint"), self.report)

    def check_files(self) -> None:
        """Compare every file with the manifest, and the manifest with what the ledger's key has signed."""
        manifest, where = at("manifest.json", read_json, self.file("manifest.json")), "manifest.json"
        listed, entries = manifest.get("files"), manifest.get("entries")
        sound = isinstance(listed, list) and isinstance(entries, list)
        if not sound or {*map(type, listed)} - {dict} or {*map(type, entries)} - {int}:
            raise Bad("is not a manifest", where)
        self.entries = entries
        self.change, known = str(manifest.get("change")), {str(one.get("name")): one.get("sha256") for one in listed}
        for name, digest in known.items():
            if name not in self.files:
                self.report.say("WRONG", plain(name), "was packed and is no longer in the pack")
            elif digest_of(self.files[name]).hex() != digest:
                self.report.say("WRONG", plain(name), "is not the file that was packed: its bytes were changed")
        for name in self.files.keys() - known.keys() - {"manifest.json", "manifest.note"}:
            self.report.say("WRONG", name, "was not packed; somebody put it in")
        if self.policy is not None:
            size = self.head.size if self.head else 0
            note, key = at("manifest.note", self.policy.signed, self.file("manifest.note"), size)
            said = self.head.origin if self.head else key.name, self.change, base64(digest_of(self.files[where]))
            if note.text != "%s#manifest\n%s\n%s\n" % said:
                raise Bad("is not the manifest that was signed", where)
            self.report.say("ok", "manifest", "%d files, signed together", len(known) + 2)

    def check_entries(self) -> None:
        if self.head is None:
            return
        *lines, rest = self.file("entries.jsonl").split(b"\n")
        if sorted(set(self.entries)) != self.entries:
            raise Bad("does not count entries upwards", "manifest.json")
        story = Story(self.head.origin, self.read("private.jsonl"), self.report)
        for number, (index, line) in enumerate(zip(self.entries, lines), 1):
            where = "entry %d (line %d of entries.jsonl)" % (index, number)
            self.check_proof("proofs/%09d.tlog-proof" % index, where, index, line, self.head)
            entry = at(where, read_entry, line)
            if entry["change"] != self.change:
                self.report.say("WRONG", where, "belongs to %s, not to %s", plain(entry["change"]), plain(self.change))
            story.entry(index, entry)
        if rest or len(lines) != len(self.entries):
            raise Bad("does not hold the %d entries of the manifest" % len(self.entries), "entries.jsonl")
        story.finish()
        check_blobs(self, story, self.report)
        self.report.say("ok", "entries", "%d, each in the tree under the checkpoint", len(lines))
        change = story.changes.get(self.change)
        if change and change.closed:
            self.report.say("ok", "change", "%s is closed and whole: %d entries", plain(self.change), change.count)
        else:
            self.report.say(
                "unsure", "change", "%s is not closed, so entries after these may exist", plain(self.change)
            )

    def check_proof(self, name: str, where: str, index: int, line: bytes, head: Head) -> None:
        proof: Proof = at(name, read_proof, self.file(name))
        if (proof.note, proof.place) != (head.data, index):
            raise Bad("was made for another checkpoint or another entry", name)
        if not proof.holds(line, head):
            self.report.say("WRONG", where, "is not what the ledger holds there: entry or proof was changed")

    def check_stamp(self) -> None:
        """The change's last entry must be in the checkpoint that an authority has stamped."""
        if self.policy is not None and self.entries and "timestamp.tsr" in self.files:
            stamped = at("timestamp.checkpoint", self.policy.head, self.file("timestamp.checkpoint"))
            line = self.file("entries.jsonl").split(b"\n")[-2:][0]
            self.check_proof("timestamp.tlog-proof", "timestamp.tlog-proof", self.entries[-1], line, stamped)
            self.report.say("note", "time stamp", STAMP, stamped.size, "timestamp.tsr", "timestamp.checkpoint")

    def check_last(self) -> None:
        if self.options.last and self.head and self.policy:
            last = at("last checkpoint", self.policy.head, read_place(Place(self.options.last)))
            if last.size == self.head.size and last.root != self.head.root:
                raise Bad("differs from yours for the same size: two histories were shown", "checkpoint")
            if (last.origin, last.size) != (self.head.origin, self.head.size):
                raise Unknown("cannot be tied to one change: verify the whole log with it", "last checkpoint")


# --- Mapped exports: each record carries the exact bytes of its entry ---

# A line of each format: index and hash, which a statement has not, and the exact bytes; then how those are escaped.
SHAPES = (
    (rb'\{"index":INDEX,"sha256":"HASH","entry":BODY\}', bytes),
    (rb'(?P<body>\{"(?:checkpoint|count)":.*\})', bytes),
    (rb'(?:INDEX|#),(?:CELL,){9,}?(?:HASH)?,"(?P<body>(?:[^"]|"")*)"', lambda body: body.replace(b'""', b'"')),
    (rb'\{"metadata":\{.*?"sequence":INDEX,.*"raw_data":(?P<body>"(?:[^"\\]|\\.)*"),"raw_data_hash":\{[^}]*'
     rb'"value":"HASH"\},"raw_data_size":[0-9]+\}', lambda body: json.loads(body).encode()),
    (rb'\{"metadata":\{.*,"unmapped":\{"sangate_export":BODY\}\}', bytes),
    (rb'<[0-9]+>1 .*?\[sangate@32473 (?:index="INDEX" sha256="HASH"|version=).*?"\] \xef\xbb\xbfBODY', bytes),
    (rb"CEF:.*?(?: cn1=INDEX .*? cs6=HASH .*?)?[ |]rawEvent=BODY", lambda body: re.sub(rb"\\([\\=])", rb"\1", body)),
    (rb'\{"specversion":.*?"sangateindex":INDEX,"sangatesha256":"HASH","data":BODY\}', bytes),
)  # fmt: skip
PARTS = {b"INDEX": rb"(?P<index>0|[1-9][0-9]{0,17})", b"HASH": rb"(?P<hash>[0-9a-f]{64})"}
PARTS.update({b"BODY": rb"(?P<body>\{.*\})", b"CELL": rb'(?:[^",]*|"(?:[^"]|"")*")'})
HEADING = re.compile(rb"index,[a-z0-9_,]+,sha256,entry\r?\n").fullmatch
Record = Tuple[int, str, bytes, bytes]  # index, hash, exact bytes, digest of the file before; index -1: a statement


def read_record(line: bytes) -> tuple[int, str, bytes]:
    for shape, undo in SHAPES:
        pattern = re.sub(b"INDEX|HASH|BODY|CELL", lambda found: PARTS[found[0]], shape)
        found = re.fullmatch(pattern, line)  # kept compiled by the module
        said = found.groupdict(b"") if found else {}
        if said and bool(said.get("index")) == bool(said.get("hash")):
            try:
                return int(said.get("index") or -1), text_of(said.get("hash", b"")), undo(said["body"])
            except ValueError:
                break
    raise Bad("is not a record")


def records(path: str) -> Iterator[Record]:
    with open(path, "rb") as file:
        start = file.read(16)
        if start == b"SQLite format 3\x00":
            yield from rows(path)
            return
        file.seek(3 if start.startswith(b"\xef\xbb\xbf") else 0)
        digest, heading = hashlib.sha256(), None
        for number, line in enumerate(iter(lambda: file.readline(4 * LARGEST_LINE), b""), 1):
            if not line.endswith(b"\n"):
                raise Bad("is cut short, or longer than any record", "line %d" % number)
            heading = HEADING(line) if number == 1 else heading
            if number > 1 or not heading:
                index, hashed, body = at("line %d" % number, read_record, line.rstrip(b"\r\n"))
                if heading and number == 2 and index >= 0:
                    raise Bad("is not an opening statement, with which a csv begins", "line 2")
                yield index, hashed, body, digest.digest()
            digest.update(line)


def rows(path: str) -> Iterator[Record]:
    """Yield what a SQLite export holds; what is made up could keep SQLite busy for ever, so its work is counted."""
    import sqlite3

    odd = "SELECT count(*) FROM sqlite_master m, pragma_table_xinfo(m.name) x WHERE lower(m.name) IN ('about', 'entry')"
    try:
        name = re.sub("[?#%]", lambda found: "%%%02x" % ord(found[0]), path)
        connection = sqlite3.connect("file:%s?mode=ro" % name, uri=True)
        work = iter(range(100 + os.path.getsize(path) // 10_000))
        connection.set_progress_handler(lambda: next(work, None) is None, 1_000_000)
        if connection.execute(odd + " AND (m.type <> 'table' OR m.rootpage = 0 OR x.hidden)").fetchone() != (0,):
            raise Bad("is not a SQLite export: about and entry are not plain tables in it")
        statements = "SELECT substr(opening, 1, 65536), substr(closing, 1, 65536) FROM about LIMIT 2"
        ((opening, closing),) = connection.execute(statements)
        yield -1, "", opening.encode(), b""
        digest, entries = hashlib.sha256(), "SELECT idx, substr(sha256, 1, 65), substr(body, 1, 65536) FROM entry"
        for index, hashed, body in connection.execute(entries + " ORDER BY idx"):
            if (type(index), type(hashed), type(body)) != (int, str, bytes) or index < 0:
                raise Bad("is not a SQLite export: a row of entry holds other types")
            yield index, hashed, body, b""
            digest.update(hashed.encode())
        yield -1, "", closing.encode(), digest.digest()
        connection.close()
    except (sqlite3.Error, ValueError, AttributeError) as problem:
        raise Bad("is not a SQLite export: %s" % plain(problem)) from None


def fits(entry: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Say whether an entry is one that a filter takes."""
    kinds, kind = asked.get("kinds", ["*"]), entry["kind"]
    own = {"change": entry["change"], "actor": entry["actor"]["id"]}
    fitting = any(kind == one or (one[-1:] == "*" and kind.startswith(one[:-1])) for one in kinds)
    in_time = asked.get("from", "") <= entry["time"] < asked.get("to", "~")
    return fitting and in_time and all(asked.get(name, value) == value for name, value in own.items())


class Mapped:
    """A mapped export beside the log: both are read once, in step."""

    def __init__(self, path: str, policy: Policy, part: bool, report: Report) -> None:
        self.policy, self.part, self.report = policy, part, report
        self.opening: dict[str, Any] = {}
        self.head: Head | None = None
        self.told: dict[str, Any] = {"count": 0, "first": None, "last": None}
        self.ended = False
        self.records = self.read(path)
        self.now = next(self.records, None)

    def read(self, path: str) -> Iterator[tuple[int, str, bytes]]:
        """Yield the records in their order; take the statements on the way."""
        recent: dict[int, tuple[str, bytes]] = {}
        told = self.told
        for index, hashed, body, digest in records(path):
            if self.ended:
                raise Bad("something follows the closing statement", "end of the file")
            if index < 0:
                self.take(read_json(body), digest)
            elif self.opening or recent.get(index) != (hashed, body):  # else a stream: sent again after a break
                if told["count"] and index <= told["last"]:
                    what = "comes after record %d: moved, or there twice" % told["last"]
                    raise Bad(what, "record of entry %d" % index)
                told.update(count=told["count"] + 1, first=told["first"] if told["count"] else index, last=index)
                recent[index] = hashed, body
                recent.pop(index - 1000, None)
                yield index, hashed, body

    def take(self, said: dict[str, Any], digest: bytes) -> None:
        """Take a statement: what the file claims to hold, what it held, or a signed head of a syslog stream."""
        what = said.get("what")
        if what == "sangate-export/1" and not self.opening and not self.told["count"]:
            self.head, self.opening = at("opening", self.policy.head, str(said.get("checkpoint")).encode()), said
            asked = said["filter"] if isinstance(said.get("filter"), dict) else {"": None}
            sound = all(isinstance(value, list if key == "kinds" else str) for key, value in asked.items())
            sound = sound and all(isinstance(kind, str) for kind in asked.get("kinds") or [])
            if not sound or (said.get("end"), said.get("start")) != (self.head.size, 0):
                raise Bad("states another range than its checkpoint covers, or no filter", "opening")
        elif what == "sangate-export-end/1" and self.opening and self.head:
            self.close(said, digest, self.head)
        elif what or self.opening or set(said) != {"checkpoint"}:
            raise Bad("is a statement where none can be", "after record %s" % self.told["last"])

    def close(self, said: dict[str, Any], digest: bytes, head: Head) -> None:
        self.ended, end, form = True, "end of the file", plain(self.opening.get("format"))
        stated = {"what": "sangate-export-end/1", "made": self.opening.get("made"), "sha256": digest.hex(), **self.told}
        if said != {**stated, "note": said.get("note")}:
            self.report.say("WRONG", end, "does not state this file: something in it was changed")
        elif said["note"] is None:
            self.report.say("unsure", end, "is not signed: what stands beside the exact entries is open")
        else:
            note, _ = at("closing", self.policy.signed, str(said["note"]).encode(), head.size)
            if note.text != "%s#export\n%s\n%d\n%s\n" % (head.origin, form, said["count"], base64(digest)):
                raise Bad("is signed for another file", end)
            more = "nothing is said of the other tables: `sqlite-utils sangate-verify` compares them"
            more = more if form == "sqlite" else "every byte as it was written"
            self.report.say("ok", end, "signed: %d records, %s", said["count"], more)

    def check(self, log: Place) -> None:
        """Walk along the log: every record is its entry, and no entry that the file claims is missing."""
        asked, first = self.opening.get("filter"), self.now[0] if self.now else 0
        size = 0
        for index, line in enumerate(chain.from_iterable(chunks_of(log))):
            size = index + 1
            here = self.now is not None and self.now[0] == index
            between = first < index and self.now is not None
            claimed = here or (index < self.head.size if self.head and not self.part else between)
            taken = claimed and (not asked or fits(at("entry %d" % index, read_entry, line), asked))
            wrong = ""
            if here and self.now != (index, sha256(line).hex(), line):
                wrong = "record of entry %d: does not hold what the log holds there"
            elif here and not taken:
                wrong = "record of entry %d: does not fit the filter that the file states"
            elif taken and not here:
                wrong = "entry %d: is missing from the file, which claims to have it"
            if wrong:
                where, _, what = (wrong % index).partition(": ")
                return self.report.say("WRONG", where, what)
            self.now = next(self.records, None) if here else self.now
        self.finish(asked, size)

    def finish(self, asked: dict[str, Any] | None, size: int) -> None:
        end, count, last, say = "end of the file", self.told["count"], self.told["last"], self.report.say
        if self.head and self.head.size > size:  # newer than the log, as was said; what the file states is read still
            self.now = None
            for _ in self.records:
                continue
            if self.ended or self.part:
                return
        if self.now is not None and not self.opening:
            say("unsure", "record of entry %s" % self.now[0], "is newer than the log: export that again")
        elif self.now is not None:
            say("WRONG", "record of entry %s" % self.now[0], "is of no entry that the log has")
        elif not self.opening and not count:
            say("unsure", "mapped", "there is no record in the file")
        elif self.part:
            say("ok", "mapped", "%d records are the log's; nothing in the file states its beginning or end", count)
            say("note", end, "a part, as you said; nobody signed what stands beside the exact entries")
        elif not self.opening:
            what = "nothing states that entry %s is the last, nor what stands beside the exact entries: the end may be "
            what += "cut off. Ask for the file with its statements, or say --part where it is a piece of a stream"
            say("unsure", end, what, last)
        elif not self.ended:
            say("WRONG", end, "is missing after entry %s: the file was cut short" % last)
        else:
            if asked:
                what = "a part of the log and not the whole population: only what fits " + json.dumps(asked)
                say("note", "filter", what)
            which = "all that fit the filter" if asked else "the complete population"
            say("ok", "mapped", "%d records are the log's: %s up to entry %d", count, which, self.opening["end"] - 1)


# --- The command ---


def run_log(whole: Whole, options: Any, report: Report) -> Head:
    """Check a whole log; with a mapped export, that as well."""
    policy = whole.trust(options, report)
    checkpoint = read_place(Place(options.checkpoint)) if options.checkpoint else whole.read("checkpoint", needed=True)
    head: Head = policy.check_head(checkpoint, report)
    if whole.archive:
        report.judge("manifest", "%s", check_manifest, whole, policy, head, report)
    earlier = {}
    if options.last:
        earlier["last visit"] = at("last checkpoint", policy.head, read_place(Place(options.last)))
    if whole.read("tsr") or whole.read("stamped"):
        stamped = whole.read("tsr", needed=True) and whole.read("stamped", needed=True)
        stamp = earlier["time stamp"] = at("stamped checkpoint", policy.head, stamped)
        report.say("note", "time stamp", STAMP, stamp.size, whole.name("tsr"), whole.name("stamped"))
    mapped = Mapped(options.path, policy, options.part, report) if options.against else None
    if mapped and mapped.head:
        earlier["export"] = mapped.head
    story = None
    if not mapped and not options.tree_only:
        story = Story(head.origin, whole.read("private.jsonl"), Report(), head.size, every=options.every_entry)
    check_log(whole, head, earlier, story, report)
    if mapped and report.code != TAMPERED:
        mapped.check(whole.log)
    return head


def run(options: Any, report: Report) -> None:
    path = options.against or options.path
    with open(path, "rb") as file:
        start = file.read(2)
    archive = Archive(path) if start == b"PK" else None
    if archive and "ledger.jsonl" not in archive.places and not options.against:
        head = Pack(archive, options, report).head
    elif start[:1] == b"{" or (archive and "ledger.jsonl" in archive.places):
        head = run_log(Whole(path, archive), options, report)
    else:
        raise Unknown("is neither a pack nor an exported log", path)
    if archive:
        archive.judge(report)
    if options.keep and head and report.code == VERIFIED:
        with open(options.keep, "wb") as kept:
            kept.write(head.data)
        report.say("note", "kept", "%s: give it as --last at your next visit", plain(options.keep))


def main(words: list[str] | None = None, report: Report | None = None) -> int:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    words, report = sys.argv[1:] if words is None else words, report or Report()
    mapped = words[:1] == ["mapped"]
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="verify.py", description=__doc__, formatter_class=formatter)
    add = parser.add_argument
    add("path", help="pack.zip or log.jsonl; after the word `mapped` a mapped export")
    add("--against", required=mapped, metavar="LOG", help="the log that a mapped export was made from")
    add("--policy", metavar="FILE", help="the public keys you hold (otherwise those beside or inside)")
    add("--last", metavar="FILE", help="the checkpoint you kept from your last visit")
    add("--keep", metavar="FILE", help="where to write the checkpoint for your next visit")
    add("--checkpoint", metavar="FILE", help="the log's checkpoint (otherwise the one beside the log)")
    add("--part", action="store_true", help="the mapped file is a piece of a stream: nothing in it states its end")
    add("--tree-only", action="store_true", help="bytes and signatures, not what the entries say")
    add("--every-entry", action="store_true", help="read each entry to its last word")
    add("--json", action="store_true", help="print the findings as JSON")
    options = parser.parse_args(words[1:] if mapped else words)
    try:
        report.judge("file", "%s", run, options, report)
    except OSError as problem:
        report.say("unsure", plain(problem.filename), "cannot be read: %s", problem.strerror)
    except Exception as problem:
        report.say("unsure", "file", "this program cannot make sense of it (%s)", type(problem).__name__)
    result = {VERIFIED: "verified", TAMPERED: "TAMPERED", CANNOT_TELL: "CANNOT TELL"}[report.code]
    if options.json:
        found = [{"finding": kind, "where": where, "what": what} for kind, where, what in report.lines]
        print(json.dumps({"result": result.lower().replace(" ", "_"), "exit": report.code, "findings": found}))
    else:
        for kind, where, what in report.lines:
            print("%-7s %s: %s" % (kind, plain(where), plain(what)))
        print(result)
    return report.code


if __name__ == "__main__":
    sys.exit(main())
