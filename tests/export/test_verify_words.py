"""What people sign besides approvals, and what a key signs after it was taken away."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.canonical import Json, encode
from gate.export import jsonl, pack, verify
from gate.ledger.entry import GATE, Actor, Draft
from gate.store.sqlite import SqliteLedger
from tests.export.conftest import CHANGE, ORIGIN, PLAN, approval, drafts, enrolled, sign_ssh, write

SEED = b"\x07" * 32
UNTIL = "2026-11-22T21:00:00.000000Z"
STEP: dict[str, Json] = {"phase": "forward", "step": "apply", "number": 4, "array": "west-2"}


def signed(kind: str, namespace: bytes, who: str, said: dict[str, str], data: dict[str, Json], key: bytes) -> Draft:
    """An entry of this kind with a statement of `who`."""
    text = encode(
        {"v": 1, "origin": ORIGIN, "change": CHANGE, "plan_digest": PLAN, "nonce": "00" * 16, **said}
    ).decode()
    signature, line = sign_ssh(Ed25519PrivateKey.from_private_bytes(key), text, namespace)
    how: dict[str, Json] = {"statement": text, "method": "ssh", "signature": signature, "key": line}
    return Draft(kind, Actor("person", who), CHANGE, {**STEP, **data, **how})


def confirmed(word: str = "done", *, key: bytes = SEED, namespace: bytes = b"attended@sangate", **other: str) -> Draft:
    of = {"phase": "forward", "step": "apply", "number": "4", "word": word, "by": ""}
    said = {**of, "person": "lead", "nonce": "22" * 16, **other}
    return signed("step.confirmed", namespace, "lead", said, {"word": word, "by": ""}, key)


def asked(**other: Json) -> Draft:
    data: dict[str, Any] = {**STEP, "command": "applysoftware", "attempt": 1, "ask": "aa", "run": "r", "until": UNTIL}
    return Draft("escort.asked", GATE, CHANGE, {**data, **other})


def go(*, key: bytes = SEED, namespace: bytes = b"escort@sangate", **other: str) -> Draft:
    of = {"array": "west-2", "phase": "forward", "step": "apply", "number": "4", "attempt": "1", "ask": "aa"}
    said = {**of, "words": "applysoftware", "contractor": "carl", "firm": "Acme", "escort": "lead", "expires": UNTIL}
    said["nonce"] = "33" * 16
    return signed("escort.go", namespace, "lead", {**said, **other}, {}, key)


def revoked(key: bytes = SEED) -> Draft:
    data: dict[str, Json] = {**enrolled("lead", key).data, "reason": "stolen"}
    return Draft("key.revoked", Actor("person", "boss"), None, data)


def told(ledger: SqliteLedger, folder: Path, added: list[Draft], *, close: bool = True) -> tuple[int, str]:
    """Verify the whole log after these entries, by the change's own frame alone and entry by entry."""
    write(ledger, [*drafts(ledger), *added], close=close)
    jsonl.export_log(ledger, folder / "log.jsonl")
    found = []
    for options in ([], ["--every-entry"]):
        report = verify.Report()
        code = verify.main([str(folder / "log.jsonl"), *options], report)
        found.append((code, "\n".join(": ".join(line) for line in report.lines)))
    assert found[0] == found[1]
    return found[0]


