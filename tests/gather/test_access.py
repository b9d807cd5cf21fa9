"""Production's credential is tried again as soon as it, or where it is tried, is another one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from gate.evidence import Reply, ReplyState
from gate.gather.immutability import Immutables
from gate.gather.lines import Lines
from gate.gather.objects import Objects
from gate.gather.records import Records
from gate.inventory import Inventory, ObjectStore, ProductionAccess, Protection, Sentinels, Ssh
from gate.objects.credential import Credential, write
from gate.store.sqlite import SqliteLedger
from tests import cases

DENIED = b"backup@bk-1: Permission denied (publickey).\n"


class Trials:
    """A gate that may ask one host, which refuses every login, and has the keys of one directory."""

    def __init__(self, ledger: SqliteLedger, keys: Path) -> None:
        self.ledger, self.keys, self.asked = ledger, keys, 0

    def _refuse(self, host: str, command: str, **_: object) -> Reply:
        self.asked += 1
        at = datetime.now(UTC)
        return Reply(host, command, ReplyState.ANSWERED, at, at, 255, b"", DENIED)

    def __call__(self, one: Protection, inventory: Inventory | None = None) -> str:
        """Ask for the trial of one protection; return as whom it was made."""
        fleet = inventory or cases.fleet(protections=(one,))
        objects = Objects(fleet, self.keys, connect_s=1, deadline_s=1)
        lines = cast("Lines", SimpleNamespace(ask=self._refuse))
        made = Immutables(fleet, lines, objects, self.ledger, timedelta(hours=1))
        found = made.access(one, Records(self.ledger, fleet).known().access)
        assert found is not None
        return found.actor


def test_a_refusal_stands_for_the_same_account_on_the_same_hosts_and_no_other(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    trials, one = Trials(ledger, tmp_path), cases.protection()
    assert [trials(one), trials(one)] == [cases.LOGIN] * 2
    assert trials.asked == 1
    trials(cases.protection(production=ProductionAccess(account="oracle", user="backup")))
    trials(cases.protection(production=ProductionAccess(account="sidekick", user="root")))
    assert trials.asked == 3
    fleet = cases.fleet(protections=(one,))
    for name in ("db-1", "bk-1"):
        moved = Ssh(host="127.0.0.2")
        hosts = tuple(each.model_copy(update={"ssh": moved}) if each.id == name else each for each in fleet.hosts)
        assert "127.0.0.2:22" in trials(one, fleet.model_copy(update={"hosts": hosts}))
    assert trials.asked == 5
    assert trials(one) == cases.LOGIN
    assert trials.asked == 5


def test_another_key_or_another_bucket_is_tried_again(ledger: SqliteLedger, tmp_path: Path) -> None:
    """No service is there, so no trial ends in a refusal; what is recorded of each is told apart all the same."""
    store = ObjectStore(
        endpoint="http://127.0.0.1:1",
        account="offsite",
        bucket="copies",
        on_arrays=(),
        sentinels=Sentinels(prefix="sentinels/", retention="1d"),
    )
    trials, one = Trials(ledger, tmp_path), cases.offsite(object_store=store)
    assert trials(one) == cases.LOGIN  # without a key file the login is tried
    seen = set()
    for access in ("productionkey", "anotherkey"):
        (tmp_path / "s3-offsite-production").unlink(missing_ok=True)
        write(tmp_path / "s3-offsite-production", Credential(access, "secret-of-" + access))
        seen |= {trials(one), trials(cases.offsite(object_store=store.model_copy(update={"bucket": "other"})))}
    (tmp_path / "s3-offsite-production").write_text("no key at all")
    seen.add(trials(one))
    assert len(seen) == 5
    assert all(actor.startswith("production's own key at http://127.0.0.1:1 (bucket ") for actor in seen)
    assert not any("anotherkey" in actor or "secret" in actor for actor in seen)
