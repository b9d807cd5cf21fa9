"""`sqlite3 -readonly -list FILE SQL` on bytes, with the spellings and exit statuses of the 3.40 shell."""

import sqlite3
import tempfile
from pathlib import Path

NOT_A_DATABASE, MALFORMED, READ_ONLY = 26, 11, 8
DENIED = (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
LONGEST_REPLY = 64 << 20
STEPS = 100_000
MOST_CALLS = 50_000  # × STEPS virtual machine steps: a statement without end is interrupted


class SqlFailed(Exception):
    """The shell's error line and exit status."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


def run_sql(content: bytes, sql: str) -> bytes:
    """Run statements read-only over the bytes of a database file; return what list mode prints."""
    if sql.lstrip().startswith("."):
        raise SqlFailed("Error: dot commands are not answered here", 1)
    with tempfile.TemporaryDirectory(prefix="sangate-lab-") as directory:
        path = Path(directory, "copy.db")
        path.write_bytes(content)
        database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, isolation_level=None)
        try:
            return _run(database, sql)
        finally:
            database.close()


def _run(database: sqlite3.Connection, sql: str) -> bytes:
    calls = 0

    def interrupted() -> int:
        nonlocal calls
        calls += 1
        return int(calls > MOST_CALLS)

    def allowed(action: int, *_: str | None) -> int:
        return sqlite3.SQLITE_DENY if action in DENIED else sqlite3.SQLITE_OK

    database.text_factory = bytes
    database.set_authorizer(allowed)
    database.set_progress_handler(interrupted, STEPS)
    out = bytearray()
    for statement in _statements(sql):
        stage = "in prepare"
        try:
            cursor = database.execute(statement)
            stage = "stepping"
            for row in cursor:
                out += b"|".join(_spell(value) for value in row) + b"\n"
                if len(out) > LONGEST_REPLY:
                    raise SqlFailed("Error: stepping, out of memory (7)", 7)
        except sqlite3.Error as error:
            raise _failed(error, stage) from None
    return bytes(out)


def _statements(sql: str) -> list[str]:
    found, rest = [], ""
    for part in sql.split(";"):
        rest += part + ";"
        if sqlite3.complete_statement(rest):
            if rest.strip(" ;\n\t"):
                found.append(rest)
            rest = ""
    return [*found, rest] if rest.strip(" ;\n\t") else found


def _spell(value: object) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value.split(b"\0", 1)[0]
    if isinstance(value, float):
        text = f"{value:.15g}"
        if "e" in text:
            digits, exponent = text.split("e")
            return f"{digits if '.' in digits else digits + '.0'}e{exponent}".encode()
        return (text if "." in text or "n" in text else text + ".0").encode()
    return str(value).encode()


def _failed(error: sqlite3.Error, stage: str) -> SqlFailed:
    code = getattr(error, "sqlite_errorcode", 1) & 0xFF
    if code in (NOT_A_DATABASE, MALFORMED, READ_ONLY):
        stage = "in prepare" if code == NOT_A_DATABASE else "stepping"
        return SqlFailed(f"Error: {stage}, {error} ({code})", code)
    return SqlFailed(f"Error: {stage}, {error}", 1)
