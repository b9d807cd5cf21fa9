"""Gathering from a real lab, over real SSH: what the evidence says, and that every raw reply was kept."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gate.coverage import Cover, coverage
from gate.errors import CannotTell, NotThere
from gate.evidence import Evidence, Verification
from gate.gather.gather import Gathering
from gate.gather.records import draft, from_json, to_json
from gate.isolation import Relation, relate
from gate.lab.client import Lab
from gate.landscape import Map
from gate.ledger.entry import GATE
from gate.store.sqlite import SqliteLedger
from tests.gather.conftest import Site

IMAGE = "lab-8.7.0.4.img"
NIGHTLY = "sidekick-nightly"


def kinds(ledger: SqliteLedger) -> list[str]:
    return [entry.kind for entry in ledger.entries()]


def relation(evidence: Evidence, site: Site) -> Relation:
    here, there = evidence.datasets["sidekick"], evidence.repositories[NIGHTLY]
    return relate(here, there, Map(evidence.arrays, site.settings.config.inventory)).relation


def verified(ledger: SqliteLedger) -> int:
    """How many full reads of the nightly backup are entered; the copy in the object store has its own tests."""
    return sum(one.kind == "backup.verified" and one.data["protection"] == NIGHTLY for one in ledger.entries())


def of_nightly(evidence: Evidence) -> list[Verification]:
    return [record for record in evidence.verifications if record.protection == NIGHTLY]


def back_up_later(lab: Lab) -> str:
    """Run the nightly backup in a later second than everything before: manifests count whole seconds."""
    time.sleep(1.1)
    return lab.backup_now()


def test_all_arrays_are_asked_and_everything_is_found_where_it_lies(
    site: Site, gathering: Gathering, ledger: SqliteLedger
) -> None:
    told: list[str] = []
    evidence = gathering.gather(("east-1",), IMAGE, told.append)
    inventory = site.settings.config.inventory
    assert set(evidence.arrays) == {array.id for array in inventory.arrays}
    for array in inventory.arrays:
        reading = evidence.arrays[array.id]
        assert (reading.serial, reading.version, reading.problems, reading.unknown) == (
            array.serial,
            "8.6.0.3",
            (),
            (),
        )
    assert evidence.datasets["sidekick"].problem == ""
    assert evidence.repositories[NIGHTLY].problem == ""
    assert relation(evidence, site) is Relation.SAME
    assert evidence.image is not None
    assert evidence.image.sha256 is not None
    raw = [digest for reading in evidence.arrays.values() for digest in reading.raw if reading.raw]
    raw += [*evidence.datasets["sidekick"].raw, *evidence.backups[NIGHTLY].raw, *evidence.verifications[0].raw]
    empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert all(ledger.get_blob(digest) is not None for digest in raw if digest != empty)
    assert any("asked vault-1" in line for line in told)
    assert any("its manifest says" in line for line in told)


def test_the_evidence_comes_back_from_its_bytes_as_it_was(gathering: Gathering) -> None:
    evidence = gathering.gather(("east-1",), IMAGE)
    assert from_json(to_json(evidence)) == evidence


def test_the_repository_on_the_vault_is_measured_to_lie_elsewhere(site: Site, gathering: Gathering) -> None:
    site.lab.move_repository("vault-1")
    assert relation(gathering.gather(("east-1",), IMAGE), site) is Relation.DIFFERENT


def test_an_unmounted_repository_is_a_problem_and_nothing_is_verified(site: Site, gathering: Gathering) -> None:
    site.lab.unmount_repository()
    evidence = gathering.gather(("east-1",), IMAGE)
    assert evidence.repositories[NIGHTLY].problem
    assert evidence.repositories[NIGHTLY].lun is None
    assert of_nightly(evidence) == []


def test_the_newest_backup_is_read_in_full_once_and_then_on_record(gathering: Gathering, ledger: SqliteLedger) -> None:
    first = of_nightly(gathering.gather(("east-1",), IMAGE))
    second = of_nightly(gathering.gather(("east-1",), IMAGE))
    assert [(record.level, record.passed) for record in first] == [("V4", True)]
    assert second == first
    assert verified(ledger) == 1


def test_a_verification_on_record_that_failed_is_made_again(
    site: Site, gathering: Gathering, ledger: SqliteLedger
) -> None:
    good = of_nightly(gathering.gather(("east-1",), IMAGE))[0]
    bad = replace(good, at=datetime.now(UTC), level="V0", passed=False, because="nobody answered")
    ledger.append(draft(bad, ledger, GATE, (), site.settings.config.inventory))
    again = of_nightly(gathering.gather(("east-1",), IMAGE))[-1]
    assert again.passed
    assert again.at > bad.at


def test_a_verification_on_record_counts_only_while_evidence_does(
    site: Site, gathering: Gathering, ledger: SqliteLedger
) -> None:
    gathering.gather(("east-1",), IMAGE)
    limit = site.settings.config.policy.evidence_max_age
    with Gathering(site.settings, ledger, lambda: datetime.now(UTC) + limit) as later:
        later.gather(("east-1",), IMAGE)
    assert verified(ledger) == 2


def test_a_newer_backup_does_not_inherit(site: Site, gathering: Gathering, ledger: SqliteLedger) -> None:
    gathering.gather(("east-1",), IMAGE)
    newer = back_up_later(site.lab)
    evidence = gathering.gather(("east-1",), IMAGE)
    assert of_nightly(evidence)[-1].backup == newer
    assert verified(ledger) == 2


def test_a_moved_repository_does_not_inherit(site: Site, gathering: Gathering, ledger: SqliteLedger) -> None:
    before = of_nightly(gathering.gather(("east-1",), IMAGE))[0]
    site.lab.move_repository("vault-1")
    after = of_nightly(gathering.gather(("east-1",), IMAGE))[0]
    assert before.place != after.place
    assert verified(ledger) == 2


def test_backups_of_datasets_on_other_arrays_are_not_read_in_full(gathering: Gathering, ledger: SqliteLedger) -> None:
    evidence = gathering.gather(("west-2",), IMAGE)
    assert evidence.backups[NIGHTLY].runs
    assert evidence.verifications == ()
    assert "backup.verified" not in kinds(ledger)


def test_where_production_lies_is_not_known_its_backups_are_read_all_the_same(site: Site, gathering: Gathering) -> None:
    site.lab.fault("db-1", "refuse")
    evidence = gathering.gather(("west-2",), IMAGE)
    assert evidence.datasets["sidekick"].problem
    assert len(of_nightly(evidence)) == 1


def test_an_array_that_does_not_answer_is_unknown_and_the_others_are_read(site: Site, gathering: Gathering) -> None:
    site.lab.fault("west-1", "offline")
    evidence = gathering.gather(("east-1",), IMAGE)
    gone = evidence.arrays["west-1"]
    assert (gone.serial, gone.version, gone.problems) == (None, None, None)
    assert gone.unknown
    assert evidence.arrays["west-2"].serial is not None


def test_a_changed_host_key_is_named_and_nothing_is_read(site: Site, gathering: Gathering) -> None:
    site.lab.fault("west-1", "changed-host-key")
    evidence = gathering.gather(("east-1",), IMAGE)
    assert evidence.arrays["west-1"].serial is None
    assert any("the host key was refused" in why for why in evidence.arrays["west-1"].unknown)


def test_a_slow_clock_of_the_backup_host_is_measured(site: Site, gathering: Gathering) -> None:
    site.lab.fault("bk-1", "clock-skew", "300")
    skew = gathering.gather(("east-1",), IMAGE).backups[NIGHTLY].clock_skew_s
    assert skew is not None
    assert 295 <= skew <= 301


def test_a_rehearsal_against_an_earlier_reference_reaches_v6_and_is_evidence(
    site: Site, gathering: Gathering, ledger: SqliteLedger
) -> None:
    reference = gathering.rehearsals.record_reference("sidekick")
    assert [table.table for table in reference.tables] == [
        "contacts",
        "calendar",
        "notes",
        "tasks",
        "photographs",
        "scores",
    ]
    assert all(table.rows > 100 for table in reference.tables)
    newest = back_up_later(site.lab)
    record = gathering.rehearsals.rehearse(NIGHTLY)
    assert (record.level, record.passed, record.backup, record.reference_at) == ("V6", True, newest, reference.at)
    assert record.tables == reference.tables
    evidence = gathering.gather(("east-1",), IMAGE)
    assert evidence.rehearsals == (record,)
    assert kinds(ledger)[1:4] == ["reference.recorded", "rehearsal.begun", "backup.rehearsed"]
    assert verified(ledger) == 1


def test_what_people_wrote_is_kept_nowhere(site: Site, gathering: Gathering, ledger: SqliteLedger) -> None:
    gathering.rehearsals.record_reference("sidekick")
    back_up_later(site.lab)
    gathering.rehearsals.rehearse(NIGHTLY)
    for entry in ledger.entries():
        for blob in entry.blobs:
            kept = ledger.get_blob(blob.sha256)
            assert kept is not None
            assert b"#2400\n" not in kept
            assert len(kept) < 8192


def test_a_rehearsal_without_a_reference_stops_at_v5(gathering: Gathering) -> None:
    record = gathering.rehearsals.rehearse(NIGHTLY)
    assert (record.level, record.passed, record.reference_at) == ("V5", True, None)


def test_a_full_scratch_fails_the_rehearsal_with_its_reason(site: Site, gathering: Gathering) -> None:
    site.lab.fault("bk-1", "scratch-full")
    record = gathering.rehearsals.rehearse(NIGHTLY)
    assert (record.level, record.passed) == ("V0", False)
    assert "No space left on device" in record.because


def test_a_rehearsal_of_a_moved_repository_does_not_inherit(site: Site, gathering: Gathering) -> None:
    gathering.rehearsals.rehearse(NIGHTLY)
    site.lab.move_repository("vault-1")
    assert gathering.gather(("east-1",), IMAGE).rehearsals == ()


def test_a_repository_on_failing_media_is_a_problem_and_proves_nothing(site: Site, gathering: Gathering) -> None:
    site.lab.move_repository("vault-1")
    site.lab.fault("vault-1", "eio")
    evidence = gathering.gather(("east-1",), IMAGE)
    assert evidence.backups[NIGHTLY].problem
    assert of_nightly(evidence) == []
    with pytest.raises(CannotTell, match="was not rehearsed"):
        gathering.rehearsals.rehearse(NIGHTLY)


def test_no_reference_is_recorded_of_a_dataset_that_cannot_be_traced(
    site: Site, gathering: Gathering, ledger: SqliteLedger
) -> None:
    site.lab.fault("db-1", "refuse")
    with pytest.raises(CannotTell, match="no reference of sidekick was recorded"):
        gathering.rehearsals.record_reference("sidekick")
    assert kinds(ledger) == ["log.opened"]


def test_what_is_not_in_the_inventory_is_not_there(gathering: Gathering) -> None:
    with pytest.raises(NotThere):
        gathering.rehearsals.record_reference("elsewhere")
    with pytest.raises(NotThere):
        gathering.rehearsals.rehearse("elsewhere")


def test_every_volume_of_the_demo_fleet_is_explained(site: Site, gathering: Gathering) -> None:
    inventory = site.settings.config.inventory
    evidence = gathering.gather((), None)
    for array in inventory.arrays:
        found = coverage(array.id, evidence, inventory)
        assert found.whole, [(row.volume.uid, row.because) for row in found.gaps]
        assert found.rows
    site.lab.move_repository("vault-1")
    moved = gathering.gather((), None)
    assert {row.cover for row in coverage("vault-1", moved, inventory).rows or ()} == {
        Cover.SCRATCH,
        Cover.REPOSITORY,
        Cover.RECOVERY,
    }
    assert {row.cover for row in coverage("east-1", moved, inventory).rows or ()} == {
        Cover.SCRATCH,
        Cover.PROTECTED,
        Cover.DECLARED,
    }
