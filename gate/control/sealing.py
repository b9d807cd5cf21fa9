"""The seal: the signed head of the ledger, who has cosigned it, and what is wrong with it."""

import base64
from contextlib import suppress

from gate.canonical import utc
from gate.control.desk import Desk
from gate.control.views import View
from gate.errors import CannotTell
from gate.ledger import checkpoint, note
from gate.ledger.policy import read
from gate.trust import WitnessDemand


def seal(desk: Desk) -> View:
    """Return the head as it is signed now; of a ledger that is behind, the newest that is kept."""
    ledger = desk.ledger
    behind = bool(ledger.missing or ledger.stopped)
    signed = ledger.kept_checkpoint() if behind else ledger.checkpoint()
    if signed is None:
        raise CannotTell("the ledger is behind what was signed, and no checkpoint is kept", hint=ledger.stopped)
    head = checkpoint.verify(signed, *read(ledger.policy).keys)
    return {
        "origin": ledger.origin,
        "size": head.size,
        "root": base64.b64encode(head.root).decode(),
        "checkpoint": signed,
        "vkey": ledger.vkey,
        "key_hash": note.read_vkey(ledger.vkey).hash.hex(),
        "policy": ledger.policy,
        "missing": ledger.missing,
        "behind": ledger.stopped,
        "rotations": _rotations(desk),
        "timestamp": _stamped(desk),
        **_witnessed(desk),
    }


def standstill(desk: Desk) -> str:
    """Say why the gate does nothing now that its record must answer for, or should do nothing; empty otherwise."""
    if desk.ledger.stopped:
        return f"Read-only, nothing is entered and nothing is driven: {desk.ledger.stopped}"
    found = desk.witnessed() if desk.witnessed else None
    if found is not None and found.claim:
        return f"this record may not be the newest, and nothing can prove it: {found.claim}"
    if found is None or found.demand is not WitnessDemand.REQUIRED or found.witnessed:
        return ""
    because = "; ".join(one.problem for one in found.witnesses if one.problem)
    return f"no array is touched until witnesses have cosigned the record: {because}" if because else ""


def _rotations(desk: Desk) -> list[str]:
    """Return what whoever trusts an older key needs; none when the database no longer has it, which a verifier says."""
    with suppress(CannotTell):
        return list(desk.ledger.rotations())
    return []


def _stamped(desk: Desk) -> View | None:
    """Return the newest time stamp with the bytes that prove it; None where none is asked for."""
    found = desk.stamped() if desk.stamped else None
    if found is None:
        return None
    return {
        "size": found.stamp.size if found.stamp else 0,
        "at": utc(found.at) if found.at and found.stamp else None,
        "problem": found.problem,
        "checkpoint": found.stamp.signed if found.stamp else "",
        "reply": base64.b64encode(found.stamp.reply).decode() if found.stamp else "",
    }


def _witnessed(desk: Desk) -> View:
    """Say how far the ledger is witnessed; `witnessed` is true only when that is to its last entry."""
    found = desk.witnessed() if desk.witnessed else None
    if found is None:
        return {
            "witnessed": False,
            "witness": "none",
            "quorum": "none",
            "witnessed_size": 0,
            "witnessed_at": None,
            "witnesses": [],
            "alarm": "",
        }
    return {
        "witnessed": found.witnessed,
        "witness": found.demand.value,
        "quorum": found.quorum,
        "witnessed_size": found.size,
        "witnessed_at": utc(found.at) if found.at else None,
        "witnesses": [
            {"name": one.name, "size": one.size, "at": utc(one.at) if one.at else None, "problem": one.problem}
            for one in found.witnesses
        ],
        "alarm": found.alarm,
    }
