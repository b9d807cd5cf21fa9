import ast
import base64
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.approval import SignedText, Statement, read_statement
from gate.attendance import Confirmation
from gate.escort import Go
from gate.export import pack, verify
from gate.ledger import checkpoint, merkle, note
from gate.ledger import policy as trust
from gate.ledger.entry import Actor, Draft
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger
from gate.waiver import WaiverStatement
from tests.export.conftest import CHANGE, ORIGIN, Ticking, approval, drafts, make_ledger, sign_ssh, statement, write
from tests.ledger.test_cosignature import WITNESS
from tests.parts import need

SOURCE = Path(verify.__file__)
SHAPES: dict[type[SignedText], str] = {
    Statement: "approval.signed",
    WaiverStatement: "waiver.signed",
    Confirmation: "step.confirmed",
    Go: "escort.go",
}


def judge(data: bytes, folder: Path, *options: str) -> tuple[int, str]:
    """Run the verifier's own main on these bytes; return exit code and all findings as text."""
    path = folder / "pack.zip"
    path.write_bytes(data)
    report = verify.Report()
    code = verify.main([str(path), *options], report)
    return code, "\n".join(": ".join(line) for line in report.lines)


def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sealed_again(ledger: SqliteLedger, files: dict[str, bytes]) -> bytes:
    """What a dishonest gate can do: change files, and sign a new manifest with the ledger's key."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = [
        {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in sorted(files.items())
        if not name.startswith("manifest.")
    ]
    files["manifest.json"] = json.dumps(manifest).encode()
    digest = base64.b64encode(hashlib.sha256(files["manifest.json"]).digest()).decode()
    files["manifest.note"] = ledger.sign_note(f"{ORIGIN}#manifest\n{CHANGE}\n{digest}\n").encode()
    return pack._archive(files)


def test_an_untouched_pack_verifies_and_says_what_it_is_worth(packed: bytes, tmp_path: Path) -> None:
    code, said = judge(packed, tmp_path)
    assert code == verify.VERIFIED
    assert "chg-0001 is closed and whole: 8 entries" in said
    assert "lead, seat storage: approve (signed by SSH key SHA256:" in said
    assert "owner, seat data-owner: approve (by web session: the gate's word, no signature)" in said
    assert "not witnessed" in said
    assert "the key comes with what it is to check" in said


def test_the_end_of_a_line_that_was_changed_is_found_at_its_entry(packed: bytes, tmp_path: Path) -> None:
    files = files_of(packed)
    first, *others = files["entries.jsonl"].split(b"\n")
    files["entries.jsonl"] = b"\x0b".join([first, b"\n".join(others)])
    code, said = judge(pack._archive(files), tmp_path)
    assert code == verify.TAMPERED
    assert "entry 1 (line 1 of entries.jsonl): is not what the ledger holds there" in said


def test_the_verifier_in_the_pack_runs_alone_without_anything_installed(packed: bytes, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(packed)
    (tmp_path / "verify.py").write_bytes(files_of(packed)["verify.py"])
    run = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", "pack.zip"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.endswith("verified\n")


def test_the_verifier_in_the_pack_is_the_published_one(packed: bytes) -> None:
    assert files_of(packed)["verify.py"] == SOURCE.read_bytes()


def test_the_verifier_reads_as_python_3_8_and_uses_the_standard_library_only() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - {"cryptography"} <= sys.stdlib_module_names


def test_the_same_change_and_checkpoint_make_the_same_pack(told: SqliteLedger) -> None:
    assert pack.make(told, CHANGE) == pack.make(told, CHANGE)


def test_a_pack_is_a_zip_that_anybody_can_open(packed: bytes, told: SqliteLedger) -> None:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
    assert set(files_of(packed)) >= {"index.html", "entries.jsonl", "checkpoint", "policy", "verify.py"}


def test_an_independent_reader_finds_each_proof_true(told: SqliteLedger) -> None:
    files = files_of(pack.make(told, CHANGE))
    key = note.read_vkey(told.vkey)
    for entry in told.history(CHANGE):
        head, _, signed = files[f"proofs/{entry.index:09d}.tlog-proof"].decode().partition("\n\n")
        root = checkpoint.verify(signed, key)
        proof = [base64.b64decode(line) for line in head.split("\n")[2:]]
        assert merkle.included(merkle.leaf_hash(entry.body), entry.index, root.size, proof, root.root)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_single_changed_byte_anywhere_verifies(packed: bytes, tmp_path: Path, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(packed) - 1))
    value = data.draw(st.integers(1, 255))
    changed = bytearray(packed)
    changed[place] ^= value
    code, said = judge(bytes(changed), tmp_path)
    assert code != verify.VERIFIED
    assert "WRONG: " in said or "neither a pack" in said or (place == 0 and "pack.policy: cannot be read" in said)
    assert "cannot make sense" not in said


@pytest.mark.parametrize("name", ["index.html", "policy", "checkpoint", "manifest.json", "manifest.note", "verify.py"])
def test_a_changed_byte_is_named_by_its_file(packed: bytes, tmp_path: Path, name: str) -> None:
    place = packed.index(files_of(packed)[name]) + len(files_of(packed)[name]) // 2
    changed = bytearray(packed)
    changed[place] ^= 1
    code, said = judge(bytes(changed), tmp_path)
    assert code == verify.TAMPERED
    assert f"WRONG: {name}: " in said


def test_a_changed_entry_is_named_by_its_index(packed: bytes, tmp_path: Path) -> None:
    code, said = judge(packed.replace(b'"result":"held"', b'"result":"helt"'), tmp_path)
    assert code == verify.TAMPERED
    assert "WRONG: entry 13 (line 7 of entries.jsonl): is not what the ledger holds there" in said


def test_a_changed_blob_and_the_entry_that_names_it_are_named(packed: bytes, tmp_path: Path) -> None:
    code, said = judge(packed.replace(b"in exact words", b"in other words"), tmp_path)
    assert code == verify.TAMPERED
    assert "is not the plan that entry 3 names" in said


def test_a_changed_byte_of_the_archive_itself_is_named(packed: bytes, tmp_path: Path) -> None:
    directory = packed.rindex(b"PK\x01\x02")
    changed = bytearray(packed)
    changed[directory + 12] ^= 1
    code, said = judge(bytes(changed), tmp_path)
    assert code == verify.TAMPERED
    assert f"WRONG: byte {directory + 12} of the archive: is not as sangate packs" in said


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_pack_cut_short_or_lengthened_does_not_verify(packed: bytes, tmp_path: Path, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(packed) - 1))
    assert judge(packed[:length], tmp_path)[0] != verify.VERIFIED
    assert judge(packed + data.draw(st.binary(min_size=1, max_size=30)), tmp_path)[0] == verify.TAMPERED


@settings(max_examples=100, deadline=None)
@given(prefix=st.sampled_from([b"", b"PK\x03\x04", b"{", b"PK\x05\x06"]), noise=st.binary(max_size=300))
def test_random_bytes_are_never_verified_and_never_a_traceback(prefix: bytes, noise: bytes, tmp_path: Path) -> None:
    assert judge(prefix + noise, tmp_path)[0] in (verify.TAMPERED, verify.CANNOT_TELL)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", b"[]"),
        ("manifest.json", b'{"files":[1],"entries":["a"]}'),
        ("manifest.json", b'{"files":[{"name":5}],"entries":[]}'),
        ("manifest.json", b"[" * 100000),
        ("manifest.json", b'{"files":[],"entries":[-1]}'),
        ("manifest.json", b'{"files":[],"entries":[99999999999999999999]}'),
        ("entries.jsonl", b"null\n"),
        ("entries.jsonl", b"\xff\n"),
        ("entries.jsonl", b""),
        ("policy", b"log x+y+z\nquorum none\n"),
        ("policy", b"\xff"),
        ("policy", b""),
        ("checkpoint", b"\n\n\n"),
        ("checkpoint", "\n\n\u2014 a b\n".encode()),
        ("manifest.note", b""),
        ("proofs/000000001.tlog-proof", b""),
    ],
)
def test_files_of_the_wrong_shape_are_wrong_and_not_a_traceback(
    packed: bytes, tmp_path: Path, name: str, content: bytes
) -> None:
    code, said = judge(pack._archive({**files_of(packed), name: content}), tmp_path)
    assert code == verify.TAMPERED
    assert "cannot make sense" not in said


def test_a_file_taken_out_or_put_in_is_named(packed: bytes, tmp_path: Path) -> None:
    files = files_of(packed)
    without = {name: content for name, content in files.items() if name != "index.html"}
    assert "index.html: was packed and is no longer in the pack" in judge(pack._archive(without), tmp_path)[1]
    code, said = judge(pack._archive({**files, "zz.txt": b"hello"}), tmp_path)
    assert code == verify.TAMPERED
    assert "zz.txt: was not packed; somebody put it in" in said


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a//b", "a/../b", ".hidden", "a\\b", "a/./b"])
def test_a_name_that_leads_elsewhere_is_refused(packed: bytes, tmp_path: Path, name: str) -> None:
    code, said = judge(pack._archive({**files_of(packed), name: b""}), tmp_path)
    assert code == verify.TAMPERED
    assert "has a name that no pack has" in said


def test_a_file_that_is_there_twice_is_refused(packed: bytes, tmp_path: Path) -> None:
    doubled = io.BytesIO(packed)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(doubled, "a") as archive:
        archive.writestr("policy", b"other")
    assert judge(doubled.getvalue(), tmp_path)[0] == verify.TAMPERED


def test_a_compressed_archive_is_not_unpacked_at_all(packed: bytes, tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("entries.jsonl", b"\0" * 50_000_000)
    code, said = judge(bomb.getvalue(), tmp_path)
    assert code == verify.TAMPERED
    assert "is not as sangate packs: changed, cut short, added or packed again" in said


def test_an_open_change_cannot_be_told_to_be_whole(ledger: SqliteLedger, tmp_path: Path) -> None:
    write(ledger, drafts(ledger), close=False)
    code, said = judge(pack.make(ledger, CHANGE), tmp_path)
    assert code == verify.CANNOT_TELL
    assert "chg-0001 is not closed, so entries after these may exist" in said


def without_line(files: dict[str, bytes], number: int) -> dict[str, bytes]:
    lines = files["entries.jsonl"].splitlines(keepends=True)
    manifest = json.loads(files["manifest.json"])
    del lines[number], manifest["entries"][number]
    return {**files, "entries.jsonl": b"".join(lines), "manifest.json": json.dumps(manifest).encode()}


def test_an_entry_left_out_is_noticed_even_when_the_gate_itself_seals_the_pack(
    told: SqliteLedger, tmp_path: Path
) -> None:
    files = without_line(files_of(pack.make(told, CHANGE)), 2)
    code, said = judge(sealed_again(told, files), tmp_path)
    assert code == verify.TAMPERED
    assert "is number 4 of chg-0001 where number 3 should be: an entry was left out" in said


def test_a_tail_left_out_is_not_whole(told: SqliteLedger, tmp_path: Path) -> None:
    files = without_line(files_of(pack.make(told, CHANGE)), -1)
    assert judge(sealed_again(told, files), tmp_path)[0] == verify.CANNOT_TELL


def test_a_missing_blob_leaves_the_verdict_open(ledger: SqliteLedger, tmp_path: Path) -> None:
    entries = drafts(ledger)
    blob = entries[1].blobs[0].sha256.removeprefix("sha256:")
    (tmp_path / "ledger.db.blobs" / blob[:2] / blob[2:]).unlink()
    write(ledger, entries)
    code, said = judge(pack.make(ledger, CHANGE), tmp_path)
    assert code == verify.CANNOT_TELL
    assert "names plan" in said


FORGED: dict[str, tuple[Callable[[], Draft], str]] = {
    "for another plan": (
        lambda: approval("forger", "storage", signed=True, plan_digest="sha256:" + "cc" * 32),
        "names plan_digest sha256:cccc",
    ),
    "for another verdict": (
        lambda: approval("forger", "storage", signed=True, verdict_digest="sha256:" + "cc" * 32),
        "names verdict_digest",
    ),
    "for another change": (lambda: approval("forger", "storage", signed=True, change="chg-0002"), "names change"),
    "for another gate": (lambda: approval("forger", "storage", signed=False, origin="elsewhere"), "names origin"),
    "a denial": (lambda: approval("forger", "storage", signed=True, decision="deny"), "names decision deny"),
    "expired": (
        lambda: approval("forger", "storage", signed=True, expires="2026-11-22T19:00:00.000000Z"),
        "had expired when it was given",
    ),
}


def with_data(draft: Draft, **data: str) -> Draft:
    return Draft(draft.kind, draft.actor, draft.change, {**draft.data, **data}, draft.blobs)


def other_signature() -> Draft:
    good, other = approval("forger", "storage", signed=True), approval("trudy", "storage", signed=True)
    return with_data(good, signature=str(other.data["signature"]))


def other_key() -> Draft:
    good = approval("forger", "storage", signed=True)
    return with_data(good, key=str(approval("m", "storage", signed=True, key_seed=b"\x08" * 32).data["key"]))


FORGED |= {
    "signature of another statement": (other_signature, "not of this statement by this key"),
    "signature by another key": (other_key, "is signed by another key than the one it names"),
    "no signature": (
        lambda: with_data(approval("forger", "storage", signed=True), signature=""),
        "has no SSH signature",
    ),
    "no key": (lambda: with_data(approval("forger", "storage", signed=True), key=""), "names no public key"),
    "broken armour": (
        lambda: with_data(approval("forger", "storage", signed=True), signature="-----BEGIN SSH SIGNATURE-----\nAA"),
        "has no SSH signature",
    ),
    "session with signature": (
        lambda: with_data(approval("forger", "storage", signed=True), method="session"),
        "carries a signature",
    ),
    "other seat": (lambda: with_data(approval("forger", "storage", signed=True), seat="data-owner"), "names seat"),
    "no statement": (
        lambda: with_data(approval("forger", "storage", signed=True), statement="{}"),
        "has no statement of version 1",
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_an_approval_that_does_not_hold_is_named(ledger: SqliteLedger, tmp_path: Path, case: str) -> None:
    make, sentence = FORGED[case]
    entries = drafts(ledger)
    write(ledger, [*entries[:3], make(), *entries[3:]])
    code, said = judge(pack.make(ledger, CHANGE), tmp_path)
    assert code == verify.TAMPERED
    assert "WRONG: entry 7: is an approval that " in said
    assert sentence in said


def waived(*, named: str = "backup-recent", message: str = "", namespace: bytes = b"waiver@sangate") -> Draft:
    """One half of a waiver as the gate enters it."""
    said = WaiverStatement(
        ORIGIN,
        CHANGE,
        "backup-recent",
        "sha256:" + "5" * 64,
        "backup-owner",
        "keeper",
        "known",
        "2026-11-24T20:00:00.000000Z",
        "n",
    )
    text = said.text()
    signature, key = sign_ssh(Ed25519PrivateKey.from_private_bytes(b"\x09" * 32), message or text, namespace)
    data = {"check": named, "seat": "backup-owner", "statement": text, "method": "ssh"}
    return Draft("waiver.signed", Actor("person", "keeper"), CHANGE, {**data, "signature": signature, "key": key})


def test_a_waiver_is_verified_like_an_approval(ledger: SqliteLedger, tmp_path: Path) -> None:
    entries = drafts(ledger)
    write(ledger, [*entries[:3], waived(), *entries[3:]])
    code, said = judge(pack.make(ledger, CHANGE), tmp_path)
    assert code == verify.VERIFIED, said
    assert "keeper, seat backup-owner: waives a finding of backup-recent (signed by SSH key SHA256:" in said


@pytest.mark.parametrize(
    ("forged", "sentence"),
    [
        (waived(named="backup-isolated"), "names check backup-recent"),
        (waived(message="another text"), "not of this statement by this key"),
        (waived(namespace=b"approval@sangate"), "made for another purpose"),
    ],
    ids=["another check", "another text", "another purpose"],
)
def test_a_waiver_that_does_not_hold_is_named(
    ledger: SqliteLedger, tmp_path: Path, forged: Draft, sentence: str
) -> None:
    entries = drafts(ledger)
    write(ledger, [*entries[:3], forged, *entries[3:]])
    code, said = judge(pack.make(ledger, CHANGE), tmp_path)
    assert code == verify.TAMPERED
    assert "is a waiver that " in said
    assert sentence in said


def test_an_approval_signed_by_ssh_keygen_itself_verifies(ledger: SqliteLedger, tmp_path: Path) -> None:
    keygen = need("ssh-keygen")
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", "id"], cwd=tmp_path, check=True)
    draft = approval("lead", "storage", signed=True)
    (tmp_path / "statement").write_text(str(draft.data["statement"]))
    sign = [keygen, "-q", "-Y", "sign", "-n", "approval@sangate", "-f", "id", "statement"]
    subprocess.run(sign, cwd=tmp_path, check=True, capture_output=True)
    real = with_data(
        draft, signature=(tmp_path / "statement.sig").read_text(), key=(tmp_path / "id.pub").read_text().strip()
    )
    entries = drafts(ledger)
    write(ledger, [*entries[:3], real, *entries[4:]])
    assert judge(pack.make(ledger, CHANGE), tmp_path)[0] == verify.VERIFIED


def test_the_policy_that_the_auditor_holds_decides(packed: bytes, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_ledger(tmp_path / "other")
    (tmp_path / "mine").write_text(trust.write(trust.of(note.read_vkey(other.vkey))))
    other.close()
    code, said = judge(packed, tmp_path, "--policy", str(tmp_path / "mine"))
    assert code == verify.TAMPERED
    assert "which the policy does not name" in said
    (tmp_path / "right").write_bytes(files_of(packed)["policy"])
    code, said = judge(packed, tmp_path, "--policy", str(tmp_path / "right"))
    assert code == verify.VERIFIED
    assert "the key comes with what it is to check" not in said


def test_a_policy_that_asks_for_witnesses_is_not_waved_through(packed: bytes, tmp_path: Path) -> None:
    asked = f"witness W {WITNESS.vkey}\nquorum W".encode()
    (tmp_path / "policy").write_bytes(files_of(packed)["policy"].replace(b"quorum none", asked))
    code, said = judge(packed, tmp_path, "--policy", str(tmp_path / "policy"))
    assert code == verify.CANNOT_TELL
    assert "not witnessed as the policy asks (W): cosigned by nobody in it" in said


def test_two_histories_of_one_size_are_told_apart(packed: bytes, told: SqliteLedger, tmp_path: Path) -> None:
    files = files_of(pack.make(told, CHANGE))
    (tmp_path / "last").write_bytes(files["checkpoint"])
    assert judge(pack.make(told, CHANGE), tmp_path, "--last", str(tmp_path / "last"))[0] == verify.VERIFIED
    told.append(drafts(told)[5].__class__("export.made", drafts(told)[1].actor))
    assert judge(pack.make(told, CHANGE), tmp_path, "--last", str(tmp_path / "last"))[0] == verify.CANNOT_TELL


def test_the_page_escapes_what_people_wrote(packed: bytes) -> None:
    page = files_of(packed)["index.html"].decode()
    assert "8.7 &amp; &lt;later&gt;" in page
    assert "<b>looks" not in page
    assert "Not witnessed" in page
    assert "<script" not in page
    assert "http://" not in page


def test_the_statement_that_the_product_makes_is_the_one_that_the_verifier_reads() -> None:
    for shape, kind in SHAPES.items():
        _, purpose, words, _ = verify.SIGNED[kind]
        assert {*words.split(), "v", "origin", "change", "nonce"} == set(shape.__dataclass_fields__)
        assert purpose.decode() == sys.modules[shape.__module__].NAMESPACE
    made = json.loads(statement("lead", "storage"))
    assert read_statement(statement("lead", "storage")) == Statement(**made)


def test_a_terminal_that_knows_ascii_only_is_no_reason_to_fail(packed: bytes, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(packed.replace(b"lead", "al\u00efc".encode()))
    run = subprocess.run(
        [sys.executable, "-I", "-X", "utf8=0", str(SOURCE), "pack.zip"],
        cwd=tmp_path,
        env={"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
    )
    assert run.returncode == verify.TAMPERED
    assert run.stderr == b""


def test_a_pack_discloses_private_fields_only_when_asked(tmp_path: Path) -> None:
    signer = keys.create(tmp_path / "ledger.key", ORIGIN)
    private = frozenset({"approval.signed.reason"})
    ledger = open_ledger(tmp_path / "ledger.db", signer=signer, clock=Ticking(), private=private)
    write(ledger, drafts(ledger))
    assert "private.jsonl" not in files_of(pack.make(ledger, CHANGE))
    made = pack.make(ledger, CHANGE, disclose=True)
    assert files_of(made)["private.jsonl"].count(b"<b>looks</b> right") == 2
    assert judge(made, tmp_path)[0] == verify.VERIFIED
    ledger.close()
