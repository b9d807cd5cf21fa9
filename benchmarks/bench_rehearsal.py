"""
A rehearsal of a PostgreSQL cluster of 1 GB, step by step, beside the bare restore of the same backup.

    PYTHONPATH=. python benchmarks/bench_rehearsal.py --rows 2200000 --rounds 3

Needs pgbackrest and postgresql-15 of Debian, and 4 GB below /tmp. Everything runs as an ordinary user on sockets of its
own, and is stopped and removed. The bare restore is the very command that the rehearsal runs, by itself. Each step's
seconds are its replies' own; medians of the rounds.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from gate.backups import TOOLS
from gate.backups.postgresql import EXAMINER
from gate.backups.rehearsal import rehearse
from gate.backups.telling import telling
from gate.evidence import Reference, Reply
from tests.backups import clusters
from tests.backups.clusters import GATE, Site
from tests.backups.local import drive

BARE = "bare restore"


def grow(site: Site, rows: int) -> None:
    """Make a table of that many rows of about 400 bytes, one backup of it, and stop the server."""
    clusters.prepare(site, segment_mib=16)
    # What the archive holds from before the backup is not restored; a gigabyte of it would take minutes to hand over.
    site.sql("ALTER SYSTEM SET archive_command TO '/bin/true'", "SELECT pg_reload_conf()")
    site.sql(
        "CREATE TABLE contacts (id bigint PRIMARY KEY, name text, body text)",
        f"INSERT INTO contacts SELECT g, md5(g::text), repeat(md5(g::text), 10) FROM generate_series(1, {rows}) g",  # noqa: S608
        "CREATE TABLE journal (id bigint PRIMARY KEY, body text)",
        "CHECKPOINT",
    )
    while site.sql("SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'").strip() != "0":
        time.sleep(0.5)
    site.sql("ALTER SYSTEM RESET archive_command", "SELECT pg_reload_conf()")
    site.dataset = site.dataset.model_copy(update={"statements": ()})
    read = drive(EXAMINER.content(site.dataset), site.ask)
    site.reference = Reference(site.dataset.id, read.at, read.tables)
    time.sleep(1.1)
    site.pgbackrest("stanza-create")
    site.pgbackrest("--type=full", "--start-fast", "backup")
    clusters.stop(site)


def measured(site: Site) -> dict[str, float]:
    """Rehearse once and restore once without anything else; return seconds by step."""
    protection = site.protection(site.root / "repo")
    tool = TOOLS[protection.tool]
    run = drive(tool.catalogue(protection), site.ask).runs[0]
    spent: dict[str, float] = defaultdict(float)
    step = "asking"

    def ask(command: str) -> Reply:
        nonlocal step
        step = telling(command) or step
        reply = site.ask(command)
        spent[step] += (reply.finished_at - reply.started_at).total_seconds()
        return reply

    began = time.monotonic()
    found = drive(rehearse(tool, EXAMINER, protection, site.dataset, run, "naa.1", [site.reference], GATE), ask)
    spent["the whole rehearsal"] = time.monotonic() - began
    if found.level != "V6" or not found.passed:
        raise SystemExit(f"the rehearsal reached {found.level}: {found.because}")
    spent[BARE] = _bare(site)
    return dict(spent)


def _bare(site: Site) -> float:
    place = site.root / "x" / "bare"
    site.run("mkdir", "-m", "700", place)
    began = time.monotonic()
    site.pgbackrest(f"--pg1-path={place}", "--archive-mode=off", "restore")
    seconds = time.monotonic() - began
    site.run("rm", "-rf", place)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_200_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sg", dir="/tmp"))  # a socket's path may have 107 characters
    site = clusters.begun(root)
    site.deadline_s = 1800
    try:
        grow(site, given.rows)
        size = sum(file.stat().st_size for file in (root / "data/base").rglob("*") if file.is_file())
        rounds = []
        for number in range(given.rounds):
            rounds.append(measured(site))
            sys.stderr.write(f"round {number + 1} of {given.rounds}: {rounds[-1]['the whole rehearsal']:.0f} s\n")
        print(f"{size / 1e9:.2f} GB in {given.rows} rows")
        bare = statistics.median(each[BARE] for each in rounds)
        for step in rounds[0]:
            middle = statistics.median(each[step] for each in rounds)
            print(
                f"{step:55} {timedelta(seconds=round(middle))}  {middle:7.1f} s  {middle / bare:5.2f} of a bare restore"
            )
    finally:
        if (root / "data/postmaster.pid").exists():
            clusters.stop(site)
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
