"""Time stamps from a real `openssl ts` behind HTTP: kept, handed out, and verified by openssl again."""

import io
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gate.errors import BadInput, Outside
from gate.export import jsonl, pack, verify
from gate.ledger.entry import GATE, Draft
from gate.store import stamps
from gate.store.sqlite import SqliteLedger
from gate.trust import TimeAuthority
from gate.witnessing.stamping import Stamping
from tests.export.conftest import make_ledger
from tests.parts import need

CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = time.example.com
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[stamper]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""
CHANGE = "chg-0001"
HELD = Draft("hold.placed", GATE, CHANGE, {"reason": "smoke"})


class Authority:
    """Twenty lines around `openssl ts -reply`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.openssl, self.folder, self.asked = need("openssl"), folder, 0
        self.answer: bytes | None = None
        (folder / "conf").write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        self("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
             "-out", "ca.pem", "-config", "conf", "-extensions", "authority", "-subj", "/CN=root")  # fmt: skip
        self("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "tsa.key",
             "-out", "tsa.csr", "-config", "conf")  # fmt: skip
        self("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
             "-out", "tsa.pem", "-extfile", "conf", "-extensions", "stamper")  # fmt: skip
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                authority.asked += 1
                query = self.rfile.read(int(self.headers["Content-Length"]))
                (folder / "query").write_bytes(query)
                if authority.answer is None:
                    authority("ts", "-reply", "-queryfile", "query", "-out", "reply", "-config", "conf")
                found = authority.answer if authority.answer is not None else (folder / "reply").read_bytes()
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(found)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __call__(self, *words: str) -> str:
        done = subprocess.run([self.openssl, *words], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    @property
    def settings(self) -> TimeAuthority:
        url = f"http://127.0.0.1:{self.server.server_port}/tsr"
        return TimeAuthority.model_validate({"url": url, "ca_file": str(self.folder / "ca.pem")})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    made = Authority(tmp_path_factory.mktemp("tsa") / "authority")
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def authority(running: Authority) -> Authority:
    running.answer, running.asked = None, 0
    return running


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    made = make_ledger(tmp_path)
    made.append_all([HELD] * 3)
    yield made
    made.close()


def stamping(ledger: SqliteLedger, authority: Authority, ahead: timedelta = timedelta()) -> Stamping:
    return Stamping(ledger, authority.settings, Path("/"), lambda: datetime.now(UTC) + ahead)


def judge(path: Path) -> tuple[int, list[tuple[str, str, str]]]:
    report = verify.Report()
    return verify.main([str(path)], report), report.lines


def test_a_stamp_is_handed_out_with_the_log_and_the_pack_and_openssl_accepts_it(
    ledger: SqliteLedger, authority: Authority, tmp_path: Path
) -> None:
    stamping(ledger, authority).stamp()
    ledger.append(HELD)
    log = tmp_path / "log.jsonl"
    jsonl.export_log(ledger, log)
    code, found = judge(log)
    assert code == verify.VERIFIED, found
    (said,) = (what for kind, where, what in found if (kind, where) == ("note", "time stamp"))
    command = said[said.index("openssl") :].replace("TSA-CA.pem", "ca.pem").split()
    assert "Verification: OK" in authority(*command[1:])
    assert ("ok", "time stamp", "the first 4 entries are unchanged since") in found

    content = pack.make(make_closed(ledger, authority), CHANGE)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in ("timestamp.tsr", "timestamp.checkpoint"):
            (authority.folder / name).write_bytes(archive.read(name))
    again = ("ts", "-verify", "-in", "timestamp.tsr", "-data", "timestamp.checkpoint", "-CAfile", "ca.pem")
    assert "Verification: OK" in authority(*again)
    (tmp_path / "pack.zip").write_bytes(content)
    code, found = judge(tmp_path / "pack.zip")
    assert "time stamp" in [where for kind, where, _ in found if kind == "note"]
    assert not [line for line in found if line[0] == "WRONG"]


def make_closed(ledger: SqliteLedger, authority: Authority) -> SqliteLedger:
    ledger.append(Draft("change.closed", GATE, CHANGE, {"outcome": "withdrawn"}))
    assert stamping(ledger, authority).due()
    stamping(ledger, authority).stamp()
    return ledger


def test_a_stamped_checkpoint_of_another_history_is_seen(
    ledger: SqliteLedger, authority: Authority, tmp_path: Path
) -> None:
    stamping(ledger, authority).stamp()
    jsonl.export_log(ledger, tmp_path / "log.jsonl")
    ledger.append(HELD)
    jsonl.export_log(ledger, tmp_path / "log2.jsonl")
    stamped = (tmp_path / "log.stamped").read_text()
    (tmp_path / "log2.stamped").write_text(stamped.replace("\n4\n", "\n3\n"))
    assert judge(tmp_path / "log2.jsonl")[0] == verify.TAMPERED


def test_it_is_due_when_the_interval_is_over_and_when_a_change_closes(
    ledger: SqliteLedger, authority: Authority
) -> None:
    first = stamping(ledger, authority)
    assert first.due()
    first.stamp()
    assert not first.due()
    ledger.append(HELD)
    assert not first.due()
    assert not stamping(ledger, authority).due(), "a restart changes nothing"
    assert stamping(ledger, authority, timedelta(hours=25)).due()
    ledger.append(Draft("change.closed", GATE, CHANGE, {"outcome": "withdrawn"}))
    assert first.due()
    assert stamping(ledger, authority).due(), "also when it closed before the start"


@pytest.mark.parametrize("answer", [b"", b"\x30\x03\x02\x01\x00", b"x" * 100_000, "old"])
def test_a_reply_that_is_not_about_this_checkpoint_is_not_kept(
    ledger: SqliteLedger, authority: Authority, answer: bytes | str
) -> None:
    way = stamping(ledger, authority)
    if answer == "old":
        way.stamp()
        ledger.append(HELD)
        answer = (authority.folder / "reply").read_bytes()
    before = stamps.newest(ledger)
    assert isinstance(answer, bytes)
    authority.answer = answer
    with pytest.raises(Outside):
        way.stamp()
    assert stamps.newest(ledger) == before


def test_an_authority_that_nobody_vouches_for_is_not_believed(
    ledger: SqliteLedger, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    other.server.server_close()
    settings = authority.settings.model_copy(update={"ca_file": str(other.folder / "ca.pem")})
    with pytest.raises(Outside, match="not accepted"):
        Stamping(ledger, settings, Path("/"), lambda: datetime.now(UTC)).stamp()


def test_the_thread_stamps_and_says_what_is_wrong(ledger: SqliteLedger, authority: Authority) -> None:
    authority.answer = b"nonsense"
    way = stamping(ledger, authority)
    way.start()
    wait = threading.Event()
    for _ in range(100):
        if way.state().problem:
            break
        wait.wait(0.1)
    assert "not accepted" in way.state().problem
    authority.answer = None
    for _ in range(150):
        if way.state().stamp is not None and not way.state().problem:
            break
        wait.wait(0.1)
    way.close()
    found = way.state()
    assert found.stamp is not None
    assert (found.stamp.size, found.problem) == (4, "")
    assert found.at is not None


def test_certificates_that_are_missing_or_none_are_named_at_the_start(
    ledger: SqliteLedger, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    for name in ("gone.pem", "none.pem"):
        settings = authority.settings.model_copy(update={"ca_file": str(tmp_path / name)})
        with pytest.raises(BadInput, match="certificates cannot be read"):
            Stamping(ledger, settings, Path("/"), lambda: datetime.now(UTC))


WITHOUT = """
import sys
sys.modules["rfc3161_client"] = None
from gate.cli.main import main
main(sys.argv[1:])
"""


def test_without_the_extra_the_start_says_one_sentence(tmp_path: Path) -> None:
    from gate.settings import shipped

    text = shipped("config.yaml").read_text()
    lines = [line.replace("  # ", "  ", 1) if "tsa" in line else line for line in text.split("\n")]
    written = "\n".join(lines).replace("  #   every: 24h  # and whenever", "    every: 24h  # and whenever")
    (tmp_path / "config.yaml").write_text(written)
    words = ("--config", str(tmp_path / "config.yaml"), "--data", str(tmp_path / "data"), "serve")
    done = subprocess.run([sys.executable, "-c", WITHOUT, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "needs the package rfc3161-client, which is not installed" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.dumps(done.stdout) == '""'
