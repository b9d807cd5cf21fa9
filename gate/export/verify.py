#!/usr/bin/env python3
# ruff: noqa: D101, D102, D103, UP031, UP035, UP006, B905, BLE001
"""
Check a sangate evidence pack, or a whole exported ledger, without sangate.

    python3 verify.py pack.zip  [--policy FILE] [--last CHECKPOINT]
    python3 verify.py log.jsonl [--policy FILE] [--last CHECKPOINT] [--checkpoint FILE] [--tree-only]

One file, standard library only, Python 3.8 or newer; nothing is written, nothing is fetched. Bytes are checked as they
lie there and never encoded again. Exit code 0: verified. 1: changed, with the place. 2: cannot tell.

Take this file and the policy (the public key) from somewhere else than the pack you check. Formats: RFC 6962
(tree), C2SP signed-note, tlog-checkpoint, tlog-policy and tlog-proof, OpenSSH PROTOCOL.sshsig.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import struct
import sys
import zlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

VERIFIED, TAMPERED, CANNOT_TELL = 0, 1, 2
LARGEST_PACK = 512 << 20
LARGEST_LINE = 64 << 10  # C2SP tlog-tiles: an entry has at most 65,535 bytes
MOST_FILES = 50_000
NAMESPACE = b"approval@sangate"
FIELDS = {"v", "id", "time", "kind", "change", "seq", "actor", "data", "blobs"}
STATEMENT = {"v", "origin", "change", "stage", "plan_digest", "verdict_digest", "decision", "seat"}
STATEMENT |= {"approver", "expires", "nonce"}


class Bad(Exception):
    """Something is not as it was made; the message says what that means."""


class Unknown(Exception):
    """The question cannot be answered from what is there."""


class Report:
    """What was found, in order."""

    def __init__(self) -> None:
        self.lines: List[Tuple[str, str, str]] = []

    def ok(self, where: str, what: str) -> None:
        self.lines.append(("ok", where, what))

    def note(self, where: str, what: str) -> None:
        self.lines.append(("note", where, what))

    def wrong(self, where: str, what: str) -> None:
        self.lines.append(("WRONG", where, what))

    def unsure(self, where: str, what: str) -> None:
        self.lines.append(("unsure", where, what))

    @property
    def code(self) -> int:
        kinds = {kind for kind, _, _ in self.lines}
        return TAMPERED if "WRONG" in kinds else CANNOT_TELL if "unsure" in kinds or "ok" not in kinds else VERIFIED


def plain(value: object) -> str:
    """Make text of strangers fit for a terminal."""
    return "".join(char if char.isprintable() else "?" for char in str(value)[:400])


# --- Ed25519, RFC 8032 section 5.1.7. Not constant-time: it sees public data only. ---

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
Point = Tuple[int, int, int, int]
ZERO: Point = (0, 1, 1, 0)


def add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    return (f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P


def times(number: int, point: Point) -> Point:
    total = ZERO
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return total


def decompress(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def compress(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or ZERO


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """True when `signature` is the one of `message` by the key `public`."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, scalar = decompress(public), int.from_bytes(signature[32:], "little")
    if key is None or scalar >= ORDER:
        return False
    hashed = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    minus_key = (P - key[0], key[1], key[2], P - key[3])
    return compress(add(times(scalar, BASE), times(hashed, minus_key))) == signature[:32]


checks_made = 0


def signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    """Use the check above; after the first few, `cryptography` where it is installed, since that is faster."""
    global checks_made  # noqa: PLW0603
    checks_made += 1
    if checks_made > 32 and len(public) == 32 and len(signature) == 64 and decompress(public) is not None:
        try:
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except Exception:
            return ed25519(public, message, signature)
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True
    return ed25519(public, message, signature)


