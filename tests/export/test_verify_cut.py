"""What is handed out, cut at every place where it can be cut: no cut file verifies, and it is said what is missing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.export import cloudevents, jsonl, pack, population, verify
from gate.ledger.entry import GATE, Actor, Draft
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger
from tests.export.conftest import CHANGE, ORIGIN, Ticking, drafts, make_ledger, write
from tests.export.readers import READERS
from tests.export.test_verify_mapped import MADE, judge, made

CANNOT_TELL, TAMPERED, VERIFIED = verify.CANNOT_TELL, verify.TAMPERED, verify.VERIFIED


@pytest.fixture
def log(told: SqliteLedger, tmp_path: Path) -> Path:
    jsonl.export_log(told, tmp_path / "log.jsonl")
    return tmp_path / "log.jsonl"


def run(path: Path, *options: str) -> tuple[int, str]:
    report = verify.Report()
    return verify.main([str(path), *options], report), "\n".join(": ".join(line) for line in report.lines)


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_a_log_cut_after_any_entry_names_the_first_that_is_missing(log: Path) -> None:
    whole = lines_of(log)
    for count in range(1, len(whole)):
        log.write_bytes(b"".join(whole[:count]))
        code, said = run(log)
        assert code == TAMPERED
        assert (
            f"entry {count}: is missing: the log was signed with {len(whole)} entries; ask for the whole file" in said
        )


def test_a_log_of_which_nothing_is_left_is_no_log(log: Path) -> None:
    log.write_bytes(b"")
    assert run(log)[0] == CANNOT_TELL


def test_a_log_cut_within_an_entry_names_that_entry(log: Path) -> None:
    whole = log.read_bytes()
    for place in (len(whole) - 1, len(whole) - 2, len(whole) - 150):
        log.write_bytes(whole[:place])
        code, said = run(log)
        assert code == TAMPERED
        assert "entry 16: is cut short: the file does not end with a line end" in said


def test_a_log_that_has_lost_its_beginning_does_not_verify(log: Path) -> None:
    whole = lines_of(log)
    for count in range(1, len(whole)):
        log.write_bytes(b"".join(whole[count:]))
        assert run(log)[0] == TAMPERED


@pytest.mark.parametrize("ending", ["checkpoint", "policy"])
def test_a_companion_cut_anywhere_proves_nothing(log: Path, ending: str) -> None:
    path = log.with_suffix(f".{ending}")
    whole = path.read_bytes()
    for place in range(len(whole) - (ending == "policy")):  # a policy says the same without its last line end
        path.write_bytes(whole[:place])
        assert run(log)[0] != VERIFIED, whole[:place]


def test_leaf_hashes_cut_short_name_no_wrong_entry(log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b"lead", b"malle", 1))
    path = log.with_suffix(".leaves")
    whole = path.read_bytes()
    for length in (0, 31, 32, len(whole) - 32, len(whole) - 1):
        path.write_bytes(whole[:length])
        code, said = run(log)
        assert code == TAMPERED
        assert "which one: needs the .leaves file" in said


def test_the_proof_of_a_change_of_key_is_followed_whole_or_not_at_all(told: SqliteLedger, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.write_text(f"log {told.vkey}\nquorum none\n")
    successor = keys.create(tmp_path / "next.key", ORIGIN)
    told.rotate(successor, GATE, "yearly")
    told.close()
    renewed = open_ledger(tmp_path / "ledger.db", signer=successor, clock=Ticking())
    renewed.append(Draft("export.made", GATE))
    jsonl.export_log(renewed, tmp_path / "log.jsonl")
    renewed.close()
    log, path = tmp_path / "log.jsonl", tmp_path / "log.rotations"
    assert run(log, "--policy", str(held))[0] == VERIFIED
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place])
        assert run(log, "--policy", str(held))[0] == TAMPERED, whole[:place]


@pytest.mark.parametrize("ending", ["tsr", "stamped"])
def test_half_a_time_stamp_is_not_passed_over(log: Path, ending: str) -> None:
    log.with_suffix(".tsr").write_bytes(b"the reply")
    shutil.copy(log.with_suffix(".checkpoint"), log.with_suffix(".stamped"))
    assert run(log)[0] == VERIFIED
    log.with_suffix(f".{ending}").unlink()
    assert run(log)[0] != VERIFIED


def test_a_disclosure_cut_short_is_not_passed_over(tmp_path: Path) -> None:
    ledger = open_ledger(
        tmp_path / "ledger.db",
        signer=keys.create(tmp_path / "ledger.key", ORIGIN),
        clock=Ticking(),
        private=frozenset({"approval.signed.reason"}),
    )
    write(ledger, drafts(ledger))
    jsonl.export_log(ledger, tmp_path / "log.jsonl")
    whole = b"".join(one.line + b"\n" for one in ledger.disclosures(range(ledger.size())))
    ledger.close()
    path, log = tmp_path / "log.private.jsonl", tmp_path / "log.jsonl"
    path.write_bytes(whole)
    assert "2 values are the ones that their entries commit to" in run(log)[1]
    for place in range(1, len(whole)):
        path.write_bytes(whole[:place])
        complete = whole[place : place + 1] == b"\n" or whole[place - 1 : place] == b"\n"
        assert run(log)[0] == (VERIFIED if complete else TAMPERED), whole[:place]


def test_a_pack_cut_after_any_of_its_files_does_not_verify(told: SqliteLedger, tmp_path: Path) -> None:
    data, path = pack.make(told, CHANGE), tmp_path / "pack.zip"
    place = data.find(b"PK", 1)
    while place > 0:
        path.write_bytes(data[:place])
        assert run(path)[0] == TAMPERED
        place = data.find(b"PK", place + 1)


Cut = Callable[[list[bytes], int], list[bytes]]
CUTS: dict[str, Cut] = {
    "its tail": lambda lines, count: lines[: len(lines) - count],
    "its head": lambda lines, count: lines[count:],
    "its statements": lambda lines, count: lines[1 : len(lines) - count],
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("cut", CUTS)
def test_a_mapped_file_that_has_lost_lines_at_an_end_does_not_verify(
    told: SqliteLedger, log: Path, tmp_path: Path, name: str, cut: str
) -> None:
    path = made(told, tmp_path, name)
    whole = lines_of(path)
    for count in range(1, len(whole)):
        path.write_bytes(b"".join(CUTS[cut](whole, count)))
        assert judge(path, log)[0] != VERIFIED, count


@pytest.mark.parametrize("name", ["jsonl", "ocsf", "rfc5424", "cef"])
def test_records_without_statements_are_a_part_only_where_the_auditor_says_so(
    told: SqliteLedger, log: Path, tmp_path: Path, name: str
) -> None:
    path = made(told, tmp_path, name)
    whole = lines_of(path)[1:-1]
    for count in (1, 5, len(whole)):
        path.write_bytes(b"".join(whole[:count]))
        code, said = judge(path, log)
        assert code == CANNOT_TELL
        assert f"unsure: end of the file: nothing states that entry {count - 1} is the last" in said
        assert "Ask for the file with its statements, or say --part" in said
        code, said = judge(path, log, "--part")
        assert code == VERIFIED
        assert "note: end of the file: a part, as you said" in said


def test_a_stream_cut_within_a_record_is_named(told: SqliteLedger, log: Path, tmp_path: Path) -> None:
    taken = population.begin(told, MADE)
    (chunk,) = population.items(told, taken)
    path = tmp_path / "stream"
    path.write_bytes(b"".join(cloudevents.event(told.origin, item) + b"\n" for item in chunk)[:-30])
    code, said = judge(path, log, "--part")
    assert code == TAMPERED
    assert "line 17: is cut short" in said


def test_the_beginning_of_an_export_is_a_part_only_where_the_auditor_says_so(
    told: SqliteLedger, log: Path, tmp_path: Path
) -> None:
    path = made(told, tmp_path, "csv")
    path.write_bytes(b"".join(lines_of(path)[:9]))
    code, said = judge(path, log)
    assert code == TAMPERED
    assert "entry 7: is missing from the file, which claims to have it" in said
    assert judge(path, log, "--part")[0] == VERIFIED


def test_a_large_log_is_judged_by_two_processes_as_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ledger = make_ledger(tmp_path)
    opened = Draft("change.opened", Actor("person", "engineer"), CHANGE, {"title": "x" * 300, "number": 1})
    ledger.append_all([opened] * 600)
    write(ledger, [])
    jsonl.export_log(ledger, tmp_path / "log.jsonl")
    ledger.close()
    log = tmp_path / "log.jsonl"
    whole = log.read_bytes()
    overlong = whole.replace(b"\n", b"", 300)
    for content in (whole, whole[:-200], whole.replace(b"xxx", b"xyx", 5), overlong, whole + overlong):
        log.write_bytes(content)
        monkeypatch.setattr(verify, "LARGE", 1 << 40)
        alone = run(log)
        monkeypatch.setattr(verify, "LARGE", 0)
        assert run(log) == alone
    assert capfd.readouterr().err == ""
