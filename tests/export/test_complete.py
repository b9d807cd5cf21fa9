"""The complete archive: one file that `verify.py` checks as it is and that a ledger is made from again."""

import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.canonical import Json
from gate.errors import BadInput, CannotTell
from gate.export import complete, jsonl, verify
from gate.ledger.entry import ANONYMOUS, GATE, Blob, Draft
from gate.ledger.note import VerifierKey
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger
from tests.export.conftest import CHANGE, ORIGIN, Ticking, drafts, make_ledger, write

SOURCE = Path(verify.__file__)


def grown(ledger: SqliteLedger) -> SqliteLedger:
    """A closed change, evidence that names a raw reply, another reply, and a value kept outside the log."""
    write(ledger, drafts(ledger), close=False)
    raw = ledger.put_blob(b"what an array answered\n")
    evidence = f'{{"image":"sha256:{"0" * 64}","raw":"{raw}"}}'.encode()
    reply = b"of a probe\n"
    named = (Blob("evidence", ledger.put_blob(evidence), len(evidence)), Blob("reply", ledger.put_blob(reply), 11))
    ledger.append(Draft("evidence.gathered", GATE, CHANGE, {}, named))
    ledger.append(Draft("change.closed", GATE, CHANGE, {"outcome": "held"}))
    ledger.append(Draft("auth.refused", ANONYMOUS, None, {"name": "a real name", "why": "wrong"}))
    return ledger


def whole(ledger: SqliteLedger, *, disclose: bool = False) -> bytes:
    return b"".join(complete.leaving(ledger, disclose=disclose).chunks)


def judge(content: bytes, folder: Path, *options: str) -> tuple[int, str]:
    (folder / "all.zip").write_bytes(content)
    report = verify.Report()
    return verify.main([str(folder / "all.zip"), *options], report), "\n".join(": ".join(one) for one in report.lines)


