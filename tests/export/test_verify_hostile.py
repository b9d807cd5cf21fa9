"""Files made to exhaust the verifier, and one log's key used where another's is asked for."""

import base64
import io
import json
import sqlite3
import struct
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from gate.canonical import Json, encode
from gate.export import jsonl, pack, population, stream, verify
from gate.export.rfc5424 import stated
from gate.ledger import note
from gate.store.sqlite import SqliteLedger
from tests.export.test_verify_mapped import SOME, judge, made
from tests.export.test_verify_pack import files_of
from tests.ledger.test_note import SeedKey

X, Y, THIEF = (
    SeedKey(name, seed * 32)
    for name, seed in (("x.example/log/1", b"x"), ("y.example/log/1", b"y"), ("x.example/log/1", b"t"))
)


@pytest.fixture
def log(told: SqliteLedger, tmp_path: Path) -> Path:
    jsonl.export_log(told, tmp_path / "log.jsonl")
    return tmp_path / "log.jsonl"


def archive(payload: int, count: int, said: int) -> bytes:
    """An archive of one file that its directory lists `count` times; its end says `said`."""
    names = [b"e%05d" % number for number in range(count)]
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, payload, payload, 6, 0) + names[0] + bytes(payload)
    head = struct.pack("<4s4B4H3I", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, 0, payload, payload)
    listed = b"".join(head + struct.pack("<5H2I", 6, 0, 0, 0, 0, 0o644 << 16, 0) + name for name in names)
    return local + listed + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, said, said, len(listed), len(local), 0)


@pytest.mark.parametrize(("payload", "said"), [(1 << 20, 1000), (0, 1)])
def test_one_file_listed_many_times_is_not_copied_as_often(tmp_path: Path, payload: int, said: int) -> None:
    (tmp_path / "pack.zip").write_bytes(archive(payload, 1000, said))
    read = verify.Archive(str(tmp_path / "pack.zip"))
    assert [place.size for place in read.places.values()] == [payload], "the directory is compared and never followed"
    report = verify.Report()
    assert verify.main([str(tmp_path / "pack.zip")], report) == verify.TAMPERED
    assert any("is not as sangate packs" in what for _, _, what in report.lines)


