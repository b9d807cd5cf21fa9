"""An approval that somebody wrote into the ledger by hand fills no seat, and a waiver waives nothing."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from gate.assembly import now
from gate.canonical import utc
from gate.ledger.entry import Actor, Draft
from gate.waiver import NAMESPACE, read_waiver
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


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"origin": "staging.example"}, "signed for .* of staging.example"),
        ({"expires": utc(now() + timedelta(days=3650))}, "it would hold longer than the policy lets it"),
        ({}, ""),
    ],
)
def test_a_waiver_of_another_ledger_or_for_years_written_past_the_gate_does_not_count(
    room: Room, changed: dict[str, str], because: str
) -> None:
    """It is truly signed by whoever holds the seat, and so it would count by signature and seat alone."""
    assert room.stage.gate is not None
    change = room.opened(restore_plan="{tiers: [{items: [sidekick/contacts], rto: 1h}], tools: [restore-desk]}")
    room.control.check(room.who("storage-engineer"), change)
    owner, until = room.who("data-owner"), utc(now() + timedelta(hours=1))
    made = read_waiver(room.control.waiver(owner, change, "restore-planned", "data-owner", "so", until))
    text = replace(made, **changed).text()  # type: ignore[arg-type]  # all but the version are texts
    forged = {
        "check": "restore-planned",
        "seat": "data-owner",
        "statement": text,
        "method": "ssh",
        "signature": room.sign(text, "data-owner", NAMESPACE),
        "key": owner.keys[0],
    }
    room.stage.gate.ledger.append(Draft("waiver.signed", Actor("person", "data-owner"), change, forged))

    (told,) = room.control.show(room.who("auditor"), change)["waivers"]

    assert re.fullmatch(f".*{because}" if because else "", told["why_not"])
