"""
Checking the record and reading it when it is damaged: the page of a broken ledger must still be readable.

A check is what an auditor would do: the whole log is exported and given to the stand-alone verifier, in a process of
its own that knows nothing of this one. What it found is kept for the pages, and is an entry where one can be made.
"""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gate.canonical import utc
from gate.control.desk import Desk, Progress, person, quiet
from gate.control.views import View
from gate.errors import CannotTell, GateError, LedgerUnavailable
from gate.export import jsonl
from gate.export.blobs import gone
from gate.export.pack import VERIFIER
from gate.export.population import EVERYTHING
from gate.export.selection import Selection
from gate.ledger import checkpoint, merkle
from gate.ledger.entry import Draft, read
from gate.ledger.policy import read as read_policy
from gate.person import Person

LAST_CHECK = "last-check.json"
LONGEST = 1800.0
"""Seconds for the verifier: a million entries take some seconds."""

RESULTS = {0: "verified", 1: "changed", 2: "cannot tell"}
MOST_SAID = 12
SCANNED = 200_000
"""Entries that one page of a filtered list reads at most; the next page goes on from there (our choice)."""


class Checking:
    """The use cases around trusting the record."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def check_ledger(self, actor: Person, progress: Progress = quiet) -> View:
        """Export everything, let the stand-alone verifier judge it, keep what it found; see `last_check`."""
        ledger = self._desk.ledger
        began = self._desk.clock()
        found: View = {"result": "cannot tell", "because": [], "expected": "", "found": "", "size": ledger.size()}
        with TemporaryDirectory(prefix="check-", dir=self._desk.settings.data) as folder:
            path = Path(folder) / "log.jsonl"
            try:
                progress("exporting every entry")
                found["size"] = jsonl.export_log(ledger, path)
                progress(f"checking {found['size']} entries with the stand-alone verifier")
                found |= _judged(path) | _roots(path)
                progress("comparing the tree as it is stored")
                ledger.examine()
                progress("comparing what entries name")
                found = _with_gone(found, gone(ledger))
            except CannotTell as broken:
                said = broken.message.replace(f"{self._desk.settings.data}/", "")
                found |= {"result": "changed", "because": [*found["because"], said]}
        found |= {"at": utc(self._desk.clock()), "by": actor.id}
        found["seconds"] = round((self._desk.clock() - began).total_seconds(), 1)
        _keep(self._desk.settings.data / LAST_CHECK, found)
        told: dict[str, Any] = {"size": found["size"], "result": found["result"], "because": found["because"][:3]}
        with suppress(LedgerUnavailable):
            ledger.append(Draft("ledger.checked", person(actor), None, told))
        return found

    def last_check(self) -> View | None:
        """Return what the newest check found; None when there was none."""
        try:
            found = json.loads((self._desk.settings.data / LAST_CHECK).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and found.keys() >= {"result", "at", "because", "size"} else None

    def browse(self, actor: Person, taken: Selection = EVERYTHING, start: int = 0, limit: int = 100) -> View:
        """
        Return up to `limit` entries that fit, from index `start` on, also those that cannot be read.

        `next` is where to go on, None at the end; an entry that is damaged has `broken` and its bytes as text.
        """
        ledger, rows, at = self._desk.ledger, list[View](), start
        size = ledger.size()
        end = min(size, start + SCANNED)
        while at < end and len(rows) < limit:
            high = min(at + 200, end)
            try:
                bodies = list(enumerate(ledger.bodies(at, high), at))
            except CannotTell as missing:
                bodies = []
                rows.append({"index": at, "broken": missing.message, "text": ""})
            for index, body in bodies:
                row = _readable(index, body)
                if ("broken" in row or taken.everything or taken.takes(row)) and len(rows) < limit:
                    rows.append(row)
                    high = index + 1 if len(rows) == limit else high
            at = high
        return {"entries": rows, "next": at if at < size else None, "size": size}


def _readable(index: int, body: bytes) -> View:
    try:
        entry = read(body, index)
        said: View = json.loads(body)
    except CannotTell as broken:
        return {"index": index, "broken": broken.message, "text": body[:2000].decode(errors="backslashreplace")}
    hidden = sorted(said.get("private", {}))
    return {**said, "index": index, "time": utc(entry.time), "data": dict(entry.data), "hidden": hidden}


def _judged(path: Path) -> View:
    """Run the verifier as an auditor would: isolated, without this program's libraries."""
    words = [
        sys.executable,
        "-I",
        "-S",
        str(VERIFIER),
        str(path),
        "--policy",
        str(path.with_suffix(".policy")),
        "--json",
    ]
    try:
        ran = subprocess.run(words, capture_output=True, timeout=LONGEST, check=False, stdin=subprocess.DEVNULL)
        said = json.loads(ran.stdout)
        findings = [one for one in said["findings"] if one["finding"] in ("WRONG", "unsure")]
        lines = [f"{str(one['where']).replace(str(path), 'the whole log')}: {one['what']}" for one in findings]
        lines = [line.replace(f"{path.parent}/", "") for line in lines]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return {"result": "cannot tell", "because": ["the verifier did not come to an end"]}
    return {"result": RESULTS.get(ran.returncode, "cannot tell"), "because": lines[:MOST_SAID]}


def _with_gone(found: View, lines: list[str]) -> View:
    """A log that is whole without what its entries name is not the whole record."""
    if not lines:
        return found
    result = "cannot tell" if found["result"] == "verified" else found["result"]
    return {**found, "result": result, "because": [*found["because"], *lines][:MOST_SAID]}


def _roots(path: Path) -> View:
    """Return both roots in hexadecimal: the one that was signed, and the one that the bytes make now."""
    try:
        key = read_policy(path.with_suffix(".policy").read_text(encoding="utf-8")).keys
        head = checkpoint.verify(path.with_suffix(".checkpoint").read_text(encoding="utf-8"), *key)
    except (OSError, ValueError, GateError):
        return {}
    with path.open("rb") as log:
        leaves = (merkle.leaf_hash(line[:-1]) for _, line in zip(range(head.size), log, strict=False))
        return {"expected": head.root.hex(), "found": merkle.root_of(leaves).hex()}


def _keep(path: Path, found: View) -> None:
    """A full disk loses what the page would show, not the check."""
    begun = path.with_name(path.name + ".part")
    with suppress(OSError):
        begun.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
        begun.replace(path)
