"""The log as a web server would hand it out (C2SP tlog-tiles): for programs that have never heard of this one."""

from pathlib import Path

from gate.errors import LedgerUnavailable, Outside
from gate.ledger import checkpoint as heads
from gate.ledger import note
from gate.store import Ledger


def write(ledger: Ledger, folder: Path) -> int:
    """
    Write `checkpoint`, `tile/…` and `tile/entries/…` below `folder`; return the number of entries.

    Partial tiles of an earlier, smaller export are left lying, as the specification allows; the checkpoint comes last,
    so that it never names what is not there yet.
    """
    signed = ledger.kept_checkpoint() if ledger.missing else ledger.checkpoint(keep=True)
    if signed is None:
        raise LedgerUnavailable("nothing of this ledger was ever signed, so there is no log to hand out")
    size = heads.verify(signed, note.read_vkey(ledger.vkey)).size
    try:
        for path, content in ledger.tiles(size):
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        (folder / "checkpoint").write_text(signed, encoding="utf-8")
    except OSError as problem:
        raise Outside(f"cannot write the tiles to {folder}: {problem.strerror}") from None
    return size
