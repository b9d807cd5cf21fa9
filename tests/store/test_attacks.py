"""
What each defence sees of each attack, carried out on the real store with the real verifier and a real witness.

The attacks have everything that the administrator of the gate's host has: its files, and in two of them its key.
"""

import base64
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlite_utils

from gate.errors import GateError, LedgerUnavailable
from gate.export import verify
from gate.ledger import merkle
from gate.ledger.entry import GATE, Draft
from gate.store import keys, schema
from gate.store.sqlite import SqliteLedger, open_ledger
from gate.witness.request import Answer
from gate.witness.server import open_witness
from tests.parts import need
from tests.store.conftest import ORIGIN, Opener

REAL, FORGED = (Draft("hold.placed", GATE, "chg-0001", {"reason": reason}) for reason in ("smoke", "spoke"))
SIZES = (6, 8, 12)
"""Sizes that were signed and cosigned; the auditor last saw the second."""


@dataclass
class Scene:
    """A ledger of twelve entries, its witness, and what the auditor holds."""

    folder: Path
    notes: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keys.create(self.folder / "key", ORIGIN)
        (self.folder / "witness").mkdir()
        self.witness, self._memory = open_witness(self.folder / "witness", name="witness.example.com")
        with closing(self.ledger()) as ledger:
            (self.folder / "witness" / "logs").write_text(f"log {ledger.vkey}\n")
            self.vkey, old = ledger.vkey, 0
            for size in SIZES:
                ledger.append_all([REAL] * (size - ledger.size()))
                self.notes[size] = ledger.checkpoint(keep=True)
                proof = ledger.consistency(old, size)
                self.notes[size] += self.cosign(old, proof, self.notes[size])
                if size == SIZES[0]:
                    shutil.copy(self.file, self.folder / "yesterday.db")
                    shutil.copy(f"{self.file}-wal", self.folder / "yesterday.db-wal")
                old = size
        (self.folder / "last.checkpoint").write_text(self.notes[SIZES[1]])

    @property
    def file(self) -> Path:
        return self.folder / "ledger.db"

    def ledger(self, seen: str = "key.seen", file: str = "ledger.db") -> SqliteLedger:
        signer = keys.load(self.folder / "key", ORIGIN)
        return open_ledger(self.folder / file, signer=signer, seen=self.folder / seen)

    def cosign(self, old: int, proof: tuple[bytes, ...], note: str) -> str:
        lines = "".join(base64.b64encode(step).decode() + "\n" for step in proof)
        return self.witness.add_checkpoint(f"old {old}\n{lines}\n{note}".encode())

    def forge(self, count: int, file: str) -> str:
        """Write another history with the stolen key; return its signed head."""
        with closing(self.ledger("thief.seen", file)) as ledger:
            ledger.append_all([REAL] * 4 + [FORGED] * (count - 5))
            return ledger.checkpoint(keep=True)

    def close(self) -> None:
        self._memory.close()


@dataclass
class Shown:
    """What the attacker leaves in the gate's data directory, and the note with which it is shown to an auditor."""

    file: str
    note: str


def by_hand(scene: Scene, *statements: str) -> None:
    with closing(sqlite3.connect(scene.file, isolation_level=None)) as connection:
        for name in schema.TRIGGERS:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount > 0
        for trigger in schema.TRIGGERS.values():
            connection.execute(trigger)


EDIT = "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'smoke', 'spoke') AS BLOB) WHERE idx = 5"


def edited(scene: Scene) -> Shown:
    by_hand(scene, EDIT)
    return Shown("ledger.db", scene.notes[12])


def recomputed(scene: Scene) -> Shown:
    """There is no chain to repair here; the head is set to where the edited tree begins anew."""
    with closing(sqlite3.connect(scene.file)) as connection:
        bodies = [row[0] for row in connection.execute("SELECT body FROM entry ORDER BY idx")]
    frontier: merkle.Frontier = ()
    for size, body in enumerate([*bodies[:5], bodies[5].replace(b"smoke", b"spoke"), *bodies[6:]]):
        frontier, _ = merkle.extend(size, frontier, merkle.leaf_hash(body))
    by_hand(scene, EDIT, f"UPDATE head SET size = 12, frontier = x'{b''.join(frontier).hex()}'")
    return Shown("ledger.db", scene.notes[12])


def cut(scene: Scene) -> Shown:
    for end in ("", "-wal"):
        shutil.copy(scene.folder / f"yesterday.db{end}", f"{scene.file}{end}")
    Path(f"{scene.file}-shm").unlink(missing_ok=True)
    return Shown("ledger.db", scene.notes[6])


def rewritten(scene: Scene) -> Shown:
    note = scene.forge(14, "forged.db")
    for end in ("", "-wal", "-shm"):
        Path(f"{scene.file}{end}").unlink(missing_ok=True)
    shutil.copy(scene.folder / "forged.db", scene.file)
    return Shown("ledger.db", note)


def split(scene: Scene) -> Shown:
    return Shown("forged.db", scene.forge(14, "forged.db"))


def export(scene: Scene, shown: Shown) -> Path:
    """What the auditor is handed; the file is read as it lies there, whatever the gate would say of it."""
    path = scene.folder / "log.jsonl"
    with closing(sqlite3.connect(scene.folder / shown.file)) as connection:
        path.write_bytes(b"".join(row[0] + b"\n" for row in connection.execute("SELECT body FROM entry ORDER BY idx")))
    path.with_suffix(".checkpoint").write_text(shown.note)
    path.with_suffix(".policy").write_text(f"log {scene.vkey}\nquorum none\n")
    return path


