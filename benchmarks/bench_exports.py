"""
Exports of a whole log against the sqlite3 program on the same file.

    python benchmarks/bench_exports.py [--entries N] [--rounds N] [--folder DIR]

JSON lines against `sqlite3 -list "SELECT body …"`, over HTTP too; CSV against `sqlite3 -csv` with json_extract; the
pack of a change of twelve entries. Each export is a process of its own; ratios are inside one round, of clock seconds
and of processor seconds (which other work on the machine moves less), the latter also without the start of Python.
"""

import argparse
import http.server
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gate.export import jsonl, pack
from gate.ledger.entry import GATE, Draft
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger

ORIGIN = "gate.example.com/ledger/1"
BATCH = 1000
CODE = """
import sys, pathlib
from gate.store import keys; from gate.store.sqlite import open_ledger
folder = pathlib.Path(sys.argv[1])
ledger = open_ledger(folder / "ledger.db", signer=keys.load(folder / "key", "gate.example.com/ledger/1"))
if sys.argv[2] == "nothing":
    chunks = []
elif sys.argv[2] == "jsonl":
    from gate.export import jsonl
    chunks = jsonl.lines(ledger, ledger.size())
else:
    from gate.export import population, stream
    chunks = stream.mapped(ledger, stream.FORMS[sys.argv[2]], population.begin(ledger, "2026-11-22T12:00:00.000000Z"))
with open(folder / "out", "wb") as out:
    for chunk in chunks:
        out.write(chunk)
"""
CELLS = ", ".join(
    f"json_extract(body, '$.{path}')"
    for path in (
        "time",
        "kind",
        "change",
        "seq",
        "actor.type",
        "actor.id",
        "data.array",
        "data.outcome",
        "data.because",
    )
)

QUERY = f"SELECT idx, {CELLS}, body FROM entry"  # noqa: S608


def make(folder: Path, entries: int) -> SqliteLedger:
    """Write a ledger of `entries` entries."""
    ledger = open_ledger(folder / "ledger.db", signer=keys.create(folder / "key", ORIGIN))
    data = {"phase": "forward", "step": "apply", "number": 3, "array": "west-2", "because": "x" * 200}
    for number in range((entries - 1) // BATCH + 1):
        change = f"chg-{number + 1:06}"
        ledger.append_all([Draft("step.ended", GATE, change, data)] * min(BATCH, entries - number * BATCH))
    ledger.append_all([Draft("step.ended", GATE, "chg-999999", data)] * 12)
    return ledger


class Ran(NamedTuple):
    """What one program took."""

    clock: float
    processor: float
    largest: int
    """Resident size in KiB."""


def run(words: list[str], out: Path | None = None) -> Ran:
    """Run one program to its end."""
    start = time.perf_counter()
    with (out or Path(os.devnull)).open("wb") as file:
        process = subprocess.Popen(words, stdout=file)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{words} failed")
    return Ran(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def over_http(ledger: SqliteLedger) -> Callable[[], float]:
    """Serve the lines from this process; return what takes them once and says how long that took."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            for chunk in jsonl.lines(ledger, ledger.size()):
                self.wfile.write(chunk)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def taken() -> float:
        start = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/") as answer:
            while answer.read(1 << 20):
                pass
        return time.perf_counter() - start

    return taken


def main() -> None:
    """Run all in turn, round by round; print medians and ranges."""
    options = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    options.add_argument("--entries", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--folder", type=Path, default=Path())
    given = options.parse_args()
    found: dict[str, list[float]] = {}
    largest: dict[str, int] = {}
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        ledger = make(folder, given.entries)
        served = over_http(ledger)
        database, ours = str(folder / "ledger.db"), [sys.executable, "-c", CODE, name]
        for _ in range(given.rounds):
            theirs = {
                "jsonl": run(["sqlite3", "-list", database, "SELECT body FROM entry ORDER BY idx"], folder / "theirs"),
                "csv": run(["sqlite3", "-csv", database, QUERY], folder / "theirs"),
            }
            start_alone = run([*ours, "nothing"])
            for form, their in theirs.items():
                mine = run([*ours, form])
                largest[form] = mine.largest
                found.setdefault(f"{form} / sqlite3, clock", []).append(mine.clock / their.clock)
                found.setdefault(f"{form} / sqlite3, processor", []).append(mine.processor / their.processor)
                without = (mine.processor - start_alone.processor) / their.processor
                found.setdefault(f"{form} / sqlite3, processor without the start", []).append(without)
            found.setdefault("http / sqlite3 -list, clock", []).append(served() / theirs["jsonl"].clock)
            start = time.perf_counter()
            pack.make(ledger, "chg-999999")
            found.setdefault("pack of 12, ms", []).append((time.perf_counter() - start) * 1000)
        ledger.close()
    for what, values in found.items():
        print(f"{what}: {statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f}), {given.rounds} rounds")
    print("load average: " + ", ".join(f"{one:.1f}" for one in os.getloadavg()))
    print("largest resident MiB: " + ", ".join(f"{what} {size / 1024:.0f}" for what, size in largest.items()))


if __name__ == "__main__":
    main()
