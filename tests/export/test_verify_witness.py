"""What the verifier says of witnesses, of a change of key, of another epoch and of disclosed values."""

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from gate.canonical import Json, encode
from gate.export import jsonl, pack, verify
from gate.ledger import checkpoint, cosignature, merkle, note, policy
from gate.ledger.checkpoint import Checkpoint
from gate.ledger.note import Note
from gate.ledger.policy import Witness
from gate.store import keys
from gate.store.sqlite import SqliteLedger
from tests.export.conftest import CHANGE, ORIGIN, drafts, make_ledger, write
from tests.export.test_verify_log import line, signed_log
from tests.ledger.test_cosignature import WitnessSeed
from tests.ledger.test_note import SeedKey

A, B = WitnessSeed("w.example/a", b"a" * 32), WitnessSeed("w.example/b", b"b" * 32)
NAMED = [Witness("a", A.vkey), Witness("b", B.vkey)]
AT = 1_795_000_000


@dataclass
class Witnessed:
    """A log and a pack whose checkpoint `by` have cosigned, and policies to check them with."""

    folder: Path
    ledger: SqliteLedger

    def cosign(self, *by: WitnessSeed) -> None:
        found = note.read(self.ledger.checkpoint())
        lines = [cosignature.sign(found.text, one, AT) for one in by]
        self.ledger.keep_anchor(
            "cosigned", self.ledger.size(), str(Note(found.text, (*found.signatures, *lines))).encode()
        )

    def hand_out(self) -> None:
        jsonl.export_log(self.ledger, self.folder / "log.jsonl")
        (self.folder / "pack.zip").write_bytes(pack.make(self.ledger, CHANGE))

    def judge(self, name: str, need: str = "any", **files: str) -> tuple[int, str]:
        trust = policy.of(note.read_vkey(self.ledger.vkey), NAMED, need)
        (self.folder / "mine").write_text(policy.write(trust))
        report = verify.Report()
        words = [str(self.folder / name), "--policy", str(self.folder / "mine")]
        words += [word for option, file in files.items() for word in (f"--{option}", str(self.folder / file))]
        return verify.main(words, report), "\n".join(": ".join(found) for found in report.lines)


@pytest.fixture
def told_to(tmp_path: Path) -> Iterator[Witnessed]:
    ledger = make_ledger(tmp_path)
    write(ledger, drafts(ledger))
    yield Witnessed(tmp_path, ledger)
    ledger.close()


@pytest.mark.parametrize("name", ["log.jsonl", "pack.zip"])
def test_the_quorum_is_counted_and_told_with_its_times(told_to: Witnessed, name: str) -> None:
    told_to.cosign(A)
    told_to.hand_out()
    code, said = told_to.judge(name)
    assert code == verify.VERIFIED
    assert "ok: witness: cosigned by a at 2026-11-18T11:06:40Z: no second history was shown to them" in said
    code, said = told_to.judge(name, "all")
    assert code == verify.CANNOT_TELL
    assert "not witnessed as the policy asks (witnesses): a at 2026-" in said


def test_two_of_two(told_to: Witnessed) -> None:
    told_to.cosign(A, B)
    told_to.hand_out()
    assert told_to.judge("pack.zip", "all")[0] == told_to.judge("log.jsonl", "2")[0] == verify.VERIFIED


def test_without_any_cosignature_a_policy_with_witnesses_is_not_met(told_to: Witnessed) -> None:
    told_to.hand_out()
    code, said = told_to.judge("log.jsonl")
    assert code == verify.CANNOT_TELL
    assert "cosigned by nobody in it; a second history may exist" in said


def test_a_changed_cosignature_is_a_changed_file(told_to: Witnessed) -> None:
    told_to.cosign(A)
    told_to.hand_out()
    path = told_to.folder / "log.checkpoint"
    found = note.read(path.read_text())
    forged = note.Signature("w.example/a", A.vkey.hash, (AT + 1).to_bytes(8, "big") + found.signatures[1].payload[8:])
    path.write_text(str(Note(found.text, (found.signatures[0], forged))))
    code, said = told_to.judge("log.jsonl")
    assert code == verify.TAMPERED
    assert "checkpoint: is not what w.example/a signed" in said


