#!/usr/bin/env python3
# ruff: noqa: D101, D102, D103, UP031, B905, BLE001, PTH123
"""
Check a sangate evidence pack, an exported ledger, or a mapped export of one, without sangate.

    python3 verify.py pack.zip  [--policy FILE] [--last CHECKPOINT] [--keep FILE]
    python3 verify.py log.jsonl [--policy FILE] [--last CHECKPOINT] [--keep FILE] [--tree-only | --every-entry]
    python3 verify.py mapped FILE --against log.jsonl [--policy FILE]        (csv, ocsf, rfc5424, cef, sqlite, jsonl)

One file, standard library only, Python 3.8 or newer; nothing is fetched, nothing written but --keep. Bytes are checked
as they lie there and never encoded again. Exit code 0: verified. 1: changed, with the place. 2: cannot tell.
Take this file and the policy (the public keys) from somewhere else than what you check. Read it in this order: Ed25519,
tree, notes and policy (the log); approvals; one change; pack; log with its commitments; mapped files; command.
Formats: RFC 6962 and 9162, C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy and tlog-proof, OpenSSH
PROTOCOL.sshsig, W3C WebAuthn; what is ours is in docs/ledger-format.md.
"""

from __future__ import annotations

import argparse
import binascii
import hashlib
import json
import re
import sys
from typing import Any, Iterator  # noqa: UP035  # Python 3.8

VERIFIED, TAMPERED, CANNOT_TELL = 0, 1, 2
LARGEST_FILE, LARGEST_LINE, MOST_FILES = 512 << 20, 64 << 10, 50_000  # C2SP: an entry has at most 65,535 bytes
NAMESPACE, WAIVER_NAMESPACE = b"approval@sangate", b"waiver@sangate"
FIELDS = {"v", "id", "time", "kind", "change", "seq", "actor", "data", "blobs"}
STATEMENT = {"v", "origin", "change", "stage", "plan_digest", "verdict_digest", "decision", "seat"}
STATEMENT |= {"approver", "expires", "nonce", "signs_for"}
WAIVER = {"v", "origin", "change", "check", "finding", "seat", "approver", "reason", "expires", "nonce"}


STAMP = "%d entries bear one (RFC 3161), not judged here; openssl ts -verify -in %s -data %s -CAfile TSA-CA.pem"


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

    def say(self, finding: str, where: str, what: str) -> None:
        self.lines.append((finding, where, what))

    def problem(self, problem: Bad, where: str = "file", what: str = "%s") -> None:
        self.say(problem.finding, problem.where or where, what % problem)

    @property
    def code(self) -> int:
        kinds = {kind for kind, _, _ in self.lines}
        return TAMPERED if "WRONG" in kinds else CANNOT_TELL if "unsure" in kinds or "ok" not in kinds else VERIFIED


def plain(value: object) -> str:
    """Make text of strangers fit for a terminal."""
    return "".join(char if char.isprintable() else "?" for char in str(value)[:400])


def located(where: str, call: Any, *values: Any) -> Any:
    """Call, and put the place to whatever is wrong."""
    try:
        return call(*values)
    except Bad as problem:
        raise type(problem)(str(problem), problem.where or where) from None


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def unbase64(text: str) -> bytes:
    """Decode base64 spelled in its one canonical way: a changed character is always a change."""
    try:
        decoded = binascii.a2b_base64(text.encode("ascii"))
    except (binascii.Error, UnicodeError):
        raise Bad("is not base64 where it should be") from None
    if base64(decoded) != text:
        raise Bad("is not base64 where it should be, or has stray bits")
    return decoded


