"""The lab's production data: what a phone's owner would miss, made from a seed, the same on every machine."""

import random
import sqlite3
import tempfile
from pathlib import Path

SEED = 20091010
TABLES = ("contacts", "calendar", "notes", "tasks", "photographs", "scores")
ROWS = {"contacts": 2400, "calendar": 1800, "notes": 900, "tasks": 700, "photographs": 300, "scores": 1500}
SCHEMA = """
CREATE TABLE contacts (id INTEGER PRIMARY KEY, name TEXT NOT NULL, phone TEXT NOT NULL, mail TEXT);
CREATE TABLE calendar (id INTEGER PRIMARY KEY, starts TEXT NOT NULL, minutes INTEGER NOT NULL, title TEXT NOT NULL);
CREATE TABLE notes (id INTEGER PRIMARY KEY, written TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE tasks (id INTEGER PRIMARY KEY, title TEXT NOT NULL, done INTEGER NOT NULL);
CREATE TABLE photographs (id INTEGER PRIMARY KEY, taken TEXT NOT NULL, place TEXT, thumbnail BLOB NOT NULL);
CREATE TABLE scores (id INTEGER PRIMARY KEY, game TEXT NOT NULL, player INTEGER NOT NULL, points REAL NOT NULL);
"""
FIRST = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gül", "Hugo", "Inés", "Jan", "Kim", "Lea", "Mia", "Noé", "Zoë")
LAST = (
    "Adler",
    "Berg",
    "Costa",
    "Dietz",
    "Evans",
    "Fuchs",
    "García",
    "Holm",
    "Ito",
    "Jansen",
    "Moreau",
    "Novak",
    "Roth",
)
WORDS = (
    "call",
    "buy",
    "the",
    "bring",
    "milk",
    "return",
    "book",
    "ticket",
    "dinner",
    "doctor",
    "train",
    "keys",
    "paint",
)
PLACES = ("Lisbon", "Kraków", "Oslo", "Kyoto", "Quito", None)
GAMES = ("Asteroid Run", "Blocks", "Chess Blitz", "Pinball")


def production_database() -> bytes:
    """Return the bytes of the SQLite file."""
    with tempfile.TemporaryDirectory(prefix="sangate-lab-") as directory:
        path = Path(directory, "sidekick.db")
        database = sqlite3.connect(path)
        try:
            _fill(database)
        finally:
            database.close()
        return path.read_bytes()


def copied(content: bytes) -> bytes:
    """Return a copy made by SQLite's own backup, as a backup tool makes it; sqlite3.Error when it cannot be read."""
    with tempfile.TemporaryDirectory(prefix="sangate-lab-") as directory:
        Path(directory, "source.db").write_bytes(content)
        source = sqlite3.connect(f"file:{directory}/source.db?mode=ro&immutable=1", uri=True)
        target = sqlite3.connect(f"{directory}/copy.db")
        try:
            source.backup(target)
        finally:
            target.close()
            source.close()
        return Path(directory, "copy.db").read_bytes()


def _fill(database: sqlite3.Connection) -> None:
    chance = random.Random(SEED)  # noqa: S311 - made-up rows, the same every time
    database.executescript("PRAGMA page_size=4096; PRAGMA journal_mode=DELETE;" + SCHEMA)
    makers = {
        "contacts": _contact,
        "calendar": _appointment,
        "notes": _note,
        "tasks": _task,
        "photographs": _photograph,
        "scores": _score,
    }
    with database:
        for table, make in makers.items():
            rows = [(number, *make(chance)) for number in range(1, ROWS[table] + 1)]
            places = ",".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 - our own names


def _sentence(chance: random.Random, most: int) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(chance.randint(2, most)))


def _moment(chance: random.Random) -> str:
    return f"2009-{chance.randint(1, 9):02}-{chance.randint(1, 28):02}T{chance.randint(0, 23):02}:00:00Z"


def _contact(chance: random.Random) -> tuple[object, ...]:
    name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
    mail = f"{name.split()[1].lower()}{chance.randint(1, 999)}@mail.example" if chance.random() < 0.8 else None
    return name, f"+1 555 {chance.randint(0, 9999999):07}", mail


def _appointment(chance: random.Random) -> tuple[object, ...]:
    return _moment(chance), chance.choice((15, 30, 60, 90)), _sentence(chance, 6)


def _note(chance: random.Random) -> tuple[object, ...]:
    return _moment(chance), _sentence(chance, 40)


def _task(chance: random.Random) -> tuple[object, ...]:
    return _sentence(chance, 8), chance.randint(0, 1)


def _photograph(chance: random.Random) -> tuple[object, ...]:
    return _moment(chance), chance.choice(PLACES), chance.randbytes(chance.randint(400, 1200))


def _score(chance: random.Random) -> tuple[object, ...]:
    return chance.choice(GAMES), chance.randint(1, 2400), chance.randint(0, 99999) / 4