HOSTILE = {
    "a query without end": (
        "CREATE TABLE about (opening, closing)",
        """CREATE VIEW entry AS WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
        SELECT x idx, '' sha256, x'' body FROM c WHERE x < 0""",
    ),
    "a column that is computed": (
        "CREATE TABLE about (opening, closing)",
        "CREATE TABLE entry (idx, sha256, body AS (zeroblob(900000000)) VIRTUAL)",
    ),
    "a virtual table": (
        "CREATE TABLE about (opening, closing)",
        "CREATE VIRTUAL TABLE entry USING fts5 (idx, sha256, body)",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_database_that_computes_instead_of_holding_is_refused(log: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "export.sqlite"
    connection = sqlite3.connect(path)
    for statement in HOSTILE[name]:
        connection.execute(statement)
    connection.execute("INSERT INTO about VALUES ('{}', '{}')")
    connection.commit()
    connection.close()
    code, said = judge(path, log)
    assert code == verify.TAMPERED
    assert "not plain tables" in said


def test_a_csv_without_its_first_and_last_statement_is_not_taken_for_whole(told: SqliteLedger, log: Path) -> None:
    path = made(told, log.parent, "csv")
    rows = path.read_bytes().split(b"\r\n")
    path.write_bytes(b"\r\n".join([rows[0], *rows[2:9], b""]))
    code, said = judge(path, log)
    assert code == verify.TAMPERED
    assert "with which a csv begins" in said


@pytest.mark.parametrize("name", ["jsonl", "ocsf", "cef", "rfc5424"])
def test_what_a_sink_sent_twice_after_a_kill_is_no_forgery(told: SqliteLedger, log: Path, name: str) -> None:
    path = log.parent / "sent"
    taken = population.begin(told, "2026-11-22T20:30:00.000000Z", population.EVERYTHING)
    lines = b"".join(stream.mapped(told, stream.FORMS[name], taken)).splitlines(keepends=True)[1:-1]
    heads = [stated("checkpoint", {"checkpoint": told.checkpoint()}) + b"\n"] if name == "rfc5424" else []
    path.write_bytes(b"".join([*lines[:5], *heads, *lines[:9], *lines[4:], *heads]))
    code, said = judge(path, log, "--part")
    assert code == verify.VERIFIED, said
    assert "17 records are the log's; nothing in the file states" in said
    path.write_bytes(b"".join([*lines[:5], *lines[:2], lines[3].replace(b"chg-0001", b"chg-0002"), *lines[3:]]))
    assert judge(path, log, "--part")[0] == verify.TAMPERED
    path.write_bytes(b"".join([*lines[:5], *lines[6:]]))
    assert judge(path, log, "--part")[0] == verify.TAMPERED


def test_a_filtered_file_says_that_it_is_a_part_and_of_what(told: SqliteLedger, log: Path) -> None:
    code, said = judge(made(told, log.parent, "csv", SOME), log)
    assert code == verify.VERIFIED
    assert "filter: a part of the log and not the whole population" in said
    assert '"change": "chg-0001"' in said
    assert "not the whole population" not in judge(made(told, log.parent, "csv"), log)[1]


def test_another_logs_key_cannot_hand_over_this_one() -> None:
    """The auditor holds the keys of two gates; who has one of them writes `key.rotated` for the other."""
    entry: dict[str, Json] = {
        "actor": {"id": "", "type": "gate"},
        "blobs": [],
        "change": None,
        "id": "1",
        "kind": "key.rotated",
    }
    entry |= {"data": {"old": str(X.vkey), "key": str(THIEF.vkey), "reason": "-"}, "seq": None, "time": "-", "v": 1}
    body = json.dumps(entry).encode()
    root = base64.b64encode(sha256(b"\0" + body).digest()).decode()
    trusted = verify.Policy(f"log {X.vkey}\nlog {Y.vkey}\nquorum none\n".encode())
    for origin, signers in (("y.example/log/1", (Y, THIEF)), ("x.example/log/1", (Y, THIEF))):
        signed = note.sign(f"{origin}\n1\n{root}\n", *signers)
        proof = f"c2sp.org/tlog-proof@v1\nextra {base64.b64encode(body).decode()}\nindex 0\n\n{signed}"
        with pytest.raises(verify.Bad):
            trusted.follow(proof.encode(), verify.Report())
    assert [key.name for key in trusted.logs] == ["x.example/log/1", "y.example/log/1"]
    signed = note.sign(f"x.example/log/1\n1\n{root}\n", X, THIEF)
    trusted.follow(f"c2sp.org/tlog-proof@v1\nextra {base64.b64encode(body).decode()}\nindex 0\n\n{signed}".encode(),
                   verify.Report())  # fmt: skip
    assert len(trusted.logs) == 3


def test_another_logs_key_cannot_seal_a_pack_of_this_one(packed: bytes, tmp_path: Path) -> None:
    files = files_of(packed)
    manifest = json.loads(files["manifest.json"])
    files["index.html"] = b"nothing happened"
    for one in manifest["files"]:
        if one["name"] == "index.html":
            one.update(sha256=sha256(files["index.html"]).hexdigest(), size=len(files["index.html"]))
    files["manifest.json"] = encode(manifest)
    digest = base64.b64encode(sha256(files["manifest.json"]).digest()).decode()
    files["manifest.note"] = note.sign(f"{Y.vkey.name}#manifest\n{manifest['change']}\n{digest}\n", Y).encode()
    (tmp_path / "pack.zip").write_bytes(pack._archive(files))
    (tmp_path / "mine").write_bytes(files["policy"] + f"log {Y.vkey}\n".encode())
    report = verify.Report()
    assert verify.main([str(tmp_path / "pack.zip"), "--policy", str(tmp_path / "mine")], report) == verify.TAMPERED
    assert zipfile.ZipFile(io.BytesIO(pack._archive(files))).testzip() is None
