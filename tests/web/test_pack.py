"""The pack of a change that has run: its pictures, its raw replies, and a page that needs nothing beside it."""

import hashlib
import io
import json
import re
import zipfile

from gate.export import pack, page
from gate.ledger.checkpoint import Checkpoint
from tests.web.room import Room


def packed(room: Room) -> dict[str, bytes]:
    change = room.started("Firmware <b>8.7.0.4</b>")
    room.baseline(change)
    for number in range(10):
        room.step(change, number)
    room.probes(change, 1)
    room.judged(change, "held", "every probe passed")
    with zipfile.ZipFile(io.BytesIO(pack.make(room.ledger, change))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_raw_replies_that_the_evidence_names_are_in_it(room: Room) -> None:
    files = packed(room)
    entries = [json.loads(line) for line in files["entries.jsonl"].splitlines()]
    evidence = [blob["sha256"] for one in entries for blob in one["blobs"] if blob["name"] == "evidence"]
    assert evidence
    for digest in evidence:
        kept = files["blobs/" + digest.removeprefix("sha256:")]
        named = {found.decode() for found in re.findall(rb'"raw":\["sha256:([0-9a-f]{64})"', kept)}
        assert named
        for raw in named:
            assert hashlib.sha256(files[f"blobs/{raw}"]).hexdigest() == raw
            assert b"node1!online" in files[f"blobs/{raw}"]


def test_the_page_has_the_pictures_the_checks_and_the_reads(room: Room) -> None:
    shown = packed(room)["index.html"].decode()
    assert shown.count('class="isolation wide"') == 1
    assert shown.count('class="latency role-') == 2
    assert "Apart: measured on east-1" in shown
    assert "backup-isolated" in shown
    assert "What was said to the array" in shown
    assert "Firmware &lt;b&gt;8.7.0.4&lt;/b&gt;" in shown


def test_a_long_list_is_begun_on_the_page_and_whole_in_the_entries(room: Room) -> None:
    files = packed(room)
    shown, lines = files["index.html"].decode(), files["entries.jsonl"].splitlines()
    told = [json.loads(line)["data"]["findings"] for line in lines if b'"kind":"verdict.given"' in line]
    assert len(told) == 2
    long = json.dumps(told[0], ensure_ascii=False, sort_keys=True)
    assert f"({len(long)} characters in all: entries.jsonl holds them)" in shown
    assert all(len(one) < 2000 for one in re.findall("<dd>(.*?)</dd>", shown, re.DOTALL))


def test_the_page_needs_nothing_and_runs_nothing(room: Room) -> None:
    shown = packed(room)["index.html"].decode()
    assert not re.search(r"<script|<link|<img|\bsrc=|\bhref=|url\(|@import", shown)
    assert "default-src 'none'" in shown


def test_a_plan_or_verdict_that_cannot_be_read_leaves_the_entries_standing(room: Room) -> None:
    change = room.opened("Unreadable")
    history = room.ledger.history(change)
    for stored in (None, b"", b"not json", b"[]", b'{"isolation":[{}],"findings":[1]}', b'{"isolation":7}'):
        told = page.render(change, history, Checkpoint("x", 1, b"0"), "v", {"": stored}.get)
        kept = {blob.sha256: stored for entry in history for blob in entry.blobs}
        assert "Every entry" in told
        assert "Every entry" in page.render(change, history, Checkpoint("x", 1, b"0"), "v", kept.get)