def triggers(scene: Scene, shown: Shown) -> bool:
    with closing(sqlite3.connect(scene.folder / shown.file)) as connection:
        try:
            schema.assert_format(connection)
        except LedgerUnavailable:
            return True
    return False


def memory(scene: Scene, shown: Shown) -> bool:
    try:
        with closing(scene.ledger()) as ledger:
            return ledger.missing > 0
    except GateError:
        return True


def signed(scene: Scene, shown: Shown) -> bool:
    return verify.main([str(export(scene, shown))]) != verify.VERIFIED


def kept(scene: Scene, shown: Shown) -> bool:
    words = [str(export(scene, shown)), "--last", str(scene.folder / "last.checkpoint")]
    return verify.main(words) == verify.TAMPERED


def witnessed(scene: Scene, shown: Shown) -> bool:
    """The bytes do not fit the note; or the witness, asked again with the best proof there is, does not cosign it."""
    if signed(scene, shown):
        return True
    leaves = [merkle.leaf_hash(line) for line in (scene.folder / "log.jsonl").read_bytes().split(b"\n")[:-1]]
    proof: tuple[bytes, ...] = ()
    if len(leaves) > 12:
        proof = merkle.consistency(12, len(leaves), lambda start, end: merkle.root_of(leaves[start:end]))
    text = shown.note.split("\n\u2014 witness")[0].rstrip("\n") + "\n"
    try:
        scene.cosign(min(12, len(leaves)), proof, text)
    except Answer as answer:
        return answer.status in (409, 422)
    return False


DEFENCES = (triggers, memory, signed, kept, witnessed)
MATRIX: dict[Callable[[Scene], Shown], str] = {
    edited: "-####",
    recomputed: "-####",
    cut: "-#-##",
    rewritten: "-#-##",
    split: "---##",
}
"""Per attack: do triggers, memory beside the key, signature, a kept head and a witness see it (#) or miss it (-)?"""


@pytest.mark.parametrize("attack", MATRIX)
def test_every_cell_of_the_matrix_is_as_the_documents_say(
    attack: Callable[[Scene], Shown], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path)
    try:
        shown = attack(scene)
        found = "".join("#" if defence(scene, shown) else "-" for defence in DEFENCES)
        assert found == MATRIX[attack]
    finally:
        scene.close()


def test_without_an_attack_no_defence_cries_out(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    shown = Shown("ledger.db", scene.notes[12])
    assert not any(defence(scene, shown) for defence in DEFENCES)
    scene.close()


def own_goal(tmp_path: Path, statement: str) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement)


def test_a_transformed_table_has_lost_its_triggers_and_the_ledger_does_not_open(reopen: Opener, tmp_path: Path) -> None:
    reopen().close()
    database = sqlite_utils.Database(tmp_path / "ledger.db")
    database["entry"].transform(types={"seq": int})  # type: ignore[union-attr]
    database.close()
    with pytest.raises(LedgerUnavailable, match=r"the ledger's entry\w* is (altered|missing)"):
        reopen()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sqlite_master WHERE type = 'trigger'",
        "UPDATE sqlite_master SET sql = replace(sql, 'RAISE(ABORT', 'RAISE(FAIL') WHERE name = 'entry_no_update'",
    ],
)
def test_a_schema_that_was_written_to_is_noticed_at_start(reopen: Opener, tmp_path: Path, statement: str) -> None:
    reopen().close()
    own_goal(tmp_path, statement)
    with pytest.raises(LedgerUnavailable, match=r"is altered|is missing"):
        reopen()


def test_a_trigger_that_goes_while_the_gate_runs_stops_the_next_signature(ledger: SqliteLedger, tmp_path: Path) -> None:
    ledger.append(REAL)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER entry_no_update")
    with pytest.raises(LedgerUnavailable, match="the ledger's entry_no_update is missing"):
        ledger.checkpoint()


def test_a_trigger_that_goes_while_the_gate_runs_stops_the_appends_within_a_minute(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    ledger.append(REAL)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER entry_no_update")
    ledger._writer._looked -= 61
    with pytest.raises(LedgerUnavailable, match="the ledger's entry_no_update is missing"):
        ledger.append(REAL)


def test_an_edit_with_the_triggers_switched_off_is_found_by_examining(ledger: SqliteLedger, tmp_path: Path) -> None:
    need("sqlite3")
    ledger.append_all([REAL] * 9)
    script = f".dbconfig enable_trigger off\n{EDIT};\n"
    subprocess.run(["sqlite3", tmp_path / "ledger.db"], input=script, text=True, check=True, stdout=subprocess.DEVNULL)
    with pytest.raises(GateError, match="tells another history"):
        ledger.examine()


def test_an_edit_of_the_files_own_bytes_is_noticed_at_start(reopen: Opener, tmp_path: Path) -> None:
    ledger = reopen()
    ledger.append_all([REAL] * 9)
    ledger.close()
    file = tmp_path / "ledger.db"
    content = file.read_bytes()
    assert content.count(b"smoke") == 9
    file.write_bytes(content.replace(b"smoke", b"spoke", 1))
    with pytest.raises(LedgerUnavailable, match="tells another history"):
        reopen()


def test_rows_that_were_cut_off_the_end_are_missed_at_start(reopen: Opener, tmp_path: Path) -> None:
    ledger = reopen()
    ledger.append_all([REAL] * 9)
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER entry_no_delete")
        connection.execute("DELETE FROM entry WHERE idx > 5")
        connection.execute(schema.TRIGGERS["entry_no_delete"])
    assert reopen().missing == 4
