"""
Time stamps (RFC 3161) among the anchors: the checkpoint that was stamped, and the authority's reply as it came.

They are two anchors of one size, the checkpoint first, so that a reply is never without what it is about.
"""

from contextlib import suppress
from dataclasses import dataclass

from gate.ledger import checkpoint
from gate.ledger.policy import read
from gate.store import Ledger

STAMPED, REPLY = "stamped", "rfc3161"


@dataclass(frozen=True)
class Stamp:
    """A checkpoint with the word of an authority on when it was there."""

    size: int
    signed: str
    reply: bytes
    """TimeStampResp in DER."""


def keep(ledger: Ledger, stamp: Stamp) -> None:
    """Keep it durably; a kill in the midst leaves none."""
    ledger.keep_anchor(STAMPED, stamp.size, stamp.signed.encode())
    ledger.keep_anchor(REPLY, stamp.size, stamp.reply)


def newest(ledger: Ledger, least: int = 0) -> Stamp | None:
    """Return the newest over at least so many entries; None when there is none that the log's key of now has signed."""
    about, reply = ledger.anchor(STAMPED, least), ledger.anchor(REPLY, least)
    if about is None or reply is None or about[0] != reply[0]:
        return None
    with suppress(ValueError):
        signed = about[1].decode()
        if checkpoint.verify(signed, *read(ledger.policy).keys).size == about[0]:
            return Stamp(about[0], signed, reply[1])
    return None
