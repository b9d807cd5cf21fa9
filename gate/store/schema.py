"""
The ledger's tables and triggers, as plain SQL, and the test that they are all there.

Triggers stop accidents and bugs, never an administrator: against those stand the signature and a head that is
remembered elsewhere. `sqlite_utils.Table.transform()` drops triggers without a word, so it is never used here.
"""

import sqlite3

from gate.errors import LedgerUnavailable

FORMAT = 3
BY_HAND = "somebody changed the database by hand; export what is there and verify it before going on"
APPLICATION_ID = 0x53474C31  # "SGL1": what `file` shows for this database

TABLES = {
    "log": "CREATE TABLE log (id INTEGER PRIMARY KEY CHECK (id = 1), origin TEXT NOT NULL) STRICT",
    # The keys one after the other: each signs checkpoints of more than `start` entries, until the next one does.
    "key": "CREATE TABLE key (number INTEGER PRIMARY KEY, vkey TEXT NOT NULL, start INTEGER NOT NULL) STRICT",
    # The body is the truth; the columns after it are derived from it for searching.
    "entry": "CREATE TABLE entry (idx INTEGER PRIMARY KEY, body BLOB NOT NULL, change TEXT, seq INTEGER) STRICT",
    # Roots of complete subtrees of 256 leaves and more: proofs then read at most 256 leaves on either side.
    "subtree": "CREATE TABLE subtree (level INTEGER, idx INTEGER, hash BLOB NOT NULL, PRIMARY KEY (level, idx)) STRICT",
    "head": "CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), "
    "size INTEGER NOT NULL, frontier BLOB NOT NULL, time TEXT) STRICT",
    "checkpoint": "CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL, made TEXT NOT NULL) STRICT",
    # What others have said about a checkpoint of that size, or were told of it: cosigned notes, time stamps, receipts.
    "anchor": "CREATE TABLE anchor (size INTEGER NOT NULL, kind TEXT NOT NULL, content BLOB NOT NULL, "
    "made TEXT NOT NULL) STRICT",
}

INDEXES = {
    "entry_of_change": "CREATE UNIQUE INDEX entry_of_change ON entry (change, seq) WHERE change IS NOT NULL",
    "anchor_of_kind": "CREATE INDEX anchor_of_kind ON anchor (kind, size)",
}


def _frozen(table: str, *verbs: str) -> dict[str, str]:
    return {
        f"{table}_no_{verb.lower()}": f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'the ledger only grows: {verb} on {table} refused'); END"
        for verb in verbs
    }


TRIGGERS = {
    **_frozen("log", "UPDATE", "DELETE"),
    **_frozen("key", "UPDATE", "DELETE"),
    **_frozen("entry", "UPDATE", "DELETE"),
    **_frozen("subtree", "UPDATE", "DELETE"),
    **_frozen("checkpoint", "UPDATE", "DELETE"),
    **_frozen("anchor", "UPDATE", "DELETE"),
    **_frozen("head", "DELETE"),
    "head_grows": "CREATE TRIGGER head_grows BEFORE UPDATE ON head WHEN NEW.size <= OLD.size "
    "BEGIN SELECT RAISE(ABORT, 'the ledger only grows: a smaller head refused'); END",
    "key_contiguous": "CREATE TRIGGER key_contiguous BEFORE INSERT ON key "
    "WHEN NEW.number IS NOT (SELECT coalesce(max(number) + 1, 1) FROM key) "
    "BEGIN SELECT RAISE(ABORT, 'the ledger only grows: a key out of line refused'); END",
    # Also what stops INSERT OR REPLACE, for which delete triggers do not fire unless recursive_triggers is on.
    # One trigger for both rules: an append then starts one program, not two.
    "entry_contiguous": "CREATE TRIGGER entry_contiguous BEFORE INSERT ON entry "
    "WHEN NEW.idx IS NOT (SELECT coalesce(max(idx) + 1, 0) FROM entry) OR (NEW.change IS NOT NULL AND NEW.seq IS NOT "
    "(SELECT coalesce(max(seq), 0) + 1 FROM entry WHERE change = NEW.change)) "
    "BEGIN SELECT RAISE(ABORT, 'the ledger only grows: an entry out of line refused'); END",
}

LAST_KEY = "SELECT vkey FROM key ORDER BY number DESC LIMIT 1"


def prepare(connection: sqlite3.Connection) -> None:
    """Set what does not live in the file; each connection needs it."""
    for pragma in (
        "busy_timeout = 2000",
        "journal_mode = WAL",
        "synchronous = FULL",
        "recursive_triggers = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def create(connection: sqlite3.Connection, origin: str, vkey: str) -> None:
    """Make an empty ledger, unless another process has made it meanwhile."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'log'").fetchone():
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        for statement in (*TABLES.values(), *INDEXES.values(), *TRIGGERS.values()):
            connection.execute(statement)
        connection.execute("INSERT INTO log VALUES (1, ?)", (origin,))
        connection.execute("INSERT INTO key VALUES (1, ?, 0)", (vkey,))
        connection.execute("INSERT INTO head VALUES (1, 0, x'', NULL)")
    connection.execute("COMMIT")


def assert_format(connection: sqlite3.Connection) -> None:
    """Raise LedgerUnavailable unless this is our format, with every table and trigger word for word."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != FORMAT:
        raise LedgerUnavailable(
            f"the ledger has format {version}; this program knows format {FORMAT}",
            hint="export it with the program that wrote it; sangate ledger recover makes a ledger from that",
        )
    there = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    ours = {**TABLES, **INDEXES, **TRIGGERS}
    for name, statement in ours.items():
        if there.get(name) != statement:
            raise LedgerUnavailable(f"the ledger's {name} is {'altered' if name in there else 'missing'}", hint=BY_HAND)
    strange = sorted(name for name in set(there) - set(ours) if not name.startswith("sqlite_"))
    if strange:
        raise LedgerUnavailable(f"the ledger's {strange[0]} is none of ours", hint=BY_HAND)


def assert_ours(connection: sqlite3.Connection, origin: str, vkey: str) -> None:
    """Raise LedgerUnavailable unless the log has this name and this is the key that signs it now."""
    (name,) = connection.execute("SELECT origin FROM log").fetchone()
    (key,) = connection.execute(LAST_KEY).fetchone()
    if (name, key) != (origin, vkey):
        raise LedgerUnavailable(
            f"the ledger belongs to {name} and key {key}, not to {origin} and key {vkey}",
            hint="is this the right database, and the right key? For a new epoch: sangate ledger recover --new-epoch",
        )