# --- The tree, RFC 6962 section 2.1 ---


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Grows by leaves; holds one hash for each complete subtree."""

    def __init__(self) -> None:
        self.size = 0
        self.stack: List[bytes] = []

    def add(self, leaf: bytes) -> None:
        size = self.size
        while size & 1:
            leaf = node(self.stack.pop(), leaf)
            size >>= 1
        self.stack.append(leaf)
        self.size += 1

    def add_256(self, leaves: List[bytes]) -> None:
        """Add 256 leaves to a tree whose size is a multiple of 256: the fast way."""
        new = hashlib.sha256
        while len(leaves) > 1:
            pairs = iter(leaves)
            leaves = [new(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs)]
        self.size >>= 8
        self.add(leaves[0])
        self.size = (self.size) << 8

    def root(self) -> bytes:
        if not self.stack:
            return sha256(b"")
        folded = self.stack[-1]
        for subtree in self.stack[-2::-1]:
            folded = node(subtree, folded)
        return folded


def included(leaf: bytes, index: int, size: int, proof: List[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to (RFC 9162 section 2.1.3.2); None when it cannot be one."""
    place, last, folded = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            folded = node(step, folded)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            folded = node(folded, step)
        place, last = place >> 1, last >> 1
    return folded if last == 0 else None


# --- Notes, keys, policy ---


class Key(NamedTuple):
    name: str
    hash: bytes
    public: bytes


class Head(NamedTuple):
    origin: str
    size: int
    root: bytes


def unbase64(text: str) -> bytes:
    """Decode base64 spelled in its one canonical way: a changed character is always a change."""
    try:
        decoded = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeError):
        raise Bad("is not base64 where it should be") from None
    if base64.b64encode(decoded).decode() != text:
        raise Bad("is base64 with stray bits")
    return decoded


def read_policy(data: bytes) -> List[Key]:
    """Read the logs of a C2SP tlog-policy; this program knows `quorum none` only."""
    keys, quorum = [], ""
    for line in text_of(data).split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "log" and len(words) in (2, 3):
            name, hash_hex, encoded = [*words[1].split("+", 2), "", ""][:3]
            material = unbase64(encoded)
            if len(material) != 33 or material[:1] != b"\x01":
                raise Bad("names a key that is not Ed25519")
            if sha256(name.encode() + b"\n" + material)[:4].hex() != hash_hex:
                raise Bad("names a key whose own hash does not fit: a letter of the key was changed")
            keys.append(Key(name, bytes.fromhex(hash_hex), material[1:]))
        elif words[0] == "quorum" and len(words) == 2:
            quorum = words[1]
        elif words[0] in ("witness", "group"):
            raise Unknown("asks for witnesses, which this version of the program cannot check")
        else:
            raise Bad("has a line that a policy cannot have: " + plain(line))
    if not keys or quorum != "none":
        raise Bad("does not name a log and `quorum none`")
    return keys


