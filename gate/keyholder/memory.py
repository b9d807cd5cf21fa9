"""
What the keyholder remembers by itself, in a small SQLite file: how far the ledger was followed, and what it has made.

Entries of changes that have not ended are kept, so that a permit is decided from what was followed and not from what
is handed over with the wish. A permit is durable here before it leaves.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path

from gate.canonical import utc
from gate.change import Grant, Phase
from gate.errors import Outside
from gate.keyholding.following import Head, unpacked
from gate.keyholding.rule import Made
from gate.ledger import entry
from gate.ledger.entry import Entry

FORMAT = 3
FORGETS = "BEGIN SELECT RAISE(ABORT, 'a keyholder never forgets'); END"
GOES = (
    "CREATE TABLE go (statement TEXT PRIMARY KEY, change TEXT NOT NULL) STRICT",
    f"CREATE TRIGGER go_stays BEFORE DELETE ON go {FORGETS}",
)
"""What format 2 has more than format 1: the signed goes that were spent."""

TAKEN = (
    "CREATE TABLE taken (fingerprint TEXT PRIMARY KEY, person TEXT NOT NULL, at TEXT NOT NULL) STRICT",
    f"CREATE TRIGGER taken_stays BEFORE DELETE ON taken {FORGETS}",
    f"CREATE TRIGGER taken_same BEFORE UPDATE ON taken {FORGETS}",
)
"""What format 3 has more than format 2: the keys that the ledger took away from their people."""

LATER = (GOES, TAKEN)

TABLES = (
    """CREATE TABLE head (
        id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL, note TEXT NOT NULL
    ) STRICT""",
    f"CREATE TRIGGER head_grows BEFORE UPDATE ON head WHEN NEW.size < OLD.size {FORGETS}",
    f"CREATE TRIGGER head_stays BEFORE DELETE ON head {FORGETS}",
    """CREATE TABLE entry (
        change TEXT NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (change, seq)
    ) STRICT""",
    "CREATE TABLE closed (change TEXT PRIMARY KEY) STRICT",
    """CREATE TABLE permit (
        serial TEXT PRIMARY KEY, change TEXT NOT NULL, stage TEXT NOT NULL, array TEXT NOT NULL, phase TEXT NOT NULL,
        number INTEGER NOT NULL, purpose TEXT NOT NULL, plan_digest TEXT NOT NULL, public_key TEXT NOT NULL UNIQUE,
        at TEXT NOT NULL, expires TEXT NOT NULL
    ) STRICT""",
    f"CREATE TRIGGER permit_stays BEFORE DELETE ON permit {FORGETS}",
    f"CREATE TRIGGER permit_same BEFORE UPDATE ON permit {FORGETS}",
    "CREATE TABLE revoked (serial TEXT PRIMARY KEY, at TEXT NOT NULL, because TEXT NOT NULL) STRICT",
    "CREATE TABLE hold (id INTEGER PRIMARY KEY CHECK (id = 1), because TEXT NOT NULL) STRICT",
    "CREATE TABLE sealed (array TEXT PRIMARY KEY, box BLOB NOT NULL, at TEXT NOT NULL) STRICT",
    # Truly signed checkpoints that could not be followed: what an auditor compares with the log and its witnesses.
    "CREATE TABLE misfit (note TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT",
    *GOES,
    *TAKEN,
)
MOST_MISFITS = 100


class Memory:
    """The file. One process serves from it; the administrator's commands may write beside it."""

    def __init__(self, path: Path, *, serving: bool = False) -> None:
        """Open or begin it; Outside when it cannot be used, or another process serves from it."""
        self._lock = -1
        try:
            if serving:
                self._lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "recursive_triggers = ON"):
                self._connection.execute(f"PRAGMA {pragma}").fetchall()
            self._begin()
            path.chmod(0o600)
        except BlockingIOError:
            raise Outside(f"another keyholder runs on {path}") from None
        except (OSError, sqlite3.Error) as problem:
            raise Outside(f"the keyholder's memory cannot be used: {problem}", place=str(path)) from None

    def _begin(self) -> None:
        with self.turn():
            if self._connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in TABLES:
                    self._connection.execute(statement)
                self._connection.execute("INSERT INTO head VALUES (1, 0, x'', '')")
                self._connection.execute(f"PRAGMA user_version = {FORMAT}")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if 0 < version < FORMAT:
                for statement in chain.from_iterable(LATER[version - 1 :]):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {FORMAT}")
        there = [row[0] for row in self._connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        if self._connection.execute("PRAGMA user_version").fetchone()[0] != FORMAT or sorted(there) != sorted(TABLES):
            raise Outside("the keyholder's memory is of another format, or was altered by hand")

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Everything inside is durable together at the end, or not at all; Outside when it cannot be written."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except sqlite3.Error as problem:
            raise Outside(f"the keyholder cannot write: {problem}", hint="is its disk full?") from None
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def head(self) -> Head:
        """Return how far the ledger was followed."""
        size, packed = self._connection.execute("SELECT size, frontier FROM head").fetchone()
        try:
            return unpacked(size, packed)
        except ValueError as problem:
            raise Outside(str(problem)) from None

    def keep(self, entries: Sequence[Entry]) -> tuple[str, ...]:
        """
        Keep entries of changes; of one that has ended only that it has. Return the changes that ended with them.

        A change of which one place is taken twice is over as well: no ledger of the gate's holds such a thing.
        """
        ended = []
        for one in entries:
            if self.closed(str(one.change)):
                continue
            row = (one.change, one.seq, one.index, one.body)
            kept = self._connection.execute("INSERT OR IGNORE INTO entry VALUES (?, ?, ?, ?)", row).rowcount
            if one.kind == "change.closed" or not kept:
                self._connection.execute("INSERT INTO closed VALUES (?)", (one.change,))
                self._connection.execute("DELETE FROM entry WHERE change = ?", (one.change,))
                ended.append(str(one.change))
        return tuple(ended)

    def move(self, head: Head, note: str) -> None:
        """Put the head that was accepted in place of the one before."""
        self._connection.execute("UPDATE head SET size = ?, frontier = ?, note = ?", (head.size, head.packed, note))

    def keep_misfit(self, note: str, at: datetime) -> None:
        """Keep a truly signed checkpoint that could not be followed; the first hundred."""
        with self.turn():
            self._connection.execute(
                "INSERT OR IGNORE INTO misfit SELECT ?, ? WHERE (SELECT count(*) FROM misfit) < ?",
                (note, utc(at), MOST_MISFITS),
            )

    def misfits(self) -> int:
        """How many were kept."""
        return int(self._connection.execute("SELECT count(*) FROM misfit").fetchone()[0])

    def entries(self, change: str) -> tuple[Entry, ...]:
        """Return what was followed of a change that has not ended."""
        rows = self._connection.execute("SELECT idx, body FROM entry WHERE change = ? ORDER BY seq", (change,))
        return tuple(entry.read(body, index) for index, body in rows)

    def closed(self, change: str) -> bool:
        """Whether the change was followed to its end."""
        return bool(self._connection.execute("SELECT 1 FROM closed WHERE change = ?", (change,)).fetchone())

    def made(self, change: str) -> tuple[Made, ...]:
        """Return the permits of a change, oldest first."""
        rows = self._connection.execute(
            "SELECT stage, array, phase, number, plan_digest, at FROM permit WHERE change = ? ORDER BY at",
            (change,),
        )
        return tuple(
            Made(stage, array, Phase(phase), number, plan_digest, datetime.fromisoformat(at))
            for stage, array, phase, number, plan_digest, at in rows
        )

    def others(self, array: str, change: str) -> tuple[str, ...]:
        """Return the other changes with a permit for the array that have not ended."""
        rows = self._connection.execute(
            "SELECT DISTINCT change FROM permit WHERE array = ? AND change <> ? "
            "AND change NOT IN (SELECT change FROM closed) ORDER BY change",
            (array, change),
        )
        return tuple(row[0] for row in rows)

    def asked_before(self, public_key: str) -> bool:
        """Whether a permit was made for that very key."""
        found = self._connection.execute("SELECT 1 FROM permit WHERE public_key = ?", (public_key,)).fetchone()
        return bool(found)

    def keep_permit(
        self, grant: Grant, phase: Phase, number: int, serial: int, public_key: str, at: datetime, expires: datetime
    ) -> None:
        """Keep a permit, before it leaves."""
        told = (str(serial), grant.change, grant.stage, grant.array, phase.value, number, grant.purpose.value)
        row = (*told, grant.plan_digest, public_key, utc(at), utc(expires))
        self._connection.execute("INSERT INTO permit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def spend(self, change: str, go: str) -> None:
        """Keep a go for which a permit is made; empty: none was needed."""
        if go:
            self._connection.execute("INSERT INTO go VALUES (?, ?)", (go, change))

    def spent(self, change: str) -> tuple[str, ...]:
        """Return the goes of a change that were spent."""
        rows = self._connection.execute("SELECT statement FROM go WHERE change = ?", (change,))
        return tuple(row[0] for row in rows)

    def take_keys(self, taken: Mapping[str, str], at: datetime) -> None:
        """Keep, within a turn, which keys (fingerprint → whose) were taken away: for good."""
        rows = [(name, who, utc(at)) for name, who in taken.items()]
        self._connection.executemany("INSERT OR IGNORE INTO taken VALUES (?, ?, ?)", rows)

    def taken_keys(self) -> dict[str, str]:
        """Return the keys that were taken away: fingerprint → whose each was."""
        return dict(self._connection.execute("SELECT fingerprint, person FROM taken ORDER BY at, fingerprint"))

    def live(self, change: str, at: datetime) -> tuple[str, ...]:
        """Return the serials of a change's permits that would still be valid."""
        rows = self._connection.execute("SELECT serial FROM permit WHERE change = ? AND expires > ?", (change, utc(at)))
        return tuple(row[0] for row in rows)

    def permits(self, live_at: datetime | None = None) -> list[tuple[str, ...]]:
        """Return serial, change, array, purpose, when made, end and why revoked; the newest first."""
        rows = self._connection.execute(
            "SELECT permit.serial, change, array, purpose, permit.at, expires, coalesce(because, '') "
            "FROM permit LEFT JOIN revoked USING (serial) WHERE expires > ? ORDER BY permit.at DESC LIMIT 1000",
            (utc(live_at) if live_at else "",),
        )
        return rows.fetchall()

    def revoke(self, serials: Sequence[str], because: str, at: datetime) -> None:
        """Enter serials as revoked, within a turn; those that were never made here are no harm."""
        rows = [(serial, utc(at), because) for serial in serials]
        self._connection.executemany("INSERT OR IGNORE INTO revoked VALUES (?, ?, ?)", rows)

    def revoked(self, live_at: datetime) -> tuple[int, ...]:
        """Return the serials that are revoked and would still be valid at a moment."""
        rows = self._connection.execute(
            "SELECT serial FROM revoked JOIN permit USING (serial) WHERE expires > ?", (utc(live_at),)
        )
        return tuple(int(row[0]) for row in rows)

    def hold(self) -> str:
        """Why nothing may begin; empty when it may."""
        row = self._connection.execute("SELECT because FROM hold").fetchone()
        return str(row[0]) if row else ""

    def set_hold(self, because: str) -> None:
        """Let nothing begin, or with an empty reason let it begin again."""
        with self.turn():
            self._connection.execute("DELETE FROM hold")
            if because:
                self._connection.execute("INSERT INTO hold VALUES (1, ?)", (because,))

    def sealed(self, array: str) -> bytes | None:
        """Return the sealed credential of an array."""
        row = self._connection.execute("SELECT box FROM sealed WHERE array = ?", (array,)).fetchone()
        return bytes(row[0]) if row else None

    def keep_sealed(self, array: str, box: bytes, at: datetime) -> None:
        """Keep a sealed credential in place of the one before."""
        with self.turn():
            self._connection.execute("INSERT OR REPLACE INTO sealed VALUES (?, ?, ?)", (array, box, utc(at)))

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._connection.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
