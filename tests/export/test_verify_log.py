import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.canonical import encode
from gate.export import jsonl, pack, verify
from gate.ledger import checkpoint, merkle
from gate.ledger import policy as trust
from gate.ledger.entry import GATE, Draft
from gate.store import keys, schema
from gate.store.sqlite import SqliteLedger, open_ledger
from tests.export.conftest import CHANGE, ORIGIN, Ticking, approval, drafts, enrolled, write


def judge(path: Path, *options: str) -> tuple[int, str]:
    report = verify.Report()
    code = verify.main([str(path), *options], report)
    return code, "\n".join(": ".join(line) for line in report.lines)


@pytest.fixture
def log(told: SqliteLedger, tmp_path: Path) -> Path:
    jsonl.export_log(told, tmp_path / "log.jsonl")
    return tmp_path / "log.jsonl"


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        (
            [approval("lead", "storage", signed=True, key_seed=b"\x66" * 32, nonce="11" * 16)],
            "that no entry before enrols",
        ),
        ([approval("dora", "storage", signed=True)], "is signed with a key of lead, not of dora"),
        ([approval("lead", "storage", signed=True)], "is a statement of lead that was entered before"),
        (
            [approval("dora", "storage", signed=True, key_seed=b"\x66" * 32), enrolled("dora", b"\x66" * 32)],
            "that no entry before enrols for dora",
        ),
        ([enrolled("dora", b"\x66" * 32), approval("dora", "storage", signed=True, key_seed=b"\x66" * 32)], ""),
    ],
)
def test_a_statement_counts_once_and_only_by_a_key_that_was_enrolled_for_its_person(
    ledger: SqliteLedger, tmp_path: Path, added: list[Draft], sentence: str
) -> None:
    write(ledger, [*drafts(ledger), *added])
    jsonl.export_log(ledger, tmp_path / "log.jsonl")
    code, said = judge(tmp_path / "log.jsonl")
    assert (code, sentence in said) == (verify.TAMPERED if sentence else verify.VERIFIED, True), said


def test_in_a_pack_the_key_is_to_be_compared(told: SqliteLedger, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(pack.make(told, CHANGE))
    code, said = judge(tmp_path / "pack.zip")
    assert code == verify.VERIFIED
    assert "compare this key with the one that lead holds: SHA256:" in said


@pytest.mark.parametrize(("previous", "named"), [("gate 1", "gate 1"), ("", "another")])
def test_an_epoch_that_goes_on_from_another_leaves_its_keys_to_be_compared(
    tmp_path: Path, previous: str, named: str
) -> None:
    """Also where no checkpoint of that log is known any more."""
    opened = Draft("log.opened", GATE, data={"origin": ORIGIN, "key": "", "previous": previous, "missing": 0})
    made = open_ledger(
        tmp_path / "ledger.db",
        signer=keys.create(tmp_path / "ledger.key", ORIGIN),
        clock=Ticking(),
        beginning=(opened,),
    )
    made.append_all(drafts(made))
    jsonl.export_log(made, tmp_path / "log.jsonl")
    made.close()
    code, said = judge(tmp_path / "log.jsonl")
    assert code == verify.VERIFIED, said
    assert "compare this key with the one that lead holds: SHA256:" in said
    assert f"this log goes on from {named}, of which 0 entries are declared lost" in said


def grow(ledger: SqliteLedger, count: int) -> None:
    ledger.append_all([Draft("auth.signed_in", GATE, data={"method": str(number)}) for number in range(count)])


def test_an_export_is_the_exact_bytes_and_verifies(log: Path, told: SqliteLedger) -> None:
    assert log.read_bytes() == b"".join(body + b"\n" for body in told.bodies())
    code, said = judge(log)
    assert code == verify.VERIFIED
    assert "17 entries are byte for byte what was signed" in said
    assert "1, of which 1 are closed and whole" in said
    assert "not witnessed" in said


@pytest.mark.parametrize("count", [0, 1, 238, 239, 240, 494, 495, 600])
def test_a_log_of_any_length_verifies(told: SqliteLedger, tmp_path: Path, count: int) -> None:
    grow(told, count)
    assert jsonl.export_log(told, tmp_path / "log.jsonl") == 17 + count
    assert judge(tmp_path / "log.jsonl", "--tree-only")[0] == verify.VERIFIED


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_named_by_the_entry_it_is_in(log: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = log.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 2).filter(lambda byte: whole[byte] != 10))
    new = data.draw(st.integers(0, 255).filter(lambda byte: byte not in {10, whole[place]}))
    folder = tmp_path / "changed"
    folder.mkdir(exist_ok=True)
    for ending in ("checkpoint", "policy", "leaves"):
        shutil.copy(log.with_suffix(f".{ending}"), folder)
    (folder / "log.jsonl").write_bytes(whole[:place] + bytes([new]) + whole[place + 1 :])
    code, said = judge(folder / "log.jsonl")
    if place == 0:
        assert code == verify.CANNOT_TELL
        return
    assert code == verify.TAMPERED
    assert f"WRONG: entry {whole[:place].count(10)} (line" in said


