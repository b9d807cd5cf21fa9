"""The copy outside the arrays, asked as a gathering asks it: seen, read, tried, restored, entered."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from gate.gather.gather import Gathering
from gate.gather.immutability import Immutables
from gate.gather.lines import Lines
from gate.gather.objects import Objects
from gate.gather.records import Records
from gate.immutability import held
from gate.inventory import BackupTool
from gate.isolation import Relation, relate
from gate.landscape import Map
from gate.store.sqlite import SqliteLedger
from tests import cases
from tests.backups.append_only_server import PLACE, Server
from tests.gather.conftest import Site

OFFSITE = "sidekick-offsite"


@pytest.fixture
def away(site: Site) -> Site:
    """A first copy has been sent to the object service."""
    site.lab.move_repository("vault-1")
    site.lab.backup_now()
    return site


def kinds(ledger: SqliteLedger) -> list[str]:
    """The kinds of all entries about the copy in the object store."""
    return [entry.kind for entry in ledger.entries() if entry.data.get("protection") == OFFSITE]


def test_one_gathering_sees_reads_and_tries_the_copy_in_the_object_store(
    away: Site, gathering: Gathering, ledger: SqliteLedger
) -> None:
    evidence = gathering.gather(("east-1",), None)
    trace, read = evidence.repositories[OFFSITE], evidence.verifications
    assert (trace.place or "").startswith("object-service:http://")
    where = Map(evidence.arrays, away.settings.config.inventory)
    assert relate(evidence.datasets["sidekick"], trace, where).relation is Relation.DIFFERENT
    assert trace.identities[0].addresses == (f"{away.network}.51",)
    keys = [evidence.host_keys[name] for name in ("db-1", "bk-1")]
    assert all(one[0].startswith("SHA256:") for one in keys)
    assert not set(keys[0]) & set(keys[1])
    assert [one.passed for one in read if one.protection == OFFSITE] == [True]
    immutability, access = evidence.immutability[OFFSITE], evidence.access[OFFSITE]
    assert (immutability.mode, held(immutability.attempts), abs(immutability.clock_skew_s or 0) < 5) == (
        "compliance",
        True,
        True,
    )
    assert immutability.retained_until is not None
    assert immutability.retained_until > datetime.now(UTC) + timedelta(days=29)
    assert access.refused is True
    assert kinds(ledger).count("immutability.tested") == kinds(ledger).count("access.tested") == 1


def test_a_young_trial_is_not_repeated_and_keeps_its_time(
    away: Site, gathering: Gathering, ledger: SqliteLedger
) -> None:
    first = gathering.gather(("east-1",), None)
    again = gathering.gather(("east-1",), None)
    assert kinds(ledger).count("immutability.tested") == kinds(ledger).count("access.tested") == 1
    assert again.immutability[OFFSITE].at == first.immutability[OFFSITE].at
    limit = away.settings.config.policy.sentinel_max_age
    with Gathering(away.settings, ledger, lambda: datetime.now(UTC) + limit) as later:
        later.gather(("east-1",), None)
    assert kinds(ledger).count("immutability.tested") == 2


def test_a_trial_that_was_not_refused_is_made_again_at_every_gathering(
    away: Site, gathering: Gathering, ledger: SqliteLedger
) -> None:
    away.lab.fault(OFFSITE, "lock-shortens")
    away.lab.fault(OFFSITE, "trusts-production")
    for _ in range(2):
        evidence = gathering.gather(("east-1",), None)
        assert held(evidence.immutability[OFFSITE].attempts) is False
        assert evidence.access[OFFSITE].refused is False
    assert kinds(ledger).count("immutability.tested") == kinds(ledger).count("access.tested") == 2


def test_the_mode_is_read_anew_each_time_and_a_trial_in_another_mode_does_not_count(
    away: Site, gathering: Gathering, ledger: SqliteLedger
) -> None:
    gathering.gather(("east-1",), None)
    away.lab.fault(OFFSITE, "lock-governance")
    assert gathering.gather(("east-1",), None).immutability[OFFSITE].mode == "governance"
    assert kinds(ledger).count("immutability.tested") == 2


def test_a_clock_that_is_off_is_told(away: Site, gathering: Gathering) -> None:
    away.lab.fault(OFFSITE, "store-clock", "400")
    evidence = gathering.gather(("east-1",), None)
    assert (evidence.immutability[OFFSITE].clock_skew_s or 0) >= 399
    assert (evidence.backups[OFFSITE].clock_skew_s or 0) >= 399


def test_a_service_that_is_down_is_unknown_and_nothing_is_tried(
    away: Site, gathering: Gathering, ledger: SqliteLedger
) -> None:
    away.lab.fault(OFFSITE, "offline")
    evidence = gathering.gather(("east-1",), None)
    assert evidence.repositories[OFFSITE].problem
    assert evidence.backups[OFFSITE].problem
    assert OFFSITE not in evidence.immutability
    assert "immutability.tested" not in kinds(ledger)
    where = Map(evidence.arrays, away.settings.config.inventory)
    related = relate(evidence.datasets["sidekick"], evidence.repositories[OFFSITE], where)
    assert related.relation is Relation.UNKNOWN


def test_flags_of_the_backup_host_are_read_and_hold_nothing(away: Site, gathering: Gathering) -> None:
    found = gathering.gather(("east-1",), None).immutability["sidekick-nightly"]
    assert (found.mechanism, found.layer, found.mode, found.problem) == ("file-flag", "file", "", "")


def test_an_append_only_server_is_tried_once_and_again_when_the_trial_is_old_or_was_not_refused(
    away: Site, ledger: SqliteLedger, tmp_path: Path
) -> None:
    kept = cases.protection(tool=BackupTool.RESTIC, append_only_server=PLACE)
    behind, now = Server(), [datetime.now(UTC)]
    lines = cast("Lines", SimpleNamespace(ask=lambda _host, command: behind(command)))
    inventory = cases.fleet(protections=(kept,))
    objects = Objects(inventory, tmp_path, connect_s=1, deadline_s=1)
    asked = Immutables(inventory, lines, objects, ledger, timedelta(hours=1), clock=lambda: now[0])
    reading, trace = cases.backups(), cases.trace("vault-1", cases.VAULT_LUN)
    records = Records(ledger, inventory)

    def tried() -> int:
        before = len(behind.asked)
        found = asked.immutability(kept, reading, trace, records.known().immutability)
        assert found is not None
        assert found.mode == ("append-only" if behind.there else "")
        return len(behind.asked) - before

    first = tried()
    assert first > 0
    record = records.known().immutability[-1]
    now[0] = record.at + timedelta(minutes=59)
    assert tried() == 0
    now[0] = record.at + timedelta(hours=1)
    assert tried() == first
    behind.does["rest nightly sentinel delete key=data/"] = lambda: setattr(behind, "there", None)
    assert tried() > 0
    assert [entry.data["held"] for entry in ledger.entries() if entry.kind == "immutability.tested"] == [
        True,
        True,
        False,
    ]


def test_the_copy_is_brought_to_the_rehearsal_host_and_compared(away: Site, gathering: Gathering) -> None:
    gathering.rehearsals.record_reference("sidekick")
    time.sleep(1.1)
    newest = away.lab.backup_now()
    record = gathering.rehearsals.rehearse(OFFSITE)
    assert (record.level, record.passed, record.backup) == ("V6", True, newest)
    away.lab.fault("bk-1", "scratch-full")
    record = gathering.rehearsals.rehearse(OFFSITE)
    assert (record.level, record.passed) == ("V0", False)
    assert "No space left on device" in record.because


def test_without_a_key_of_production_its_access_is_not_tried_and_so_unknown(
    away: Site, ledger: SqliteLedger, gathering: Gathering, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inventory = away.settings.config.inventory
    bare = Objects(inventory, tmp_path_factory.mktemp("keys"), connect_s=1, deadline_s=1)
    immutables = Immutables(inventory, gathering.monitor, bare, ledger, timedelta(hours=1))
    offsite = next(one for one in inventory.protections if one.id == OFFSITE)
    assert immutables.access(offsite, ()) is None
