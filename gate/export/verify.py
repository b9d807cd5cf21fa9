#!/usr/bin/env python3
# ruff: noqa: D101, D102, D103, UP031, B905, BLE001
"""
Check a sangate evidence pack, or a whole exported ledger, without sangate.

    python3 verify.py pack.zip  [--policy FILE] [--last CHECKPOINT]
    python3 verify.py log.jsonl [--policy FILE] [--last CHECKPOINT] [--checkpoint FILE] [--tree-only | --every-entry]

--policy       the public key you hold, as a policy file (otherwise the one in the pack or beside the log)
--last         the checkpoint you kept from your last visit
--checkpoint   the log's checkpoint (otherwise the one beside the log)
--tree-only    check bytes and signature, not what the entries say
--every-entry  read each entry of a log to its last word, also those that decide nothing
--json         print the findings as JSON

One file, standard library only, Python 3.8 or newer; nothing is written, nothing is fetched. Bytes are checked as they
lie there and never encoded again. Exit code 0: verified. 1: changed, with the place. 2: cannot tell.

Take this file and the policy (the public key) from somewhere else than the pack you check. Formats: RFC 6962
(tree), C2SP signed-note, tlog-checkpoint, tlog-policy and tlog-proof, OpenSSH PROTOCOL.sshsig.
"""

from __future__ import annotations

import binascii
import hashlib
import sys

# Whatever else is needed is imported where it is: a whole log is checked while the rest would still be loading.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Point = tuple[int, int, int, int]