def test_lines_of_witnesses_that_the_policy_does_not_name_neither_help_nor_harm(told_to: Witnessed) -> None:
    told_to.cosign(A, WitnessSeed("w.example/stranger", b"s" * 32))
    told_to.hand_out()
    assert told_to.judge("log.jsonl")[0] == verify.VERIFIED
    assert told_to.judge("log.jsonl", "all")[0] == verify.CANNOT_TELL


def test_a_pack_made_later_rests_on_the_newest_cosigned_checkpoint_that_covers_it(told_to: Witnessed) -> None:
    told_to.cosign(A)
    told_to.ledger.append(drafts(told_to.ledger)[5].__class__("export.made", drafts(told_to.ledger)[1].actor))
    told_to.hand_out()
    code, said = told_to.judge("pack.zip")
    assert code == verify.VERIFIED
    assert "checkpoint: 17 entries" in said
    assert told_to.judge("log.jsonl")[0] == verify.CANNOT_TELL


def test_the_checkpoint_is_kept_for_the_next_visit_only_when_all_is_well(told_to: Witnessed) -> None:
    told_to.cosign(A)
    told_to.hand_out()
    assert told_to.judge("log.jsonl", "all", keep="next")[0] == verify.CANNOT_TELL
    assert not (told_to.folder / "next").exists()
    code, said = told_to.judge("log.jsonl", keep="next")
    assert code == verify.VERIFIED
    assert "give it as --last at your next visit" in said
    assert (told_to.folder / "next").read_bytes() == (told_to.folder / "log.checkpoint").read_bytes()
    assert told_to.judge("log.jsonl", last="next")[0] == verify.VERIFIED


def test_the_policy_of_the_product_and_of_the_verifier_are_read_alike() -> None:
    chance = random.Random(3)
    pieces = [
        f"log {SeedKey(ORIGIN).vkey}",
        f"witness a {A.vkey}",
        f"witness b {B.vkey}",
        "group g any a b",
        "group h 2 g a",
        "group g all a",
    ]
    pieces += ["quorum none", "quorum g", "quorum a", "quorum h", "group g 3 a b", f"witness g {B.vkey}", "", "# x"]
    pieces += ["group none any a", "group k any none", f"witness none {A.vkey}", "log x", "quorum", f"log {A.vkey}"]
    agreed = 0
    for _ in range(3000):
        middle = [chance.choice(pieces) for _ in range(chance.randrange(5))]
        text = "\n".join([chance.choice(pieces[:2]), *middle, chance.choice(pieces[6:10]), ""])
        try:
            ours = policy.read(text)
        except ValueError:
            with pytest.raises(verify.Bad):
                verify.Policy(text.encode())
            continue
        agreed += 1
        assert verify.Policy(text.encode()).quorum == ours.quorum
    assert agreed > 20


OLD, NEW, NEWER = (SeedKey(ORIGIN, bytes([number]) * 32) for number in (1, 2, 3))