def text_of(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise Bad("is not text at byte %d" % problem.start) from None


def read_json(data: bytes) -> Any:
    """Read JSON that says no key twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError
        return made

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Bad("is not JSON") from None


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


def both(first: int, a: Point, second: int, b: Point) -> Point:
    """Return first times a plus second times b."""
    total, table = (0, 1, 1, 0), (None, a, b, add(a, b))
    for bit in reversed(range(max(first.bit_length(), second.bit_length()))):
        total = add(total, total)
        chosen = table[(first >> bit & 1) + 2 * (second >> bit & 1)]
        total = add(total, chosen) if chosen else total
    return total


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
    """True when `signature` is the one of `message` by the key `public`."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, scalar = decompress(public), int.from_bytes(signature[32:], "little")
    if key is None or scalar >= ORDER:
        return False
    hashed = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    x, y, z, _ = both(scalar, BASE, hashed, (P - key[0], key[1], key[2], P - key[3]))
    inverse = pow(z, P - 2, P)
    encoded: bytes = (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")
    return encoded == signature[:32]


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
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256
    except ImportError:
        raise Unknown("is signed with ES256; install the Python package cryptography to check it") from None
    try:
        numbers = (int.from_bytes(x, "big"), int.from_bytes(y, "big"))
        key = ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()
        key.verify(signature, message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


# --- The tree, RFC 6962 section 2.1 ---

# For the two blocks of a node Python's own SHA-256 is quicker than setting up OpenSSL's; for an entry it is slower.
short = getattr(hashlib, "__get_builtin_constructor", lambda _: hashlib.sha256)("sha256")


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


class Tree:
    """Grows by leaves; holds one hash for each complete subtree."""

    def __init__(self, size: int = 0, stack: list[bytes] | None = None) -> None:
        self.size, self.stack = size, list(stack or [])

    def add(self, leaf: bytes, level: int = 0) -> None:
        """Add a leaf, or the root over 2**level leaves when the size is a multiple of that."""
        places = self.size >> level
        while places & 1:
            leaf = node(self.stack.pop(), leaf)
            places >>= 1
        self.stack.append(leaf)
        self.size += 1 << level

    def add_256(self, leaves: list[bytes]) -> None:
        """Add 256 leaves to a tree whose size is a multiple of 256: the fast way."""
        new = short
        while len(leaves) > 1:
            pairs = iter(leaves)
            leaves = [new(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs)]
        self.add(leaves[0], 8)

    def root_with(self, leaves: list[bytes]) -> bytes:
        """Return the root as it were with these leaves more."""
        grown = Tree(self.size, self.stack)
        for leaf in leaves:
            grown.add(leaf)
        folded = grown.stack.pop() if grown.stack else sha256(b"")
        while grown.stack:
            folded = node(grown.stack.pop(), folded)
        return folded


def included(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to (RFC 9162 section 2.1.3.2); None when it cannot be one."""
    place, last, folded = index, size - 1, leaf
    for step in proof:
        if last <= 0:
            return None
        if place & 1 or place == last:
            folded = node(step, folded)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            folded = node(folded, step)
        place, last = place >> 1, last >> 1
    return folded if last == 0 else None


# --- Keys, notes, policy, checkpoints, witnesses ---

LOG, WITNESS = 1, 4  # signature types of C2SP signed-note


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
        self.data, self.text = data, text + "\n"
        self.lines: list[tuple[str, bytes, bytes]] = []
        for line in tail[:-1].split("\n"):
            words = line.split(" ")
            if not gap or tail[-1:] != "\n" or len(words) != 3 or words[0] != "\u2014" or len(self.lines) >= 64:
                raise Bad("is not a note: a text, an empty line, and one line for each signature")
            signature = unbase64(words[2])
            self.lines.append((words[1], signature[:4], signature[4:]))

    def by(self, key: Key) -> int | None:
        """Return when `key` has signed (0 for a log); None when it has not; Bad when its line is wrong."""
        for name, hashed, signature in self.lines:
            if (name, hashed) == (key.name, key.hash):
                time = int.from_bytes(signature[:8], "big") if key.kind == WITNESS else 0
                head = "cosignature/v1\ntime %d\n" % time if key.kind == WITNESS else ""
                if not signed_by(key.public, (head + self.text).encode(), signature[8 if head else 0 :]):
                    raise Bad("is not what %s signed: text or signature was changed" % plain(name))
                return time
        return None


class Policy:
    """Whose logs and witnesses are believed (C2SP tlog-policy)."""

    def __init__(self, data: bytes) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: list[tuple[str, int, list[str]]] = []
        self.quorum, free = "", {"none"}  # free: names that a group may still take in; each counts in one way only
        for line in text_of(data).split("\n"):
            words = [word for word in re.split("[ \t]+", line) if word]
            if not words or words[0].startswith("#"):
                continue
            new = len(words) > 1 and words[1] not in free and all(words[1] != group[0] for group in self.groups)
            if words[0] == "log" and len(words) in (2, 3):
                self.logs.append(Key(words[1], LOG))
            elif words[0] == "witness" and len(words) in (3, 4) and new and words[1] not in self.witnesses:
                self.witnesses[words[1]] = Key(words[2], WITNESS)
                free.add(words[1])
            elif words[0] == "group" and len(words) > 3 and new and words[1] not in self.witnesses:
                members = set(words[3:]) - {"none"}
                need = {"any": "1", "all": str(len(members))}.get(words[2], words[2])
                sound = len(members) == len(words) - 3 and members <= free and re.fullmatch("[1-9][0-9]{0,3}", need)
                if not sound or int(need) > len(members):
                    raise Bad("has a group that cannot be: " + plain(line))
                self.groups.append((words[1], int(need), words[3:]))
                free = free - members | {words[1]}
            elif words[0] == "quorum" and len(words) == 2 and not self.quorum and words[1] in free:
                self.quorum = words[1]
            else:
                raise Bad("has a line that a policy cannot have: " + plain(line))
        keys = [key.public for key in [*self.logs, *self.witnesses.values()]]
        if not self.logs or not self.quorum or len(set(keys)) != len(keys):
            raise Bad("does not name a log and one quorum, or names a key twice")

    def signed(self, data: bytes) -> tuple[Note, Key]:
        """Return a note and the key of a log that has signed it."""
        note = Note(data)
        signers = [key for key in self.logs if note.by(key) is not None]
        if not signers:
            names = ", ".join(sorted({name for name, _, _ in note.lines}))
            raise Bad("is signed by %s, with a key which the policy does not name" % plain(names))
        return note, signers[-1]

    def head(self, data: bytes) -> Head:
        """Return a checkpoint that a log of the policy has signed; who has cosigned it is in `seen`."""
        note, key = self.signed(data)
        lines = note.text.split("\n")
        if len(lines) != 4 or len(lines[1]) > 18 or not re.fullmatch("0|[1-9][0-9]*", lines[1]):
            raise Bad("is not a checkpoint")
        root = unbase64(lines[2])
        if lines[0] != key.name or len(root) != 32:
            raise Bad("is not a checkpoint of this log")
        times = {name: note.by(witness) for name, witness in self.witnesses.items()}
        return Head(data, lines[0], int(lines[1]), root, {name: time for name, time in times.items() if time})

    def check_quorum(self, head: Head, report: Report) -> None:
        """Say who has cosigned a checkpoint, and whether they are as many as the policy asks for."""
        import time

        counted = set(head.seen)
        for name, need, members in self.groups:
            counted |= {name} if len(counted.intersection(members)) >= need else set()
        seen = [(plain(name), time.gmtime(min(at, 1 << 37))) for name, at in head.seen.items()]
        times = ["%s at %s" % (name, time.strftime("%Y-%m-%dT%H:%M:%SZ", at)) for name, at in seen]
        if self.quorum == "none":
            what = "not witnessed: only the gate's own key vouches that no second history exists"
            report.say("note", "witness", "cosigned by " + ", ".join(times) if times else what)
        elif self.quorum in counted:
            report.say("ok", "witness", "cosigned by %s: no second history was shown to them" % ", ".join(times))
        else:
            what = "not witnessed as the policy asks (%s): %s; a second history may exist"
            report.say("unsure", "witness", what % (plain(self.quorum), ", ".join(times) or "cosigned by nobody in it"))

    def follow(self, data: bytes, report: Report) -> None:
        """Follow the log's changes of key: each proof is a `key.rotated` entry, signed by the old key and the new."""
        first = b"c2sp.org/tlog-proof@v1\n"
        for number, proof in enumerate(data.split(first)[1:]):
            where = "change of key %d" % number
            head, gap, signed = proof.partition(b"\n\n")
            extra = located(where, text_of, head).partition("\n")[0]
            entry = read_entry(located(where, unbase64, extra[6:]))
            old, new = Key(str(entry["data"].get("old")), LOG), Key(str(entry["data"].get("key")), LOG)
            known = [key for key in self.logs if (key.name, key.public) == (old.name, old.public)]
            if not known or any(key.public == new.public for key in self.logs):
                continue  # not from a key that is held, or to one that is
            note, trusted = located(where, Note, signed), located(where, self.head, signed)
            place, steps = check_proof(first + head + gap + signed, where)
            whole = entry["kind"] == "key.rotated" and new.name == old.name and extra[:6] == "extra "
            whole = whole and trusted.origin == old.name and note.by(known[0]) is not None  # not another log's word
            root = included(sha256(b"\x00" + unbase64(extra[6:])), place, trusted.size, steps)
            if not whole or note.by(new) is None or trusted.size != place + 1 or root != trusted.root:
                raise Bad("is not one that the old key and the new key have both signed", where)
            self.logs.append(new)
            report.say("ok", where, "entry %d hands the log to key %s; the old key and the new have signed it" % (
                place, new.hash.hex()))  # fmt: skip


class Head:
    def __init__(self, data: bytes, origin: str, size: int, root: bytes, seen: dict[str, Any]) -> None:
        self.data, self.origin, self.size, self.root, self.seen = data, origin, size, root, seen


def check_proof(data: bytes, where: str) -> tuple[int, list[bytes]]:
    """Return index and hashes of a tlog-proof; what it proves is for the caller."""
    lines = located(where, text_of, data.partition(b"\n\n")[0]).split("\n")
    lines = lines[:1] + [line for line in lines[1:] if not line.startswith("extra ")]
    index = re.fullmatch("index (0|[1-9][0-9]{0,17})", lines[1]) if len(lines) > 1 else None
    if lines[0] != "c2sp.org/tlog-proof@v1" or not index or len(lines) > 66:
        raise Bad("is not a proof", where)
    return int(index.group(1)), [located(where, unbase64, line) for line in lines[2:]]


# --- Entries ---


def read_entry(line: bytes) -> dict[str, Any]:
    entry = read_json(line)
    if not isinstance(entry, dict) or set(entry) - {"private"} != FIELDS or entry["v"] != 1:
        raise Bad("is not an entry of version 1")
    shapes = (
        isinstance(entry["actor"], dict) and isinstance(entry["actor"].get("id"), str),
        isinstance(entry["data"], dict) and isinstance(entry.get("private", {}), dict),
        all(isinstance(entry[name], str) for name in ("id", "time", "kind")),
        isinstance(entry["blobs"], list) and all(isinstance(blob, dict) for blob in entry["blobs"]),
        entry["change"] is None if entry["seq"] is None else isinstance(entry["change"], str),
        entry["seq"] is None or type(entry["seq"]) is int,
    )
    if not all(shapes):
        raise Bad("is not an entry of version 1")
    return entry


class Disclosed:
    """Values that are kept outside the log, each with the salt of its commitment in an entry."""

    def __init__(self, data: bytes) -> None:
        self.values: dict[tuple[int, str], str] = {}
        self.count = 0
        for number, line in enumerate(data.split(b"\n")[:-1] if data else (), 1):
            one = located("disclosure %d" % number, read_json, line)
            if not isinstance(one, dict) or set(one) != {"field", "index", "salt", "value"}:
                raise Bad("is not a disclosure", "disclosure %d" % number)
            try:
                salt, key = bytes.fromhex(one["salt"]), (int(one["index"]), str(one["field"]))
            except (ValueError, TypeError):
                raise Bad("is not a disclosure", "disclosure %d" % number) from None
            said = json.dumps([one["field"], one["value"]], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            self.values[key] = "sha256:" + sha256(salt + said.encode("utf-8", "surrogatepass")).hex()

    def feed(self, index: int, entry: dict[str, Any], report: Report) -> None:
        for field, commitment in entry.get("private", {}).items():
            found = self.values.pop((index, field), None)
            self.count += found is not None
            if found not in (None, commitment):
                report.say("WRONG", "entry %d" % index, "did not commit to the %s that is disclosed" % plain(field))

    def finish(self, report: Report) -> None:
        for index, field in sorted(self.values):
            report.say("WRONG", "entry %d" % index, "has no commitment to the %s that is disclosed" % plain(field))
        if self.count:
            report.say("ok", "disclosures", "%d values are the ones that their entries commit to" % self.count)


# --- Approvals ---


def strings(data: bytes) -> Iterator[bytes]:
    """Split the length-prefixed strings of the SSH wire format."""
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        if len(data) < max(4, end):
            raise Bad("has a signature that is cut short")
        yield data[4:end]
        data = data[end:]


def wire(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def check_sshsig(armoured: str, public_line: str, message: bytes, purpose: bytes = NAMESPACE) -> str:
    """Check an SSH signature (OpenSSH PROTOCOL.sshsig) and return the fingerprint of its key."""
    begin, end = "-----BEGIN SSH SIGNATURE-----\n", "\n-----END SSH SIGNATURE-----"
    words, armoured = public_line.split(), armoured.replace("\r\n", "\n").strip()
    if len(words) < 2:
        raise Bad("names no public key")
    if not armoured.startswith(begin) or not armoured.endswith(end):
        raise Bad("has no SSH signature")
    blob, public = unbase64(armoured[len(begin) : -len(end)].replace("\n", "")), unbase64(words[1])
    parts = list(strings(blob[10:]))
    if blob[:10] != b"SSHSIG\x00\x00\x00\x01" or len(parts) != 5:
        raise Bad("has a signature of an unknown form")
    key, namespace, reserved, algorithm, signature = parts
    if key != public:
        raise Bad("is signed by another key than the one it names")
    if namespace != purpose:
        raise Bad("has a signature made for another purpose (%s)" % plain(namespace))
    if algorithm not in (b"sha256", b"sha512"):
        raise Bad("has a signature with an unknown hash")
    key_parts, signature_parts = list(strings(key)), list(strings(signature))
    if key_parts[:1] != [b"ssh-ed25519"]:
        raise Unknown("is signed with %s: check it with ssh-keygen -Y verify" % plain(key_parts[:1]))
    hashed = hashlib.new(algorithm.decode(), message).digest()
    signed = b"SSHSIG" + wire(namespace) + wire(reserved) + wire(algorithm) + wire(hashed)
    if len(key_parts) != 2 or len(signature_parts) != 2 or signature_parts[0] != b"ssh-ed25519":
        raise Bad("has a signature of an unknown form")
    if not signed_by(key_parts[1], signed, signature_parts[1]):
        raise Bad("has a signature that is not of this statement by this key")
    return "SSH key SHA256:" + base64(sha256(public)).rstrip("=")


# COSE keys as CTAP2 has every authenticator spell them: the bytes before x, and between x and y.
COSE_ED25519, COSE_ES256 = bytes.fromhex("a4010103272006215820"), bytes.fromhex("a5010203262001215820")


def check_passkey(joined: str, key_text: str, message: bytes) -> str:
    """Check a WebAuthn assertion over the SHA-256 of the statement and return the fingerprint of its key."""
    words, key = joined.split("."), unbase64(key_text)
    if len(words) != 3:
        raise Bad("has no passkey signature")
    authenticator, client, signature = (unbase64(word) for word in words)
    said = read_json(client)
    if not isinstance(said, dict) or said.get("type") != "webauthn.get" or said.get("crossOrigin") not in (None, False):
        raise Bad("has a passkey signature made for another purpose")
    challenge = base64(sha256(message)).replace("+", "-").replace("/", "_").rstrip("=")
    if said.get("challenge") != challenge:
        raise Bad("has a passkey signature of another statement")
    labels = (re.sub("^https?://|:[0-9]+$", "", str(said.get("origin")))).split(".")
    sites = [sha256(".".join(labels[start:]).encode()) for start in range(len(labels))]
    if len(authenticator) < 37 or authenticator[:32] not in sites:
        raise Bad("has a passkey signature made for another site")
    if authenticator[32] & 5 != 5:
        raise Bad("has a passkey signature without anybody having been there and verified")
    signed = authenticator + sha256(client)
    if key.startswith(COSE_ED25519) and len(key) == 42:
        good = signed_by(key[10:], signed, signature)
    elif key.startswith(COSE_ES256) and key[42:45] == b"\x22\x58\x20" and len(key) == 77:
        good = es256(key[10:42], key[45:], signed, signature)
    else:
        raise Unknown("is signed by a passkey of a kind that this program does not know")
    if not good:
        raise Bad("has a signature that is not of this statement by this key")
    return "passkey SHA256:" + base64(sha256(key)).rstrip("=")


# --- One change ---

FOLLOWED = ["plan.sealed", "verdict.given", "approval.signed", "approval.denied", "waiver.signed"]
FOLLOWED += ["change.closed", "log.opened"]


class Change:
    """Follows the entries of one change in order."""

    def __init__(self, name: str, origin: str, report: Report) -> None:
        self.name, self.origin, self.report = name, origin, report
        self.count, self.closed = 0, False
        self.plan = self.verdict = ""

    def count_in(self, index: int, seq: Any) -> None:
        """One entry more; what else it says does not matter here."""
        self.count += 1
        if seq != self.count:
            what = "is number %s of %s where number %d should be: an entry was left out, added or moved"
            self.report.say("WRONG", "entry %d" % index, what % (plain(seq), plain(self.name), self.count))
            self.count = seq if isinstance(seq, int) else self.count
        if self.closed:
            self.report.say("WRONG", "entry %d" % index, "comes after %s was closed" % plain(self.name))

    def feed(self, index: int, entry: dict[str, Any]) -> None:
        """Follow one entry. Whatever kind is looked at here must be one of FOLLOWED."""
        where, kind, data = "entry %d" % index, entry["kind"], entry["data"]
        self.count_in(index, entry["seq"])
        if kind == "plan.sealed":
            self.plan = str(data.get("plan_digest"))
        elif kind == "verdict.given":
            self.verdict = str(data.get("verdict_digest"))
        elif kind in ("approval.signed", "approval.denied"):
            try:
                self.report.say("ok", where, self.check_approval(entry))
            except Bad as problem:
                self.report.problem(problem, where, "is an approval that %s")
        elif kind == "waiver.signed":
            try:
                self.report.say("ok", where, self.check_waiver(entry))
            except Bad as problem:
                self.report.problem(problem, where, "is a waiver that %s")
        elif kind == "change.closed":
            self.closed = True
            if data.get("entries") != self.count:
                what = "closes %s with %s entries, but %d are here: the record is not whole"
                self.report.say("WRONG", where, what % (plain(self.name), plain(data.get("entries")), self.count))

    def check_approval(self, entry: dict[str, Any]) -> str:
        data = entry["data"]
        statement = signed_statement(data, STATEMENT, {"signs_for"})
        decision = "approve" if entry["kind"] == "approval.signed" else "deny"
        wanted = {"plan_digest": self.plan, "verdict_digest": self.verdict, "decision": decision}
        if data.get("decision") != decision:
            raise Bad("calls itself %s" % plain(data.get("decision")))
        self.fits(entry, statement, wanted)
        said = "%s, seat %s: %s" % (plain(statement["approver"]), plain(statement["seat"]), decision)
        return said + vouched(data, NAMESPACE)

    def check_waiver(self, entry: dict[str, Any]) -> str:
        data = entry["data"]
        statement = signed_statement(data, WAIVER, set())
        self.fits(entry, statement, {"check": data.get("check")})
        said = "%s, seat %s: waives a finding of " % (plain(statement["approver"]), plain(statement["seat"]))
        return said + plain(statement["check"]) + vouched(data, WAIVER_NAMESPACE)

    def fits(self, entry: dict[str, Any], statement: dict[str, Any], wanted: dict[str, Any]) -> None:
        """Raise Bad unless a statement is about this change, by this person, and was in time."""
        wanted = {"origin": self.origin, "change": self.name, "seat": entry["data"].get("seat"), **wanted}
        for name, value in dict(wanted, approver=entry["actor"]["id"]).items():
            if statement[name] != value:
                raise Bad("names %s %s where %s was in force" % (name, plain(statement[name]), plain(value)))
        if not isinstance(statement["expires"], str) or statement["expires"] <= entry["time"]:
            raise Bad("had expired when it was given")


def signed_statement(data: dict[str, Any], fields: set[str], optional: set[str]) -> dict[str, Any]:
    """Return the statement of an entry; each of its words must be there."""
    if not all(isinstance(data.get(name), str) for name in ("statement", "method", "signature", "key", "seat")):
        raise Bad("lacks its statement")
    statement = read_json(data["statement"].encode("utf-8", "replace"))
    if not isinstance(statement, dict) or set(statement) | optional != fields or statement["v"] != 1:
        raise Bad("has no statement of version 1")
    return statement


def vouched(data: dict[str, Any], namespace: bytes) -> str:
    """Say who vouches for a statement, when the signature is good."""
    if data["method"] == "session":
        if data["signature"]:
            raise Bad("calls itself made by a session and carries a signature")
        return " (by web session: the gate's word, no signature)"
    exact = data["statement"].encode("utf-8", "replace")
    if data["method"] == "passkey" and namespace == NAMESPACE:
        return " (signed by %s)" % check_passkey(data["signature"], data["key"], exact)
    if data["method"] != "ssh":
        raise Unknown("was made by %s, which this program does not know" % plain(data["method"]))
    return " (signed by %s)" % check_sshsig(data["signature"], data["key"], exact, namespace)


# --- A pack: one change in one archive ---


def unpack(data: bytes) -> dict[str, bytes]:
    """Read the files of a pack as its directory lists them; `pack_again` shows that nothing else is in it."""
    import io
    import zipfile

    files: dict[str, bytes] = {}
    left, count, size = len(data), int.from_bytes(data[-12:-10], "little"), int.from_bytes(data[-10:-6], "little")
    if data[-22:-18] != b"PK\5\6" or data[-2:] != b"\0\0" or data[-42:-38] == b"PK\6\7" or size > count * 246:
        raise Bad("does not end as a pack does: changed, cut short or packed again")  # its directory is not read then
    try:
        items = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except Exception as problem:
        raise Bad("cannot be read (%s): changed, cut short or packed again" % type(problem).__name__) from None
    if len(items) > MOST_FILES:
        raise Unknown("has more than %d files" % MOST_FILES)
    for item in items:
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*", item.filename) or len(
            item.filename) > 200 or item.filename in files:  # fmt: skip
            raise Bad("has a name that no pack has, or has it twice: " + plain(item.filename))
        start = item.header_offset + 30 + len(item.filename)
        if item.compress_type or not 0 <= item.header_offset <= start + item.file_size <= len(data):
            raise Bad("is not laid out as sangate writes it: changed, cut short or packed again", plain(item.filename))
        left -= item.file_size
        if left < 0:
            raise Bad("holds the same bytes under two names")
        files[item.filename] = data[start : start + item.file_size]
    return files


def check_archive(data: bytes, files: dict[str, bytes], report: Report) -> None:
    """Pack the files again as sangate does: not a byte may differ."""
    import io
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            item = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            item.create_system, item.external_attr = 3, 0o644 << 16
            archive.writestr(item, content)
    again = made.getvalue()
    if again != data:
        byte = next((i for i, (a, b) in enumerate(zip(again, data)) if a != b), min(len(again), len(data)))
        report.say("WRONG", "byte %d of the archive" % byte, "is not as sangate packs: changed, added or packed again")


class Pack:
    def __init__(self, data: bytes, policy: bytes | None, report: Report) -> None:
        self.data, self.report, self.given = data, report, policy
        self.files = located("archive", unpack, data)
        self.policy: Policy | None = None
        self.head: Head | None = None
        self.manifest: dict[str, Any] = {}

    def check(self) -> None:
        steps = (self.check_policy, self.check_manifest, self.check_files, self.check_entries, self.check_stamp)
        for step in steps:
            try:
                step()
            except Bad as problem:
                self.report.problem(problem)
        check_archive(self.data, self.files, self.report)

    def file(self, name: str) -> bytes:
        if name not in self.files:
            raise Bad("is not in the pack", name)
        found: bytes = self.files[name]
        return found

    def check_policy(self) -> None:
        self.policy = located("policy", Policy, self.file("policy") if self.given is None else self.given)
        if self.given is None:
            keys = ", ".join("%s+%s" % (plain(key.name), key.hash.hex()) for key in self.policy.logs)
            what = "the key comes from the pack itself; compare it with the one you hold: "
            self.report.say("note", "policy", what + keys)
        for name in sorted(self.files):
            if name.startswith("rotations/"):
                located(name, self.policy.follow, self.files[name], self.report)
        head = self.head = located("checkpoint", self.policy.head, self.file("checkpoint"))
        self.report.say("ok", "checkpoint", "%d entries, signed by %s" % (head.size, plain(head.origin)))
        self.policy.check_quorum(head, self.report)

    def check_manifest(self) -> None:
        manifest = self.file("manifest.json")
        found = located("manifest.json", read_json, manifest)
        if not isinstance(found, dict) or not all(isinstance(found.get(name), list) for name in ("files", "entries")):
            raise Bad("is not a manifest", "manifest.json")
        if not all(type(index) is int for index in found["entries"]):
            raise Bad("is not a manifest", "manifest.json")
        self.manifest = found
        if self.policy is not None:
            note, key = located("manifest.note", self.policy.signed, self.file("manifest.note"))
            name = self.head.origin if self.head else key.name
            if note.text != "%s#manifest\n%s\n%s\n" % (name, found.get("change"), base64(sha256(manifest))):
                raise Bad("is not the manifest that was signed", "manifest.json")

    def check_files(self) -> None:
        listed = {"manifest.json", "manifest.note"}
        for line in self.manifest.get("files", []):
            if not isinstance(line, dict) or not isinstance(line.get("name"), str):
                raise Bad("is not a manifest", "manifest.json")
            listed.add(line["name"])
            content = self.files.get(line["name"])
            if content is None:
                self.report.say("WRONG", plain(line["name"]), "was packed and is no longer in the pack")
            elif sha256(content).hex() != line.get("sha256"):
                self.report.say("WRONG", plain(line["name"]), "is not the file that was packed: its bytes were changed")
        for name in self.files:
            if self.manifest and name not in listed:
                self.report.say("WRONG", name, "was not packed; somebody put it in")
        if self.manifest and self.report.code != TAMPERED:
            self.report.say("ok", "manifest", "%d files, signed together" % len(listed))

    def check_entries(self) -> None:
        if self.head is None:
            return
        indices, lines = self.manifest.get("entries", []), self.file("entries.jsonl").split(b"\n")
        if lines.pop() or len(lines) != len(indices) or sorted(set(indices)) != indices:
            raise Bad("does not hold the %d entries of the manifest" % len(indices), "entries.jsonl")
        change = Change(str(self.manifest.get("change")), self.head.origin, self.report)
        disclosed = Disclosed(self.files.get("private.jsonl", b""))
        for number, (index, line) in enumerate(zip(indices, lines), 1):
            where = "entry %d (line %d of entries.jsonl)" % (index, number)
            name = "proofs/%09d.tlog-proof" % index
            place, steps = check_proof(self.file(name), name)
            if self.file(name).partition(b"\n\n")[2] != self.head.data or place != index:
                raise Bad("was made for another checkpoint or another entry", name)
            root = included(sha256(b"\x00" + line), index, self.head.size, steps)
            if not 0 <= index < self.head.size or root != self.head.root:
                self.report.say("WRONG", where, "is not what the ledger holds there: entry or proof was changed")
            entry = located(where, read_entry, line)
            if entry["change"] != change.name:
                what = "belongs to %s, not to %s" % (plain(entry["change"]), plain(change.name))
                self.report.say("WRONG", where, what)
            self.check_blobs(where, entry)
            disclosed.feed(index, entry, self.report)
            change.feed(index, entry)
        disclosed.finish(self.report)
        if self.report.code != TAMPERED:
            self.report.say("ok", "entries", "%d, each in the tree under the checkpoint" % len(lines))
        if change.closed:
            what = "%s is closed and whole: %d entries" % (plain(change.name), change.count)
            self.report.say("ok", "change", what)
        else:
            what = "%s is not closed, so entries after these may exist" % plain(change.name)
            self.report.say("unsure", "change", what)

    def check_blobs(self, where: str, entry: dict[str, Any]) -> None:
        for blob in entry["blobs"]:
            digest, name = str(blob.get("sha256")), plain(blob.get("name"))
            content = self.files.get("blobs/" + digest.replace("sha256:", ""))
            if content is None:
                self.report.say("unsure", where, "names %s (%s), which is not in the pack" % (name, plain(digest)))
            elif "sha256:" + sha256(content).hex() != digest or len(content) != blob.get("size"):
                self.report.say("WRONG", "blobs/" + plain(digest)[7:], "is not the %s that %s names" % (name, where))

    def check_stamp(self) -> None:
        if self.policy is None or self.head is None or "timestamp.tsr" not in self.files:
            return
        told, data = "timestamp.tlog-proof", self.file("timestamp.checkpoint")
        stamped = located("timestamp.checkpoint", self.policy.head, data)
        index, steps = check_proof(self.file(told), told)
        leaf = sha256(b"\x00" + self.file("entries.jsonl").split(b"\n")[-2])
        if self.file(told).partition(b"\n\n")[2] != data or index != self.manifest.get("entries", [None])[-1]:
            raise Bad("was made for another checkpoint or another entry", told)
        if not 0 <= index < stamped.size or included(leaf, index, stamped.size, steps) != stamped.root:
            raise Bad("does not lead from the change's last entry to the stamped checkpoint", told)
        self.report.say("note", "time stamp", STAMP % (stamped.size, "timestamp.tsr", "timestamp.checkpoint"))


# --- A whole log ---

# The frame of an entry: one that names no blob, is of no kind that is followed, and has no brace inside its data, so
# that nothing in there can pass for the change or the number outside. Any other line is its third group, to be read.
TEXT = rb"[ !#-\[\]-~]*"  # printable ASCII without quote and backslash
FRAME = (
    rb'(?:\{"actor":\{"id":"TEXT","type":"TEXT"\},"blobs":\[\],"change":(?:null|"(TEXT)"),"data":\{[^}]*\},'
    rb'"id":"TEXT","kind":"(?!(?:KINDS)")TEXT","seq":(?(1)([1-9][0-9]{0,15})|null),"time":"TEXT","v":1\}|(.+))\n'
)


def chunks_of(path: str) -> Iterator[bytes]:
    """Yield the file in pieces of whole lines; Bad when a line is too long or has no end."""
    rest, count = b"", 0
    with open(path, "rb", buffering=0) as file:
        while True:
            read = file.read(1 << 17)
            end = read.rfind(b"\n") + 1
            if not read:
                break
            if end:
                piece, rest = rest + read[:end], read[end:]
                count += piece.count(b"\n")
                yield piece
            else:
                rest += read
            if len(rest) > LARGEST_LINE:
                raise Bad("is longer than any entry can be", "entry %d" % count)
    if rest:
        raise Bad("is cut short: the file does not end with a line end", "entry %d" % count)


def check_log(path: str, head: Head, last: Head | None, report: Report, label: str = "last visit") -> None:
    """Compare the tree over the exact bytes with the signed head, and with the head of the last visit."""
    tree, new, old_root = Tree(), hashlib.sha256, None
    stop, waiting = last.size if last else -1, []
    for chunk in chunks_of(path):
        lines = chunk.split(b"\n")
        lines.pop()
        waiting += [new(b"\x00" + line).digest() for line in lines]
        while len(waiting) >= 256:
            if tree.size <= stop < tree.size + 256:
                old_root = tree.root_with(waiting[: stop - tree.size])
            tree.add_256(waiting[:256])
            del waiting[:256]
    if tree.size <= stop <= tree.size + len(waiting):
        old_root = tree.root_with(waiting[: stop - tree.size])
    for leaf in waiting:
        tree.add(leaf)
    if tree.size < head.size:
        what = "is missing: the log was signed with %d entries" % head.size
        report.say("WRONG", "entry %d" % tree.size, what)
    elif tree.size > head.size:
        what = "and what follows came after the checkpoint, so no signature covers it"
        report.say("unsure", "entry %d" % head.size, what)
    elif tree.root_with([]) != head.root:
        report.say("WRONG", *first_bad(path, head))
    else:
        report.say("ok", "tree", "%d entries are byte for byte what was signed" % tree.size)
    if last and (last.size > head.size or last.origin != head.origin):
        what = "has %d entries of %s, %d of %s were there last time: the log was cut, or it is another epoch"
        report.say("WRONG", "checkpoint", what % (head.size, plain(head.origin), last.size, plain(last.origin)))
    elif last and old_root != last.root:
        what = "are not the entries of your last visit: history was rewritten"
        report.say("WRONG", "entry 0 to %d" % (last.size - 1), what)
    elif last:
        report.say("ok", label, "the first %d entries are unchanged since" % last.size)


def first_bad(path: str, head: Head) -> tuple[str, str]:
    """Name the first changed entry by the leaf hashes beside the log, if they themselves lead to the signed root."""
    known = read_beside(path, "leaves")
    leaves = [known[place : place + 32] for place in range(0, len(known), 32)]
    if Tree().root_with(leaves) != head.root:
        return path, "is not what was signed: at least one entry was changed (which one: needs the .leaves file)"
    lines = (line for chunk in chunks_of(path) for line in chunk.split(b"\n")[:-1])
    for index, (line, leaf) in enumerate(zip(lines, leaves)):
        if sha256(b"\x00" + line) != leaf:
            return "entry %d (line %d)" % (index, index + 1), "was changed after it was written"
    return path, "is not what was signed"


def frames(chunk: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Return change, number and nothing for each line that is a plain frame; nothing, nothing and the line else."""
    kinds = "|".join(FOLLOWED).replace(".", "\\.").encode()
    return re.findall(FRAME.replace(b"TEXT", TEXT).replace(b"KINDS", kinds), chunk)


def check_stories(path: str, head: Head, every: bool, report: Report) -> None:
    """Follow every change. Of an entry whose kind is not FOLLOWED only the frame is read, unless `every`."""
    changes: dict[bytes, Change] = {}
    disclosed, index = Disclosed(read_beside(path, "private.jsonl")), 0
    for chunk in chunks_of(path):
        found = [] if every else frames(chunk)
        whole = len(found) != chunk.count(b"\n")  # also when a frame went over two lines, or a line is empty
        if whole:
            found = [(b"", b"", line) for line in chunk.split(b"\n")[:-1]]
        for name, seq, line in found[: max(0, head.size - index)]:
            if line or whole:
                entry = located("entry %d" % index, read_entry, line)
                disclosed.feed(index, entry, report)
                if entry["kind"] == "log.opened":
                    check_opening(index, entry["data"], head, report)
                if entry["change"] is not None:
                    known = entry["change"].encode("utf-8", "surrogatepass")
                    if known not in changes:
                        changes[known] = Change(entry["change"], head.origin, report)
                    changes[known].feed(index, entry)
            elif name:
                if name not in changes:
                    changes[name] = Change(name.decode(), head.origin, report)
                changes[name].count_in(index, int(seq))
            index += 1
    disclosed.finish(report)
    closed = sum(change.closed for change in changes.values())
    report.say("ok", "changes", "%d, of which %d are closed and whole" % (len(changes), closed))


def check_opening(index: int, data: dict[str, Any], head: Head, report: Report) -> None:
    """Say which epoch a log is, and what the one before it lost."""
    where = "entry %d" % index
    if index or data.get("origin") != head.origin:
        report.say("WRONG", where, "opens the log %s here: a log is opened once" % plain(data.get("origin")))
    elif data.get("previous"):
        before = plain(str(data["previous"]).replace("\n", " ")[:200].split(" \u2014")[0])
        what = "this log goes on from %s, of which %s entries are declared lost: ask for that log too"
        report.say("note", where, what % (before.strip(), plain(data.get("missing", 0))))


# --- Mapped exports: each record carries the exact bytes of its entry ---


def records(path: str) -> Iterator[tuple[str, Any, bytes, bytes]]:
    """Yield ("opening" or "closing", statement, digest before it, b"") and (hash, index, exact bytes, b"")."""
    with open(path, "rb") as file:
        if file.read(16) == b"SQLite format 3\x00":
            yield from rows(path)
            return
        file.seek(0)
        digest, names = hashlib.sha256(), []
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        for number, line in enumerate(iter(lambda: file.readline(4 * LARGEST_LINE), b""), 1):
            if not line.endswith(b"\n"):
                raise Bad("is cut short, or longer than any record", "line %d" % number)
            if number == 1 and line[:1] not in b"{<C":
                names = cells(line)
                digest.update(line)
                continue
            try:
                kind, index, hashed, body = located("line %d" % number, record, line.rstrip(b"\r\n"), names)
            except (KeyError, AttributeError, TypeError):
                raise Bad("is not a record", "line %d" % number) from None
            if names and number == 2 and kind != "opening":
                raise Bad("is not an opening statement, with which a csv begins", "line 2")
            if kind:
                yield kind, located("line %d" % number, read_json, body), digest.digest(), b""
            else:
                yield hashed, index, body, b""
            digest.update(line)


def cells(line: bytes) -> list[str]:
    import csv

    try:
        return next(csv.reader([text_of(line.rstrip(b"\r\n"))], strict=True))
    except (csv.Error, StopIteration):
        raise Bad("is not a row") from None


def record(line: bytes, names: list[str]) -> tuple[str, int, str, bytes]:
    """Take one line of any format apart: opening, closing or nothing; index; hash; exact bytes or statement."""
    kind, index, hashed, body = "", "", "", b""
    if names:
        row = dict(zip(names, cells(line)))
        kind, index, hashed = row.get("kind", ""), row.get("index", ""), row.get("sha256", "")
        body, kind = row.get("entry", "").encode(), kind if index == "#" else ""
    elif line.startswith(b"<"):
        head, _, body = line.partition(b" \xef\xbb\xbf")
        words, found = text_of(head).split(" "), dict(re.findall(r' (index|sha256)="([^"]*)"', text_of(head)))
        index, hashed = found.get("index", ""), found.get("sha256", "")
        kind = words[5] if len(words) > 5 and not index else ""
    elif line.startswith(b"CEF:"):
        head, _, raw = line.partition(b" rawEvent=")
        if not raw:
            head, _, raw = line.partition(b"|rawEvent=")
        found = dict(re.findall(r"[ |](cn1|cs6)=(\S*)", text_of(head)))
        index, hashed, body = found.get("cn1", ""), found.get("cs6", ""), re.sub(rb"\\([\\=])", rb"\1", raw)
        kind = text_of(head).split("|")[4] if not index and head.count(b"|") > 4 else ""
    elif line.startswith(b'{"index":'):
        found_line = re.fullmatch(rb'\{"index":([0-9]+),"sha256":"([0-9a-f]{64})","entry":(.*)\}', line)
        if not found_line:
            raise Bad("is not a record")
        index, hashed, body = found_line.group(1).decode(), found_line.group(2).decode(), found_line.group(3)
    else:
        said = read_json(line)
        statement = said if "what" in said else (said.get("unmapped") or {}).get("sangate_export")
        if statement:
            kind = "export.begins" if statement["what"] == "sangate-export/1" else "export.ends"
            body = json.dumps(statement).encode()
        elif "specversion" in said:
            index, hashed = str(said.get("sangateindex")), str(said.get("sangatesha256"))
            body = line.partition(b',"data":')[2][:-1]
        else:
            index, hashed = str(said["metadata"].get("sequence")), str(said["raw_data_hash"].get("value"))
            body = said["raw_data"].encode()
    kind = {"export.begins": "opening", "export.ends": "closing", "checkpoint": kind}.get(kind, "")
    if not kind and not re.fullmatch("0|[1-9][0-9]{0,17}", index):
        raise Bad("is not a record")
    return kind, int(index or 0) if not kind else 0, hashed, body


def rows(path: str) -> Iterator[tuple[str, Any, bytes, bytes]]:
    """Yield what a SQLite export holds."""
    import sqlite3

    try:
        quoted = re.sub("[?#%]", lambda found: "%%%02x" % ord(found.group()), path)
        connection = sqlite3.connect("file:%s?mode=ro" % quoted, uri=True)
        with open(path, "rb") as file:  # what is made up could keep SQLite busy for ever
            work = iter(range(100 + file.seek(0, 2) // 10_000))
        connection.set_progress_handler(lambda: next(work, None) is None, 1_000_000)
        real = "SELECT count(*), sum(type = 'table' AND rootpage > 0) FROM sqlite_master WHERE lower(name) IN %s"
        found = connection.execute(real % "('about', 'entry')").fetchone()
        columns = connection.execute("PRAGMA table_xinfo(entry)").fetchall()
        columns += connection.execute("PRAGMA table_xinfo(about)").fetchall()
        if found != (2, 2) or any(column[6] for column in columns):
            raise Bad("is not a SQLite export: about and entry are not plain tables in it")
        lines = "SELECT substr(opening, 1, 65536), substr(closing, 1, 65536) FROM about LIMIT 2"
        ((opening, closing),) = connection.execute(lines).fetchall()
        yield "opening", read_json(opening.encode()), b"", b""
        digest, entries = hashlib.sha256(), "SELECT idx, substr(sha256, 1, 65), substr(body, 1, 65536) FROM entry"
        for index, hashed, body in connection.execute(entries + " ORDER BY idx"):
            if (type(index), type(hashed), type(body)) != (int, str, bytes):
                raise Bad("is not a SQLite export: a row of entry holds other types")
            yield hashed, index, body, b""
            digest.update(hashed.encode())
        yield "closing", read_json(closing.encode()), digest.digest(), b""
        connection.close()
    except (sqlite3.Error, ValueError, AttributeError, TypeError) as problem:
        raise Bad("is not a SQLite export: %s" % plain(problem)) from None


def fits(entry: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Say whether an entry is one that a filter takes."""
    kinds = asked.get("kinds") or ["*"]
    return (
        any(entry["kind"] == kind or (kind[-1:] == "*" and entry["kind"].startswith(kind[:-1])) for kind in kinds)
        and str(asked.get("from", "")) <= entry["time"]
        and (not asked.get("to") or entry["time"] < asked["to"])
        and asked.get("change", entry["change"]) == entry["change"]
        and asked.get("actor", entry["actor"]["id"]) == entry["actor"]["id"]
    )


class Mapped:
    """A mapped export beside the log: both are read once, in step."""

    def __init__(self, path: str, policy: Policy, report: Report) -> None:
        self.policy, self.report, self.records = policy, report, records(path)
        self.opening: dict[str, Any] = {}
        self.head: Head | None = None
        self.place: int | None = None  # the index of the record at hand; None when there is none
        self.first: int | None = None
        self.hashed, self.body, self.count, self.ended = "", b"", 0, False
        self.recent: dict[int, tuple[str, bytes]] = {}

    def begin(self) -> None:
        """Read the opening statement, if there is one, and the first record."""
        self.step()
        if self.opening:
            head = self.head = located("opening", self.policy.head, str(self.opening.get("checkpoint")).encode())
            if (self.opening.get("end"), self.opening.get("start")) != (head.size, 0):
                raise Bad("states another range than its checkpoint covers", "opening")
            if not isinstance(self.opening.get("filter"), dict):
                raise Bad("is not an opening statement", "opening")

    def step(self) -> None:
        """Go to the next record; take the statements on the way."""
        for kind, value, third, _ in self.records:
            if self.ended:
                raise Bad("something follows the closing statement", "end of the file")
            if kind == "opening" and not self.opening and not self.count and isinstance(value, dict):
                self.opening = value
            elif kind == "closing" and self.opening and isinstance(value, dict):
                self.check_closing(value, third)
            elif kind == "checkpoint" and not self.opening:
                continue  # a syslog stream carries signed heads: what --last is for
            elif kind in ("opening", "closing", "checkpoint"):
                raise Bad("is a statement where none can be", kind)
            else:
                same = kind, sha256(third)
                if not self.opening and self.recent.get(value) == same:
                    continue  # a stream: sent again after a break
                if self.place is not None and value <= self.place:
                    raise Bad("comes after record %d: moved, or there twice" % self.place, "record of entry %s" % value)
                self.place, self.hashed, self.body = value, kind, third
                self.first = value if self.first is None else self.first
                self.count += 1
                self.recent[value] = same
                self.recent.pop(value - 1000, None)
                return
        self.place = None

    def check_closing(self, closing: dict[str, Any], digest: bytes) -> None:
        self.ended = True
        stated = {"what": "sangate-export-end/1", "made": self.opening.get("made"), "count": self.count}
        stated.update(first=self.first, last=self.place, sha256=digest.hex(), note=closing.get("note"))
        if closing != stated:
            self.report.say("WRONG", "end of the file", "does not state this file: something in it was changed")
        elif closing.get("note") is None:
            self.report.say("unsure", "end of the file", "is not signed: what stands beside the exact entries is open")
        else:
            note, key = located("closing", self.policy.signed, str(closing["note"]).encode())
            name = self.head.origin if self.head else key.name
            wanted = (name, plain(self.opening.get("format")), self.count, base64(digest))
            if note.text != "%s#export\n%s\n%d\n%s\n" % wanted:
                raise Bad("is signed for another file", "end of the file")
            more = "every byte as it was written"
            if self.opening.get("format") == "sqlite":
                more = "nothing is said of the other tables: `sqlite-utils sangate-verify` compares them"
            self.report.say("ok", "end of the file", "signed: %d records, %s" % (self.count, more))

    def check(self, log: str) -> None:
        """Walk along the log: every record is its entry, and no entry that the file claims is missing."""
        index, asked = -1, self.opening.get("filter", {})
        first, end = self.place or 0, self.head.size if self.head else None
        for chunk in chunks_of(log):
            for line in chunk.split(b"\n")[:-1]:
                index += 1
                if index == self.place:
                    where = "record of entry %d" % index
                    if self.body != line or self.hashed != sha256(line).hex():
                        self.report.say("WRONG", where, "does not hold what the log holds there")
                        return
                    if asked and not fits(located(where, read_entry, line), asked):
                        self.report.say("WRONG", where, "does not fit the filter that the file states")
                    self.step()
                    continue
                claimed = first < index and self.place is not None if end is None else index < end
                if claimed and (not asked or fits(located("entry %d" % index, read_entry, line), asked)):
                    self.report.say("WRONG", "entry %d" % index, "is missing from the file, which claims to have it")
                    return
        if self.place is not None:
            self.report.say("WRONG", "record of entry %s" % self.place, "is of no entry that the log has")
        elif not self.opening and not self.count:
            self.report.say("unsure", "mapped", "there is no record in the file")
        elif not self.opening:
            what = "%d records are the log's; nothing in the file states its beginning or end" % self.count
            self.report.say("ok", "mapped", what)
        elif not self.ended:
            self.report.say("WRONG", "end of the file", "is missing: the file was cut short")
        else:
            what = "%d records are the log's: %s up to entry %d"
            which = "the complete population"
            if asked:
                which = "all that fit the filter"
                note = "a part of the log and not the whole population: only what fits " + json.dumps(asked)
                self.report.say("note", "filter", note)
            self.report.say("ok", "mapped", what % (self.count, which, (end or 1) - 1))


# --- The command ---


def beside(path: str, ending: str) -> str:
    """Return the path with another ending."""
    stem, dot, old = path.rpartition(".")
    return (stem if dot and "/" not in old else path) + "." + ending


def read_beside(path: str, ending: str) -> bytes:
    """Read the file of the same name with another ending; empty when it is not there or too large."""
    try:
        return read_file(beside(path, ending))
    except (OSError, Unknown):
        return b""


def read_file(path: str, most: int = LARGEST_FILE) -> bytes:
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise Unknown("is larger than %d bytes" % most, path)
    return data


def run_log(path: str, options: Any, report: Report) -> Head:
    """Check a whole log; with a mapped export, that as well."""
    policy = located("policy", Policy, read_file(options.policy or beside(path, "policy"), 1 << 20))
    if not options.policy:
        keys = ", ".join("%s+%s" % (plain(key.name), key.hash.hex()) for key in policy.logs)
        report.say("note", "policy", "lay beside the log; compare with the keys you hold: " + keys)
    policy.follow(read_beside(path, "rotations"), report)
    signed = read_file(options.checkpoint or beside(path, "checkpoint"), 1 << 16)
    head: Head = located("checkpoint", policy.head, signed)
    report.say("ok", "checkpoint", "%d entries, signed by %s" % (head.size, plain(head.origin)))
    policy.check_quorum(head, report)
    last = located("last checkpoint", policy.head, read_file(options.last, 1 << 16)) if options.last else None
    stamped = read_beside(path, "stamped") if read_beside(path, "tsr") else b""
    if stamped:
        stamp, names = (
            located("stamped checkpoint", policy.head, stamped),
            (beside(path, "tsr"), beside(path, "stamped")),
        )
        report.say("note", "time stamp", STAMP % (stamp.size, *names))
        last = last or stamp  # either must be the beginning of this log
    mapped = Mapped(options.path, policy, report) if options.against else None
    if mapped:
        mapped.begin()
        last = mapped.head
    check_log(path, head, last, report, "export" if mapped else "last visit" if options.last else "time stamp")
    if report.code != TAMPERED and mapped:
        mapped.check(path)
    elif report.code != TAMPERED and not options.tree_only:
        check_stories(path, head, options.every_entry, report)
    return head


def run_pack(options: Any, report: Report) -> Head | None:
    given = read_file(options.policy, 1 << 20) if options.policy else None
    pack = Pack(read_file(options.path), given, report)
    pack.check()
    if options.last and pack.head and pack.policy:
        last = located("last checkpoint", pack.policy.head, read_file(options.last, 1 << 16))
        if last.size == pack.head.size and last.root != pack.head.root:
            report.say("WRONG", "checkpoint", "differs from yours for the same size: two histories were shown")
        elif (last.origin, last.size) != (pack.head.origin, pack.head.size):
            what = "one change cannot be tied to your checkpoint: verify the whole log with it"
            report.say("unsure", "last visit", what)
    return pack.head


def run(options: Any, report: Report) -> None:
    with open(options.path, "rb") as file:
        start = file.read(2)
    if options.against:
        head: Head | None = run_log(options.against, options, report)
    elif start == b"PK":
        head = run_pack(options, report)
    elif start[:1] == b"{":
        head = run_log(options.path, options, report)
    else:
        raise Unknown("is neither a pack nor an exported log", options.path)
    if options.keep and head and report.code == VERIFIED:
        with open(options.keep, "wb") as kept:
            kept.write(head.data)
        report.say("note", "kept", "%s: give it as --last at your next visit" % plain(options.keep))


def options_of(words: list[str]) -> Any:
    mapped = words[:1] == ["mapped"]
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="verify.py", description=__doc__, formatter_class=shape)
    parser.add_argument("path", help="pack.zip or log.jsonl; after the word `mapped` a mapped export")
    parser.add_argument("--against", required=mapped, metavar="LOG", help="the log that a mapped export was made from")
    parser.add_argument("--policy", metavar="FILE", help="the public keys you hold (otherwise those beside or inside)")
    parser.add_argument("--last", metavar="FILE", help="the checkpoint you kept from your last visit")
    parser.add_argument("--keep", metavar="FILE", help="where to write the checkpoint for your next visit")
    parser.add_argument("--checkpoint", metavar="FILE", help="the log's checkpoint (otherwise the one beside the log)")
    parser.add_argument("--tree-only", action="store_true", help="bytes and signatures, not what the entries say")
    parser.add_argument("--every-entry", action="store_true", help="read each entry to its last word")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser.parse_args(words[1:] if mapped else words)


def main(words: list[str] | None = None, report: Report | None = None) -> int:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    options, report = options_of(sys.argv[1:] if words is None else words), report or Report()
    try:
        run(options, report)
    except Bad as problem:
        report.problem(problem)
    except OSError as problem:
        report.say("unsure", plain(problem.filename), "cannot be read: %s" % problem.strerror)
    except Exception as problem:
        report.say("unsure", "file", "this program cannot make sense of it (%s)" % type(problem).__name__)
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