VERIFIED, TAMPERED, CANNOT_TELL = 0, 1, 2
LARGEST_PACK = 512 << 20
LARGEST_LINE = 64 << 10  # C2SP tlog-tiles: an entry has at most 65,535 bytes
MOST_FILES = 50_000
NAMESPACE = b"approval@sangate"
FIELDS = {"v", "id", "time", "kind", "change", "seq", "actor", "data", "blobs"}
STATEMENT = {"v", "origin", "change", "stage", "plan_digest", "verdict_digest", "decision", "seat"}
STATEMENT |= {"approver", "expires", "nonce", "signs_for"}


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
    """What was found, in order: (finding, where, what)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str]] = []

    def ok(self, where: str, what: str) -> None:
        self.lines.append(("ok", where, what))

    def note(self, where: str, what: str) -> None:
        self.lines.append(("note", where, what))

    def wrong(self, where: str, what: str) -> None:
        self.lines.append(("WRONG", where, what))

    def unsure(self, where: str, what: str) -> None:
        self.lines.append(("unsure", where, what))

    def problem(self, problem: Bad, where: str = "file", what: str = "%s") -> None:
        self.lines.append((problem.finding, problem.where or where, what % problem))

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


# --- Ed25519, RFC 8032 section 5.1.7. Not constant-time: it sees public data only. ---

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
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


# --- The tree, RFC 6962 section 2.1 ---

# For the two blocks of a node Python's own SHA-256 is quicker than setting up OpenSSL's; for an entry it is slower.
short = getattr(hashlib, "__get_builtin_constructor", lambda _: hashlib.sha256)("sha256")


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


class Tree:
    """Grows by leaves; holds one hash for each complete subtree."""

    def __init__(self) -> None:
        self.size = 0
        self.stack: list[bytes] = []

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

    def root(self) -> bytes:
        if not self.stack:
            return sha256(b"")
        folded = self.stack[-1]
        for subtree in self.stack[-2::-1]:
            folded = node(subtree, folded)
        return folded

    def root_with(self, leaves: list[bytes]) -> bytes:
        """Return the root as it were with these leaves more."""
        grown = Tree()
        grown.size, grown.stack = self.size, list(self.stack)
        for leaf in leaves:
            grown.add(leaf)
        return grown.root()


def included(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
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


class Key:
    def __init__(self, name: str, public: bytes) -> None:
        self.name, self.public = name, public
        self.hash = sha256(name.encode() + b"\n\x01" + public)[:4]


class Head:
    def __init__(self, origin: str, size: int, root: bytes) -> None:
        self.origin, self.size, self.root = origin, size, root


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


def read_policy(data: bytes) -> list[Key]:
    """Read the logs of a C2SP tlog-policy; this program knows `quorum none` only."""
    keys: list[Key] = []
    quorum = ""
    for line in text_of(data).split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "log" and len(words) in (2, 3):
            name, hash_hex, encoded = [*words[1].split("+", 2), "", ""][:3]
            material = unbase64(encoded)
            if len(material) != 33 or material[:1] != b"\x01":
                raise Bad("names a key that is not Ed25519")
            keys.append(Key(name, material[1:]))
            if keys[-1].hash.hex() != hash_hex:
                raise Bad("names a key whose own hash does not fit: a letter of the key was changed")
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


def read_note(data: bytes, keys: list[Key]) -> tuple[str, Key]:
    """Return the text and the key of a note that has exactly one signature, made by one of `keys`."""
    text, gap, tail = text_of(data).rpartition("\n\n")
    words = tail[:-1].split(" ")
    if not gap or tail[-1:] != "\n" or "\n" in tail[:-1] or len(words) != 3 or words[0] != "\u2014" or not words[1]:
        raise Bad("is not a note with one signature line")
    signature = unbase64(words[2])
    for key in keys:
        if words[1] == key.name and signature[:4] == key.hash:
            if not ed25519(key.public, (text + "\n").encode(), signature[4:]):
                raise Bad("is not what was signed: text or signature was changed")
            return text + "\n", key
    raise Bad("is signed by %s, which the policy does not name" % plain(words[1]))


def read_head(data: bytes, keys: list[Key]) -> Head:
    text, key = read_note(data, keys)
    lines = text.split("\n")
    if len(lines) != 4 or len(lines[1]) > 18 or not lines[1].isdigit() or str(int(lines[1])) != lines[1]:
        raise Bad("is not a checkpoint")
    root = unbase64(lines[2])
    if lines[0] != key.name or len(root) != 32:
        raise Bad("is not a checkpoint of this log")
    return Head(lines[0], int(lines[1]), root)


# --- Entries and the story they tell ---


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON, which must not say the same key twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def read_json(data: bytes) -> Any:
    import json

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Bad("is not JSON") from None


def read_entry(line: bytes) -> dict[str, Any]:
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
        end = 4 + int.from_bytes(data[:4], "big")
        if len(data) < max(4, end):
            raise Bad("has a signature that is cut short")
        yield data[4:end]
        data = data[end:]


def wire(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def check_sshsig(armoured: str, public_line: str, message: bytes) -> str:
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
    if not ed25519(key_parts[1], signed, signature_parts[1]):
        raise Bad("has a signature that is not of this statement by this key")
    return "SHA256:" + base64(sha256(public)).rstrip("=")


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
            self.report.wrong("entry %d" % index, what % (plain(seq), self.name, self.count))
            self.count = seq if isinstance(seq, int) else self.count
        if self.closed:
            self.report.wrong("entry %d" % index, "comes after %s was closed" % self.name)

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
                self.report.ok(where, self.check_approval(entry))
            except Bad as problem:
                self.report.problem(problem, where, "is an approval that %s")
        elif kind == "change.closed":
            self.closed = True
            if data.get("entries") != self.count:
                what = "closes %s with %s entries, but %d are here: the record is not whole"
                self.report.wrong(where, what % (self.name, plain(data.get("entries")), self.count))

    def check_approval(self, entry: dict[str, Any]) -> str:
        data = entry["data"]
        texts = {name: data.get(name) for name in ("statement", "method", "signature", "key", "seat", "decision")}
        if not all(isinstance(value, str) for value in texts.values()):
            raise Bad("lacks its statement")
        statement = read_json(texts["statement"].encode("utf-8", "replace"))
        if not isinstance(statement, dict) or set(statement) | {"signs_for"} != STATEMENT or statement["v"] != 1:
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

LOCAL, CENTRAL, END = "<IHHHHHIIIHH", "<IHHHHHHIIIHHHHHII", "<IHHHHIIH"


def unpack(data: bytes) -> dict[str, bytes]:
    """Read the files of a pack: stored, not compressed, in order, with nothing between them."""
    import re
    import struct

    files: dict[str, bytes] = {}
    place, fixed = 0, struct.calcsize(LOCAL)
    while data[place : place + 4] == b"PK\x03\x04":
        where = "byte %d of the archive (after %s)" % (place, plain(list(files)[-1]) if files else "nothing")
        if len(data) < place + fixed:
            raise Bad(where + " is cut short")
        _, _, flags, method, _, _, _, packed, size, named, extra = struct.unpack_from(LOCAL, data, place)
        start = place + fixed + named
        name = data[place + fixed : start].decode("ascii", "replace")
        if flags or method or extra or packed != size or len(data) < start + size:
            raise Bad(where + " is not laid out as sangate writes it: changed, cut short or packed again")
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*", name) or name in files:
            raise Bad(where + " has a name that no pack has, or has it twice: " + plain(name))
        files[name] = data[start : start + size]
        place = start + size
        if len(files) > MOST_FILES:
            raise Unknown("the archive has more than %d files" % MOST_FILES)
    return files


def pack_again(files: dict[str, bytes]) -> list[tuple[str, bytes]]:
    """Return what the archive around these files must be, byte for byte, in pieces."""
    import struct
    import zlib

    pieces: list[tuple[str, bytes]] = []
    directory, place = [], 0
    for name, content in files.items():
        raw, crc = name.encode(), zlib.crc32(content)
        sizes = (crc, len(content), len(content), len(raw), 0)
        head = struct.pack(LOCAL, 0x04034B50, 20, 0, 0, 0, 33, *sizes) + raw
        entry = struct.pack(CENTRAL, 0x02014B50, 0x0314, 20, 0, 0, 0, 33, *sizes, 0, 0, 0, 0o644 << 16, place) + raw
        directory.append(("the archive's directory, line of %s" % name, entry))
        pieces += [("the archive's header of %s" % name, head), (name, content)]
        place += len(head) + len(content)
    length, count = sum(len(line) for _, line in directory), len(files)
    end = struct.pack(END, 0x06054B50, 0, 0, count, count, length, place, 0)
    return [*pieces, *directory, ("the archive's last 22 bytes", end)]


def check_archive(data: bytes, files: dict[str, bytes], report: Report) -> None:
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

    def __init__(self, data: bytes, files: dict[str, bytes], policy: bytes | None, report: Report) -> None:
        self.data, self.files, self.report = data, files, report
        self.policy = policy
        self.keys: list[Key] = []
        self.head: Head | None = None
        self.manifest: dict[str, Any] = {}

    def check(self) -> None:
        for step in (self.check_policy, self.check_head, self.check_manifest, self.check_files, self.check_entries):
            try:
                step()
            except Bad as problem:
                self.report.problem(problem)
        check_archive(self.data, self.files, self.report)

    def file(self, name: str) -> bytes:
        if name not in self.files:
            raise Bad("is not in the pack", name)
        return self.files[name]

    def check_policy(self) -> None:
        self.keys = located("policy", read_policy, self.file("policy") if self.policy is None else self.policy)
        if self.policy is None:
            keys = ", ".join("%s+%s" % (plain(key.name), key.hash.hex()) for key in self.keys)
            self.report.note("policy", "the key comes from the pack itself; compare it with the one you hold: " + keys)

    def check_head(self) -> None:
        if self.keys:
            self.head = located("checkpoint", read_head, self.file("checkpoint"), self.keys)
            self.report.ok("checkpoint", "%d entries, signed by %s" % (self.head.size, plain(self.head.origin)))

    def check_manifest(self) -> None:
        manifest = self.file("manifest.json")
        found = located("manifest.json", read_json, manifest)
        if not isinstance(found, dict) or not all(isinstance(found.get(name), list) for name in ("files", "entries")):
            raise Bad("is not a manifest", "manifest.json")
        if not all(type(index) is int for index in found["entries"]):
            raise Bad("is not a manifest", "manifest.json")
        self.manifest = found
        if self.keys:
            text, key = located("manifest.note", read_note, self.file("manifest.note"), self.keys)
            digest = base64(sha256(manifest))
            if text != "%s#manifest\n%s\n%s\n" % (key.name, found.get("change"), digest):
                raise Bad("is not the manifest that was signed", "manifest.json")

    def check_files(self) -> None:
        listed = {"manifest.json", "manifest.note"}
        for line in self.manifest.get("files", []):
            if not isinstance(line, dict) or not isinstance(line.get("name"), str):
                raise Bad("is not a manifest", "manifest.json")
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
            raise Bad("does not hold the %d entries of the manifest" % len(indices), "entries.jsonl")
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
            raise Bad("is not the proof of entry %d" % index, name)
        if checkpoint != self.file("checkpoint"):
            raise Bad("was made for another checkpoint", name)
        proof = [located(name, unbase64, word) for word in words[2:]]
        root = included(sha256(b"\x00" + line), index, self.head.size, proof) if index >= 0 else None
        if index >= self.head.size or root != self.head.root:
            self.report.wrong(where, "is not what the ledger holds there: the entry or its proof was changed")

    def check_blobs(self, where: str, entry: dict[str, Any]) -> None:
        for blob in entry["blobs"]:
            digest = str(blob.get("sha256"))
            content, name = self.files.get("blobs/" + digest.replace("sha256:", "")), plain(blob.get("name"))
            if content is None:
                self.report.unsure(where, "names %s (%s), which is not in the pack" % (name, plain(digest)))
            elif "sha256:" + sha256(content).hex() != digest or len(content) != blob.get("size"):
                self.report.wrong("blobs/" + plain(digest)[7:], "is not the %s that %s names" % (name, where))


# --- A whole log ---

FOLLOWED = ("plan.sealed", "verdict.given", "approval.signed", "approval.denied", "change.closed")

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
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # pathlib takes as long to load as a small log
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


def check_log(path: str, head: Head, last: Head | None, report: Report) -> None:
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
        report.wrong("entry %d" % tree.size, "is missing: the log was signed with %d entries" % head.size)
    elif tree.size > head.size:
        report.unsure("entry %d" % head.size, "and what follows came after the checkpoint, so no signature covers it")
    elif tree.root() != head.root:
        report.wrong(*first_bad(path, head))
    else:
        report.ok("tree", "%d entries are byte for byte what was signed" % tree.size)
    if last and last.size > head.size:
        report.wrong("checkpoint", "has %d entries, %d were there last time: the log was cut" % (head.size, last.size))
    elif last and old_root != last.root:
        report.wrong("entry 0 to %d" % (last.size - 1), "are not the entries of your last visit: history was rewritten")
    elif last:
        report.ok("last visit", "the first %d entries are unchanged since" % last.size)


def first_bad(path: str, head: Head) -> tuple[str, str]:
    """Name the first changed entry by the leaf hashes beside the log, if they themselves lead to the signed root."""
    try:
        known = read_file(beside(path, "leaves"), 32 * head.size)
    except (OSError, Unknown):
        known = b""
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
    import re

    kinds = "|".join(FOLLOWED).replace(".", "\\.").encode()
    return re.findall(FRAME.replace(b"TEXT", TEXT).replace(b"KINDS", kinds), chunk)


def check_stories(path: str, head: Head, every: bool, report: Report) -> None:
    """Follow every change. Of an entry whose kind is not FOLLOWED only the frame is read, unless `every`."""
    changes: dict[bytes, Change] = {}
    index = 0
    for chunk in chunks_of(path):
        found = [] if every else frames(chunk)
        whole = len(found) != chunk.count(b"\n")  # also when a frame went over two lines, or a line is empty
        if whole:
            found = [(b"", b"", line) for line in chunk.split(b"\n")[:-1]]
        for name, seq, line in found[: max(0, head.size - index)]:
            if line or whole:
                entry = located("entry %d" % index, read_entry, line)
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
    closed = sum(change.closed for change in changes.values())
    report.ok("changes", "%d, of which %d are closed and whole" % (len(changes), closed))


# --- The command ---


def beside(path: str, ending: str) -> str:
    """Return the path with another ending."""
    stem, dot, old = path.rpartition(".")
    return (stem if dot and "/" not in old else path) + "." + ending


def read_file(path: str, most: int) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123  # as above
        data = file.read(most + 1)
    if len(data) > most:
        raise Unknown("is larger than %d bytes" % most, path)
    return data


def read_words(words: list[str]) -> dict[str, str]:
    """Read the command line into option → value; the path is "". Ends the program on a word that is none."""
    found: dict[str, str] = {}
    words = list(words)
    while words:
        name, gap, value = words.pop(0).partition("=")
        if name in ("-h", "--help"):
            print(__doc__)
            sys.exit(VERIFIED)
        if name in ("--policy", "--last", "--checkpoint") and (gap or words):
            found[name] = value if gap else words.pop(0)
        elif name in ("--tree-only", "--every-entry", "--json") and not gap:
            found[name] = "yes"
        elif not name.startswith("-") and "" not in found:
            found[""] = name + gap + value
        else:
            found.clear()
            break
    if "" not in found:
        print(
            "usage: verify.py pack.zip|log.jsonl [--policy FILE] [--last CHECKPOINT]; --help tells more",
            file=sys.stderr,
        )
        sys.exit(CANNOT_TELL)
    return found


def run(options: dict[str, str], report: Report) -> None:
    path = options[""]
    with open(path, "rb") as file:  # noqa: PTH123  # as above
        start = file.read(4)
    policy = read_file(options["--policy"], 1 << 20) if "--policy" in options else None
    if start.startswith(b"PK"):
        data = read_file(path, LARGEST_PACK)
        pack = Pack(data, located("archive", unpack, data), policy, report)
        pack.check()
        if "--last" in options and pack.head:
            last = located("last checkpoint", read_head, read_file(options["--last"], 1 << 16), pack.keys)
            if last.size == pack.head.size and last.root != pack.head.root:
                report.wrong("checkpoint", "differs from yours for the same size: two histories were shown")
            elif (last.origin, last.size) != (pack.head.origin, pack.head.size):
                report.unsure(
                    "last visit", "one change cannot be tied to your checkpoint: verify the whole log with it"
                )
    elif start.startswith(b"{"):
        keys = located("policy", read_policy, policy or read_file(beside(path, "policy"), 1 << 20))
        signed = read_file(options.get("--checkpoint", beside(path, "checkpoint")), 1 << 16)
        head = located("checkpoint", read_head, signed, keys)
        report.ok("checkpoint", "%d entries, signed by %s" % (head.size, plain(head.origin)))
        last = None
        if "--last" in options:
            last = located("last checkpoint", read_head, read_file(options["--last"], 1 << 16), keys)
        check_log(path, head, last, report)
        if "--tree-only" not in options and report.code != TAMPERED:
            check_stories(path, head, "--every-entry" in options, report)
    else:
        raise Unknown("is neither a pack nor an exported log", path)
    report.note("witness", "not witnessed: only the gate's own key vouches that no second history exists")


def main(words: list[str] | None = None, report: Report | None = None) -> int:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    options = read_words(sys.argv[1:] if words is None else words)
    report = report or Report()
    try:
        run(options, report)
    except Bad as problem:
        report.problem(problem)
    except OSError as problem:
        report.unsure(plain(problem.filename), "cannot be read: %s" % problem.strerror)
    except Exception as problem:
        report.unsure("file", "this program cannot make sense of it (%s)" % type(problem).__name__)
    result = {VERIFIED: "verified", TAMPERED: "TAMPERED", CANNOT_TELL: "CANNOT TELL"}[report.code]
    if "--json" in options:
        import json

        found = [{"finding": kind, "where": where, "what": what} for kind, where, what in report.lines]
        print(json.dumps({"result": result.lower().replace(" ", "_"), "exit": report.code, "findings": found}))
    else:
        for kind, where, what in report.lines:
            print("%-7s %s: %s" % (kind, plain(where), plain(what)))
        print(result)
    return report.code


if __name__ == "__main__":
    sys.exit(main())