def rotated(tmp_path: Path, *, by: tuple[SeedKey, ...] = (OLD, NEW), said: SeedKey = NEW) -> Path:
    """A log whose entry 1 hands it from OLD to `said`, signed there by the keys `by` and at its end by NEW."""
    names: dict[str, Json] = {"old": str(OLD.vkey), "key": str(said.vkey), "reason": "yearly"}
    lines = [line(None, change=None), line(None, "key.rotated", None, **names), line(None, change=None)]
    leaves = [merkle.leaf_hash(one) for one in lines]

    def subtree(start: int, end: int) -> bytes:
        return merkle.root_of(leaves[start:end])

    steps = [base64.b64encode(step).decode() for step in merkle.inclusion(1, 2, subtree)]
    extra = "extra " + base64.b64encode(lines[1]).decode()
    proof = "\n".join(["c2sp.org/tlog-proof@v1", extra, "index 1", *steps, "", ""])
    proof += note.sign(Checkpoint(ORIGIN, 2, subtree(0, 2)).text, *by)
    (tmp_path / "log.jsonl").write_bytes(b"".join(one + b"\n" for one in lines))
    (tmp_path / "log.checkpoint").write_text(checkpoint.sign(Checkpoint(ORIGIN, 3, subtree(0, 3)), NEW))
    (tmp_path / "log.rotations").write_text(proof)
    (tmp_path / "log.policy").write_text(f"log {OLD.vkey}\nquorum none\n")
    return tmp_path / "log.jsonl"


def judged(path: Path) -> tuple[int, str]:
    report = verify.Report()
    return verify.main([str(path)], report), "\n".join(": ".join(found) for found in report.lines)


def test_a_change_of_key_is_followed_from_the_key_that_is_held(tmp_path: Path) -> None:
    code, said = judged(rotated(tmp_path))
    assert code == verify.VERIFIED, said
    assert f"entry 1 hands the log to key {NEW.vkey.hash.hex()}; the old key and the new have signed it" in said
    (tmp_path / "log.rotations").unlink()
    code, said = judged(tmp_path / "log.jsonl")
    assert code == verify.TAMPERED
    assert "with a key which the policy does not name" in said


@pytest.mark.parametrize("by", [(OLD,), (NEW,), (OLD, NEWER)])
def test_a_change_of_key_needs_both_signatures(tmp_path: Path, by: tuple[SeedKey, ...]) -> None:
    assert judged(rotated(tmp_path, by=by))[0] == verify.TAMPERED


def test_a_change_to_another_key_than_the_one_that_signs_is_none(tmp_path: Path) -> None:
    assert judged(rotated(tmp_path, said=NEWER))[0] == verify.TAMPERED


def test_no_flipped_bit_of_the_proof_of_a_change_of_key_is_followed(tmp_path: Path) -> None:
    path = rotated(tmp_path)
    whole = (tmp_path / "log.rotations").read_bytes()
    for place in range(0, len(whole) - 1, 3):
        (tmp_path / "log.rotations").write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        code, said = judged(path)
        assert code == verify.TAMPERED, (place, said)
        assert "cannot make sense" not in said


def signed_again(log: Path, size: int, *by: SeedKey) -> None:
    """Sign the first `size` entries: what a thief of those keys can do at any time."""
    leaves = [merkle.leaf_hash(one) for one in log.read_bytes().splitlines()[:size]]
    text = Checkpoint(ORIGIN, size, merkle.root_of(leaves)).text
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:size]))
    log.with_suffix(".checkpoint").write_text(note.sign(text, *by))


@pytest.mark.parametrize("held", [(OLD,), (OLD, NEW), (NEW, OLD)])
def test_a_key_that_handed_the_log_on_signs_no_later_tree_alone(tmp_path: Path, held: tuple[SeedKey, ...]) -> None:
    log = rotated(tmp_path)
    log.with_suffix(".policy").write_text("".join(f"log {key.vkey}\n" for key in held) + "quorum none\n")
    assert judged(log)[0] == verify.VERIFIED
    for by, size, due in (((OLD,), 3, False), ((OLD, NEW), 3, True), ((OLD, NEW), 2, True), ((OLD,), 2, False)):
        signed_again(rotated(tmp_path), size, *by)
        log.with_suffix(".policy").write_text("".join(f"log {key.vkey}\n" for key in held) + "quorum none\n")
        code, said = judged(log)
        assert (code == verify.VERIFIED) is due, (by, size, said)
        assert due or "alone, which entry 1 took the log from" in said
    signed_again(rotated(tmp_path), 1, OLD)
    assert judged(log)[0] == verify.VERIFIED