def test_without_the_leaves_it_still_says_that_something_was_changed(log: Path) -> None:
    log.with_suffix(".leaves").unlink()
    log.write_bytes(log.read_bytes().replace(b"lead", b"malle", 1))
    code, said = judge(log)
    assert code == verify.TAMPERED
    assert "at least one entry was changed" in said


def test_an_edit_in_the_database_under_dropped_triggers_is_caught_in_the_export(
    told: SqliteLedger, tmp_path: Path
) -> None:
    connection = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    connection.execute("DROP TRIGGER entry_no_update")
    connection.execute(
        "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), '\"held\"', '\"hurt\"') AS BLOB) WHERE idx = 13"
    )
    connection.execute(schema.TRIGGERS["entry_no_update"])
    connection.close()
    jsonl.export_log(told, tmp_path / "log.jsonl")
    assert judge(tmp_path / "log.jsonl")[0] == verify.TAMPERED


def test_a_log_cut_short_names_the_first_entry_that_is_missing(log: Path) -> None:
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:10]))
    code, said = judge(log)
    assert code == verify.TAMPERED
    assert "entry 10: is missing: the log was signed with 17 entries" in said


def test_entries_behind_the_checkpoint_are_covered_by_nothing(log: Path) -> None:
    log.write_bytes(log.read_bytes() + log.read_bytes().splitlines(keepends=True)[-1])
    code, said = judge(log)
    assert code != verify.VERIFIED
    assert "entry 17" in said


@pytest.mark.parametrize("size", [1, 100, 256, 257, 300, 600])
def test_growth_since_the_last_visit_is_checked(ledger: SqliteLedger, tmp_path: Path, size: int) -> None:
    grow(ledger, size - 1)
    (tmp_path / "last").write_text(ledger.checkpoint())
    write(ledger, drafts(ledger))
    jsonl.export_log(ledger, tmp_path / "log.jsonl")
    code, said = judge(tmp_path / "log.jsonl", "--last", str(tmp_path / "last"))
    assert code == verify.VERIFIED
    assert f"the first {size} entries are unchanged since" in said


def rewritten(tmp_path: Path, count: int) -> SqliteLedger:
    """Another history under the same key: what somebody with the key and the disk can make."""
    (tmp_path / "forged").mkdir()
    shutil.copy(tmp_path / "ledger.key", tmp_path / "forged" / "ledger.key")
    forged = open_ledger(
        tmp_path / "forged" / "ledger.db", signer=keys.load(tmp_path / "forged" / "ledger.key", ORIGIN), clock=Ticking()
    )
    grow(forged, count)
    return forged


@pytest.mark.parametrize(("count", "sentence"), [(30, "history was rewritten"), (3, "the log was cut")])
def test_a_history_signed_anew_with_the_real_key_is_caught_by_the_last_checkpoint(
    told: SqliteLedger, tmp_path: Path, count: int, sentence: str
) -> None:
    (tmp_path / "last").write_text(told.checkpoint())
    forged = rewritten(tmp_path, count)
    jsonl.export_log(forged, tmp_path / "log.jsonl")
    forged.close()
    assert judge(tmp_path / "log.jsonl")[0] == verify.VERIFIED
    code, said = judge(tmp_path / "log.jsonl", "--last", str(tmp_path / "last"))
    assert code == verify.TAMPERED
    assert sentence in said


