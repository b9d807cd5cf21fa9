"""
Mutations of everything that is handed out: none may verify, none may make the verifier stumble.

    PYTHONPATH=. python -m tests.export.mutations [--count N] [--seed N]

A cosigned pack, a whole log with its checkpoint, the archive of it, and every mapped format are changed at random:
bits, bytes, pieces taken out, doubled, moved, put in from another place or from another file, lines likewise. The
auditor holds the policy.
"""

import argparse
import io
import random
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from gate.errors import GateError
from gate.export import complete, database, jsonl, pack, population, stream, verify
from gate.export.recheck import recheck
from gate.ledger import cosignature, note, policy
from gate.ledger.note import Note
from gate.ledger.policy import Witness
from tests.export.conftest import CHANGE, drafts, make_ledger, write
from tests.ledger.test_cosignature import WitnessSeed

WITNESS = WitnessSeed("w.example/a", b"a" * 32)
MADE = "2026-11-22T20:30:00.000000Z"
Mutation = Callable[[random.Random, bytes, bytes], bytes]


def flip(chance: random.Random, data: bytes, _: bytes) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def cut(chance: random.Random, data: bytes, _: bytes) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + data[place + chance.choice((1, 2, 7, 64, 4096, len(data))) :]


def put(chance: random.Random, data: bytes, other: bytes) -> bytes:
    place, source = chance.randrange(len(data) + 1), chance.choice((data, other))
    start = chance.randrange(len(source))
    piece = source[start : start + chance.choice((1, 3, 33, 500))]
    return data[:place] + (piece or b"x") + data[place + chance.choice((0, len(piece))) :]


def lines(chance: random.Random, data: bytes, other: bytes) -> bytes:
    found = data.splitlines(keepends=True)
    place, source = chance.randrange(len(found)), chance.choice((found, other.splitlines(keepends=True)))
    match chance.randrange(4):
        case 0:
            del found[place]
        case 1:
            found.insert(place, chance.choice(source))
        case 2:
            found[place] = chance.choice(source)
        case _:
            chance.shuffle(found)
    return b"".join(found)


MUTATIONS: tuple[Mutation, ...] = (flip, flip, cut, put, lines)


@dataclass(frozen=True)
class Target:
    """A file to change, and how it is then checked."""

    name: str
    file: Path
    words: tuple[str, ...]
    end: int
    """Bytes that may be changed: in a mapped file all before the last line, whose own shape nothing signs."""


def targets(folder: Path) -> list[Target]:
    """Make everything that is handed out, in `folder`."""
    ledger = make_ledger(folder)
    write(ledger, drafts(ledger))
    found = note.read(ledger.checkpoint())
    line = cosignature.sign(found.text, WITNESS, 1_795_000_000)
    ledger.keep_anchor("cosigned", ledger.size(), str(Note(found.text, (*found.signatures, line))).encode())
    (folder / "mine").write_text(policy.write(policy.of(note.read_vkey(ledger.vkey), [Witness("a", WITNESS.vkey)])))
    held = ("--policy", str(folder / "mine"))
    log, packed = folder / "log.jsonl", folder / "pack.zip"
    jsonl.export_log(ledger, log)
    packed.write_bytes(pack.make(ledger, CHANGE))
    log.with_suffix(".leaves").unlink()
    archive = folder / "all.zip"
    archive.write_bytes(b"".join(complete.leaving(ledger).chunks))
    made = [
        Target("archive", archive, (str(archive), *held), archive.stat().st_size),
        Target("pack", packed, (str(packed), *held), packed.stat().st_size),
        Target("log", log, (str(log), *held), log.stat().st_size),
        Target("checkpoint", log.with_suffix(".checkpoint"), (str(log), *held), 10_000),
    ]
    for name, form in stream.FORMS.items():
        path = folder / f"mapped.{name}"
        content = b"".join(stream.mapped(ledger, form, population.begin(ledger, MADE)))
        path.write_bytes(content)
        made.append(
            Target(name, path, ("mapped", str(path), "--against", str(log), *held), content.rindex(b"\n", 0, -1) + 1)
        )
    path = folder / "mapped.sqlite"
    database.write(ledger, population.begin(ledger, MADE), path)
    made.append(Target("sqlite", path, ("mapped", str(path), "--against", str(log), *held), path.stat().st_size))
    ledger.close()
    return made


def judge(words: tuple[str, ...]) -> tuple[int, str]:
    """Return exit code and what was found, as text."""
    report = verify.Report()
    with redirect_stdout(io.StringIO()):
        code = verify.main(list(words), report)
    return code, "\n".join(": ".join(one) for one in report.lines)


def same_words(target: Target, changed: bytes, whole: bytes) -> bool:
    """
    Say whether a change touches nothing that is checked.

    Of a SQLite file `verify.py` proves the entries and the statements: what it lets pass must either be found by
    `sqlite-utils sangate-verify`, or read as before in every table, row and word of its schema. A checkpoint may carry
    lines of keys that the policy does not name.
    """
    if target.name == "sqlite":
        try:
            recheck(target.file)
        except GateError:
            return True
        return read_out(changed) == read_out(whole)
    if target.name == "checkpoint":
        try:
            before, after = note.read(whole.decode()), note.read(changed.decode())
        except ValueError:
            return False
        return before.text == after.text and set(before.signatures) <= set(after.signatures)
    return False


def read_out(content: bytes) -> list[str]:
    """Return all that SQL can read in a database."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        return list(connection.iterdump())


def run(count: int, seed: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """Return how each mutation was answered, and what must not have been."""
    chance, answers, wrong = random.Random(seed), Counter[str](), []
    made = targets(folder)
    contents = {target.name: target.file.read_bytes() for target in made}
    for target in made:
        code, said = judge(target.words)
        if code != verify.VERIFIED:
            wrong.append(f"{target.name}, unchanged: {said}")
    for number in range(count):
        target = made[number % len(made)]
        whole, other = contents[target.name], contents[chance.choice(made).name]
        changed = chance.choice(MUTATIONS)(chance, whole[: target.end], other) + whole[target.end :]
        if changed == whole:
            continue
        target.file.write_bytes(changed)
        past = False
        try:
            code, said = judge(target.words)
            past = code == verify.VERIFIED and not same_words(target, changed, whole)
        except BaseException as problem:  # noqa: BLE001  # whatever comes out is what is looked for
            wrong.append(f"{target.name} {number}: a traceback, {problem!r}")
            continue
        finally:
            target.file.write_bytes(whole)
        answers[f"{target.name}: {('verified', 'tampered', 'cannot tell')[code]}"] += 1
        if past:
            wrong.append(f"{target.name} {number}: verified")
        if "cannot make sense" in said:
            wrong.append(f"{target.name} {number}: {said.splitlines()[-1]}")
    return answers, wrong


def main() -> int:
    """Print the counts; exit 1 when something got past."""
    options = argparse.ArgumentParser(description="mutations of packs and exports")
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        answers, wrong = run(given.count, given.seed, Path(name))
    for answer, times in sorted(answers.items()):
        sys.stdout.write(f"{times:6} {answer}\n")
    sys.stdout.write("\n".join(wrong[:20]) + f"\n{sum(answers.values())} mutations, {len(wrong)} got past\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