def test_without_the_proof_the_log_itself_says_that_its_key_had_handed_it_on(tmp_path: Path) -> None:
    log = rotated(tmp_path)
    log.with_suffix(".rotations").unlink()
    signed_again(log, 3, OLD)
    code, said = judged(log)
    assert code == verify.TAMPERED
    assert "WRONG: checkpoint: is signed by the key alone that entry 1 took the log from" in said
    signed_again(log, 2, OLD, NEW)
    assert judged(log)[0] == verify.VERIFIED


def test_a_real_rotation_of_the_ledger_is_followed(told_to: Witnessed) -> None:
    from gate.ledger.entry import GATE

    old = told_to.ledger.vkey
    successor = keys.create(told_to.folder / "next.key", ORIGIN)
    signed = told_to.ledger.rotate(successor, GATE, "yearly")
    (told_to.folder / "old.policy").write_text(f"log {old}\nquorum none\n")
    read = verify.Policy((told_to.folder / "old.policy").read_bytes()).head(signed.encode())
    assert read.size == 18


def test_an_epoch_that_declares_a_gap_says_so(tmp_path: Path) -> None:
    previous = checkpoint.sign(
        Checkpoint("gate.example.com/ledger/0", 40, bytes(32)), SeedKey("gate.example.com/ledger/0")
    )
    opened = line(None, "log.opened", None, origin=ORIGIN, key="", previous=previous, missing=3)
    code, said = judged(signed_log(tmp_path, [opened]))
    assert code == verify.VERIFIED
    assert "goes on from gate.example.com/ledger/0 40 " in said
    assert "of which 3 entries are declared lost" in said


def test_a_log_is_opened_once_and_as_itself(tmp_path: Path) -> None:
    opened, other = (line(None, "log.opened", None, origin=name, key="") for name in (ORIGIN, "other/1"))
    assert judged(signed_log(tmp_path, [opened, line(1)]))[0] == verify.VERIFIED
    assert judged(signed_log(tmp_path, [opened, opened]))[0] == verify.TAMPERED
    assert judged(signed_log(tmp_path, [other]))[0] == verify.TAMPERED


SALT = bytes(range(16))


def committed(value: Json) -> bytes:
    entry = json.loads(line(None, "auth.refused", None, why="wrong"))
    return encode(entry | {"private": {"name": "sha256:" + sha256(SALT + encode(["name", value])).hexdigest()}})


def disclosure(value: Json, **changed: Json) -> bytes:
    return encode({"field": "name", "index": 1, "salt": SALT.hex(), "value": value, **changed}) + b"\n"


@pytest.mark.parametrize("value", ["storage-lead", "", 7, "é\u2028\x7f", {"a": ["b", None, True]}])
def test_a_disclosed_value_is_the_one_that_the_entry_commits_to(tmp_path: Path, value: Json) -> None:
    path = signed_log(tmp_path, [line(None, change=None), committed(value)])
    assert judged(path)[0] == verify.VERIFIED, "a commitment without a disclosure says nothing"
    (tmp_path / "any.private.jsonl").write_bytes(disclosure(value))
    code, said = judged(path)
    assert code == verify.VERIFIED
    assert "1 values are the ones that their entries commit to" in said


@pytest.mark.parametrize(
    "wrong",
    [
        disclosure("another"),
        disclosure("storage-lead", salt="00" * 16),
        disclosure("storage-lead", index=0),
        disclosure("storage-lead", index=99),
        disclosure("storage-lead", field="who"),
        disclosure("storage-lead", more=1),
        disclosure("storage-lead", salt=7),
        b"{}\n",
        b"x\n",
    ],
)
def test_a_disclosure_that_is_not_right_is_a_changed_file(tmp_path: Path, wrong: bytes) -> None:
    path = signed_log(tmp_path, [line(None, change=None), committed("storage-lead")])
    (tmp_path / "any.private.jsonl").write_bytes(wrong)
    assert judged(path)[0] == verify.TAMPERED