def test_an_export_of_a_ledger_that_is_behind_goes_out_and_is_not_called_verified(
    told: SqliteLedger, tmp_path: Path
) -> None:
    told.checkpoint(keep=True)
    told.append(Draft("export.made", GATE))
    told.close()
    (tmp_path / "ledger.key.seen").write_text(f"{25:020} {'A' * 43}=\n")
    behind = open_ledger(tmp_path / "ledger.db", signer=keys.load(tmp_path / "ledger.key", ORIGIN), clock=Ticking())
    assert behind.missing == 7
    assert jsonl.export_log(behind, tmp_path / "log.jsonl") == 18
    code, said = judge(tmp_path / "log.jsonl")
    behind.close()
    assert code == verify.CANNOT_TELL
    assert "entry 17: and what follows came after the checkpoint" in said


@pytest.mark.parametrize("name", ["june.log", "june", "v1.2/june"])
def test_a_log_of_any_name_finds_its_companions(told: SqliteLedger, tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    jsonl.export_log(told, tmp_path / name)
    assert judge(tmp_path / name)[0] == verify.VERIFIED


@pytest.mark.parametrize("ending", ["checkpoint", "policy"])
def test_a_missing_companion_leaves_the_verdict_open(log: Path, ending: str) -> None:
    log.with_suffix(f".{ending}").unlink()
    code, said = judge(log)
    assert code == verify.CANNOT_TELL
    assert f"log.{ending}" in said


def test_a_line_longer_than_any_entry_is_not_read_into_memory(log: Path) -> None:
    log.write_bytes(b'{"' + b"x" * 3_000_000 + b"\n")
    code, said = judge(log)
    assert code == verify.TAMPERED
    assert "entry 0: is longer than any entry can be" in said


@pytest.mark.parametrize("path", [".", "nowhere.zip", "/dev/null"])
def test_what_cannot_be_read_is_said_plainly(path: str) -> None:
    assert judge(Path(path))[0] == verify.CANNOT_TELL


def test_the_findings_come_as_json_too(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(log), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["result"], told["exit"]) == ("verified", 0)
    assert {one["finding"] for one in told["findings"]} == {"ok", "note"}


def test_terminal_escapes_of_strangers_are_not_printed(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.with_suffix(".checkpoint").write_text("x\n1\nAA==\n\n\u2014 \x1b[31mred AAAA\n")
    assert verify.main([str(log)]) == verify.TAMPERED
    assert "\x1b" not in capsys.readouterr().out


def test_a_change_of_the_log_is_followed_like_one_of_a_pack(told: SqliteLedger, tmp_path: Path) -> None:
    told.append(Draft("hold.placed", GATE, "chg-0002", {"reason": "x"}))
    jsonl.export_log(told, tmp_path / "log.jsonl")
    code, said = judge(tmp_path / "log.jsonl")
    assert code == verify.VERIFIED
    assert "2, of which 1 are closed and whole" in said
    assert told.history(CHANGE)[-1].kind == "change.closed"


def signed_log(folder: Path, lines: list[bytes]) -> Path:
    """What somebody with the ledger's key can export: any bytes at all, as entries, truly signed."""
    (folder / "any.key").unlink(missing_ok=True)
    key = keys.create(folder / "any.key", ORIGIN)
    head = checkpoint.Checkpoint(ORIGIN, len(lines), merkle.root_of(merkle.leaf_hash(line) for line in lines))
    (folder / "any.checkpoint").write_text(checkpoint.sign(head, key))
    (folder / "any.policy").write_text(trust.write(trust.of(key.vkey)))
    (folder / "any.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    return folder / "any.jsonl"


def line(seq: int | None, kind: str = "step.ended", change: str | None = CHANGE, **data: object) -> bytes:
    entry = {"v": 1, "id": "i", "time": "t", "kind": kind, "change": change, "seq": seq, "blobs": [], "data": data}
    return encode(entry | {"actor": {"type": "gate", "id": "gate"}})  # type: ignore[arg-type]  # data is Json


NASTY = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b'\\"', b"\\u006b", b'"kind":"approval.signed"', b'"seq":7',
    b'},"kind":"change.closed","x":{', b'"a":{"b":1},', b'"change":"chg-0002",', b'"data":{},',
    b"null", b" ", b"\x00", b"\xff", b"1",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_what_is_read_of_a_frame_is_what_any_reader_of_json_finds_there(data: st.DataObject) -> None:
    body = line(data.draw(st.sampled_from([1, 12, None])), because=data.draw(st.text(max_size=3)), step="apply")
    for piece in data.draw(st.lists(st.sampled_from(NASTY), max_size=3)):
        place = data.draw(st.integers(0, len(body)))
        body = body[:place] + piece + body[place + data.draw(st.sampled_from([0, 0, 1, 8])) :]
    try:
        read = json.loads(body)
    except ValueError:
        return
    if found := verify.frame(body):
        change, seq = found.groups()
        assert (change and change.decode(), seq and int(seq)) == (read["change"], read["seq"])
        assert read["kind"] not in verify.FOLLOWED
        assert (read.keys() | {"private"}, read["v"]) == (verify.SHAPE.keys(), 1)


def test_a_plain_frame_is_not_read_further() -> None:
    whole, bare = verify.frame(line(3, because="smoke")), verify.frame(line(None, change=None))
    assert whole
    assert bare
    assert (whole.groups(), bare.groups()) == ((b"chg-0001", b"3"), (None, None))


@pytest.mark.parametrize("kind", verify.FOLLOWED)
def test_a_kind_that_decides_something_is_read_whole(kind: str) -> None:
    assert not verify.frame(line(3, kind))


FRAME_LINE = line(2, because="smoke")
TRICKS = {
    "a sequence that was left out": line(3),
    "a number that is no number": FRAME_LINE.replace(b'"seq":2', b'"seq":"2"'),
    "a number spelled otherwise": FRAME_LINE.replace(b'"seq":2', b'"seq":02'),
    "a number without its change": FRAME_LINE.replace(b'"chg-0001"', b"null"),
    "a change without its number": FRAME_LINE.replace(b'"seq":2', b'"seq":null'),
    "a kind said twice": FRAME_LINE.replace(b'"seq"', b'"kind":"approval.signed","seq"'),
    "a kind said inside and outside": FRAME_LINE.replace(b'"smoke"}', b'"smoke"},"kind":"approval.signed","x":{}'),
    "a kind in escapes": line(2, "approval.signed").replace(b'"approval.signed"', b'"approval\\u002esigned"'),
    "a key in escapes": line(2, "approval.signed").replace(b'"kind"', b'"\\u006bind"'),
    "an approval with spaces": line(2, "approval.signed").replace(b'":', b'": '),
    "keys in another order": b'{"kind":"approval.signed",' + line(2, "approval.signed").replace(
        b'"kind":"approval.signed",', b"")[1:],
    "a closing count that is not true": line(2, "change.closed", entries=9),
    "another version": FRAME_LINE.replace(b'"v":1', b'"v":2'),
    "an empty line": b"",
    "half a line": FRAME_LINE[:90],
    "the other half": FRAME_LINE[90:],
    "two entries on one line": FRAME_LINE + line(3),
    "data that is no object": FRAME_LINE.replace(b'{"because":"smoke"}', b"[]"),
    "bytes that are no text": FRAME_LINE.replace(b"chg-0001", b"chg-\xff"),
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_nothing_is_talked_past_the_reading_of_frames(tmp_path: Path, trick: str) -> None:
    log = signed_log(tmp_path, [line(1), TRICKS[trick], line(3, because="smoke")])
    code, said = judge(log)
    assert code == verify.TAMPERED
    assert "WRONG: entry 1: " in said
    assert (code, said) == judge(log, "--every-entry")


def test_an_entry_after_the_close_is_named_also_when_it_is_a_plain_frame(tmp_path: Path) -> None:
    log = signed_log(tmp_path, [line(1), line(2, "change.closed", entries=2), line(3)])
    code, said = judge(log)
    assert code == verify.TAMPERED
    assert "entry 2: comes after chg-0001 was closed" in said


def test_data_that_decides_nothing_is_read_when_every_entry_is_asked_for(tmp_path: Path) -> None:
    log = signed_log(tmp_path, [line(1), FRAME_LINE.replace(b'"smoke"', b'"smoke","because":"fire"')])
    assert judge(log)[0] == verify.VERIFIED
    code, said = judge(log, "--every-entry")
    assert code == verify.TAMPERED
    assert "WRONG: entry 1: is not JSON" in said


@pytest.mark.parametrize("words", [[], ["--nonsense", "x"], ["a", "b"], ["--policy"], ["a", "--json=1"]])
def test_a_command_line_that_makes_no_sense_is_answered_with_the_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        verify.main(words)
    assert ended.value.code == verify.CANNOT_TELL
    assert capsys.readouterr().err.startswith("usage: verify.py")


def test_help_tells_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        verify.main(["--help"])
    told = capsys.readouterr().out
    names = ("policy", "last", "keep", "checkpoint", "against", "part", "tree-only", "every-entry", "json")
    assert all(f"\n  --{name} " in told for name in names)
