"""Keeping the ledger by the command line, on a real data directory: what is lost comes back, or it is said."""

import fcntl
import gzip
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.assembly import open_record
from gate.cli.main import main
from gate.errors import BadInput
from gate.export import jsonl, verify
from gate.keys import public_line
from gate.ledger import checkpoint as heads
from gate.ledger import merkle, note, proof
from gate.ledger.entry import ANONYMOUS, GATE, Blob, Draft
from gate.people import People
from gate.settings import load, shipped
from gate.sshsig import fingerprint
from gate.store.rings import Rings
from tests.witness.running import RunningWitness

HELD = Draft("hold.placed", GATE, "chg-0001", {"reason": "smoke"})
TRIED = Draft("auth.refused", ANONYMOUS, None, {"name": "a real name", "why": "wrong"})
LATER = datetime.now(UTC) + timedelta(days=400)


class Site:
    """A configuration and a data directory."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.config = folder / "config.yaml"
        self.config.write_text(shipped("config.yaml").read_text())
        self.out = folder / "log.jsonl"

    @contextmanager
    def ledger(self, clock: Any = lambda: datetime.now(UTC)) -> Iterator[Any]:
        ledger = open_record(load(self.config, self.data), clock)
        try:
            yield ledger
        finally:
            ledger.close()

    def run(self, *words: object) -> Result:
        words = ("--config", self.config, "--data", self.data, "ledger", *words)
        return CliRunner().invoke(main, [str(word) for word in words])

    def grow(self, count: int) -> None:
        with self.ledger() as ledger:
            ledger.append_all([HELD] * count)

    def export(self) -> None:
        with self.ledger() as ledger:
            jsonl.export_log(ledger, self.out, blobs=True)

    def kinds(self) -> list[str]:
        with self.ledger() as ledger:
            return [entry.kind for entry in ledger.entries()]

    def lose(self) -> None:
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
            (self.data / name).unlink(missing_ok=True)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.grow(3)
    return made


def test_a_missing_tail_comes_back_from_an_export(site: Site, tmp_path: Path) -> None:
    shutil.copy(site.data / "ledger.db", tmp_path / "yesterday.db")
    site.grow(300)
    site.export()
    site.lose()
    shutil.copy(tmp_path / "yesterday.db", site.data / "ledger.db")
    with site.ledger() as behind:
        assert behind.missing == 300
    done = site.run("recover", site.out)
    assert (done.exit_code, done.output) == (0, "entries 4 to 303 are back, with 0 blobs and 0 private values\n")
    with site.ledger() as ledger:
        assert [entry.kind for entry in ledger.entries(303)] == ["hold.placed", "log.recovered"]
        assert ledger.append(HELD, expect=303).seq == 304
        ledger.examine()


def test_a_whole_ledger_comes_back_from_one_archive_with_the_replies_behind_its_evidence(site: Site) -> None:
    with site.ledger() as ledger:
        raw = ledger.put_blob(b"what an array answered")
        evidence = f'{{"raw":"{raw}"}}'.encode()
        blob = Blob("evidence", ledger.put_blob(evidence), len(evidence))
        ledger.append_all([Draft("evidence.gathered", GATE, "chg-0002", {}, (blob,)), TRIED])
    archive = site.folder / "all.zip"
    made = site.run("export", "--format", "complete", "--disclose", "--local", "--out", archive)
    assert made.exit_code == 0, made.output
    assert site.run("verify", archive).exit_code == 0
    site.lose()
    shutil.rmtree(site.data / "blobs")
    (site.data / "private.db").unlink()
    broken = site.folder / "broken.zip"
    broken.write_bytes(archive.read_bytes()[:-1])
    assert (site.run("recover", broken).exit_code, site.run("recover", site.folder / "none.zip").exit_code) == (2, 2)
    broken.write_bytes(gzip.compress(b"{}"))
    assert "gunzip it first" in site.run("recover", broken).output
    done = site.run("recover", archive)
    assert (done.exit_code, done.output) == (0, "entries 0 to 6 are back, with 2 blobs and 1 private values\n")
    assert list(site.data.glob("recover-*")) == []
    with site.ledger() as ledger:
        assert ledger.get_blob(raw) == b"what an array answered"
        assert [told.value for told in ledger.disclosures([5])] == ["a real name"]
        ledger.examine()


def test_a_whole_ledger_comes_back_with_blobs_and_private_values(site: Site, tmp_path: Path) -> None:
    with site.ledger() as ledger:
        digest = ledger.put_blob(b"a reply")
        ledger.append_all([Draft("hold.placed", GATE, "chg-0002", {"reason": "x"}, (Blob("reply", digest, 7),)), TRIED])
    site.export()
    assert site.run("disclose", "--out", tmp_path / "log.private.jsonl").exit_code == 0
    site.lose()
    shutil.rmtree(site.data / "blobs")
    (site.data / "private.db").unlink()
    done = site.run("recover", site.out)
    assert (done.exit_code, done.output) == (0, "entries 0 to 5 are back, with 1 blobs and 1 private values\n")
    with site.ledger() as ledger:
        assert ledger.get_blob(digest) == b"a reply"
        assert [told.value for told in ledger.disclosures([5])] == ["a real name"]
        ledger.examine()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda lines: lines[:-1], "the export ends after 3 entries; its checkpoint covers 4"),
        (lambda lines: [*lines, lines[-1]], "entry 4 of the export was changed"),
        (lambda lines: [*lines[:2], lines[2].replace(b"smoke", b"x"), lines[3]], "entry 2 of the export was changed"),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], "entry 1 of the export was changed"),
        (lambda lines: [*lines[:3], b"{}"], "entry 3"),
        (lambda lines: [], "entry 0"),
    ],
)  # fmt: skip
def test_an_export_that_was_changed_puts_nothing_back(site: Site, change: Any, sentence: str) -> None:
    site.export()
    lines = site.out.read_bytes().split(b"\n")[:-1]
    site.out.write_bytes(b"".join(line + b"\n" for line in change(lines)))
    site.lose()
    done = site.run("recover", site.out)
    assert done.exit_code != 0
    assert sentence in done.output
    assert not (site.data / "ledger.db").exists()


def test_a_checkpoint_of_another_key_puts_nothing_back(site: Site, tmp_path: Path) -> None:
    site.export()
    site.lose()
    (site.data / "keys" / "ledger").unlink()
    (site.data / "keys" / "ledger.seen").unlink()
    done = site.run("recover", site.out)
    assert (done.exit_code, "not of this ledger's key" in done.output) == (2, True)


def test_a_history_other_than_the_remembered_one_puts_nothing_back(site: Site, tmp_path: Path) -> None:
    shutil.copytree(site.data, tmp_path / "thief")
    thief = Site(tmp_path)
    thief.data = tmp_path / "thief"
    with thief.ledger() as ledger:
        ledger.append_all([Draft("hold.placed", GATE, "chg-0001", {"reason": "forged"})] * 5)
    thief.export()
    site.grow(5)
    site.lose()
    done = site.run("recover", thief.out)
    assert (done.exit_code, "are not those remembered beside the key" in done.output) == (1, True)


def test_nothing_is_put_back_beside_a_running_gate_or_onto_a_whole_ledger(site: Site) -> None:
    site.export()
    done = site.run("recover", site.out)
    assert "the ledger has 4 entries, the export 4" in done.output
    with (site.data / "driver.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "a gate is running on this data directory" in site.run("recover", site.out).output


def test_a_new_key_takes_over_and_the_old_one_vouches_for_it(site: Site) -> None:
    with site.ledger() as ledger:
        old = note.read_vkey(ledger.vkey)
    done = site.run("rotate-key", "--reason", "once a year")
    assert done.exit_code == 0
    with site.ledger() as ledger:
        new = note.read_vkey(ledger.vkey)
        assert new.hash != old.hash
        (told,) = ledger.rotations()
        read = proof.read(told)
        head = heads.verify(read.signed, old)
        assert heads.verify(read.signed, new) == head
        assert head.size == read.index + 1
        assert read.extra is not None
        assert merkle.included(merkle.leaf_hash(read.extra), read.index, head.size, read.hashes, head.root)
        assert json.loads(read.extra)["data"] == {"old": str(old), "key": str(new), "reason": "once a year"}
        ledger.append(HELD)
        with pytest.raises(ValueError, match="no signature"):
            heads.verify(ledger.checkpoint(keep=True), old)
    assert not (site.data / "keys" / "ledger.next").exists()
    site.export()
    site.lose()
    assert site.run("recover", site.out).exit_code == 0
    with site.ledger() as ledger:
        assert ledger.rotations() == (told,)
        ledger.examine()


def test_who_was_stopped_while_the_key_was_changed_finds_it_changed(site: Site) -> None:
    key = site.data / "keys" / "ledger"
    before = key.read_bytes()
    assert site.run("rotate-key", "--reason", "once a year").exit_code == 0
    key.rename(key.with_name("ledger.next"))
    key.write_bytes(before)
    key.chmod(0o600)
    site.grow(1)
    assert not key.with_name("ledger.next").exists()
    assert key.read_bytes() != before


def test_a_ledger_that_the_log_was_taken_from_signs_no_more(site: Site) -> None:
    with site.ledger() as running:
        assert site.run("rotate-key", "--reason", "x").exit_code == 0
        with pytest.raises(Exception, match="the ledger belongs to"):
            running.checkpoint()


def test_a_lost_tail_ends_the_log_and_the_next_one_says_so(site: Site, tmp_path: Path) -> None:
    shutil.copy(site.data / "ledger.db", tmp_path / "yesterday.db")
    site.grow(7)
    with site.ledger() as ledger:
        last = ledger.checkpoint(keep=True)
    (tmp_path / "last.checkpoint").write_text(last)
    site.lose()
    shutil.copy(tmp_path / "yesterday.db", site.data / "ledger.db")
    words = ("recover", "--new-epoch", "--checkpoint", tmp_path / "last.checkpoint", "--reason", "the disk is gone")
    done = site.run(*words)
    assert (done.exit_code, "origin: sangate.example/ledger/2" in done.output) == (1, True)
    site.config.write_text(site.config.read_text().replace("sangate.example/ledger/1", "sangate.example/ledger/2"))
    assert "for a new epoch" in site.run("examine").output.lower()
    done = site.run(*words)
    assert (done.exit_code, done.output.split(";")[0]) == (
        0,
        "sangate.example/ledger/1 ended with 4 entries, 7 are lost",
    )
    with site.ledger() as ledger:
        opened, recovered = ledger.entries()
        assert opened.data == {"origin": "sangate.example/ledger/2", "previous": last, "missing": 7}
        assert recovered.data == {
            "reason": "the disk is gone", "from": "sangate.example/ledger/1", "size": 4, "missing": 7,
        }  # fmt: skip
        ledger.append(HELD)
    assert (site.data / "ledger.db.epoch-1").exists()
    site.export()
    assert verify.main([str(site.out)]) == verify.VERIFIED


def test_a_key_that_was_taken_away_stays_so_in_the_next_log_also_where_the_entry_is_lost(site: Site) -> None:
    lines = {who: public_line(Ed25519PrivateKey.generate(), who) for who in ("lead", "owner", "steward")}
    names = {who: fingerprint(line) for who, line in lines.items()}
    people = People(site.data / "working.db", lambda: datetime.now(UTC))
    with site.ledger() as ledger:
        for who, line in lines.items():
            people.add(who, "a password for tests")
            people.enrol_key(who, line)
            ledger.append(Draft("key.enrolled", GATE, None, {"person": who, "fingerprint": names[who]}))
        ledger.append(
            Draft("key.revoked", GATE, None, {"person": "lead", "fingerprint": names["lead"], "reason": "stolen"})
        )
    people.take_keys({names["owner"]})  # the entry of this one lay in the tail that is lost
    site.config.write_text(site.config.read_text().replace("sangate.example/ledger/1", "sangate.example/ledger/2"))
    done = site.run("recover", "--new-epoch", "--reason", "the key is in strange hands")
    assert done.exit_code == 0, done.output
    with site.ledger() as ledger:
        told = [(entry.kind, entry.data.get("person")) for entry in ledger.entries()]
        assert told[:2] == [("log.opened", None), ("log.recovered", None)]
        assert sorted(told[2:]) == [("key.revoked", "lead"), ("key.revoked", "owner")]
        rings = Rings(ledger)
        counts = {who: rings.now().counts(who, line) for who, line in lines.items()}
        assert counts == {"lead": False, "owner": False, "steward": True}
        again = People(site.data / "working.db", lambda: datetime.now(UTC), ring=rings.now)
        for who in ("lead", "owner"):
            with pytest.raises(BadInput, match="revoked, for good"):
                again.enrol_key(who, lines[who])
    site.export()
    assert verify.main([str(site.out)]) == verify.VERIFIED


def test_a_redacted_value_is_gone_and_the_export_verifies_as_before(site: Site) -> None:
    with site.ledger() as ledger:
        index = ledger.append(TRIED).index
    assert site.run("redact", index, "why", "--reason", "x").exit_code == 2
    assert site.run("redact", 999, "name", "--reason", "x").exit_code == 2
    for left in (site.data / "exports", site.data / "recover-killed"):
        left.mkdir()
        (left / "all.zip").write_bytes(b"a real name")
    for said in ("is deleted", "was not here"):
        assert said in site.run("redact", index, "name", "--reason", "asked to").output
    assert site.kinds().count("redaction.made") == 1
    assert [path for path in site.data.rglob("*") if path.is_file() and b"a real name" in path.read_bytes()] == []
    site.export()
    for mode in ([], ["--every-entry"]):
        assert verify.main([str(site.out), *mode]) == verify.VERIFIED


def test_old_replies_go_and_nothing_else_does_and_a_hold_forbids_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.ledger() as ledger:
        kept = {name: ledger.put_blob(name.encode() * 9) for name in ("plan", "verdict", "evidence", "request")}
        reply, both = ledger.put_blob(b"a reply"), ledger.put_blob(b"a reply that is a plan")
        behind = ledger.put_blob(b"a raw reply")
        kept["evidence"] = ledger.put_blob(f'{{"plan":"{both}","raw":"{behind}"}}'.encode())
        named = [*kept.items(), ("reply", reply), ("reply", both), ("plan", both)]
        ledger.append_all([Draft("hold.placed", GATE, "chg-0003", {}, (Blob(name, one, 1),)) for name, one in named])
    assert "0 replies removed" in site.run("prune-blobs", "--older-than", 365, "--reason", "a year").output
    monkeypatch.setattr("gate.assembly.now", lambda: LATER)
    assert site.run("hold-blobs", "--reason", "an enquiry").exit_code == 0
    assert "on hold" in site.run("prune-blobs", "--older-than", 365, "--reason", "a year").output
    assert site.run("free-blobs", "--reason", "it is over").exit_code == 0
    assert "2 replies removed, 18 bytes" in site.run("prune-blobs", "--older-than", 365, "--reason", "a year").output
    with site.ledger() as ledger:
        assert (ledger.get_blob(reply), ledger.get_blob(behind)) == (None, None)
        assert all(ledger.get_blob(one) for one in (*kept.values(), both))
        last = list(ledger.entries())[-1]
        assert (last.kind, last.data["count"]) == ("blobs.pruned", 2)
        assert json.loads(ledger.get_blob(last.blobs[0].sha256)) == sorted([reply, behind])


def test_no_command_on_the_data_directory_writes_into_an_old_copy_that_a_witness_is_ahead_of(site: Site) -> None:
    witness = RunningWitness(site.folder / "witness")
    try:
        listed = f'witnesses: [{{url: "{witness.url}", vkey: "{witness.vkey}"}}]'
        site.config.write_text(site.config.read_text().replace("witnesses: []", listed, 1))
        with site.ledger() as ledger:
            ledger.append(TRIED)
            witness.know(ledger.vkey)
        shutil.copytree(site.data, site.folder / "old")
        part = site.folder / "part.jsonl"
        with site.ledger() as ledger:
            ledger.append(HELD)
            jsonl.export_log(ledger, part)
            ledger.append(HELD)
        assert site.run("checkpoint", "--local").exit_code == 0
        shutil.rmtree(site.data)
        shutil.copytree(site.folder / "old", site.data)
        with site.ledger() as ledger:
            size, index = ledger.size(), ledger.size() - 1
        (site.folder / "password").write_text("correct-horse-battery-9\n")
        words = ["--config", str(site.config), "--data", str(site.data), "user", "add", "performer-two"]
        added = CliRunner().invoke(main, [*words, "--password-file", str(site.folder / "password")])
        refused = [
            added,
            site.run("redact", index, "name", "--reason", "asked"),
            site.run("hold-blobs", "--reason", "x"),
        ]
        for one in refused:
            assert one.exit_code == 4, one.output
            assert "2 are missing" in one.output
        assert site.run("export", "--local", "--out", site.out).exit_code == 0
        with site.ledger() as ledger:
            assert ledger.size() == size, "nothing was written, and the private value is still there"
        done = site.run("recover", part)
        assert (done.exit_code, "1 later entries are still missing" in done.output) == (0, True), done.output
        with site.ledger() as ledger:
            assert ledger.size() == size + 1, "that it was put back is not entered while a witness is ahead"
            assert ledger.disclosures([index])
    finally:
        witness.end()


def test_what_nothing_in_the_log_leads_to_is_listed_and_stays(site: Site) -> None:
    with site.ledger() as ledger:
        raw, left, new = (ledger.put_blob(one) for one in (b"a raw reply", b"left by a killed gate", b"of this minute"))
        behind = ledger.put_blob(f'{{"raw":"{raw}"}}'.encode())
        named = ledger.put_blob(f'{{"behind":"{behind}"}}'.encode())
        ledger.append(Draft("hold.placed", GATE, "chg-0003", {}, (Blob("plan", named, 1),)))
    blobs = site.data / "blobs"
    (blobs / left[7:9] / ".begun").write_bytes(b"left by a")
    (blobs / "strange").write_bytes(b"")
    for path in blobs.rglob("*"):
        if new[9:] != path.name:
            os.utime(path, (1e9, 1e9))
    found = json.loads(site.run("unnamed-blobs", "--json").output)
    written = "2001-09-09T01:46:40.000000Z"
    assert found == [
        {"file": f"{left[7:9]}/.begun", "size": 9, "written": written},
        {"file": f"{left[7:9]}/{left[9:]}", "size": 21, "written": written},
        {"file": "strange", "size": 0, "written": written},
    ]
    assert "3 blobs that nothing names; none was removed" in site.run("unnamed-blobs").output
    with site.ledger() as ledger:
        assert ledger.get_blob(left) == b"left by a killed gate"
        ledger.append(Draft("hold.placed", GATE, "chg-0003", {}, (Blob("reply", left, 21),)))
    there = [one["file"] for one in json.loads(site.run("unnamed-blobs", "--json").output)]
    assert there == [f"{left[7:9]}/.begun", "strange"]
