"""Fields kept outside the log: committed to, disclosed, forgotten, and the proofs stay."""

import sqlite3
from pathlib import Path

import pytest

from gate.errors import LedgerUnavailable, Moved
from gate.ledger import checkpoint as heads
from gate.ledger import commitment, merkle, note
from gate.ledger.entry import ANONYMOUS, GATE, PRIVATE, Draft
from gate.store.private import Private
from gate.store.sqlite import SqliteLedger, open_ledger
from tests.store.conftest import Opener

TRIED = Draft("auth.refused", ANONYMOUS, None, {"name": "a real name", "why": "wrong name or password"})


def test_a_name_that_was_tried_is_not_in_the_log_and_can_be_disclosed(ledger: SqliteLedger, tmp_path: Path) -> None:
    made = ledger.append(TRIED)
    assert dict(made.data) == {"why": "wrong name or password"}
    assert b"a real name" not in made.body
    (told,) = ledger.disclosures([made.index])
    assert (told.index, told.field, told.value) == (made.index, "name", "a real name")
    assert commitment.opens(told, made.private["name"])
    assert b"a real name" not in (tmp_path / "ledger.db-wal").read_bytes()
    assert (tmp_path / "private.db").stat().st_mode & 0o077 == 0


def test_the_same_name_twice_gives_two_commitments(ledger: SqliteLedger) -> None:
    assert ledger.append(TRIED).private != ledger.append(TRIED).private


def test_what_was_forgotten_is_gone_from_the_file_and_every_proof_stays(ledger: SqliteLedger, tmp_path: Path) -> None:
    made = ledger.append(TRIED)
    head = heads.verify(ledger.checkpoint(keep=True), note.read_vkey(ledger.vkey))
    proof = ledger.inclusion(made.index, head.size)
    assert ledger.forget(made.index, "name")
    assert not ledger.forget(made.index, "name")
    assert ledger.disclosures([made.index]) == ()
    assert b"a real name" not in (tmp_path / "private.db").read_bytes()
    assert not (tmp_path / "private.db-journal").exists()
    assert merkle.included(merkle.leaf_hash(made.body), made.index, head.size, proof, head.root)
    ledger.examine()


def test_an_append_that_is_refused_leaves_no_value_behind(ledger: SqliteLedger, tmp_path: Path) -> None:
    with pytest.raises(Moved):
        ledger.append_all([Draft("hold.placed", GATE, "chg-0001", {"reason": "x"}), TRIED], expect=7)
    with sqlite3.connect(tmp_path / "private.db") as connection:
        assert connection.execute("SELECT count(*) FROM private").fetchone() == (0,)
    connection.close()


def test_policy_may_keep_more_outside_and_a_fold_does_not_need_it(reopen: Opener, tmp_path: Path) -> None:
    reopen().close()
    ledger = open_ledger(tmp_path / "ledger.db", signer=reopen()._signer, private=frozenset({"hold.placed.reason"}))
    made = ledger.append(Draft("hold.placed", GATE, "chg-0001", {"reason": "smoke"}))
    assert dict(made.data) == {}
    assert [told.value for told in ledger.disclosures([made.index])] == ["smoke"]
    assert ledger.append(TRIED).private
    ledger.close()


def test_a_file_that_cannot_be_written_refuses_the_append(tmp_path: Path) -> None:
    (tmp_path / "private.db").mkdir()
    with pytest.raises(LedgerUnavailable, match="cannot write the private fields"):
        Private(tmp_path / "private.db", PRIVATE).separate(TRIED)
