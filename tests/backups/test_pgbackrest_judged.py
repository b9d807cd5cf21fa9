"""Scenarios 3 to 7: pgBackRest and PostgreSQL themselves over real damage, and which check refuses for which reason."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from gate.backups import TOOLS
from gate.backups.postgresql import EXAMINER
from gate.backups.rehearsal import rehearse
from gate.checks import (
    backup_counted,
    backup_error_free,
    backup_rehearsed,
    backup_verified,
    log_continuous,
    rehearsal_compared,
)
from gate.evidence import BackupReading, BackupRun, Log, Reference, Rehearsal, Verification
from gate.finding import Outcome
from gate.inventory import Protection
from tests.backups.clusters import GATE, Site, ago, flip, segment_files
from tests.backups.judged import PLACE, judged
from tests.backups.local import drive


def read(site: Site, protection: Protection) -> BackupReading:
    return drive(TOOLS[protection.tool].catalogue(protection), site.ask)


def verified(site: Site, protection: Protection, run: BackupRun) -> Verification:
    return drive(TOOLS[protection.tool].verify(protection, site.dataset, run, PLACE, ()), site.ask)


def rehearsed(site: Site, protection: Protection, run: BackupRun, *references: Reference) -> Rehearsal:
    asking = rehearse(TOOLS[protection.tool], EXAMINER, protection, site.dataset, run, PLACE, references, GATE)
    return drive(asking, site.ask)


def test_scenario_3_a_flipped_bit_is_refused_with_file_name_and_count(site: Site) -> None:
    repository = site.copy("good")
    protection = site.protection(repository)
    run = read(site, protection).runs[0]
    files = (repository / "backup/main" / run.parents[0] / "pg_data/base").glob("*/*")
    damaged = max(files, key=lambda file: file.stat().st_size)
    flip(damaged)
    found = judged(backup_verified, site.dataset, protection, [run], [verified(site, protection, run)])
    assert found.outcome is Outcome.FAILED
    assert damaged.name in found.because
    assert "1 with a wrong checksum" in found.because


def test_scenario_4_a_gap_in_the_log_is_refused_by_the_gates_own_count_and_by_the_rehearsal_alone(site: Site) -> None:
    repository = site.copy("good")
    protection = site.protection(repository)
    whole = read(site, protection).runs[0]
    segment_files(repository)[-2].unlink()
    run = read(site, protection).runs[0]
    gap = judged(log_continuous, site.dataset, protection, [run])
    assert (gap.outcome, "has a gap" in gap.because) == (Outcome.FAILED, True)
    record = rehearsed(site, protection, whole, ago(site.reference, 1))
    assert whole.log is Log.COMPLETE  # as though nobody had counted
    assert judged(log_continuous, site.dataset, protection, [whole]).outcome is Outcome.PASSED
    found = judged(backup_rehearsed, site.dataset, protection, [whole], (), [record])
    assert (found.outcome, "and not into its last segment" in found.because) == (Outcome.FAILED, True)


def test_scenario_5_a_backup_that_is_gone_after_info_was_not_seen_by_the_read(site: Site) -> None:
    repository = site.copy("good")
    protection = site.protection(repository)
    run = read(site, protection).runs[0]
    for label in (run.id, *run.parents):
        shutil.rmtree(repository / "backup/main" / label)
    record = verified(site, protection, run)
    counted = replace(record, counts=record.counts) if record.counts else record
    found = judged(backup_counted, site.dataset, protection, [run], [counted])
    assert found.outcome is not Outcome.PASSED
    assert judged(backup_verified, site.dataset, protection, [run], [record]).outcome is Outcome.FAILED
    if record.counts is not None:
        assert f"did not see backup {run.id}" in found.because


def test_scenario_6_pages_that_were_rotten_in_production_are_refused_by_the_tools_flag_and_by_amcheck(
    site: Site,
) -> None:
    protection = site.protection(site.root / "rotten")
    run = read(site, protection).runs[0]
    assert judged(backup_verified, site.dataset, protection, [run], [verified(site, protection, run)]).outcome is (
        Outcome.PASSED
    )
    flagged = judged(backup_error_free, site.dataset, protection, [run])
    assert flagged.outcome is Outcome.FAILED
    assert "pages with a wrong checksum" in flagged.because
    record = rehearsed(site, protection, run, ago(site.reference, 1))
    found = judged(backup_rehearsed, site.dataset, protection, [run], (), [record])
    assert (found.outcome, "pg_amcheck found" in found.because) == (Outcome.FAILED, True)


def test_scenario_7_wrong_values_are_refused_by_the_old_reference_and_by_nothing_else(site: Site) -> None:
    protection = site.protection(site.root / "wrong")
    run = read(site, protection).runs[0]
    against_old = rehearsed(site, protection, run, ago(site.reference, 8))
    found = judged(rehearsal_compared, site.dataset, protection, [run], (), [against_old])
    assert (found.outcome, "contacts has other content" in found.because) == (Outcome.FAILED, True)
    assert run.started_at is not None
    todays = Reference(site.dataset.id, run.started_at - timedelta(seconds=1), against_old.tables)
    weeks = Reference(site.dataset.id, run.started_at - timedelta(days=8), against_old.tables)
    switched_off = rehearsed(site, protection, run, todays, weeks)  # what the copy holds, called the reference
    for check in (rehearsal_compared, backup_rehearsed):
        passed = judged(check, site.dataset, protection, [run], (), [switched_off])
        assert passed.outcome is Outcome.PASSED, passed.because
    assert Path(protection.rehearsal_scratch).exists()
