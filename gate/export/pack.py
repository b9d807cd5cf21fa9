"""
The evidence pack of one change: one archive that can be checked alone, read in a browser and printed.

    entries.jsonl        the change's entries, exact bytes, one a line
    proofs/N.tlog-proof  for each entry, that it is in the tree (C2SP tlog-proof)
    checkpoint, policy   the signed head, and the public key to check it with
    timestamp.*          where there is one: an authority's time stamp (RFC 3161), and what it was given
    blobs/<sha256>       what the entries name: plan, evidence, verdict, what devices answered; and the raw replies
                         that the evidence names in turn
    index.html           the story, for people
    verify.py            the verifier
    manifest.json        every file with its digest; manifest.note is the ledger key's signature over it

The archive is the same, byte for byte, for the same change and checkpoint: stored, sorted, with one fixed date.
"""

import base64
import io
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from gate.canonical import Json, encode
from gate.errors import NotThere
from gate.export import page
from gate.export.blobs import EVIDENCE, digests_in
from gate.export.jsonl import policy
from gate.ledger import checkpoint, note, proof
from gate.ledger.entry import Entry
from gate.ledger.policy import read
from gate.store import Ledger
from gate.store.stamps import newest

VERIFIER = Path(__file__).with_name("verify.py")
FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold


def make(ledger: Ledger, change: str, *, disclose: bool = False) -> bytes:
    """
    Return the pack of `change`; NotThere when the ledger has no such change.

    `disclose` also hands out what the entries keep outside the log, such as the names of who was refused.
    """
    entries = ledger.history(change)
    if not entries:
        raise NotThere(f"the ledger has no change {change}")
    signed = _head(ledger, entries[-1].index + 1)
    head = checkpoint.verify(signed, *read(ledger.policy).keys)
    blobs = _blobs(ledger, entries)
    files = {
        "checkpoint": signed.encode(),
        "entries.jsonl": b"".join(entry.body + b"\n" for entry in entries),
        "index.html": page.render(
            change, entries, head, ledger.vkey, blobs.get, _cosigners(signed, ledger.origin)
        ).encode(),
        "policy": policy(ledger.policy).encode(),
        "verify.py": VERIFIER.read_bytes(),
        **_proofs(ledger, entries, head.size, signed),
        **_rotations(ledger),
        **(_private(ledger, entries) if disclose else {}),
        **_stamp(ledger, entries[-1].index),
        **{"blobs/" + digest.removeprefix("sha256:"): content for digest, content in blobs.items()},
    }
    listed: list[Json] = [
        {"name": name, "sha256": sha256(content).hexdigest(), "size": len(content)}
        for name, content in sorted(files.items())
    ]
    manifest = encode(
        {
            "v": 1,
            "origin": ledger.origin,
            "change": change,
            "entries": [entry.index for entry in entries],
            "files": listed,
        }
    )
    text = f"{ledger.origin}#manifest\n{change}\n{base64.b64encode(sha256(manifest).digest()).decode()}\n"
    files["manifest.json"] = manifest
    files["manifest.note"] = ledger.sign_note(text).encode()
    return _archive(files)


def _head(ledger: Ledger, least: int) -> str:
    """Return the newest checkpoint that witnesses have cosigned, if it covers so many entries, else a fresh one."""
    cosigned = ledger.anchor("cosigned", least)
    if cosigned is not None:
        signed = cosigned[1].decode()
        with suppress(ValueError):  # an older key of the ledger's has signed it
            checkpoint.verify(signed, *read(ledger.policy).keys)
            return signed
    return ledger.checkpoint(keep=True)


def _cosigners(signed: str, origin: str) -> list[str]:
    """Who else has signed the head; whether they count, the verifier and the auditor's policy say."""
    return [line.name for line in note.read(signed).signatures if line.name != origin]


def _proofs(ledger: Ledger, entries: Sequence[Entry], size: int, signed: str) -> dict[str, bytes]:
    proofs = {}
    for entry in entries:
        hashes = (base64.b64encode(step).decode() for step in ledger.inclusion(entry.index, size))
        lines = "\n".join(["c2sp.org/tlog-proof@v1", f"index {entry.index}", *hashes])
        proofs[f"proofs/{entry.index:09d}.tlog-proof"] = f"{lines}\n\n{signed}".encode()
    return proofs


def _rotations(ledger: Ledger) -> dict[str, bytes]:
    """What whoever trusts an older key of the log needs, in the order of the changes of key."""
    return {f"rotations/{number:04d}.tlog-proof": text.encode() for number, text in enumerate(ledger.rotations(), 1)}


def _private(ledger: Ledger, entries: Sequence[Entry]) -> dict[str, bytes]:
    told = ledger.disclosures([entry.index for entry in entries])
    return {"private.jsonl": b"".join(one.line + b"\n" for one in told)} if told else {}


def _stamp(ledger: Ledger, last: int) -> dict[str, bytes]:
    """The newest time stamp that covers the change, with the proof that its last entry is in what was stamped."""
    stamp = newest(ledger, last + 1)
    if stamp is None:
        return {}
    told = proof.write(proof.Proof(last, ledger.inclusion(last, stamp.size), stamp.signed))
    return {
        "timestamp.checkpoint": stamp.signed.encode(),
        "timestamp.tlog-proof": told.encode(),
        "timestamp.tsr": stamp.reply,
    }


def _blobs(ledger: Ledger, entries: Sequence[Entry]) -> dict[str, bytes]:
    """
    What entries name, and what their evidence names in turn: the raw replies behind it.

    One that is no longer there is left out; the verifier then says that it cannot tell.
    """
    found: dict[str, bytes] = {}
    wanted = {blob.sha256: blob.name for entry in entries for blob in entry.blobs}
    for digest, name in wanted.items():
        content = ledger.get_blob(digest)
        if content is None:
            continue
        found[digest] = content
        for behind in digests_in(content) if name == EVIDENCE else ():
            raw = ledger.get_blob(behind) if behind not in found else None
            if raw is not None:
                found[behind] = raw
    return found


def _archive(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            item = zipfile.ZipInfo(name, FIRST_DATE)
            item.create_system = 3
            item.external_attr = 0o644 << 16
            archive.writestr(item, content)
    return made.getvalue()