def files(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(held: dict[str, bytes]) -> bytes:
    """An archive of these files that is well made: whoever forges one can write its headers too."""
    members = [complete._Member(name, iter([data]), crc32(data), len(data)) for name, data in sorted(held.items())]
    return b"".join(complete._archive(iter(members)))


@pytest.fixture
def made(ledger: SqliteLedger) -> SqliteLedger:
    return grown(ledger)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    ledger = grown(make_ledger(tmp_path_factory.mktemp("complete")))
    content = whole(ledger)
    ledger.close()
    return content


def test_it_holds_just_what_an_export_with_blobs_writes_and_any_zip_program_reads_it(
    made: SqliteLedger, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    jsonl.export_log(made, tmp_path / "out" / "ledger.jsonl", blobs=True)
    there = {str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in (tmp_path / "out").rglob("*.*/*/*")}
    there.update({path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()})
    (tmp_path / "all.zip").write_bytes(whole(made))
    with zipfile.ZipFile(tmp_path / "all.zip") as opened:
        assert opened.testzip() is None
        found = {name: opened.read(name) for name in opened.namelist()}
    assert found.pop("ledger.manifest").startswith(b"gate.example.com/ledger/1#archive\ncheckpoint ")
    assert found == there
    assert sum(name.startswith("ledger.blobs/") for name in there) == 4


def test_verify_checks_it_alone_as_it_is(archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(archive)
    words = [sys.executable, "-I", "-S", str(SOURCE), "all.zip", "--keep", "kept"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "blobs: 4 are what entries name" in ran.stdout
    assert "1, of which 1 are closed and whole" in ran.stdout
    assert (tmp_path / "kept").read_bytes() == files(archive)["ledger.checkpoint"]
    assert judge(archive, tmp_path, "--last", str(tmp_path / "kept"))[0] == verify.VERIFIED


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_no_single_changed_byte_anywhere_verifies(archive: bytes, tmp_path: Path, data: st.DataObject) -> None:
    changed = bytearray(archive)
    changed[data.draw(st.integers(0, len(archive) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    code, said = judge(bytes(changed), tmp_path)
    assert code != verify.VERIFIED
    assert "cannot make sense" not in said


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_cut_short_or_lengthened_it_does_not_verify(archive: bytes, tmp_path: Path, data: st.DataObject) -> None:
    assert judge(archive[: data.draw(st.integers(0, len(archive) - 1))], tmp_path)[0] != verify.VERIFIED
    assert judge(archive + data.draw(st.binary(min_size=1, max_size=30)), tmp_path)[0] == verify.TAMPERED


def test_a_blob_of_another_content_a_strange_file_and_one_that_nothing_names_are_told(
    archive: bytes, tmp_path: Path
) -> None:
    held = files(archive)
    raw = next(name for name, content in held.items() if content == b"what an array answered\n")
    plan = next(name for name, content in held.items() if b"in exact words" in content)
    strange = {"ledger.blobs/ab/" + "0" * 62: b"x", "readme.txt": b"x"}
    for changed, said in [
        ({raw: b"what nobody answered\n"}, "is not the reply that evidence names"),
        ({plan: b"other words"}, "is not the plan that entry"),
        (dict([strange.popitem()]), "readme.txt: belongs to no log; somebody put it in"),
        (strange, "is named by no entry and no evidence; somebody put it in"),
    ]:
        code, found = judge(packed({**held, **changed}), tmp_path)
        assert code == verify.TAMPERED
        assert said in found
    assert judge(packed(held), tmp_path)[0] == verify.VERIFIED


@pytest.mark.parametrize("name", ["plan", "reply"])
def test_a_blob_that_is_gone_without_an_entry_about_it_cannot_be_told(
    archive: bytes, tmp_path: Path, name: str
) -> None:
    held = files(archive)
    content = {"plan": b"the sealed plan, in exact words\n", "reply": b"of a probe\n"}[name]
    del held[next(file for file, there in held.items() if there == content)]
    code, said = judge(packed(held), tmp_path)
    assert code == verify.CANNOT_TELL
    assert f"names {name} (sha256:" in said


def test_a_reply_that_was_removed_with_an_entry_about_it_is_missed_by_nobody(
    made: SqliteLedger, tmp_path: Path
) -> None:
    reply = made.put_blob(b"of a probe\n")
    listed = f'["{reply}"]'.encode()
    blob = Blob("pruned", made.put_blob(listed), len(listed))
    data: dict[str, Json] = {"before": "2026-11-23T00:00:00.000000Z", "count": 1, "size": 11, "reason": "a year"}
    made.append(Draft("blobs.pruned", GATE, None, data, (blob,)))
    made.drop_blob(reply)
    code, said = judge(whole(made), tmp_path)
    assert code == verify.VERIFIED, said
    assert "4 are what entries name; 1 are not there" in said
    held = files(whole(made))
    del held[next(name for name, content in held.items() if content == listed)]
    assert judge(packed(held), tmp_path)[0] == verify.CANNOT_TELL


def test_an_older_archive_in_the_place_of_a_newer_is_told_by_the_last_visit_alone(
    made: SqliteLedger, tmp_path: Path
) -> None:
    older = whole(made)
    made.append(Draft("auth.refused", ANONYMOUS, None, {"name": "again", "why": "wrong"}))
    (tmp_path / "kept").write_text(made.checkpoint())
    assert judge(older, tmp_path)[0] == verify.VERIFIED
    code, said = judge(older, tmp_path, "--last", str(tmp_path / "kept"))
    assert (code, "the log was cut" in said) == (verify.TAMPERED, True)


def test_personal_values_come_only_when_they_are_asked_for(made: SqliteLedger, tmp_path: Path) -> None:
    assert b"a real name" not in whole(made)
    told = whole(made, disclose=True)
    assert b"a real name" in files(told)["ledger.private.jsonl"]
    assert "1 values are the ones that their entries commit to" in judge(told, tmp_path)[1]
    other = packed(
        {**files(told), "ledger.private.jsonl": files(told)["ledger.private.jsonl"].replace(b"real", b"fake")}
    )
    assert judge(other, tmp_path)[0] == verify.TAMPERED


MANIFEST = "ledger.manifest"
OTHER = str(VerifierKey("gate.example.com/ledger/1", b"k" * 32))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ledger.policy": f"log {OTHER}\nquorum none\n".encode()}, "ledger.policy: is not as it was signed"),
        ({"ledger.policy": b""}, "ledger.policy: is not as it was signed"),
        ({"ledger.leaves": b"x" * 32}, "ledger.leaves: is not as it was signed"),
        ({"ledger.rotations": b""}, "ledger.rotations: is not as it was signed"),
        ({"ledger.private.jsonl": b""}, "ledger.private.jsonl: is not as it was signed"),
        ({"ledger.tsr": b"x", "ledger.stamped": None}, "ledger.tsr: is not as it was signed"),
    ],
)
def test_what_lies_beside_the_log_is_refused_where_the_ledgers_key_has_not_signed_it(
    archive: bytes, tmp_path: Path, changed: dict[str, bytes | None], said: str
) -> None:
    held = files(archive)
    (tmp_path / "mine").write_bytes(held["ledger.policy"])
    held |= {name: held["ledger.checkpoint"] if content is None else content for name, content in changed.items()}
    code, found = judge(packed(held), tmp_path, "--policy", str(tmp_path / "mine"))
    assert (code, said in found) == (verify.TAMPERED, True), found


@pytest.mark.parametrize("name", ["ledger.policy", "ledger.leaves"])
def test_what_was_signed_and_is_gone_is_told(archive: bytes, tmp_path: Path, name: str) -> None:
    held = files(archive)
    (tmp_path / "mine").write_bytes(held.pop("ledger.policy"))
    held |= {} if name == "ledger.policy" else {"ledger.policy": (tmp_path / "mine").read_bytes()}
    held.pop(name, None)
    code, found = judge(packed(held), tmp_path, "--policy", str(tmp_path / "mine"))
    assert (code, f"{name}: is not as it was signed" in found) == (verify.TAMPERED, True), found


def test_a_manifest_of_another_key_purpose_order_or_head_is_none_of_this_archive(
    archive: bytes, made: SqliteLedger, tmp_path: Path
) -> None:
    older = files(whole(made))
    made.append(Draft("auth.refused", ANONYMOUS, None, {"name": "again", "why": "wrong"}))
    held = files(whole(made))
    (tmp_path / "mine").write_bytes(held["ledger.policy"])
    first, *listed = held[MANIFEST].decode().split("\n\n")[0].split("\n")
    for manifest in (
        files(archive)[MANIFEST],
        made.sign_note("\n".join([first.replace("archive", "export"), *listed, ""])).encode(),
        made.sign_note("\n".join([first, *reversed(listed), ""])).encode(),
        older[MANIFEST],
    ):
        code, found = judge(packed({**held, MANIFEST: manifest}), tmp_path, "--policy", str(tmp_path / "mine"))
        assert (code, "WRONG: ledger." in found) == (verify.TAMPERED, True), found
    assert judge(packed(held), tmp_path, "--policy", str(tmp_path / "mine"))[0] == verify.VERIFIED


def test_whoever_holds_the_key_before_the_last_follows_the_change_of_key_to_the_manifest(
    made: SqliteLedger, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text(jsonl.policy(made.policy))
    successor = keys.create(tmp_path / "next.key", ORIGIN)
    made.rotate(successor, GATE, "yearly")
    with closing(open_ledger(tmp_path / "ledger.db", signer=successor, clock=Ticking())) as renewed:
        held = files(whole(renewed))
    words = ("--policy", str(tmp_path / "mine"))
    code, found = judge(packed(held), tmp_path, *words)
    assert (code, "change of key 1: entry" in found) == (verify.VERIFIED, True), found
    code, found = judge(packed({**held, "ledger.policy": (tmp_path / "mine").read_bytes()}), tmp_path, *words)
    assert (code, "ledger.policy: is not as it was signed" in found) == (verify.TAMPERED, True), found
    del held["ledger.rotations"]
    assert judge(packed(held), tmp_path, *words)[0] == verify.TAMPERED


def test_without_its_manifest_nobody_can_tell_whose_policy_lies_in_an_archive(archive: bytes, tmp_path: Path) -> None:
    held = files(archive)
    del held[MANIFEST]
    code, found = judge(packed(held), tmp_path)
    assert (code, f"{MANIFEST}: is not there" in found) == (verify.CANNOT_TELL, True), found
    (tmp_path / "older.zip").write_bytes(packed(held))
    log = complete.unpack(tmp_path / "older.zip", tmp_path / "older")
    assert verify.main([str(log)]) == verify.VERIFIED


def test_sizes_beyond_four_gigabytes_are_spelled_as_zipfile_reads_them() -> None:
    large, name = 5 << 30, b"ledger.jsonl"
    heading = verify.zip_heading(name, 7, large)
    assert heading[4:6] == b"\x2d\0"
    start = len(heading) + large
    listed = verify.zip_heading(name, 7, large, 0) + verify.zip_heading(b"z", 0, 0, start)
    ending = listed + verify.zip_ending(start + len(verify.zip_heading(b"z", 0, 0)), len(listed), 2)

    class Far(io.RawIOBase):
        """The end of an archive whose beginning is only thought of."""

        place, end = 0, start + 31 + len(ending)

        def seekable(self) -> bool:
            return True

        def tell(self) -> int:
            return self.place

        def seek(self, offset: int, whence: int = 0) -> int:
            self.place = offset + (0, self.place, self.end)[whence]
            return self.place

        def read(self, size: int = -1) -> bytes:
            begin = self.place - (self.end - len(ending))
            found = ending[begin:] if size < 0 else ending[begin : begin + size]
            self.place += len(found)
            return found

    with zipfile.ZipFile(Far()) as archive:
        assert [(one.filename, one.file_size, one.header_offset) for one in archive.infolist()] == [
            ("ledger.jsonl", large, 0),
            ("z", 0, start),
        ]


def test_more_files_than_a_plain_zip_can_count_are_counted(tmp_path: Path) -> None:
    many = {f"ledger.blobs/{number:07d}": b"" for number in range(70_000)}
    (tmp_path / "many.zip").write_bytes(packed(many))
    with zipfile.ZipFile(tmp_path / "many.zip") as opened:
        assert len(opened.namelist()) == 70_000
    read = verify.Archive(str(tmp_path / "many.zip"))
    assert (len(read.places), read.odd) == (70_000, None)


def test_it_is_unpacked_only_as_it_was_made(archive: bytes, made: SqliteLedger, tmp_path: Path) -> None:
    source, folder = tmp_path / "all.zip", tmp_path / "to"
    for content in (archive[:-1], archive + b"x", b"PK\3\4", packed({"ledger.jsonl": b"", "../evil": b""})):
        source.write_bytes(content)
        with pytest.raises(BadInput):
            complete.unpack(source, folder)
    source.write_bytes(packed({**files(archive), "evil/x": b""}))
    with pytest.raises(BadInput, match="evil/x"):
        complete.unpack(source, folder)
    assert not folder.exists()
    source.write_bytes(archive)
    assert complete.unpack(source, folder).read_bytes() == files(archive)["ledger.jsonl"]
    shutil.rmtree(folder)


def test_a_damaged_blob_ends_the_archive_before_its_end(made: SqliteLedger, tmp_path: Path) -> None:
    reply = next(path for path in tmp_path.rglob("*.blobs/*/*") if path.read_bytes() == b"of a probe\n")
    reply.write_bytes(b"of a robot\n")
    out, pieces = b"", complete.leaving(made).chunks
    with pytest.raises(CannotTell, match="other bytes than when it was written"):
        out += b"".join(_each(pieces))
    assert judge(out, tmp_path)[0] != verify.VERIFIED


def _each(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield from pieces
