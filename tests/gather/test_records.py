"""Evidence as bytes and back; records in a real ledger, and what happens when their bytes are touched."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import canonical
from gate.errors import CannotTell
from gate.evidence import (
    ArrayReading,
    BackupReading,
    BackupRun,
    Evidence,
    Hop,
    ImageReading,
    Leaf,
    Provenance,
    Reference,
    Rehearsal,
    TableDigest,
    Trace,
    Verification,
)
from gate.gather.records import Records, draft, from_json, to_json
from gate.ledger.entry import GATE
from gate.store.sqlite import SqliteLedger
from tests import cases

AT = datetime(2026, 11, 20, 1, 2, 3, 456789, tzinfo=UTC)
DIGEST = "sha256:" + "0" * 64
FLEET = cases.fleet()
TABLES = (TableDigest("contacts", 3, DIGEST),)
VERIFIED = Verification("nightly", "20261120T010000Z", "6005", AT, "V4", passed=True, because="all read", raw=(DIGEST,))
REHEARSED = Rehearsal(
    "nightly", "20261120T010000Z", "6005", AT, "V6", True, "equal", 7, "bk-1", AT, TABLES, raw=(DIGEST,)
)
RECORDED = Reference("sidekick", AT, TABLES, (DIGEST,))


def evidence() -> Evidence:
    known = ArrayReading("a", AT, "S", "M", "8.6", ("iqn.x",), "idle", (), (), (DIGEST,))
    hops = (Hop("mount", "/data", "ext4", Provenance.MEASURED),)
    return Evidence(
        at=AT,
        arrays={"a": known, "b": ArrayReading("b", AT)},
        datasets={"d": Trace("h", "/data/x", AT, hops, (Leaf(("sdb",), "6005", ("iqn.x",)),))},
        repositories={"p": Trace("h", "/backup", AT, problem="unmounted")},
        backups={"p": BackupReading("p", AT, (BackupRun("i", AT, 9, DIGEST, AT),), -3, raw=(DIGEST,))},
        verifications=(VERIFIED,),
        rehearsals=(REHEARSED, replace(REHEARSED, reference_at=None)),
        image=ImageReading("x.img", AT, DIGEST, 12),
    )


def put(ledger: SqliteLedger, *records: Verification | Rehearsal | Reference) -> None:
    for record in records:
        ledger.append(draft(record, ledger, GATE, (), FLEET))


def stored(ledger: SqliteLedger, index: int) -> Path:
    """Return the file in which the record of an entry lies."""
    digest = next(iter(ledger.entries(index))).blobs[0].sha256.removeprefix("sha256:")
    return ledger.path.with_name(ledger.path.name + ".blobs") / digest[:2] / digest[2:]


def test_evidence_comes_back_as_it_was_with_the_same_bytes() -> None:
    data = to_json(evidence())
    assert from_json(data) == evidence()
    assert to_json(from_json(data)) == data
    assert data == canonical.encode(json.loads(data))


def test_none_and_nothing_stay_two_things() -> None:
    found = from_json(to_json(evidence()))
    assert found.arrays["a"].problems == ()
    assert found.arrays["b"].problems is None


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.datetimes(timezones=st.just(UTC)),
    st.none() | st.integers(-99, 99),
)
def test_any_text_and_any_time_come_back(text: str, at: datetime, skew: int | None) -> None:
    made = Evidence(at, backups={"p": BackupReading("p", at, (), skew, text)})
    assert from_json(to_json(made)) == made


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told | {"more": 1},
        lambda told: {key: value for key, value in told.items() if key != "at"},
        lambda told: told | {"at": 5},
        lambda told: told | {"at": "2026-11-20T01:02:03.456789+00:00"},
        lambda told: told | {"image": told["image"] | {"size": "12"}},
        lambda told: told | {"verifications": [told["verifications"][0] | {"passed": 1}]},
        lambda told: [],
    ],
)
def test_bytes_that_the_gate_would_not_make_are_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(CannotTell):
        from_json(canonical.encode(change(json.loads(to_json(evidence())))))


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"null", to_json(evidence()) + b"\n"])
def test_bytes_that_are_no_evidence_are_refused(data: bytes) -> None:
    with pytest.raises(CannotTell):
        from_json(data)


def test_records_come_back_from_the_ledger_as_they_were(ledger: SqliteLedger) -> None:
    put(ledger, VERIFIED, RECORDED, REHEARSED)
    known = Records(ledger, FLEET).known()
    assert (known.verifications, known.references, known.rehearsals) == ((VERIFIED,), (RECORDED,), (REHEARSED,))


def test_what_is_entered_later_is_known_at_the_next_question(ledger: SqliteLedger) -> None:
    records = Records(ledger, FLEET)
    assert records.known().references == ()
    put(ledger, RECORDED)
    assert records.known().references == (RECORDED,)
    put(ledger, RECORDED)
    assert len(records.known().references) == 2


def test_a_record_whose_bytes_are_gone_is_left_out(ledger: SqliteLedger) -> None:
    put(ledger, VERIFIED, REHEARSED)
    stored(ledger, 1).unlink()
    known = Records(ledger, FLEET).known()
    assert (known.verifications, known.rehearsals) == ((), (REHEARSED,))


def test_a_record_whose_bytes_were_changed_is_left_out_also_when_it_was_read_before(ledger: SqliteLedger) -> None:
    put(ledger, replace(VERIFIED, passed=False))
    records = Records(ledger, FLEET)
    assert len(records.known().verifications) == 1
    place = stored(ledger, 1)
    place.write_bytes(place.read_bytes().replace(b'"passed":false', b'"passed":true'))
    assert records.known().verifications == ()


def test_an_entry_that_says_other_than_its_record_is_left_out(ledger: SqliteLedger) -> None:
    made = draft(replace(VERIFIED, passed=False), ledger, GATE, (), FLEET)
    ledger.append(replace(made, data={**made.data, "passed": True}))
    assert Records(ledger, FLEET).known().verifications == ()


def test_a_record_from_after_its_own_entry_is_left_out(ledger: SqliteLedger) -> None:
    put(ledger, replace(VERIFIED, at=datetime(2999, 1, 1, tzinfo=UTC)))
    assert Records(ledger, FLEET).known().verifications == ()


def test_a_record_of_another_kind_than_its_entry_is_left_out(ledger: SqliteLedger) -> None:
    made = draft(VERIFIED, ledger, GATE, (), FLEET)
    ledger.append(replace(made, kind="backup.rehearsed"))
    known = Records(ledger, FLEET).known()
    assert (known.rehearsals, known.verifications) == ((), ())


def test_what_was_proven_for_something_else_under_the_same_name_is_no_record_of_it(ledger: SqliteLedger) -> None:
    put(ledger, VERIFIED, RECORDED, REHEARSED)
    other = cases.fleet(datasets=(cases.dataset(), cases.dataset("mail")), protections=(cases.protection(of="mail"),))
    known = Records(ledger, other).known()
    assert (known.verifications, known.references, known.rehearsals) == ((), (RECORDED,), ())
    moved = Records(ledger, cases.fleet(datasets=(cases.dataset(path="/data/other.db"),))).known()
    assert (moved.verifications, moved.references, moved.rehearsals) == ((), (), ())
    back = Records(ledger, FLEET).known()
    assert (back.verifications, back.references, back.rehearsals) == ((VERIFIED,), (RECORDED,), (REHEARSED,))


def test_what_was_rehearsed_at_another_place_or_for_other_tables_is_no_rehearsal_and_the_read_counts(
    ledger: SqliteLedger,
) -> None:
    put(ledger, VERIFIED, RECORDED, REHEARSED)
    elsewhere = cases.fleet(protections=(cases.protection(rehearsal_scratch="/scratch/other"),))
    fewer = cases.fleet(datasets=(cases.dataset(tables=cases.TABLES[:1]),))
    for inventory in (elsewhere, fewer):
        known = Records(ledger, inventory).known()
        assert (known.verifications, known.references, known.rehearsals) == ((VERIFIED,), (RECORDED,), ())


def test_an_entry_of_before_there_were_digests_is_about_nothing_and_not_lost(ledger: SqliteLedger) -> None:
    made = draft(VERIFIED, ledger, GATE, (), FLEET)
    ledger.append(replace(made, data={key: value for key, value in made.data.items() if key != "of"}))
    known = Records(ledger, FLEET).known()
    assert (known.verifications, known.left_out) == ((), ())


def test_a_name_that_nobody_bears_is_about_nothing_whatever_its_entry_says(ledger: SqliteLedger) -> None:
    put(ledger, replace(VERIFIED, protection="nobody"))
    assert Records(ledger, FLEET).known().verifications == ()
