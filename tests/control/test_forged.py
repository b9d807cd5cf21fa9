"""An approval that somebody wrote into the ledger by hand fills no seat."""

import pytest

from gate.ledger.entry import Actor, Draft
from tests.control.conftest import Room


@pytest.mark.parametrize("signer", ["", "stranger", "data-owner"])
def test_an_approval_written_past_the_gate_does_not_count(room: Room, signer: str) -> None:
    """Without a signature, with one by a key that nobody enrolled, and with one by somebody else's key."""
    assert room.stage.gate is not None
    change = room.checked()
    text = room.control.statement(room.who("storage-lead"), change, "storage", "approve")
    signature = room.sign(text, signer) if signer else ""
    forged = {
        "seat": "storage",
        "decision": "approve",
        "statement": text,
        "method": "ssh",
        "signature": signature,
        "key": room.who("storage-lead").keys[0],
        "reason": "",
    }
    room.stage.gate.ledger.append(Draft("approval.signed", Actor("person", "storage-lead"), change, forged))

    view = room.control.show(room.who("auditor"), change)

    assert "filled" not in {seat["state"] for seat in view["seats"]}
    assert "not signed by a key that is enrolled for storage-lead" in view["not_counted"][0]["because"]
    assert room.approve(change, "storage-lead", "storage")["seats"][0]["state"] == "filled"