def text_of(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise Bad("is not text at byte %d" % problem.start) from None


def read_note(data: bytes, keys: List[Key]) -> Tuple[str, Key]:
    """Return the text and the key of a note that has exactly one signature, made by one of `keys`."""
    text, gap, tail = text_of(data).rpartition("\n\n")
    match = re.fullmatch("\u2014 ([^ \n]+) ([^ \n]+)\n", tail)
    if not gap or not match:
        raise Bad("is not a note with one signature line")
    signature = unbase64(match.group(2))
    for key in keys:
        if match.group(1) == key.name and signature[:4] == key.hash:
            if not signed_by(key.public, (text + "\n").encode(), signature[4:]):
                raise Bad("is not what was signed: text or signature was changed")
            return text + "\n", key
    raise Bad("is signed by %s, which the policy does not name" % plain(match.group(1)))


def read_head(data: bytes, keys: List[Key]) -> Head:
    text, key = read_note(data, keys)
    lines = text.split("\n")
    if len(lines) != 4 or not re.fullmatch("0|[1-9][0-9]{0,17}", lines[1]):
        raise Bad("is not a checkpoint")
    root = unbase64(lines[2])
    if lines[0] != key.name or len(root) != 32:
        raise Bad("is not a checkpoint of this log")
    return Head(lines[0], int(lines[1]), root)


# --- Entries and the story they tell ---


def read_json(data: bytes) -> Any:
    def once(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Bad("is not JSON") from None


def read_entry(line: bytes) -> Dict[str, Any]:
    entry = read_json(line)
    if not isinstance(entry, dict) or set(entry) != FIELDS or entry["v"] != 1:
        raise Bad("is not an entry of version 1")
    shapes = (
        isinstance(entry["actor"], dict) and isinstance(entry["actor"].get("id"), str),
        isinstance(entry["data"], dict),
        all(isinstance(entry[name], str) for name in ("id", "time", "kind")),
        isinstance(entry["blobs"], list) and all(isinstance(blob, dict) for blob in entry["blobs"]),
        entry["change"] is None if entry["seq"] is None else isinstance(entry["change"], str),
        entry["seq"] is None or type(entry["seq"]) is int,
    )
    if not all(shapes):
        raise Bad("is not an entry of version 1")
    return entry


def strings(data: bytes) -> Iterator[bytes]:
    """Split the length-prefixed strings of the SSH wire format."""
    while data:
        if len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
            raise Bad("has a signature that is cut short")
        length = struct.unpack(">I", data[:4])[0]
        yield data[4 : 4 + length]
        data = data[4 + length :]


def wire(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def check_sshsig(armoured: str, public_line: str, message: bytes) -> str:
    """Check an SSH signature (OpenSSH PROTOCOL.sshsig) and return the fingerprint of its key."""
    words = public_line.split()
    if len(words) < 2:
        raise Bad("names no public key")
    match = re.fullmatch(
        "-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----",
        armoured.replace("\r\n", "\n").strip(),
    )
    if not match:
        raise Bad("has no SSH signature")
    blob, public = unbase64(match.group(1).replace("\n", "")), unbase64(words[1])
    if blob[:10] != b"SSHSIG\x00\x00\x00\x01":
        raise Bad("has a signature of an unknown form")
    parts = list(strings(blob[10:]))
    if len(parts) != 5:
        raise Bad("has a signature of an unknown form")
    key, namespace, reserved, algorithm, signature = parts
    if key != public:
        raise Bad("is signed by another key than the one it names")
    if namespace != NAMESPACE:
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
    return "SHA256:" + base64.b64encode(sha256(public)).decode().rstrip("=")


class Change:
    """Follows the entries of one change in order."""

    def __init__(self, name: str, origin: str, report: Report) -> None:
        self.name, self.origin, self.report = name, origin, report
        self.count, self.closed = 0, False
        self.plan = self.verdict = ""
        self.approvals: List[str] = []

    def feed(self, index: int, entry: Dict[str, Any]) -> None:
        where, kind, data = "entry %d" % index, entry["kind"], entry["data"]
        self.count += 1
        if entry["seq"] != self.count:
            what = "is number %s of %s where number %d should be: an entry was left out, added or moved"
            self.report.wrong(where, what % (plain(entry["seq"]), self.name, self.count))
            self.count = entry["seq"] if isinstance(entry["seq"], int) else self.count
        if self.closed:
            self.report.wrong(where, "comes after %s was closed" % self.name)
        if kind == "plan.sealed":
            self.plan = str(data.get("plan_digest"))
        elif kind == "verdict.given":
            self.verdict = str(data.get("verdict_digest"))
        elif kind in ("approval.signed", "approval.denied"):
            self.approval(where, entry)
        elif kind == "change.closed":
            self.closed = True
            if data.get("entries") != self.count:
                what = "closes %s with %s entries, but %d are here: the record is not whole"
                self.report.wrong(where, what % (self.name, plain(data.get("entries")), self.count))

    def approval(self, where: str, entry: Dict[str, Any]) -> None:
        try:
            how = self.check_approval(entry)
        except Bad as problem:
            self.report.wrong(where, "is an approval that %s" % problem)
        except Unknown as problem:
            self.report.unsure(where, "is an approval that %s" % problem)
        else:
            self.approvals.append(how)
            self.report.ok(where, how)

    def check_approval(self, entry: Dict[str, Any]) -> str:
        data = entry["data"]
        texts = {name: data.get(name) for name in ("statement", "method", "signature", "key", "seat", "decision")}
        if not all(isinstance(value, str) for value in texts.values()):
            raise Bad("lacks its statement")
        statement = read_json(texts["statement"].encode("utf-8", "replace"))
        if not isinstance(statement, dict) or set(statement) != STATEMENT or statement["v"] != 1:
            raise Bad("has no statement of version 1")
        wanted = {
            "origin": self.origin,
            "change": self.name,
            "plan_digest": self.plan,
            "verdict_digest": self.verdict,
            "seat": texts["seat"],
            "decision": "approve" if entry["kind"] == "approval.signed" else "deny",
            "approver": entry["actor"]["id"],
        }
        for name, value in wanted.items():
            if statement[name] != value:
                raise Bad("names %s %s where %s was in force" % (name, plain(statement[name]), plain(value)))
        if not isinstance(statement["expires"], str) or statement["expires"] <= entry["time"]:
            raise Bad("had expired when it was given")
        said = "%s, seat %s: %s" % (plain(statement["approver"]), plain(texts["seat"]), plain(statement["decision"]))
        if texts["method"] == "session":
            if texts["signature"]:
                raise Bad("calls itself a session approval and carries a signature")
            return said + " (by web session: the gate's word, no signature)"
        if texts["method"] != "ssh":
            raise Unknown("was made by %s, which this program does not know" % plain(texts["method"]))
        fingerprint = check_sshsig(texts["signature"], texts["key"], texts["statement"].encode())
        return said + " (signed by SSH key %s)" % fingerprint


# --- The archive ---

LOCAL, CENTRAL, END = struct.Struct("<IHHHHHIIIHH"), struct.Struct("<IHHHHHHIIIHHHHHII"), struct.Struct("<IHHHHIIH")


def unpack(data: bytes) -> Dict[str, bytes]:
    """Read the files of a pack: stored, not compressed, in order, with nothing between them."""
    files: Dict[str, bytes] = {}
    place = 0
    while data[place : place + 4] == b"PK\x03\x04":
        where = "byte %d of the archive (after %s)" % (place, plain(list(files)[-1]) if files else "nothing")
        if len(data) < place + LOCAL.size:
            raise Bad(where + " is cut short")
        _, _, flags, method, _, _, _, packed, size, named, extra = LOCAL.unpack_from(data, place)
        start = place + LOCAL.size + named
        name = data[place + LOCAL.size : start].decode("ascii", "replace")
        if flags or method or extra or packed != size or len(data) < start + size:
            raise Bad(where + " is not laid out as sangate writes it: changed, cut short or packed again")
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*", name) or name in files:
            raise Bad(where + " has a name that no pack has, or has it twice: " + plain(name))
        files[name] = data[start : start + size]
        place = start + size
        if len(files) > MOST_FILES:
            raise Unknown("the archive has more than %d files" % MOST_FILES)
    return files


def pack_again(files: Dict[str, bytes]) -> List[Tuple[str, bytes]]:
    """Return what the archive around these files must be, byte for byte, in pieces."""
    pieces: List[Tuple[str, bytes]] = []
    directory, place = [], 0
    for name, content in files.items():
        raw, crc = name.encode(), zlib.crc32(content)
        sizes = (crc, len(content), len(content), len(raw), 0)
        head = LOCAL.pack(0x04034B50, 20, 0, 0, 0, 33, *sizes) + raw
        entry = CENTRAL.pack(0x02014B50, 0x0314, 20, 0, 0, 0, 33, *sizes, 0, 0, 0, 0o644 << 16, place) + raw
        directory.append(("the archive's directory, line of %s" % name, entry))
        pieces += [("the archive's header of %s" % name, head), (name, content)]
        place += len(head) + len(content)
    length, count = sum(len(line) for _, line in directory), len(files)
    end = END.pack(0x06054B50, 0, 0, count, count, length, place, 0)
    return [*pieces, *directory, ("the archive's last 22 bytes", end)]


def check_archive(data: bytes, files: Dict[str, bytes], report: Report) -> None:
    place = 0
    for where, piece in pack_again(files):
        if data[place : place + len(piece)] != piece:
            byte = next((i for i, (a, b) in enumerate(zip(piece, data[place:])) if a != b), len(data) - place)
            report.wrong(where, "was changed at byte %d of the archive" % (place + byte))
            return
        place += len(piece)
    if place != len(data):
        report.wrong("byte %d of the archive" % place, "something was added behind its end")


# --- A pack ---


class Pack:
    """One change, in one archive."""

    def __init__(self, data: bytes, files: Dict[str, bytes], policy: bytes | None, report: Report) -> None:
        self.data, self.files, self.report = data, files, report
        self.policy = policy
        self.keys: List[Key] = []
        self.head: Head | None = None
        self.manifest: Dict[str, Any] = {}

    def check(self) -> None:
        for step in (self.check_policy, self.check_head, self.check_manifest, self.check_files, self.check_entries):
            try:
                step()
            except Bad as problem:
                self.report.wrong(*str(problem).split("|", 1))
            except Unknown as problem:
                self.report.unsure(*str(problem).split("|", 1))
        check_archive(self.data, self.files, self.report)

    def file(self, name: str) -> bytes:
        if name not in self.files:
            raise Bad(name + "|is not in the pack")
        return self.files[name]

    def check_policy(self) -> None:
        self.keys = located("policy", read_policy, self.file("policy") if self.policy is None else self.policy)
        if self.policy is None:
            text = "the key comes from the pack itself; compare it with the one you hold: "
            self.report.note(
                "policy", text + ", ".join("%s+%s" % (plain(key.name), key.hash.hex()) for key in self.keys)
            )

    def check_head(self) -> None:
        if self.keys:
            self.head = located("checkpoint", read_head, self.file("checkpoint"), self.keys)
            told = "%d entries, signed by %s" % (self.head.size, plain(self.head.origin))
            self.report.ok("checkpoint", told)

    def check_manifest(self) -> None:
        manifest = self.file("manifest.json")
        found = located("manifest.json", read_json, manifest)
        if not isinstance(found, dict) or not isinstance(found.get("files"), list):
            raise Bad("manifest.json|is not a manifest")
        if not isinstance(found.get("entries"), list) or not all(type(index) is int for index in found["entries"]):
            raise Bad("manifest.json|is not a manifest")
        self.manifest = found
        if self.keys:
            text, key = located("manifest.note", read_note, self.file("manifest.note"), self.keys)
            digest = base64.b64encode(sha256(manifest)).decode()
            if text != "%s#manifest\n%s\n%s\n" % (key.name, found.get("change"), digest):
                raise Bad("manifest.json|is not the manifest that was signed")

    def check_files(self) -> None:
        listed = {"manifest.json", "manifest.note"}
        for line in self.manifest.get("files", []):
            if not isinstance(line, dict) or not isinstance(line.get("name"), str):
                raise Bad("manifest.json|is not a manifest")
            listed.add(line["name"])
            content = self.files.get(line["name"])
            if content is None:
                self.report.wrong(plain(line["name"]), "was packed and is no longer in the pack")
            elif sha256(content).hex() != line.get("sha256"):
                self.report.wrong(plain(line["name"]), "is not the file that was packed: its bytes were changed")
        for name in self.files:
            if self.manifest and name not in listed:
                self.report.wrong(name, "was not packed; somebody put it in")
        if self.manifest and self.report.code != TAMPERED:
            self.report.ok("manifest", "%d files, signed together" % len(listed))

    def check_entries(self) -> None:
        if self.head is None:
            return
        indices, body = self.manifest.get("entries", []), self.file("entries.jsonl")
        lines = body.split(b"\n")
        if lines.pop() or len(lines) != len(indices) or sorted(set(indices)) != indices:
            raise Bad("entries.jsonl|does not hold the %d entries of the manifest" % len(indices))
        change = Change(str(self.manifest.get("change")), self.head.origin, self.report)
        for number, (index, line) in enumerate(zip(indices, lines), 1):
            where = "entry %d (line %d of entries.jsonl)" % (index, number)
            self.check_inclusion(where, index, line)
            entry = located(where, read_entry, line)
            if entry["change"] != change.name:
                self.report.wrong(where, "belongs to %s, not to %s" % (plain(entry["change"]), plain(change.name)))
            self.check_blobs(where, entry)
            change.feed(index, entry)
        if self.report.code != TAMPERED:
            self.report.ok("entries", "%d, each in the tree under the checkpoint" % len(lines))
        if change.closed:
            self.report.ok("change", "%s is closed and whole: %d entries" % (plain(change.name), change.count))
        else:
            self.report.unsure("change", "%s is not closed, so entries after these may exist" % plain(change.name))

    def check_inclusion(self, where: str, index: int, line: bytes) -> None:
        assert self.head is not None  # noqa: S101
        name = "proofs/%09d.tlog-proof" % index
        head, gap, checkpoint = self.file(name).partition(b"\n\n")
        words = located(name, text_of, head).split("\n")
        if words[:2] != ["c2sp.org/tlog-proof@v1", "index %d" % index] or not gap:
            raise Bad(name + "|is not the proof of entry %d" % index)
        if checkpoint != self.file("checkpoint"):
            raise Bad(name + "|was made for another checkpoint")
        proof = [located(name, unbase64, word) for word in words[2:]]
        if (
            not 0 <= index < self.head.size
            or included(sha256(b"\x00" + line), index, self.head.size, proof) != self.head.root
        ):
            self.report.wrong(where, "is not what the ledger holds there: the entry or its proof was changed")

    def check_blobs(self, where: str, entry: Dict[str, Any]) -> None:
        for blob in entry["blobs"]:
            digest = str(blob.get("sha256"))
            content = self.files.get("blobs/" + digest.replace("sha256:", ""))
            if content is None:
                self.report.unsure(
                    where, "names %s (%s), which is not in the pack" % (plain(blob.get("name")), plain(digest))
                )
            elif "sha256:" + sha256(content).hex() != digest or len(content) != blob.get("size"):
                self.report.wrong(
                    "blobs/" + plain(digest)[7:], "is not the %s that %s names" % (plain(blob.get("name")), where)
                )


def located(where: str, call: Any, *values: Any) -> Any:
    """Call, and put the place before whatever is wrong."""
    try:
        return call(*values)
    except Bad as problem:
        raise Bad("%s|%s" % (where, problem)) from None
    except Unknown as problem:
        raise Unknown("%s|%s" % (where, problem)) from None


# --- A whole log ---


def lines_of(path: Path, before: bytes = b"") -> Iterator[List[bytes]]:
    """Yield the lines of a file in chunks, each with `before` put first; Bad when one is too long or has no end."""
    rest, count = before, 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(1 << 20)
            if not chunk:
                break
            lines = (rest + chunk.replace(b"\n", b"\n" + before)).split(b"\n")
            rest = lines.pop()
            count += len(lines)
            if len(rest) > LARGEST_LINE:
                raise Bad("entry %d|is longer than any entry can be" % count)
            yield lines
    if rest != before:
        raise Bad("entry %d|is cut short: the file does not end with a line end" % count)


def check_log(path: Path, head: Head, last: Head | None, leaves: Path | None, report: Report) -> None:
    """Compare the tree over the exact bytes with the signed head, and with the head of the last visit."""
    tree, new, waiting, old_root = Tree(), hashlib.sha256, [], None
    stop = last.size if last else -1
    for lines in lines_of(path, b"\x00"):
        waiting += [new(line).digest() for line in lines]
        while len(waiting) >= 256:
            if tree.size <= stop < tree.size + 256:
                old_root = part_root(tree, waiting[: stop - tree.size])
            tree.add_256(waiting[:256])
            del waiting[:256]
    if tree.size <= stop <= tree.size + len(waiting):
        old_root = part_root(tree, waiting[: stop - tree.size])
    for leaf in waiting:
        tree.add(leaf)
    if tree.size < head.size:
        report.wrong("entry %d" % tree.size, "is missing: the log was signed with %d entries" % head.size)
    elif tree.size > head.size:
        report.unsure("entry %d" % head.size, "and what follows came after the checkpoint, so no signature covers it")
    elif tree.root() != head.root:
        report.wrong(*first_bad(path, head, leaves))
    else:
        report.ok("tree", "%d entries are byte for byte what was signed" % tree.size)
    if last and last.size > head.size:
        report.wrong("checkpoint", "has %d entries, %d were there last time: the log was cut" % (head.size, last.size))
    elif last and old_root != last.root:
        report.wrong("entry 0 to %d" % (last.size - 1), "are not the entries of your last visit: history was rewritten")
    elif last:
        report.ok("last visit", "the first %d entries are unchanged since" % last.size)


def part_root(tree: Tree, leaves: List[bytes]) -> bytes:
    part = Tree()
    part.size, part.stack = tree.size, list(tree.stack)
    for leaf in leaves:
        part.add(leaf)
    return part.root()


def first_bad(path: Path, head: Head, leaves: Path | None) -> Tuple[str, str]:
    """Name the first changed entry by the leaf hashes beside the log, if they themselves lead to the signed root."""
    known = leaves.read_bytes() if leaves and leaves.is_file() and leaves.stat().st_size == 32 * head.size else b""
    tree = Tree()
    for place in range(0, len(known), 32):
        tree.add(known[place : place + 32])
    if not known or tree.root() != head.root:
        return str(
            path.name
        ), "is not what was signed: at least one entry was changed (which one: needs the .leaves file)"
    index = 0
    for lines in lines_of(path):
        for line in lines:
            if sha256(b"\x00" + line) != known[32 * index : 32 * index + 32]:
                return "entry %d (line %d)" % (index, index + 1), "was changed after it was written"
            index += 1
    return str(path.name), "is not what was signed"


def check_stories(path: Path, head: Head, report: Report) -> None:
    changes: Dict[str, Change] = {}
    index = 0
    for lines in lines_of(path):
        for line in lines[: max(0, head.size - index)]:
            entry = located("entry %d" % index, read_entry, line)
            name = entry["change"]
            if name is not None:
                if name not in changes:
                    changes[name] = Change(name, head.origin, report)
                changes[name].feed(index, entry)
            index += 1
    closed = sum(change.closed for change in changes.values())
    report.ok("changes", "%d, of which %d are closed and whole" % (len(changes), closed))


def read_file(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise Unknown("%s|is larger than %d bytes" % (path.name, most))
    return data


def run(options: argparse.Namespace, report: Report) -> None:
    path = Path(options.path)
    with path.open("rb") as file:
        start = file.read(4)
    policy = read_file(Path(options.policy), 1 << 20) if options.policy else None
    if start.startswith(b"PK"):
        data = read_file(path, LARGEST_PACK)
        try:
            files = unpack(data)
        except Bad as problem:
            raise Bad("archive|" + str(problem)) from None
        pack = Pack(data, files, policy, report)
        pack.check()
        if options.last and pack.head:
            last = located("last checkpoint", read_head, read_file(Path(options.last), 1 << 16), pack.keys)
            if last.size == pack.head.size and last.root != pack.head.root:
                report.wrong("checkpoint", "differs from yours for the same size: two histories were shown")
            elif last != pack.head:
                report.unsure(
                    "last visit", "one change cannot be tied to your checkpoint: verify the whole log with it"
                )
    elif start.startswith(b"{"):
        checkpoint = Path(options.checkpoint) if options.checkpoint else path.with_suffix(".checkpoint")
        keys = located("policy", read_policy, policy or read_file(path.with_suffix(".policy"), 1 << 20))
        head = located("checkpoint", read_head, read_file(checkpoint, 1 << 16), keys)
        report.ok("checkpoint", "%d entries, signed by %s" % (head.size, plain(head.origin)))
        last = (
            located("last checkpoint", read_head, read_file(Path(options.last), 1 << 16), keys)
            if options.last
            else None
        )
        check_log(path, head, last, path.with_suffix(".leaves"), report)
        if not options.tree_only and report.code != TAMPERED:
            check_stories(path, head, report)
    else:
        raise Unknown("%s|is neither a pack nor an exported log" % path.name)
    report.note("witness", "not witnessed: only the gate's own key vouches that no second history exists")


def main(arguments: List[str] | None = None, report: Report | None = None) -> int:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(description="Check a sangate evidence pack or exported ledger.")
    parser.add_argument("path", help="pack.zip or log.jsonl")
    parser.add_argument("--policy", help="the public key you hold, as a policy file")
    parser.add_argument("--last", help="the checkpoint you kept from your last visit")
    parser.add_argument("--checkpoint", help="the log's checkpoint (default: beside the log)")
    parser.add_argument("--tree-only", action="store_true", help="check bytes and signature, not what the entries say")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    options = parser.parse_args(arguments)
    report = report or Report()
    try:
        run(options, report)
    except Bad as problem:
        report.wrong(*(str(problem).split("|", 1) if "|" in str(problem) else ("file", str(problem))))
    except Unknown as problem:
        report.unsure(*(str(problem).split("|", 1) if "|" in str(problem) else ("file", str(problem))))
    except OSError as problem:
        report.unsure(plain(problem.filename), "cannot be read: %s" % problem.strerror)
    except Exception as problem:
        report.unsure("file", "this program cannot make sense of it (%s)" % type(problem).__name__)
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
