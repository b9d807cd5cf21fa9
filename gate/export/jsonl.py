"""
The whole log as files: the exact bytes, one entry a line, and what is needed to check them.

Every complete export is also a restorable copy: the same bytes make the same tree.
"""

import os
from pathlib import Path

from gate.errors import Outside
from gate.ledger import checkpoint, merkle, note
from gate.store import Ledger


def policy(vkey: str) -> str:
    """Return the C2SP tlog-policy that trusts this log's key and asks for no witness."""
    about = "# The public key of the ledger. Hand it to the auditor by another way than the export."
    return f"{about}\nlog {vkey}\nquorum none\n"


def export_log(ledger: Ledger, path: Path) -> int:
    """
    Write `path` (NAME.jsonl) and beside it NAME.checkpoint, NAME.policy and NAME.leaves; return the number of entries.

    The leaves are the 32-byte hashes of the entries; they let a verifier name the entry that was changed. A ledger
    that is behind what it once signed exports what it has, under its newest kept checkpoint.
    """
    signed = ledger.kept_checkpoint() if ledger.missing else ledger.checkpoint(keep=True)
    size = ledger.size()
    if signed and not ledger.missing:
        size = checkpoint.verify(signed, note.read_vkey(ledger.vkey)).size
    try:
        with path.open("wb") as log, path.with_suffix(".leaves").open("wb") as leaves:
            for body in ledger.bodies(0, size):
                log.write(body + b"\n")
                leaves.write(merkle.leaf_hash(body))
            for file in (log, leaves):
                file.flush()
                os.fsync(file.fileno())
        if signed:
            path.with_suffix(".checkpoint").write_text(signed, encoding="utf-8")
        path.with_suffix(".policy").write_text(policy(ledger.vkey), encoding="utf-8")
    except OSError as problem:
        raise Outside(f"cannot write the export {path}: {problem.strerror}") from None
    return size
