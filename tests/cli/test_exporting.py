"""`sangate ledger export` in every format, over HTTP and from the data directory itself."""

import gzip
import json
from pathlib import Path

import pytest

from gate.export.recheck import recheck
from tests.cli.conftest import PASSWORD, Typed, serving
from tests.export.readers import READERS

NOWHERE = "http://127.0.0.1:1"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("where", ["server", "local"])
def test_a_filtered_export_is_the_same_from_the_server_and_from_the_files(
    lead: Typed, tmp_path: Path, name: str, where: str
) -> None:
    words = ["--format", name, "--kind", "person.added", "--kind", "log.*", "--out", tmp_path / "out"]
    made = lead("ledger", "export", *words, *(["--local"] if where == "local" else []))
    assert made.exit_code == 0, made.output
    held = READERS[name]((tmp_path / "out").read_bytes())
    assert held.opening["filter"] == {"kinds": ["person.added", "log.*"]}
    kinds = [json.loads(body)["kind"] for _, _, body in held.records]
    assert kinds[:3] == ["log.opened", "person.added", "person.added"]
    assert "--against" in made.stdout


def test_the_sqlite_file_comes_over_http_and_verifies(lead: Typed, tmp_path: Path) -> None:
    made = lead("ledger", "export", "--format", "sqlite", "--out", tmp_path / "out.db")
    assert made.exit_code == 0, made.output
    assert recheck(tmp_path / "out.db").complete
    assert "sqlite-utils sangate-verify" in made.stdout


def test_a_mapped_file_is_proven_by_a_log_and_its_checkpoint_kept(lead: Typed, tmp_path: Path) -> None:
    log, table, kept = tmp_path / "log.jsonl", tmp_path / "out.csv", tmp_path / "kept"
    assert lead("ledger", "export", "--format", "csv", "--out", table).exit_code == 0
    assert lead("ledger", "export", "--out", log).exit_code == 0
    apart = log.with_suffix(".checkpoint").rename(tmp_path / "apart")
    verify = ("ledger", "verify", "--checkpoint", apart)
    assert lead("ledger", "verify", log).exit_code == 3
    assert lead(*verify, log, "--keep", kept).exit_code == 0
    assert kept.read_bytes() == apart.read_bytes()
    assert lead(*verify, "--last", kept, table, "--against", log).exit_code == 0
    table.write_bytes(table.read_bytes().replace(b"log.opened", b"log.opaned"))
    assert lead(*verify, table, "--against", log).exit_code == 1


def test_the_whole_log_comes_as_tiles_from_the_data_directory_alone(lead: Typed, tmp_path: Path) -> None:
    tiles = ("ledger", "export", "--format", "tiles", "--out", tmp_path / "www")
    assert (lead(*tiles).exit_code, lead(*tiles, "--local", "--change", "chg-0001").exit_code) == (2, 2)
    assert not (tmp_path / "www").exists()
    made = lead(*tiles, "--local")
    assert made.exit_code == 0, made.output
    size = int((tmp_path / "www" / "checkpoint").read_text().split("\n")[1])
    assert f"{size} entries, for any reader of C2SP tlog-tiles" in made.stdout
    assert len((tmp_path / "www" / "tile" / "0" / f"000.p/{size}").read_bytes()) == 32 * size


def test_an_export_over_http_has_the_proofs_of_a_change_of_key_beside_it(sangate: Typed, tmp_path: Path) -> None:
    (tmp_path / "rotated").mkdir()
    with serving(tmp_path / "rotated", rotated=True) as other:
        there = {"config": other.config, "server": other.address}
        assert sangate("login", "lead", "--password-file", "-", stdin=PASSWORD + "\n", **there).exit_code == 0
        assert sangate("ledger", "export", "--out", tmp_path / "log", **there).exit_code == 0
    opened, policy = (tmp_path / "log.jsonl").read_text().partition("\n")[0], tmp_path / "first.policy"
    policy.write_text(f"log {json.loads(opened)['data']['key']}\nquorum none\n")
    told = sangate("ledger", "verify", tmp_path / "log.jsonl", "--policy", policy)
    assert told.exit_code == 0, told.output
    assert "the old key and the new have signed it" in told.output


def test_a_compressed_log_is_the_same_log(lead: Typed, tmp_path: Path) -> None:
    assert lead("ledger", "export", "--gzip", "--out", tmp_path / "log").exit_code == 0
    (tmp_path / "log.jsonl").write_bytes(gzip.decompress((tmp_path / "log.jsonl.gz").read_bytes()))
    assert lead("ledger", "verify", tmp_path / "log.jsonl").exit_code == 0


def test_a_complete_export_has_what_entries_name_and_what_their_evidence_names(lead: Typed, tmp_path: Path) -> None:
    refused = lead("ledger", "export", "--blobs", "--out", tmp_path / "log")
    assert (refused.exit_code, "--local" in refused.stderr) == (2, True)
    assert lead("ledger", "export", "--blobs", "--local", "--out", tmp_path / "log").exit_code == 0
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_bytes().splitlines()]
    named = {blob["sha256"]: blob["name"] for entry in entries for blob in entry["blobs"]}
    kept = {"sha256:" + path.parent.name + path.name: path for path in (tmp_path / "log.blobs").glob("*/*")}
    assert kept.keys() >= named.keys()
    evidence = "".join(kept[digest].read_text() for digest, name in named.items() if name == "evidence")
    assert all(digest in evidence for digest in kept.keys() - named.keys())


@pytest.mark.parametrize("where", ["server", "local"])
def test_the_complete_archive_comes_over_http_too_and_verifies(lead: Typed, tmp_path: Path, where: str) -> None:
    words = ["--format", "complete", "--out", tmp_path / "all.zip"]
    made = lead("ledger", "export", *words, *(["--local"] if where == "local" else []))
    assert made.exit_code == 0, made.output
    assert lead("ledger", "verify", tmp_path / "all.zip").exit_code == 0
    assert lead("ledger", "export", "--format", "csv", "--out", tmp_path / "out.csv").exit_code == 0
    assert lead("ledger", "export", *words).exit_code == 0
    assert lead("ledger", "export", *words, "--disclose").exit_code == 1, "a seat takes the record, not personal values"
    assert lead("ledger", "verify", tmp_path / "out.csv", "--against", tmp_path / "all.zip").exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--format", "complete", "--kind", "log.*"],
        ["--format", "csv", "--disclose"],
        ["--format", "xml"],
        ["--from", "yesterday"],
        ["--kind", "nothing.ever"],
        ["--change", "1"],
        ["--gzip", "--format", "csv"],
    ],
)
def test_what_cannot_be_exported_is_said_before_anything_is_written(
    lead: Typed, tmp_path: Path, words: list[str]
) -> None:
    made = lead("ledger", "export", *words, "--out", tmp_path / "out")
    assert made.exit_code == 2
    assert made.stderr
    assert list(tmp_path.glob("out*")) == []


def test_a_file_that_cannot_be_written_leaves_nothing_behind(lead: Typed, tmp_path: Path) -> None:
    made = lead("ledger", "export", "--format", "csv", "--out", tmp_path / "no" / "out.csv")
    assert made.exit_code == 4
    assert "cannot write" in made.stderr