def test_a_word_and_a_go_are_verified_like_an_approval_in_the_log_and_in_the_pack(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    code, said = told(ledger, tmp_path, [confirmed(), asked(), go()])
    assert code == verify.VERIFIED, said
    assert "ok: entry 15: lead, forward step apply is done (signed by SSH key SHA256:" in said
    assert "lead, go for forward step apply, attempt 1 (signed by SSH key SHA256:" in said
    (tmp_path / "pack.zip").write_bytes(pack.make(ledger, CHANGE))
    report = verify.Report()
    assert verify.main([str(tmp_path / "pack.zip")], report) == verify.VERIFIED
    assert sum("apply" in what for _, _, what in report.lines) == 2


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        ([confirmed(person="dora")], "is a word that names person dora where lead was in force"),
        ([confirmed(step="other")], "is a word that names step other where apply was in force"),
        ([confirmed(number="5")], "is a word that names number 5 where 4 was in force"),
        ([confirmed(phase="commit")], "is a word that names phase commit where forward was in force"),
        ([confirmed(plan_digest="sha256:" + "cc" * 32)], "is a word that names plan_digest sha256:cccc"),
        ([confirmed(change="chg-0009")], "is a word that names change chg-0009"),
        ([confirmed(by="somebody")], "is a word that names by somebody"),
        ([confirmed(namespace=b"approval@sangate")], "is a word that has a signature made for another purpose"),
        ([confirmed(seat="storage")], "is a word that has no statement of version 1"),
        ([confirmed(key=b"\x66" * 32)], "is signed with a key that no entry before enrols for lead"),
        (
            [confirmed(), confirmed("seen")],
            "that was entered before: it was given once",
        ),
        ([go()], "is a go that names ask aa where nothing was in force"),
        ([asked(), asked(ask="bb"), go()], "is a go that names ask aa where bb was in force"),
        ([asked(attempt=2), go()], "is a go that names attempt 1 where 2 was in force"),
        ([asked(command="other"), go()], "is a go that names words applysoftware where other was"),
        ([asked(until="2026-11-22T20:30:00.000000Z"), go()], "is a go that names expires"),
        ([asked(), go(array="east-1")], "is a go that names array east-1 where west-2 was in force"),
        ([asked(), go(escort="dora")], "is a go that names escort dora where lead was in force"),
        ([asked(), go(namespace=b"approval@sangate")], "is a go that has a signature made for another purpose"),
    ],
)
def test_a_word_or_a_go_that_does_not_hold_is_named(
    ledger: SqliteLedger, tmp_path: Path, added: list[Draft], sentence: str
) -> None:
    code, said = told(ledger, tmp_path, added)
    assert (code, sentence in said) == (verify.TAMPERED, True), said


def test_a_changed_signature_of_a_word_is_found(ledger: SqliteLedger, tmp_path: Path) -> None:
    whole = confirmed()
    other = Draft(whole.kind, whole.actor, CHANGE, {**whole.data, "signature": confirmed("seen").data["signature"]})
    code, said = told(ledger, tmp_path, [other])
    assert (code, "a signature that is not of this statement by this key" in said) == (verify.TAMPERED, True)


@pytest.mark.parametrize(
    "late",
    [approval("lead", "storage", signed=True, nonce="11" * 16), confirmed(), go()],
)
def test_what_a_key_signs_after_it_was_revoked_is_named_and_what_it_signed_before_is_not(
    ledger: SqliteLedger, tmp_path: Path, late: Draft
) -> None:
    code, said = told(ledger, tmp_path, [asked(), revoked(), late])
    assert code == verify.TAMPERED
    (wrong,) = [line for line in said.splitlines() if line.startswith("WRONG")]
    index = int(wrong.partition("that entry ")[2].split()[0])
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert (kinds[index], "is signed with a key that entry" in wrong) == ("key.revoked", True)


def test_a_revocation_alone_changes_nothing_and_the_next_key_of_the_person_counts(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    key = b"\x66" * 32
    following = approval("lead", "storage", signed=True, key_seed=key, nonce="11" * 16)
    code, said = told(ledger, tmp_path, [revoked(), enrolled("lead", key), following])
    assert code == verify.VERIFIED, said


def test_a_key_that_is_enrolled_again_after_its_revocation_signs_nothing(ledger: SqliteLedger, tmp_path: Path) -> None:
    late = approval("lead", "storage", signed=True, nonce="11" * 16)
    code, said = told(ledger, tmp_path, [revoked(), enrolled("lead"), late])
    assert (code, "is signed with a key that entry" in said) == (verify.TAMPERED, True)
