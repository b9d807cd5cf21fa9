"""
One small PostgreSQL cluster with pgBackRest and Barman, made once for all tests that need real parts.

The server listens on a socket in a directory of its own, runs as an ordinary user, and is stopped by its own control
program. Copies of its repositories are hard links: what a test damages is written anew and hurts no other test.
"""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gate.backups.postgresql import EXAMINER
from gate.evidence import BackupRun, Reference, Reply, ReplyState
from gate.inventory import AppendOnly, BackupTool, Dataset, Engine, Protection, Statement
from tests.backups.local import drive
from tests.parts import need

USER = "postgres" if os.geteuid() == 0 else None
"""PostgreSQL refuses root; Debian's package brings this user."""

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
Asker = Callable[[str], Reply]
GATE = "gate.example/ledger/1"
ROWS = 3000


@dataclass
class Site:
    """The cluster, its repositories, and the moment before anything was backed up."""

    root: Path
    reference: Reference
    dataset: Dataset
    copies: int = 0
    deadline_s: float = 120
    answers: dict[str, Reply] = field(default_factory=dict)

    def run(
        self, *words: str | Path, check: bool = True, deadline_s: float = 120
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one program as the ordinary user."""
        return subprocess.run(
            [str(word) for word in words],
            user=USER, group=USER, extra_groups=[] if USER else None,
            env={"PATH": os.environ["PATH"], "PGHOST": str(self.root / "s"), "PGUSER": "postgres", "LC_ALL": "C.UTF-8",
                 "HOME": str(self.root)},
            cwd=self.root, capture_output=True, timeout=deadline_s, check=check,
        )  # fmt: skip

    def ask(self, command: str) -> Reply:
        """Put one question as the gate would, without a shell."""
        started = datetime.now(UTC)
        try:
            done = self.run(*shlex.split(command), check=False)
        except (FileNotFoundError, PermissionError):  # where a shell would say 127
            return Reply("here", command, ReplyState.ANSWERED, started, datetime.now(UTC), 127)
        ended = datetime.now(UTC)
        return Reply("here", command, ReplyState.ANSWERED, started, ended, done.returncode, done.stdout, done.stderr)

    def sql(self, *statements: str) -> str:
        """Speak to production."""
        words = [word for each in statements for word in ("-c", each)]
        return self.run("psql", "-X", "-A", "-t", "-q", "-d", "postgres", *words).stdout.decode()

    def pgbackrest(self, *words: str) -> None:
        """Have pgBackRest work on the first repository."""
        self.run("pgbackrest", f"--config={self.root}/pgbackrest.conf", "--stanza=main", *words)

    def barman(self, *words: str) -> None:
        """Have Barman work."""
        self.run("barman", "-c", self.root / "barman.conf", *words)

    def segments(self, *values: int) -> None:
        """Add a row and end the segment, once for each value, and wait until the archive has them."""
        for value in values:
            self.sql(f"INSERT INTO journal VALUES ({value}, 'later')")
            name = self.sql("SELECT pg_walfile_name(pg_switch_wal())").strip()
            until = time.monotonic() + 30
            while not (self.root / "barman/main/incoming" / name).exists():
                assert time.monotonic() < until, f"{name} was not archived"
                time.sleep(0.05)

    def remembered(self, protection: Protection) -> Asker:
        """Ask once for all tests: what the tools say of equal repositories is equal but for their path."""
        home = str(
            Path(protection.repository).parent if protection.tool is BackupTool.BARMAN else protection.repository
        )

        def ask(command: str) -> Reply:
            plain = command.replace(home, "HOME")
            if plain not in self.answers:
                reply = self.ask(command)
                self.answers[plain] = replace(reply, stdout=reply.stdout.replace(home.encode(), b"HOME"))
            kept = self.answers[plain]
            return replace(kept, command=command, stdout=kept.stdout.replace(b"HOME", home.encode()))

        return ask

    def copy(self, source: str) -> Path:
        """Return a copy of a repository that a test may damage."""
        self.copies += 1
        target = self.root / f"copy{self.copies}"
        self.run("cp", "-al", self.root / source, target)
        return target

    def protection(self, repository: Path) -> Protection:
        """Return pgBackRest's protection over one repository."""
        return Protection(
            id="nightly",
            dataset=self.dataset.id,
            tool=BackupTool.PGBACKREST,
            host="bk-1",
            repository=str(repository),
            mount="/tmp",
            name="main",
            config_file=str(self.root / "pgbackrest.conf"),
            rehearsal_host="bk-1",
            rehearsal_scratch=str(self.root / "x"),
        )

    def of_barman(self, home: Path) -> Protection:
        """Return Barman's protection over one home, with a configuration of its own."""
        config = home / "barman.conf"
        text = (self.root / "barman.conf").read_text().replace(str(self.root / "barman"), str(home))
        replace_file(config, text.encode())
        update = {"tool": BackupTool.BARMAN, "repository": str(home / "main"), "config_file": str(config)}
        return self.protection(home).model_copy(update=update)


def replace_file(path: Path, content: bytes) -> None:
    """Write a new file in place of a hard link, readable by all."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(0o644)
    if USER:
        shutil.chown(path, USER, USER)


def flip(path: Path, at: int | None = None) -> None:
    """Flip one bit, in the middle if nothing else is said."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    mode = path.stat().st_mode
    replace_file(path, bytes(data))
    path.chmod(mode)


def begun(root: Path) -> Site:
    """Return a site without anything in it, below a new, short directory."""
    for part in ("pgbackrest", "barman", "postgres-15"):
        need(part)
    (root / "x").mkdir()
    if USER:
        for path in (root, root / "x"):
            shutil.chown(path, USER, USER)
    dataset = Dataset(
        id="sidekick",
        tier=2,
        engine=Engine.POSTGRESQL,
        host="db-1",
        path=str(root / "data"),
        mount="/tmp",
        database="postgres",
        tables=("contacts", "journal"),
        append_only=(AppendOnly(table="journal", key="id"),),
        statements=(Statement(name="everybody-is-there", sql="SELECT count(*) FROM contacts", expect=str(ROWS)),),
    )
    return Site(root, Reference(dataset.id, datetime.now(UTC), ()), dataset)


def fill(site: Site) -> None:
    """Make cluster and repositories, and stop the server."""
    prepare(site)
    _tables(site)
    content = drive(EXAMINER.content(site.dataset), site.ask)
    assert not content.problem, content.problem
    site.reference = Reference(site.dataset.id, content.at, content.tables)
    time.sleep(1.1)  # both tools tell the beginning of a backup in whole seconds
    _backups(site)


def prepare(site: Site, segment_mib: int = 1) -> None:
    """Make an empty cluster with its archive and start it."""
    root = site.root
    for folder in ("s", "repo", "barman", "barman/main", "barman/main/incoming"):
        site.run("mkdir", root / folder)
    replace_file(root / "pgbackrest.conf", f"""[global]
repo1-path={root}/repo
repo1-retention-full=9
compress-type=none
log-level-file=off
job-retry=0
lock-path={root}/lock
[main]
pg1-path={root}/data
pg1-socket-path={root}/s
""".encode())  # fmt: skip
    replace_file(root / "barman.conf", f"""[barman]
barman_home={root}/barman
barman_user={USER or site.run("id", "-un").stdout.decode().strip()}
log_file={root}/barman.log
path_prefix={PROGRAMS}
[main]
description=main
conninfo=host={root}/s user=postgres dbname=postgres
streaming_conninfo=host={root}/s user=postgres
backup_method=postgres
archiver=on
immediate_checkpoint=true
""".encode())  # fmt: skip
    site.run(PROGRAMS / "initdb", "-D", root / "data", "-A", "trust", "-k", "-U", "postgres", "-E", "UTF8", "--no-sync",
             "--locale=C", f"--wal-segsize={segment_mib}")  # fmt: skip
    push = f"pgbackrest --config={root}/pgbackrest.conf --stanza=main archive-push %p"
    settings = f"""listen_addresses=''
unix_socket_directories='{root}/s'
fsync=off
archive_mode=on
archive_command='{push} && cp %p {root}/barman/main/incoming/%f'
shared_buffers=16MB
max_wal_size=64MB
min_wal_size={2 * segment_mib}MB
autovacuum=off
"""
    config = root / "data/postgresql.conf"
    replace_file(config, config.read_bytes() + settings.encode())
    site.run(PROGRAMS / "pg_ctl", "start", "-s", "-w", "-D", root / "data", "-l", root / "server.log")


def _tables(site: Site) -> None:
    site.sql(
        "CREATE TABLE contacts (id bigint PRIMARY KEY, name text, photo bytea, weight float8, at timestamptz)",
        f"INSERT INTO contacts SELECT g, md5(g::text), decode(md5((g*7)::text), 'hex'), g/3.0,"
        f" timestamptz '2009-10-01 00:00Z' + g * interval '1s' FROM generate_series(1, {ROWS}) g",
        "CREATE TABLE journal (id bigint PRIMARY KEY, body text)",
        "INSERT INTO journal SELECT g, repeat(md5(g::text), 3) FROM generate_series(1, 500) g",
    )


def _backups(site: Site) -> None:
    """Leave three repositories of pgBackRest (good, wrong values, page rot) and one of Barman."""
    site.pgbackrest("stanza-create")
    site.pgbackrest("--type=full", "--start-fast", "backup")
    site.segments(1001)
    site.pgbackrest("--type=incr", "--start-fast", "backup")
    site.barman("archive-wal", "main")
    site.barman("backup", "main")
    site.segments(1002, 1003, 1004)
    site.barman("archive-wal", "main")
    site.run("cp", "-al", site.root / "repo", site.root / "good")
    site.run("cp", "-al", site.root / "barman", site.root / "home")
    site.sql("UPDATE contacts SET name = 'nobody' WHERE id = 7")
    site.pgbackrest("--type=incr", "--start-fast", "backup")
    site.run("cp", "-al", site.root / "repo", site.root / "wrong")
    place = site.sql("SELECT pg_relation_filepath('contacts')").strip()
    stop(site)
    site.run("cp", "-a", site.root / "data", site.root / "plain")
    flip(site.root / "data" / place, 8192 + 5000)
    site.run(PROGRAMS / "pg_ctl", "start", "-s", "-w", "-D", site.root / "data", "-l", site.root / "server.log")
    site.pgbackrest("--type=incr", "--start-fast", "backup")
    site.run("cp", "-al", site.root / "repo", site.root / "rotten")
    stop(site)


def stop(site: Site) -> None:
    """End the production server."""
    site.run(PROGRAMS / "pg_ctl", "stop", "-s", "-w", "-m", "fast", "-D", site.root / "data")


def ago(reference: Reference, days: int) -> Reference:
    """Return the same content as of some days before."""
    return Reference(reference.dataset, reference.at - timedelta(days=days), reference.tables)


def newest(runs: tuple[BackupRun, ...]) -> BackupRun:
    """Return what is relied on."""
    return max(runs, key=lambda run: run.finished_at)


def segment_files(repository: Path) -> list[Path]:
    """Return pgBackRest's stored segments in order."""
    return [path for path in sorted(repository.glob("archive/main/*/*/*")) if len(path.name.split("-")[0]) == 24]
